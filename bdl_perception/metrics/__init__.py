# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Every measure of quality that an evaluation makes, in one place."""
from typing import Any, Callable, Iterator, Mapping, NamedTuple

from bdl_perception.metrics.accuracy import (
    class_quality,
    ClassMetricState,
    depth_quality,
    DepthMetricState,
)
from bdl_perception.metrics.depth_intervals import DepthIntervals
from bdl_perception.metrics.interval_coverage import interval_quality, IntervalMetricState
from bdl_perception.metrics.pixels import LabelledPrediction, MetricState, StateDict
from bdl_perception.metrics.reliability import reliability_quality, ReliabilityMetricState
from bdl_perception.metrics.selective_prediction import (
    pavpu_quality,
    PavpuMetricState,
    selective_quality,
    SelectiveMetricState,
)
from bdl_perception.metrics.sparsification import sparsification_quality, SparsificationMetricState
from bdl_perception.perception.types import Bytes

FULL_RESOLUTION_METRICS = ('classes', 'averaged')  # judged at the picture's own size where it is stretched


class Metric(NamedTuple):
    """How sums are begun, and what they say in the end."""

    create: Callable[[DepthIntervals | None], MetricState | None]  # None: only with a calibration
    compute: Callable[[StateDict], Any]  # a NamedTuple; None where nothing could be judged


METRICS: Mapping[str, Metric] = {
    'depth': Metric(lambda _: DepthMetricState(), depth_quality),
    'classes': Metric(lambda _: ClassMetricState(), class_quality),
    'averaged': Metric(lambda _: ClassMetricState(averaged=True), class_quality),
    'intervals': Metric(IntervalMetricState, interval_quality),
    'reliability': Metric(lambda _: ReliabilityMetricState(), reliability_quality),
    'tempered': Metric(
        lambda known: ReliabilityMetricState(known.temperature) if known else None,
        reliability_quality),
    'sparsification': Metric(lambda _: SparsificationMetricState(), sparsification_quality),
    'pavpu': Metric(lambda _: PavpuMetricState(), pavpu_quality),
    'recall': Metric(lambda _: SelectiveMetricState(), selective_quality),
}


def create_metric_states(intervals: DepthIntervals | None = None) -> dict[str, MetricState]:
    """Start the sums of every measure, with what a calibration says of depth if it does."""
    begun = {name: measure.create(intervals) for name, measure in METRICS.items()}
    return {name: tally for name, tally in begun.items() if tally is not None}


def metric_inputs(view: LabelledPrediction, classes: Bytes | None, fit_mode: str) -> Iterator[tuple[str, LabelledPrediction]]:
    """Give each measure the view that it judges; classes (H, W) are at the picture's size."""
    for name in METRICS:
        stretched = fit_mode == 'stretch' and name in FULL_RESOLUTION_METRICS
        yield name, view._replace(classes=classes) if stretched else view


def compute_metrics(states: Mapping[str, StateDict]) -> dict[str, Any]:
    """Give what each measure says in plain values; one that judged nothing is not there."""
    found = {name: METRICS[name].compute(part) for name, part in states.items()}
    return {name: quality._asdict() for name, quality in found.items() if quality is not None}
