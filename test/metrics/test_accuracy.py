# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import math
from types import SimpleNamespace

from bdl_perception.metrics.accuracy import (
    class_quality,
    ClassMetricState,
    ClassQuality,
    depth_quality,
    DepthMetricState,
    DepthQuality,
    mean_iou,
)
from bdl_perception.metrics.pixels import LabelledPrediction
from bdl_perception.perception.data_types import IGNORE
from made_predictions import (
    assert_states_merge,
    labelled_prediction,
    random_prediction,
    update_all,
    valid_depth_rows,
)
import numpy as np
import pytest


def depth_accuracy(*frames: LabelledPrediction) -> DepthQuality:
    return depth_quality(update_all(DepthMetricState(), *frames).state())


def class_accuracy(*frames: LabelledPrediction) -> ClassQuality:
    return class_quality(update_all(ClassMetricState(), *frames).state())


def depth_prediction(depth: list[float], truth: list[float] | None,
                     log_std: float = .1) -> LabelledPrediction:
    """Make one row of pixels, with both standard deviations of log-depth the same."""
    metres = np.float32([depth])
    prediction = SimpleNamespace(depth=metres, aleatoric_std=metres * np.float32(log_std))
    epistemic = SimpleNamespace(log_depth_std=np.full_like(metres, log_std))
    known = None if truth is None else np.float32([truth])
    return LabelledPrediction('a', np.zeros((1, len(depth), 3), np.uint8), prediction, epistemic,
                              known, None)


def test_depth_errors_match_hand_computation() -> None:
    metric = DepthMetricState()
    metric.update(depth_prediction([10, 20, 40], [10, 24, 20]))  # |log(d / t)| is 0, .182, .693
    found = depth_quality(metric.state())
    assert found is not None
    assert found.abs_rel == pytest.approx((0 + 4 / 24 + 1) / 3, rel=1e-5)
    assert found.rms_m == pytest.approx(((0 + 16 + 400) / 3) ** .5, rel=1e-5)
    assert found.delta_125 == pytest.approx(2 / 3)
    assert found.inside_90_aleatoric == pytest.approx(1 / 3)  # up to 1.645 * .1 = .164
    assert found.inside_90_total == pytest.approx(2 / 3)  # up to 1.645 * .141 = .233
    assert found.answered == 1


def test_pixels_of_all_frames_have_the_same_weight() -> None:
    metric = DepthMetricState()
    metric.update(depth_prediction([10, 10, 10], [10, 10, 10]))
    metric.update(depth_prediction([10], [5]))
    found = depth_quality(metric.state())
    assert found is not None and found.abs_rel == pytest.approx(.25)


def test_a_sky_pixel_is_not_answered_and_not_evaluated() -> None:
    metric = DepthMetricState()
    metric.update(depth_prediction([np.inf, 11, 12, 13, 14], [30, 10, np.nan, np.inf, 81]))
    found = depth_quality(metric.state())
    assert found is not None
    assert (found.answered, found.abs_rel) == (.5, pytest.approx(.1, rel=1e-5))


def test_a_prediction_of_sky_only_has_no_error() -> None:
    metric = DepthMetricState()
    metric.update(depth_prediction([np.inf], [30]))
    found = depth_quality(metric.state())
    assert found is not None and found.answered == 0 and np.isnan(found.abs_rel)


def test_depth_quality_is_none_without_true_depth() -> None:
    metric = DepthMetricState()
    metric.update(depth_prediction([10], None))
    metric.update(depth_prediction([10], [np.nan]))
    assert depth_quality(metric.state()) is None


def test_a_constant_scale_error_leaves_silog_at_zero() -> None:
    found = depth_accuracy(depth_prediction([10, 20], [5, 10]))
    assert found.silog == pytest.approx(0, abs=1e-6)
    assert (found.delta_125_2, found.delta_125_3) == (0, 0)


def test_silog_matches_hand_computation_and_averages_frames() -> None:
    first = depth_prediction([10, 20], [10, 10])
    assert depth_accuracy(first).silog == pytest.approx(50 * math.log(2))
    assert depth_accuracy(first).log10 == pytest.approx(math.log10(2) / 2)
    both = depth_accuracy(first, depth_prediction([10, 20, 30], [10, 20, 30]))
    assert both.silog == pytest.approx(25 * math.log(2))


def test_silog_depends_on_the_sign_of_errors() -> None:
    found = depth_accuracy(depth_prediction([10, 20, 5], [10, 10, 10]))
    assert found.silog == pytest.approx(100 * math.log(2) * (2 / 3) ** .5)


def test_each_power_of_delta_has_its_share() -> None:
    found = depth_accuracy(depth_prediction([12, 15, 19, 20], [10, 10, 10, 10]))
    assert (found.delta_125, found.delta_125_2, found.delta_125_3) == (.25, .5, .75)


def test_depth_errors_match_a_plain_loop() -> None:
    frames = [random_prediction(seed) for seed in range(3)]
    rows = [row for one in frames for row in valid_depth_rows(one)]
    found = depth_accuracy(*frames)
    assert found.abs_rel == pytest.approx(sum(abs(d - t) / t for d, t, *_ in rows) / len(rows))
    assert found.log10 == pytest.approx(
        sum(abs(math.log10(d / t)) for d, t, *_ in rows) / len(rows))
    assert found.inside_90_total == pytest.approx(
        sum(abs(math.log(d / t)) <= 1.6448536 * (a * a + e * e) ** .5
            for d, t, a, e in rows) / len(rows))
    assert found.answered == 1


def test_depth_states_merge() -> None:
    assert_states_merge(DepthMetricState)


def test_iou_matches_hand_computation_over_frames() -> None:
    metric = ClassMetricState()
    metric.update(labelled_prediction(classes=[[0, 0, 0, 1, 5]], label=[[0, 0, 0, 0, IGNORE]]))
    metric.update(labelled_prediction(classes=[[1, 1, 1, 1]], label=[[1, 1, 1, 1]]))
    found = class_quality(metric.state())  # the confusion is [[3, 1], [0, 4]]
    assert found is not None
    assert found.iou['sky'] == pytest.approx(3 / 4)
    assert found.iou['building'] == pytest.approx(4 / 5)
    assert found.mean_iou == pytest.approx(.775)
    assert found.pixel_accuracy == pytest.approx(7 / 8)
    assert found.mean_accuracy == pytest.approx((3 / 4 + 1) / 2)
    assert [name for name, iou in found.iou.items() if np.isnan(iou)] == [
        'pole', 'road', 'pavement', 'tree', 'sign_symbol', 'fence', 'car', 'pedestrian',
        'bicyclist']


def test_a_predicted_class_that_is_never_true_has_iou_zero() -> None:
    metric = ClassMetricState()
    metric.update(labelled_prediction(classes=[[0, 7]], label=[[0, 0]]))
    found = class_quality(metric.state())
    assert found is not None and found.iou['fence'] == 0 and found.mean_iou == .25
    assert found.mean_accuracy == found.pixel_accuracy == .5


def test_class_quality_is_none_without_labels() -> None:
    metric = ClassMetricState()
    metric.update(labelled_prediction(classes=[[0, 7]], label=[[IGNORE, IGNORE]]))
    assert class_quality(metric.state()) is None


def test_averaged_classes_are_compared_at_the_size_of_the_truth() -> None:
    mean = np.zeros((11, 1, 2), np.float32)
    mean[3], mean[8] = [[.6, .4]], [[.4, .6]]
    for label in ([[3, 8]], [[3, 3, 8, 8], [3, 3, 8, 8]]):
        one = labelled_prediction(classes=[[0, 0]], probability=mean)._replace(
            classes=np.uint8(label))
        found = class_quality(update_all(ClassMetricState(averaged=True), one).state())
        assert found is not None and found.pixel_accuracy == 1
        assert class_accuracy(one).pixel_accuracy == 0


def test_class_accuracy_matches_a_plain_loop() -> None:
    one = random_prediction(1)
    pairs = [(int(p), int(t)) for p, t in
             zip(one.prediction.classes.ravel(), one.classes.ravel(), strict=True) if t != IGNORE]
    found = class_accuracy(one)
    assert found.pixel_accuracy == pytest.approx(sum(p == t for p, t in pairs) / len(pairs))
    each = [[p == k for p, t in pairs if t == k] for k in range(11)]
    shares = [sum(one) / len(one) for one in each if one]
    assert found.mean_accuracy == pytest.approx(sum(shares) / len(shares))


@pytest.mark.parametrize('averaged', [False, True])
def test_class_states_merge(averaged: bool) -> None:
    assert_states_merge(lambda: ClassMetricState(averaged))


def test_mean_iou_matches_the_docstring():
    assert mean_iou(np.array([[3., 1], [0, 4]])) == pytest.approx(.775)


def test_mean_iou_ignores_classes_that_never_occur():
    assert mean_iou(np.diag([3., 0, 5])) == 1
    assert math.isnan(mean_iou(np.zeros((3, 3))))
