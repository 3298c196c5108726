# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.evaluation.data_set_goals import ANOMALY_GOALS, data_set_goals, MIN_IOU
from bdl_perception.evaluation.quality_goals import MET, MISSED, NOT_MEASURED
from bdl_perception.evaluation.set_results import SetResults
from bdl_perception.metrics.accuracy import ClassQuality
from bdl_perception.metrics.anomaly_pixels import AnomalyQuality, MapDetection
from bdl_perception.metrics.coarse_classes import COARSE_NAMES, CoarseQuality
from bdl_perception.metrics.frame_depth import FrameDepthQuality
from bdl_perception.metrics.interval_coverage import CrossValidatedCoverage
from bdl_perception.metrics.registry import MetricResults
from bdl_perception.perception.data_types import CLASS_NAMES
import pytest


def verdicts(name, fitted=None, **metrics):
    """Assess a set of this name; a verdict for each goal."""
    results = SetResults(1, 1, None, (), MetricResults(**metrics), cross_validated_coverage=fitted)
    return [goal.verdict for goal in data_set_goals({name: results})]


def classes(iou, people):
    each = dict.fromkeys(CLASS_NAMES, iou) | {'pedestrian': people, 'bicyclist': .9}
    return ClassQuality(iou, each, .9, .9)


@pytest.mark.parametrize(('error', 'verdict'), [(.15, MET), (.151, MISSED),
                                                (float('nan'), MISSED)])
def test_the_median_error_of_frames_counts_for_kitti(error, verdict):
    depth = FrameDepthQuality(20, error, 3., 1., .9, 1.1, .8)
    assert verdicts('kitti_depth_val', frame_depth=depth)[0] == verdict
    assert verdicts('test', frame_depth=depth) == []  # rendered drives have goals of their own


@pytest.mark.parametrize(('share', 'verdict'), [(.88, MET), (.92, MET), (.87, MISSED),
                                                (.93, MISSED), (float('nan'), MISSED)])
def test_intervals_of_kitti_have_a_goal_as_they_are_and_one_fitted_to_other_recordings(
        share, verdict):
    depth = FrameDepthQuality(20, .1, 3., 1., .9, 1.1, .8)
    fitted = CrossValidatedCoverage({}, {'0-5 m': {'0.9': share}}, {})
    assert verdicts('kitti_depth_val', frame_depth=depth) == [MET, NOT_MEASURED]
    assert verdicts('kitti_depth_val', fitted, frame_depth=depth) == [MET, NOT_MEASURED, verdict]


@pytest.mark.parametrize(('iou', 'people', 'expected'), [
    (.62, .45, [MET, MET]), (.619, .45, [MISSED, MET]), (.7, .449, [MET, MISSED])])
def test_camvid_has_a_goal_for_all_classes_and_one_for_people(iou, people, expected):
    assert verdicts('camvid_test', classes=classes(iou, people)) == expected
    assert verdicts('camvid_val', classes=classes(iou, people)) == []


@pytest.mark.parametrize(('iou', 'verdict'), [(.65, MET), (.649, MISSED)])
def test_idd_is_assessed_by_its_coarse_classes(iou, verdict):
    coarse = CoarseQuality(iou, dict.fromkeys(COARSE_NAMES, iou), .9)
    assert verdicts('idd_val', coarse=coarse, classes=classes(.1, .1)) == [verdict]


@pytest.mark.parametrize(('best', 'expected'), [
    (MapDetection(.35, .5, .9), [MET, MET]), (MapDetection(.349, .5, .9), [MISSED, MET]),
    (MapDetection(.4, .51, .9), [MET, MISSED])])
def test_both_numbers_of_unknown_objects_are_of_the_map_with_the_greatest_precision(
        best, expected):
    other = MapDetection(.01, .01, .99)
    quality = AnomalyQuality(9, .1, {'entropy': other, 'energy': best})
    assert verdicts('anomaly_RoadAnomaly', anomalies=quality) == expected
    assert verdicts('anomaly_Mine', anomalies=quality) == []


def test_a_set_without_results_has_no_goal():
    for name in (*MIN_IOU, *ANOMALY_GOALS, 'kitti_depth_val'):
        assert verdicts(name) == []
