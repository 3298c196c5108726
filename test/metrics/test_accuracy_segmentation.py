# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.metrics.accuracy import ClassMetricState, resize_classes
from bdl_perception.perception.types import IGNORE
from made_views import add_all, assert_halves_add_up, random_view, view_of
import numpy as np
import pytest


def test_iou_is_that_computed_by_hand_over_all_frames() -> None:
    tally = ClassMetricState()
    tally.update(view_of(classes=[[0, 0, 0, 1, 5]], label=[[0, 0, 0, 0, IGNORE]]))
    tally.update(view_of(classes=[[1, 1, 1, 1]], label=[[1, 1, 1, 1]]))
    found = tally.quality  # the confusion is [[3, 1], [0, 4]]
    assert found is not None
    assert found.iou['sky'] == pytest.approx(3 / 4)
    assert found.iou['building'] == pytest.approx(4 / 5)
    assert found.mean_iou == pytest.approx(.775)
    assert found.pixel_accuracy == pytest.approx(7 / 8)
    assert found.mean_accuracy == pytest.approx((3 / 4 + 1) / 2)
    assert [name for name, iou in found.iou.items() if np.isnan(iou)] == [
        'pole', 'road', 'pavement', 'tree', 'sign_symbol', 'fence', 'car', 'pedestrian',
        'bicyclist']


def test_a_class_that_is_seen_but_never_true_counts_as_zero() -> None:
    tally = ClassMetricState()
    tally.update(view_of(classes=[[0, 7]], label=[[0, 0]]))
    found = tally.quality
    assert found is not None and found.iou['fence'] == 0 and found.mean_iou == .25
    assert found.mean_accuracy == found.pixel_accuracy == .5


def test_without_any_label_there_is_no_quality() -> None:
    tally = ClassMetricState()
    tally.update(view_of(classes=[[0, 7]], label=[[IGNORE, IGNORE]]))
    assert tally.quality is None


def test_ids_are_enlarged_and_never_mixed() -> None:
    found = resize_classes(np.uint8([[1, 9]]), (2, 4))
    np.testing.assert_array_equal(found, [[1, 1, 9, 9], [1, 1, 9, 9]])


def test_the_average_of_the_samples_decides_at_the_size_of_the_truth() -> None:
    mean = np.zeros((11, 1, 2), np.float32)
    mean[3], mean[8] = [[.6, .4]], [[.4, .6]]
    for label in ([[3, 8]], [[3, 3, 8, 8], [3, 3, 8, 8]]):
        one = view_of(classes=[[0, 0]], probability=mean)._replace(classes=np.uint8(label))
        found = add_all(ClassMetricState(averaged=True), one).quality
        assert found is not None and found.pixel_accuracy == 1
        assert add_all(ClassMetricState(), one).quality.pixel_accuracy == 0


def test_shares_are_those_of_a_plain_loop() -> None:
    one = random_view(1)
    pairs = [(int(p), int(t)) for p, t in
             zip(one.prediction.classes.ravel(), one.classes.ravel(), strict=True) if t != IGNORE]
    found = add_all(ClassMetricState(), one).quality
    assert found.pixel_accuracy == pytest.approx(sum(p == t for p, t in pairs) / len(pairs))
    each = [[p == k for p, t in pairs if t == k] for k in range(11)]
    shares = [sum(one) / len(one) for one in each if one]
    assert found.mean_accuracy == pytest.approx(sum(shares) / len(shares))


@pytest.mark.parametrize('averaged', [False, True])
def test_the_sums_of_two_halves_are_those_of_the_whole(averaged: bool) -> None:
    assert_halves_add_up(lambda: ClassMetricState(averaged))
