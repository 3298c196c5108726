# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Detection of unknown objects by pixel, beside scikit-learn on the pixels themselves."""
from types import SimpleNamespace

from bdl_perception.metrics.anomaly_pixels import (
    anomaly_maps,
    anomaly_quality,
    AnomalyMetricState,
    float16_rank,
    map_detection,
    MAP_NAMES,
)
from bdl_perception.metrics.pixels import merge_states
from bdl_perception.perception.data_types import IGNORE
from made_predictions import labelled_prediction
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

SHAPE = (12, 16)


def labelled(seed, mask=None, **maps):
    """Make a prediction with a random value in every map, and a mask with a third of it void."""
    draw = np.random.default_rng(seed)
    made = labelled_prediction(
        depth=draw.uniform(2, 80, SHAPE), entropy=draw.uniform(0, 2, SHAPE),
        information=draw.uniform(0, .4, SHAPE), epistemic=draw.uniform(0, .4, SHAPE))
    prediction = SimpleNamespace(**vars(made.prediction), log_depth_std=draw.uniform(0, 1, SHAPE),
                                 energy=draw.normal(-9, 3, SHAPE).astype(np.float32),
                                 cell_distance=draw.uniform(0, 4, (3, 4)).astype(np.float32))
    for name, values in maps.items():
        setattr(prediction, name, values)
    if mask is None:
        mask = draw.choice([0, 0, 0, 1, IGNORE, IGNORE], SHAPE).astype(np.uint8)
    return made._replace(prediction=prediction, anomalies=mask)


def quality_of(*frames):
    state = AnomalyMetricState()
    for frame in frames:
        state.update(frame)
    return anomaly_quality(state.state())


def expected(frames, name):
    """Compute the three numbers of float16 values with scikit-learn."""
    truth = np.concatenate([one.anomalies[one.anomalies < 2] for one in frames])
    values = np.concatenate([anomaly_maps(one)[name][one.anomalies < 2] for one in frames])
    values = values.astype(np.float16).astype(np.float64)
    false, recall, _ = roc_curve(truth, values, drop_intermediate=False)
    return (average_precision_score(truth, values), false[np.argmax(recall >= .95)],
            roc_auc_score(truth, values))


@pytest.mark.parametrize('name', sorted(set(MAP_NAMES) - {'local_feature'}))
def test_the_numbers_of_all_frames_together_are_those_of_scikit_learn(name):
    frames = [labelled(seed) for seed in range(3)]
    found = quality_of(*frames).maps[name]
    np.testing.assert_allclose(found, expected(frames, name), rtol=1e-12)


def test_rounding_to_float16_hardly_changes_a_number():
    draw = np.random.default_rng(0)
    values = draw.normal(-9, 3, 20_000).astype(np.float32)
    truth = draw.random(20_000) < .05
    values[truth] += 3
    counts = [np.bincount(float16_rank(values[truth == kind]), minlength=2**16)
              for kind in (False, True)]
    found = map_detection(*map(np.float64, counts))
    assert found.average_precision == pytest.approx(average_precision_score(truth, values),
                                                    rel=5e-3)
    assert found.auroc == pytest.approx(roc_auc_score(truth, values), rel=1e-4)


def test_the_numbers_worked_by_hand():
    counts = np.zeros((2, 4))
    counts[0, [0, 2]] = 1  # 1 and 3
    counts[1, [1, 3]] = 1  # 2 and 4
    assert map_detection(*counts) == pytest.approx((5 / 6, 1 / 2, 3 / 4))


def test_void_pixels_do_not_count():
    mask = np.full(SHAPE, IGNORE, np.uint8)
    mask[0, :2] = 0, 1
    entropy = np.full(SHAPE, 1e30, np.float32)
    entropy[0, :2] = 1, 2
    found = quality_of(labelled(0, mask, entropy=entropy))
    assert found.maps['entropy'] == (1., 0., 1.)
    assert (found.pixels, found.anomalous) == (2, .5)


def test_a_value_that_is_not_finite_is_the_largest():
    mask = np.zeros(SHAPE, np.uint8)
    mask[0, 0] = 1
    entropy = np.ones(SHAPE, np.float32)
    entropy[0, 0] = np.nan
    assert quality_of(labelled(0, mask, entropy=entropy)).maps['entropy'].auroc == 1


def test_the_sky_has_the_least_epistemic_depth():
    frame = labelled(0)
    frame.prediction.depth[:4] = np.inf
    frame.epistemic.log_depth_std[:4] = np.nan
    values = anomaly_maps(frame)['epistemic_depth']
    assert (values[:4] == 0).all() and (values[4:] > 0).all()


def test_a_coarse_map_is_enlarged_to_the_mask():
    mask = np.zeros((24, 32), np.uint8)
    mask[:12, :12] = 1
    cells = np.zeros((3, 4), np.float32)
    cells[:1, :1] = 9
    found = quality_of(labelled(0, mask, cell_distance=cells))
    assert found.pixels == 24 * 32 and found.maps['local_feature'].average_precision == 1


@pytest.mark.parametrize('mask', [0, 1, IGNORE])
def test_pixels_of_one_kind_alone_have_no_result(mask):
    assert quality_of(labelled(0, np.full(SHAPE, mask, np.uint8))) is None
    assert quality_of(labelled(0)._replace(anomalies=None)) is None


def test_ranks_keep_the_order_of_the_numbers():
    values = np.float32([-1e9, -70000, -2, -1e-7, -0., 0., 1e-7, 1, 1.001, 65504, 1e9])
    ranks = float16_rank(values)
    assert (np.diff(ranks) >= 0).all() and ranks.min() >= 0 and ranks.max() < 2**16
    assert ranks[4] == ranks[5] and ranks[7] < ranks[8] and ranks[9] == ranks[10]


def test_two_halves_merge_into_the_whole():
    frames = [labelled(seed) for seed in range(4)]
    halves = [AnomalyMetricState(), AnomalyMetricState()]
    for index, frame in enumerate(frames):
        halves[index % 2].update(frame)
    merged = merge_states(halves[0].state(), halves[1].state())
    assert anomaly_quality(merged) == quality_of(*frames)
