# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Runs a model over the pictures of a drive and records what it says and how right it is."""
from statistics import median
from time import perf_counter
from typing import Any, Iterable, NamedTuple, Sequence

from bdl_perception.datasets.base import LabelledFrame
from bdl_perception.evaluation.drive_record import DriveRecord, frame_group, Origin
from bdl_perception.evaluation.inference import finish_cycle, predict
from bdl_perception.metrics.depth_intervals import DepthIntervals
from bdl_perception.metrics.pixels import LabelledPrediction, MetricState
from bdl_perception.metrics.registry import create_metric_states, update_metric_states
from bdl_perception.perception.backend import Backend, RawPrediction
from bdl_perception.perception.camera_health import CameraHealth
from bdl_perception.perception.monte_carlo import merge
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.regions import DEFAULT_REGIONS, Regions
from bdl_perception.perception.scores import cycle_score_descriptions, cycle_scores, frame_scores
from bdl_perception.perception.status import build_identity, Identity
from bdl_perception.perception.types import Bytes, CameraFrame, Floats, Moments
import numpy as np


class LatencyMs(NamedTuple):
    """Medians, of calls one after the other."""

    perceive: float
    samples: float  # all T samples of a frame


class AveragingBackend:
    """A backend that also remembers the moments of the newest frame's samples."""

    def __init__(self, backend: Backend) -> None:
        """Pass everything on to another backend."""
        self._backend = backend
        self.name = backend.name
        self.precision = backend.precision
        self.spec = backend.spec
        self.moments: Moments | None = None

    def perceive(self, rgb: Bytes) -> RawPrediction:
        """Run the single pass; its samples begin anew."""
        self.moments = None
        return self._backend.perceive(rgb)

    def sample(self, features: Any, masks: Sequence[Floats]) -> Moments:
        """Run a chunk and add it to the moments."""
        chunk = self._backend.sample(features, masks)
        self.moments = merge(self.moments, chunk) if self.moments else chunk
        return chunk

    @property
    def probability(self) -> Floats | None:
        """Give the mean class probabilities (K, h', w') of the newest frame's samples."""
        if self.moments is None:
            return None
        return np.asarray(self.moments.probability_sum / self.moments.count, np.float32)

    def close(self) -> None:
        """Close the other backend."""
        self._backend.close()


class Evaluator:
    """Measures drives with one model, its samples and seed."""

    def __init__(self, backend: Backend, samples: int, seed: int,
                 regions: Regions = DEFAULT_REGIONS, fit_mode: str = 'crop') -> None:
        """Keep the backend, which stays the caller's to close."""
        self._regions = regions
        self._fit_mode = fit_mode
        self._backend = AveragingBackend(backend)
        self._settings = (samples, seed)
        Perceiver(self._backend, *self._settings, fit_mode)  # refuses wrong samples now

    @property
    def identity(self) -> Identity:
        """
        Name the model as it is run on drives: what a calibration must be of.

        CamVid, which is always stretched, may differ in fit; no alarm is judged on that.
        """
        return build_identity(self._backend.spec, *self._settings, self._backend.precision,
                           self._regions, self._fit_mode)

    @property
    def backend_name(self) -> str:
        """Name what runs the model."""
        return self._backend.name

    def evaluate_drive(self, origin: Origin, frames: Iterable[LabelledFrame],
               fit_mode: str | None = None,
               intervals: DepthIntervals | None = None, metric_stride: int = 1) -> DriveRecord:
        """
        Look at every picture; ValueError without any, or where stamps do not rise.

        fit_mode, if it is not the meter's own: 'crop': truth is cut and brought to the network's
        input. 'stretch': the classes are brought to the picture's own size and judged on all of
        it, as published results are.
        intervals: of a calibration, to be judged beside what the network states. every: quality is
        measured on every so many pictures of a group, as neighbours are alike; scores on all.
        """
        fit_mode = fit_mode or self._fit_mode
        perceiver = Perceiver(self._backend, *self._settings, fit_mode)
        tallies: dict[str, dict[str, MetricState]] = {}
        stamps_ns: list[int] = []
        groups: list[str] = []
        scores: dict[str, list[float]] = {}
        health, faults = CameraHealth(), dict[int, tuple[str, ...]]()
        for labelled in frames:
            _check_increasing_stamps(origin, labelled.frame.stamp_ns, stamps_ns)
            if found := health.detect_faults(labelled.frame.rgb):
                faults[len(stamps_ns)] = found
            view = predict(perceiver, labelled)._replace(probability=self._backend.probability)
            stamps_ns.append(labelled.frame.stamp_ns)
            groups.append(frame_group(origin, (stamps_ns[-1] - stamps_ns[0]) / 1e9))
            for name, value in prediction_scores(view, self._regions).items():
                scores.setdefault(name, []).append(value)
            if (groups.count(groups[-1]) - 1) % metric_stride == 0:
                own = tallies.setdefault(groups[-1], create_metric_states(intervals))
                update_metric_states(own, view, labelled.classes, fit_mode)
        if not stamps_ns:
            raise ValueError(f'{origin.name}: there is no picture to measure on')
        return DriveRecord(
            origin, tuple(stamps_ns), tuple(groups),
            {name: tuple(values) for name, values in scores.items()
             if len(values) == len(stamps_ns)},
            {group: {name: tally.state() for name, tally in own.items()}
             for group, own in tallies.items()}, tuple(cycle_score_descriptions(self._regions)), faults)

    def measure_latency(self, frame: CameraFrame, repetitions: int = 50) -> LatencyMs:
        """Take the time of whole calls of the Perceiver on one picture."""
        perceiver = Perceiver(self._backend, *self._settings, self._fit_mode)
        perceive, samples = [], []
        for _ in range(repetitions):
            start = perf_counter()
            perceiver.perceive(frame)
            middle = perf_counter()
            finish_cycle(perceiver)
            perceive.append(1e3 * (middle - start))
            samples.append(1e3 * (perf_counter() - middle))
        return LatencyMs(median(perceive), median(samples))


def _check_increasing_stamps(origin: Origin, stamp_ns: int, before_ns: Sequence[int]) -> None:
    """Refuse a drive whose stamps do not rise: its alert is STALE, which no ERROR can pass."""
    if before_ns and stamp_ns <= before_ns[-1]:
        raise ValueError(f'{origin.name}, frame {len(before_ns)}: stamp {stamp_ns} follows '
                         f'{before_ns[-1]}, they must rise; leave the drive out or mend it')


def prediction_scores(view: LabelledPrediction, regions: Regions = DEFAULT_REGIONS) -> dict[str, float]:
    """Give every score of a frame, by the functions of the alarm; NaN is what has no pixel."""
    return {**frame_scores(view.prediction, regions).values,
            **dict.fromkeys(cycle_score_descriptions(regions), float('nan')),
            **cycle_scores(view.epistemic, 1, regions).values}
