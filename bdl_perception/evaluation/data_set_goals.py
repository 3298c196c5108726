# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Goals on public data of real roads; a goal is listed only for a data set that was evaluated."""
from typing import Iterator, Mapping

from bdl_perception.evaluation.quality_goals import (
    coverage_goal,
    Goal,
    goals_for_set,
    verdict_at_least,
    verdict_at_most,
)
from bdl_perception.evaluation.set_results import SetResults
from bdl_perception.metrics.anomaly_pixels import AnomalyQuality
from bdl_perception.metrics.registry import MetricResults

MAX_FRAME_ERROR = .15  # abs. rel. error, median over frames
MIN_IOU = {'camvid_test': .62, 'idd_val': .65}  # idd: of the coarse classes
MIN_PEOPLE_IOU = .45  # of pedestrians and of bicyclists on CamVid
PEOPLE = ('pedestrian', 'bicyclist')
ANOMALY_GOALS = {  # set -> least AP, largest FPR at 95 % recall
    'anomaly_RoadAnomaly': (.35, .50), 'anomaly_RoadObstacle21': (.15, .10),
    'anomaly_FishyscapesLostAndFound': (.05, .40)}


def data_set_goals(sets: Mapping[str, SetResults]) -> Iterator[Goal]:
    """Assess each data set that has goals and results."""
    for name, one in sets.items():
        if name.startswith('kitti_depth'):
            yield from _depth_goals(name, one)
        if name in MIN_IOU:
            yield from _class_goals(name, one.metrics)
        if name in ANOMALY_GOALS and one.metrics.anomalies:
            yield from _anomaly_goals(name, one.metrics.anomalies)


def _depth_goals(name: str, one: SetResults) -> Iterator[Goal]:
    if frames := one.metrics.frame_depth:
        error = frames.abs_rel_median
        yield Goal(f'abs. rel. error of depth, median over frames: {name}',
                   f'<= {MAX_FRAME_ERROR:.2f}',
                   f'{error:.3f} of {frames.frames} frames',
                   verdict_at_most(error, MAX_FRAME_ERROR))
        coverage = goals_for_set(one.metrics)[0]
        yield coverage._replace(name=f'{coverage.name}: {name}')
        if fitted := one.cross_validated_coverage:
            yield coverage_goal(fitted.by_range, 'cross-validation')._replace(
                name=f'{coverage.name}, fitted to the other recordings: {name}')


def _class_goals(name: str, metrics: MetricResults) -> Iterator[Goal]:
    quality = metrics.classes if name.startswith('camvid') else metrics.coarse
    if quality is None:
        return
    yield Goal(f'mean IoU: {name}', f'>= {MIN_IOU[name]:.2f}', f'{quality.mean_iou:.3f}',
               verdict_at_least(quality.mean_iou, MIN_IOU[name]))
    if name.startswith('camvid'):
        people = [quality.iou[key] for key in PEOPLE]
        yield Goal(f'IoU of {" and ".join(PEOPLE)}: {name}', f'>= {MIN_PEOPLE_IOU:.2f}',
                   ', '.join(f'{value:.3f}' for value in people),
                   verdict_at_least(min(people), MIN_PEOPLE_IOU))


def _anomaly_goals(name: str, quality: AnomalyQuality) -> Iterator[Goal]:
    """Assess the map with the greatest AP; both numbers are of this one map."""
    min_precision, max_rate = ANOMALY_GOALS[name]
    score, best = max(quality.maps.items(), key=lambda item: item[1].average_precision)
    yield Goal(f'AP of unknown objects by pixel: {name}', f'>= {min_precision:.2f}',
               f'{best.average_precision:.3f} ({score})',
               verdict_at_least(best.average_precision, min_precision))
    yield Goal(f'FPR at 95 % recall by pixel: {name}', f'<= {max_rate:.2f}',
               f'{best.fpr_95:.3f} ({score})', verdict_at_most(best.fpr_95, max_rate))
