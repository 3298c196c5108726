# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The metrics of an evaluation, by name.

To add a metric, write its state and its quality in a module of this package, and add it to METRICS
and MetricResults.
"""
from typing import Any, Callable, Mapping, NamedTuple

from bdl_perception.metrics.accuracy import (
    class_quality,
    ClassMetricState,
    ClassQuality,
    depth_quality,
    DepthMetricState,
    DepthQuality,
)
from bdl_perception.metrics.depth_intervals import DepthIntervals
from bdl_perception.metrics.interval_coverage import (
    interval_quality,
    IntervalMetricState,
    IntervalQuality,
)
from bdl_perception.metrics.pixels import LabelledPrediction, MetricState, StateDict
from bdl_perception.metrics.reliability import (
    reliability_quality,
    ReliabilityMetricState,
    ReliabilityQuality,
)
from bdl_perception.metrics.selective_prediction import (
    pavpu_quality,
    PavpuMetricState,
    PavpuQuality,
    selective_quality,
    SelectiveMetricState,
    SelectiveQuality,
)
from bdl_perception.metrics.sparsification import (
    sparsification_quality,
    SparsificationMetricState,
    SparsificationQuality,
)
from bdl_perception.perception.data_types import Bytes

FULL_RESOLUTION_METRICS = ('classes', 'averaged')  # at the frame's size where it is stretched


class Metric(NamedTuple):
    """How to create the state of a metric, and how to compute its result."""

    create: Callable[[DepthIntervals | None], MetricState | None]  # None: needs a calibration
    compute: Callable[[StateDict], Any]  # a NamedTuple; None without any valid pixel


class MetricResults(NamedTuple):
    """The result of each metric; None without any valid pixel, or without a calibration."""

    depth: DepthQuality | None = None
    classes: ClassQuality | None = None
    averaged: ClassQuality | None = None
    intervals: IntervalQuality | None = None
    reliability: ReliabilityQuality | None = None
    tempered: ReliabilityQuality | None = None
    sparsification: SparsificationQuality | None = None
    pavpu: PavpuQuality | None = None
    selective_prediction: SelectiveQuality | None = None


METRICS: Mapping[str, Metric] = {  # a field of MetricResults each
    'depth': Metric(lambda _: DepthMetricState(), depth_quality),
    'classes': Metric(lambda _: ClassMetricState(), class_quality),
    'averaged': Metric(lambda _: ClassMetricState(averaged=True), class_quality),
    'intervals': Metric(IntervalMetricState, interval_quality),
    'reliability': Metric(lambda _: ReliabilityMetricState(), reliability_quality),
    'tempered': Metric(
        lambda intervals: ReliabilityMetricState(intervals.temperature) if intervals else None,
        reliability_quality),
    'sparsification': Metric(lambda _: SparsificationMetricState(), sparsification_quality),
    'pavpu': Metric(lambda _: PavpuMetricState(), pavpu_quality),
    'selective_prediction': Metric(lambda _: SelectiveMetricState(), selective_quality),
}


def create_metric_states(intervals: DepthIntervals | None = None) -> dict[str, MetricState]:
    """Create the state of every metric; some need the depth intervals of a calibration."""
    created = {name: metric.create(intervals) for name, metric in METRICS.items()}
    return {name: state for name, state in created.items() if state is not None}


def update_metric_states(states: Mapping[str, MetricState], labelled: LabelledPrediction,
                         classes: Bytes | None, fit_mode: str) -> None:
    """Add a frame to every state; classes (H, W) are the labels at the frame's own size."""
    full = labelled._replace(classes=classes) if fit_mode == 'stretch' else labelled
    for name, state in states.items():
        state.update(full if name in FULL_RESOLUTION_METRICS else labelled)


def compute_metrics(states: Mapping[str, StateDict]) -> MetricResults:
    """Compute the result of every metric that has a state."""
    return MetricResults(**{name: METRICS[name].compute(state) for name, state in states.items()})
