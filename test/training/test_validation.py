# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import math
from statistics import NormalDist

from bdl_perception.datasets.base import TrainingSample
from bdl_perception.metrics.accuracy import confusion_matrix
from bdl_perception.network.decoder import HeadMaps
from bdl_perception.network.export import scale_sigma
from bdl_perception.perception.data_types import IGNORE
from bdl_perception.training.batches import Batch
from bdl_perception.training.validation import (
    compute_metrics,
    labelled_pairs,
    labelled_tasks,
    measure_sigma_factor,
    missing_tasks,
    untrained_tasks,
    ValidationMetrics,
)
import numpy as np
import pytest
from tiny_network import draw_frames, make_tiny_network
import torch


def _batch(network, spread, seed=0):
    """Draw truth around the prediction with `spread` times the predicted sigma."""
    rgb = draw_frames(2, seed).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        maps = network(rgb)
    noise = torch.randn(maps.log_depth.shape, generator=torch.Generator().manual_seed(seed))
    sigma = (.5 * maps.depth_log_variance).exp()
    truth = maps.log_depth + spread * sigma * noise
    truth[:, :2] = torch.nan
    return Batch(rgb, truth, torch.zeros(truth.shape, dtype=torch.uint8),
                 torch.zeros(truth.shape, dtype=torch.bool))


@pytest.mark.parametrize('spread', [.5, 1., 3.])
def test_the_factor_is_the_ratio_of_errors_to_sigma(spread):
    network = make_tiny_network()
    found = measure_sigma_factor(network, [_batch(network, spread)])
    assert found == pytest.approx(spread, rel=.1)


def test_after_scaling_90_per_cent_of_other_frames_lie_inside():
    network = make_tiny_network()
    fitting, other = _batch(network, 2.5, 0), _batch(network, 2.5, 1)
    scale_sigma(network, measure_sigma_factor(network, [fitting]))
    with torch.no_grad():
        maps = network(other.rgb)
    sigma = (.5 * maps.depth_log_variance).exp().numpy()
    error = np.abs((maps.log_depth - other.log_depth).numpy())
    known = np.isfinite(error)
    inside = error[known] <= NormalDist().inv_cdf(.95) * sigma[known]
    assert inside.mean() == pytest.approx(.9, abs=.03)


def test_without_depth_sigma_cannot_be_scaled():
    network = make_tiny_network()
    blind = _batch(network, 1.)
    blind.log_depth[:] = torch.nan
    for batches in ([], [blind]):
        with pytest.raises(ValueError, match='no depth'):
            measure_sigma_factor(network, batches)


@pytest.mark.parametrize('factor', [0., -1., float('nan')])
def test_an_impossible_factor_is_rejected(factor):
    with pytest.raises(ValueError, match='must be positive'):
        scale_sigma(make_tiny_network(), factor)


def _row(regression, classification):
    return {'epoch': 1, 'regression': regression, 'classification': classification}


@pytest.mark.parametrize(('history', 'tasks'), [
    ([_row(0., .5), _row(-0., .4)], ['depth']),
    ([_row(-.5, 0.)], ['classes']),
    ([_row(0., 0.)], ['depth', 'classes']),
    ([_row(0., .5), _row(.1, .5)], []),  # the task came in a later epoch
    ([{'epoch': 1, 'loss': .5}], []),
    ([], [])])
def test_a_task_whose_loss_is_always_zero_is_untrained(history, tasks):
    assert untrained_tasks(history) == tasks


def _sample(depth=np.nan, label=255):
    return TrainingSample(np.zeros((2, 2, 3), np.uint8), np.full((2, 2), depth, np.float32),
                          np.full((2, 2), label, np.uint8), 50.)


@pytest.mark.parametrize(('samples', 'tasks'), [
    ([_sample(3.)], {'depth'}), ([_sample(label=10)], {'classes'}), ([_sample(np.inf)], set()),
    ([_sample()] * 8 + [_sample(3., 0)], {'depth', 'classes'})])
def test_a_set_has_the_tasks_of_its_samples(samples, tasks):
    assert labelled_tasks(samples) == tasks


def test_a_task_is_missing_only_if_no_set_has_it():
    depth, labels = [_sample(3.)], [_sample(label=0)]
    assert missing_tasks([depth]) == ['classes'] and missing_tasks([labels]) == ['depth']
    assert missing_tasks([depth, labels]) == []
    assert missing_tasks([[_sample()]]) == ['depth', 'classes']


def test_the_confusion_matrix_counts_pixels():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 4, (2, 2, 5, 6))
    truth[0, 0] = IGNORE
    expected = np.zeros((4, 4))
    for t, p in zip(truth.ravel(), predicted.ravel(), strict=True):
        if t != IGNORE:
            expected[t, p] += 1
    pairs = labelled_pairs(torch.from_numpy(predicted), torch.from_numpy(truth.astype(np.uint8)))
    np.testing.assert_array_equal(confusion_matrix(*pairs, 4), expected)


class Oracle(torch.nn.Module):
    """A network that returns given maps."""

    def __init__(self, maps):
        super().__init__()
        self.maps, self.config = maps, make_tiny_network().config

    def forward(self, rgb):
        return self.maps


def _case(log_depth, truth, sigma, logits, classes):
    maps = HeadMaps(torch.tensor([log_depth]), torch.full((1, 1, 3), 2 * math.log(sigma)),
                    logits, torch.zeros(1, 1, 1, 3))
    batch = Batch(torch.zeros(1, 3, 2, 6), torch.tensor([truth]), classes, classes > 254)
    return Oracle(maps), batch


def test_metrics_agree_with_their_definitions():
    logits = torch.zeros(1, 11, 1, 3)
    logits[0, 3, 0] = 1
    classes = torch.tensor([[[3, 3, IGNORE]]], dtype=torch.uint8)
    guess = [[math.log(12.), math.log(10.), 99.]]
    truth = [[math.log(10.), math.log(20.), math.nan]]
    network, batch = _case(guess, truth, .15, logits, classes)
    metrics = compute_metrics(network, [batch, batch])
    assert metrics.abs_rel == pytest.approx((.2 + .5) / 2)
    assert metrics.mean_iou == 1
    assert metrics.inside_90 == .5  # log 1.2 is .18, between .15 and 1.645 * .15; log 2 is .69


def test_without_truth_the_metrics_are_nan():
    classes = torch.full((1, 1, 3), IGNORE, dtype=torch.uint8)
    network, batch = _case([[0.] * 3], [[math.nan] * 3], .2, torch.zeros(1, 11, 1, 3), classes)
    metrics = compute_metrics(network, [batch])
    assert all(math.isnan(value) for value in metrics)


@pytest.mark.parametrize(('abs_rel', 'mean_iou', 'score'), [
    (.2, .6, .3), (math.nan, .6, .4), (.2, math.nan, .2)])
def test_the_score_is_the_mean_of_its_known_parts(abs_rel, mean_iou, score):
    assert ValidationMetrics(abs_rel, mean_iou, .9).score == pytest.approx(score)


def test_without_depth_and_classes_there_is_no_score():
    assert math.isnan(ValidationMetrics(math.nan, math.nan, .9).score)
