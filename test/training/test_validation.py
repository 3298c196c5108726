# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import math

from bdl_perception.network.decoder import HeadMaps
from bdl_perception.perception.classes import IGNORE
from bdl_perception.training.batches import Batch
from bdl_perception.training.validation import confusion_matrix
from bdl_perception.training.validation import mean_iou
from bdl_perception.training.validation import measure
from bdl_perception.training.validation import Quality
import numpy as np
import pytest
from tiny_network import make_tiny_network
import torch


def test_mean_iou_gives_the_number_worked_in_its_docstring():
    assert mean_iou(torch.tensor([[3., 1], [0, 4]])) == pytest.approx((3 / 4 + 4 / 5) / 2)


def test_a_class_that_never_occurs_does_not_count():
    assert mean_iou(torch.tensor([[3., 0, 0], [0, 0, 0], [0, 0, 5]])) == 1
    assert math.isnan(mean_iou(torch.zeros(3, 3)))


def test_the_confusion_matrix_is_a_plain_count():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 4, (2, 2, 5, 6))
    truth[0, 0] = IGNORE
    wanted = np.zeros((4, 4))
    for t, p in zip(truth.ravel(), predicted.ravel(), strict=True):
        if t != IGNORE:
            wanted[t, p] += 1
    found = confusion_matrix(torch.from_numpy(predicted),
                             torch.from_numpy(truth.astype(np.uint8)), 4)
    np.testing.assert_array_equal(found, wanted)


class Oracle(torch.nn.Module):
    """A network that says what it is told."""

    def __init__(self, maps):
        super().__init__()
        self.maps, self.config = maps, make_tiny_network().config

    def forward(self, rgb):
        return self.maps


def _case(log_depth, truth, sigma, logits, classes):
    maps = HeadMaps(torch.tensor([log_depth]), torch.full((1, 1, 3), 2 * math.log(sigma)),
                    logits, torch.zeros(1, 1, 1, 3))
    batch = Batch(torch.zeros(1, 3, 2, 6), torch.tensor([truth]), classes)
    return Oracle(maps), batch


def test_quality_is_what_its_definitions_say():
    logits = torch.zeros(1, 11, 1, 3)
    logits[0, 3, 0] = 1
    classes = torch.tensor([[[3, 3, IGNORE]]], dtype=torch.uint8)
    guess = [[math.log(12.), math.log(10.), 99.]]
    truth = [[math.log(10.), math.log(20.), math.nan]]
    network, batch = _case(guess, truth, .15, logits, classes)
    quality = measure(network, [batch, batch])
    assert quality.abs_rel == pytest.approx((.2 + .5) / 2)
    assert quality.mean_iou == 1
    assert quality.inside_90 == .5  # log 1.2 is .18, between .15 and 1.645 * .15; log 2 is .69


def test_without_truth_nothing_is_claimed():
    classes = torch.full((1, 1, 3), IGNORE, dtype=torch.uint8)
    network, batch = _case([[0.] * 3], [[math.nan] * 3], .2, torch.zeros(1, 11, 1, 3), classes)
    quality = measure(network, [batch])
    assert all(math.isnan(value) for value in quality)


@pytest.mark.parametrize(('abs_rel', 'mean_iou', 'score'), [
    (.2, .6, .3), (math.nan, .6, .4), (.2, math.nan, .2)])
def test_the_score_is_the_mean_of_what_is_known(abs_rel, mean_iou, score):
    assert Quality(abs_rel, mean_iou, .9).score == pytest.approx(score)


def test_without_depth_and_classes_there_is_no_score():
    assert math.isnan(Quality(math.nan, math.nan, .9).score)
