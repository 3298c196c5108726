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
from bdl_perception.metrics.anomaly_pixels import (
    anomaly_quality,
    AnomalyMetricState,
    AnomalyQuality,
)
from bdl_perception.metrics.coarse_classes import (
    coarse_quality,
    CoarseMetricState,
    CoarseQuality,
)
from bdl_perception.metrics.depth_intervals import DepthIntervals
from bdl_perception.metrics.frame_depth import (
    frame_depth_quality,
    FrameDepthMetricState,
    FrameDepthQuality,
)
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

# At the frame's size where it is stretched
FULL_RESOLUTION_METRICS = ('classes', 'averaged', 'coarse', 'anomalies')


class Metric(NamedTuple):
    """How to create the state of a metric, and how to compute its result."""

    create: Callable[[DepthIntervals | None], MetricState | None]  # None: needs a calibration
    compute: Callable[[StateDict], Any]  # a NamedTuple; None without any valid pixel
    truth: str = ''  # field of LabelledPrediction without which there is no state; '': always


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
    frame_depth: FrameDepthQuality | None = None
    coarse: CoarseQuality | None = None
    anomalies: AnomalyQuality | None = None


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
    'frame_depth': Metric(lambda _: FrameDepthMetricState(), frame_depth_quality, 'depth'),
    'coarse': Metric(lambda _: CoarseMetricState(), coarse_quality, 'coarse'),
    'anomalies': Metric(lambda _: AnomalyMetricState(), anomaly_quality, 'anomalies'),
}


def create_metric_states(intervals: DepthIntervals | None = None) -> dict[str, MetricState]:
    """
    Create the state of every metric but those of a special ground truth.

    Some need the depth intervals of a calibration.
    """
    created = {name: metric.create(intervals) for name, metric in METRICS.items()
               if not metric.truth}
    return {name: state for name, state in created.items() if state is not None}


def update_metric_states(states: dict[str, MetricState], labelled: LabelledPrediction,
                         full_size: LabelledPrediction) -> None:
    """
    Add a frame to every state, and to a new one for a special ground truth that it has.

    full_size: the frame for class metrics, with labels at its own size where it is stretched.
    """
    for name, metric in METRICS.items():
        if metric.truth and name not in states and getattr(labelled, metric.truth) is not None:
            if state := metric.create(None):
                states[name] = state
    for name, state in states.items():
        state.update(full_size if name in FULL_RESOLUTION_METRICS else labelled)


def state_shapes() -> dict[str, dict[str, list[int]]]:
    """Return the shape of every value of the states; stored states of others cannot be merged."""
    created = {name: metric.create(None) for name, metric in METRICS.items()}
    return {name: {key: list(value.shape) for key, value in state.state().items()} if state else {}
            for name, state in created.items()}


def compute_metrics(states: Mapping[str, StateDict]) -> MetricResults:
    """Compute the result of every metric that has a state."""
    return MetricResults(**{name: METRICS[name].compute(state) for name, state in states.items()})
