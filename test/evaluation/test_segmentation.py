# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.evaluation.segmentation import averaged_classes
from bdl_perception.evaluation.segmentation import ClassTally
from bdl_perception.evaluation.segmentation import enlarged
from bdl_perception.perception.classes import IGNORE
from bdl_perception.perception.values import Moments
import numpy as np
import pytest


def test_iou_is_that_computed_by_hand_over_all_frames() -> None:
    tally = ClassTally()
    tally.add(np.uint8([[0, 0, 0, 1, 5]]), np.uint8([[0, 0, 0, 0, IGNORE]]))
    tally.add(np.uint8([[1, 1, 1, 1]]), np.uint8([[1, 1, 1, 1]]))
    found = tally.quality  # the confusion is [[3, 1], [0, 4]]
    assert found is not None
    assert found.iou['sky'] == pytest.approx(3 / 4)
    assert found.iou['building'] == pytest.approx(4 / 5)
    assert found.mean_iou == pytest.approx(.775)
    assert [name for name, iou in found.iou.items() if np.isnan(iou)] == [
        'pole', 'road', 'pavement', 'tree', 'sign_symbol', 'fence', 'car', 'pedestrian',
        'bicyclist']


def test_a_class_that_is_seen_but_never_true_counts_as_zero() -> None:
    tally = ClassTally()
    tally.add(np.uint8([[0, 7]]), np.uint8([[0, 0]]))
    found = tally.quality
    assert found is not None and found.iou['fence'] == 0 and found.mean_iou == .25


def test_without_any_label_there_is_no_quality() -> None:
    tally = ClassTally()
    tally.add(np.uint8([[0, 7]]), np.full((1, 2), IGNORE, np.uint8))
    assert tally.quality is None


def test_ids_are_enlarged_and_never_mixed() -> None:
    found = enlarged(np.uint8([[1, 9]]), (2, 4))
    np.testing.assert_array_equal(found, [[1, 1, 9, 9], [1, 1, 9, 9]])


def test_the_average_of_the_samples_decides() -> None:
    sums = np.zeros((11, 1, 2), np.float32)
    sums[3], sums[8] = [[1.2, .9]], [[.8, 1.1]]
    zero = np.zeros((1, 2), np.float32)
    found = averaged_classes(Moments(2, zero, zero, sums, zero), (1, 2))
    np.testing.assert_array_equal(found, [[3, 8]])
    assert averaged_classes(Moments(2, zero, zero, sums, zero), (3, 8)).shape == (3, 8)
