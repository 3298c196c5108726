# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Evaluation of one model on drives: scores of every frame, and metric states."""
from statistics import median
from time import perf_counter
from typing import Iterable, NamedTuple

from bdl_perception.datasets.base import LabelledFrame
from bdl_perception.evaluation.drive_record import DriveRecord, frame_group, Origin
from bdl_perception.evaluation.harm import corridor_errors
from bdl_perception.evaluation.inference import finish_cycle, predict
from bdl_perception.metrics.depth_intervals import DepthIntervals
from bdl_perception.metrics.pixels import LabelledPrediction, MetricState
from bdl_perception.metrics.registry import create_metric_states, update_metric_states
from bdl_perception.perception.backend import Backend
from bdl_perception.perception.camera_health import CameraHealth
from bdl_perception.perception.data_types import CameraFrame
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.regions import DEFAULT_REGIONS, Regions
from bdl_perception.perception.scores import cycle_score_descriptions, cycle_scores, frame_scores
from bdl_perception.perception.status import build_identity, Identity


class LatencyMs(NamedTuple):
    """Median latency of consecutive calls, ms."""

    perceive: float
    samples: float  # all T samples of a frame


class DriveAccumulator:
    """The record of a drive while its frames arrive."""

    def __init__(self, origin: Origin, regions: Regions, fit_mode: str,
                 intervals: DepthIntervals | None, metric_stride: int) -> None:
        """Start without frames; metrics use every metric_stride-th frame of a group."""
        self._origin = origin
        self._regions = regions
        self._fit_mode = fit_mode
        self._intervals = intervals
        self._metric_stride = metric_stride
        self._health = CameraHealth()
        self._stamps_ns: list[int] = []
        self._groups: list[str] = []
        self._scores: dict[str, list[float]] = {}
        self._states: dict[str, dict[str, MetricState]] = {}
        self._faults: dict[int, tuple[str, ...]] = {}
        self._wrong: dict[int, tuple[str, ...]] = {}

    def check(self, frame: CameraFrame) -> None:
        """Note camera faults; ValueError where the stamp does not increase."""
        index = len(self._stamps_ns)
        if index and frame.stamp_ns <= self._stamps_ns[-1]:
            # The alert would be STALE, so no ERROR could be raised.
            raise ValueError(f'{self._origin.name}, frame {index}: stamp {frame.stamp_ns} follows '
                             f'{self._stamps_ns[-1]}, stamps must increase; leave the drive out '
                             f'or correct it')
        if found := self._health.detect_faults(frame.rgb):
            self._faults[index] = found

    def update(self, labelled: LabelledFrame, prediction: LabelledPrediction) -> None:
        """Add the scores of a checked frame and, in its turn, its metrics."""
        stamp_ns = labelled.frame.stamp_ns
        self._stamps_ns.append(stamp_ns)
        group = frame_group(self._origin, (stamp_ns - self._stamps_ns[0]) / 1e9)
        turn = self._groups.count(group) % self._metric_stride == 0
        self._groups.append(group)
        for name, value in prediction_scores(prediction, self._regions).items():
            self._scores.setdefault(name, []).append(value)
        if (errors := corridor_errors(prediction)) is not None:
            self._wrong[len(self._stamps_ns) - 1] = errors.wrong
        if turn:
            states = self._states.setdefault(group, create_metric_states(self._intervals))
            update_metric_states(states, prediction, self._full_size(prediction, labelled))

    def _full_size(self, prediction: LabelledPrediction,
                   labelled: LabelledFrame) -> LabelledPrediction:
        if self._fit_mode != 'stretch':
            return prediction
        return prediction._replace(classes=labelled.classes, coarse=labelled.coarse,
                                   anomalies=labelled.anomalies)

    def record(self) -> DriveRecord:
        """Return the record; ValueError without any frame."""
        count = len(self._stamps_ns)
        if not count:
            raise ValueError(f'{self._origin.name}: there is no frame to evaluate')
        return DriveRecord(
            self._origin, tuple(self._stamps_ns), tuple(self._groups),
            {name: tuple(row) for name, row in self._scores.items() if len(row) == count},
            {group: {name: state.state() for name, state in states.items()}
             for group, states in self._states.items()},
            tuple(cycle_score_descriptions(self._regions)), self._faults, self._wrong)


class Evaluator:
    """Evaluates drives with one model, number of samples and seed."""

    def __init__(self, backend: Backend, samples: int, seed: int,
                 regions: Regions = DEFAULT_REGIONS, fit_mode: str = 'crop') -> None:
        """Use a backend, which the caller closes; ValueError for a wrong number of samples."""
        self._regions = regions
        self._fit_mode = fit_mode
        self._backend = backend
        self._settings = (samples, seed)
        self._perceiver(fit_mode)  # checks the samples now

    @property
    def identity(self) -> Identity:
        """
        Identity of the model as it is run on drives, which a calibration must match.

        CamVid is always stretched, so its fit_mode may differ; no alarm is evaluated on it.
        """
        return build_identity(self._backend.spec, *self._settings, self._backend.precision,
                              self._regions, self._fit_mode)

    @property
    def backend_name(self) -> str:
        """Name of the backend."""
        return self._backend.name

    def evaluate_drive(self, origin: Origin, frames: Iterable[LabelledFrame],
                       fit_mode: str | None = None, intervals: DepthIntervals | None = None,
                       metric_stride: int = 1) -> DriveRecord:
        """
        Evaluate every frame of a drive; ValueError without frames or with decreasing stamps.

        fit_mode, by default that of the evaluator. 'crop': the ground truth is cropped and resized
        to the network's input. 'stretch': predicted classes are resized to the frame's own size
        and compared there, as in published results.
        intervals: of a calibration, evaluated beside the predicted ones. metric_stride: metrics
        use every n-th frame of a group, since neighbours are alike; scores use all frames.
        """
        fit_mode = fit_mode or self._fit_mode
        perceiver = self._perceiver(fit_mode)
        drive = DriveAccumulator(origin, self._regions, fit_mode, intervals, metric_stride)
        for labelled in frames:
            drive.check(labelled.frame)
            drive.update(labelled, predict(perceiver, labelled))
        return drive.record()

    def measure_latency(self, frame: CameraFrame, repetitions: int = 50) -> LatencyMs:
        """Measure whole calls of the Perceiver on one frame."""
        perceiver = self._perceiver(self._fit_mode)
        perceive, samples = [], []
        for _ in range(repetitions):
            start = perf_counter()
            perceiver.perceive(frame)
            middle = perf_counter()
            finish_cycle(perceiver)
            perceive.append(1e3 * (middle - start))
            samples.append(1e3 * (perf_counter() - middle))
        return LatencyMs(median(perceive), median(samples))

    def _perceiver(self, fit_mode: str) -> Perceiver:
        return Perceiver(self._backend, *self._settings, fit_mode)


def prediction_scores(labelled: LabelledPrediction,
                      regions: Regions = DEFAULT_REGIONS) -> dict[str, float]:
    """Return every score of a frame, as the alarm computes it; NaN where it has no pixel."""
    return {**frame_scores(labelled.prediction, regions).values,
            **dict.fromkeys(cycle_score_descriptions(regions), float('nan')),
            **cycle_scores(labelled.epistemic, 1, regions).values}
