# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Against scikit-learn and numpy."""
from bdl_perception.experiments.mc_sampling import ForwardPass, McOutput
from bdl_perception.experiments.scores import (
    compare_scores,
    depth_region,
    frame_scores,
    FrameScores,
    masked_mean,
)
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve
import torch

RNG = np.random.default_rng(0)
NOMINAL = FrameScores('test', RNG.random(30), (2,) * 15)
OOD = FrameScores('test_night', RNG.random(12) + .3, (2,) * 6)


def test_the_separation_of_frames_is_that_of_scikit_learn():
    found = compare_scores(OOD, NOMINAL)
    values = np.concatenate([NOMINAL.values, OOD.values])
    truth = [0] * 30 + [1] * 12
    assert found['auroc'] == pytest.approx(roc_auc_score(truth, values))
    assert found['aupr'] == pytest.approx(average_precision_score(truth, values))
    false, recall, _ = roc_curve(truth, values, drop_intermediate=False)
    assert found['fpr_95'] == pytest.approx(false[recall >= .95][0])
    assert found['ratio'] == pytest.approx(OOD.values.mean() / NOMINAL.values.mean())


def test_the_interval_of_auroc_is_that_of_a_slow_bootstrap_of_drives():
    drives = [np.array(one) for one in NOMINAL.drives()], [np.array(one) for one in OOD.drives()]
    rng = np.random.default_rng(1)
    areas = []
    for _ in range(400):
        nominal, ood = (np.concatenate([part[index] for index in
                                        rng.integers(0, len(part), len(part))])
                        for part in drives)
        areas.append(roc_auc_score([0] * len(nominal) + [1] * len(ood), [*nominal, *ood]))
    found = compare_scores(OOD, NOMINAL)['auroc_interval']
    np.testing.assert_allclose(found, np.quantile(areas, [.025, .975]), atol=.04)


def test_a_score_with_negative_values_has_no_ratio():
    shifted = FrameScores('test', NOMINAL.values - .5, NOMINAL.lengths)
    assert compare_scores(OOD, shifted)['ratio'] is None


def test_a_drive_keeps_its_frames_together():
    assert FrameScores('x', np.arange(4.), (1, 3)).drives() == [[0.], [1., 2., 3.]]


def test_a_frame_of_sky_only_is_averaged_as_a_whole():
    values = torch.arange(8.).reshape(2, 2, 2)
    valid = torch.tensor([[[True, False], [False, True]], [[False, False], [False, False]]])
    assert masked_mean(values, valid).tolist() == [1.5, 5.5]


def test_a_depth_network_scores_the_lower_half_and_others_all_but_the_sky():
    logits = torch.zeros(1, 11, 2, 2)
    logits[:, 3] = .5
    logits[:, 0, :, 0] = 1  # sky on the left
    assert depth_region(logits, 'depth').tolist() == [[[False, False], [True, True]]]
    assert depth_region(logits, 'both').tolist() == [[[False, True], [False, True]]]


@pytest.mark.parametrize(('task', 'names'), [
    ('depth', {'aleatoric', 'epistemic_log_depth', 'epistemic_inverse_depth'}),
    ('classes', {'entropy', 'energy', 'softmax', 'mutual_information'})])
def test_a_network_has_the_scores_of_its_trained_head_only(task, names):
    logits = torch.randn(3, 2, 11, 4, 4)
    passes = ForwardPass(torch.randn(3, 2, 4, 4), torch.rand(3, 2, 4, 4), logits,
                         logits.softmax(2), torch.rand(3, 2, 1, 4, 4))
    single = ForwardPass(*(values[0] for values in passes))
    assert set(frame_scores(McOutput(None, single, passes), task)) == names
