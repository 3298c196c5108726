# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Inference on recorded frames: predictions beside ground truth, and the scores of a drive.

The scores are computed by the same functions and in the same steps as in the nodes.
"""
from typing import Iterable, Iterator, NamedTuple, Protocol

from bdl_perception.alarm.observations import Joiner, Observation, Thinning
from bdl_perception.datasets.base import LabelledFrame
from bdl_perception.metrics.pixels import LabelledPrediction
from bdl_perception.perception.camera_health import CameraHealth
from bdl_perception.perception.data_types import Bytes, CameraFrame, Epistemic, Floats, Prediction
from bdl_perception.perception.image_geometry import ImageFit
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.regions import DEFAULT_REGIONS, Regions
from bdl_perception.perception.scores import cycle_scores, frame_scores

MAX_CHUNKS = 10_000  # of one cycle; a cycle with more never ends


class SamplingPerceiver(Protocol):
    """The methods of perception.perceiver.Perceiver that are used here."""

    def perceive(self, frame: CameraFrame) -> Prediction:
        """Run the single pass and hold the frame."""

    def sample(self) -> Epistemic | None:
        """Run one chunk; the last chunk of a cycle returns its result."""


def predict(perceiver: Perceiver, labelled: LabelledFrame) -> LabelledPrediction:
    """Run the single pass and all samples; fit the ground truth as the frame is fitted."""
    rgb = labelled.frame.rgb
    fit = perceiver.image_fit(rgb.shape[1], rgb.shape[0])
    perceiver.discard_frame()  # one that an error may have left
    prediction = perceiver.perceive(labelled.frame)
    return LabelledPrediction(labelled.title, fit.apply(rgb), prediction, finish_cycle(perceiver),
                              *fit_ground_truth(fit, labelled))


class GroundTruth(NamedTuple):
    """The ground truth of a frame, as of LabelledFrame; None: not available."""

    depth: Floats | None
    classes: Bytes | None
    coarse: Bytes | None
    anomalies: Bytes | None


def fit_ground_truth(fit: ImageFit, labelled: LabelledFrame) -> GroundTruth:
    """Crop and resize the ground truth to the network's input."""
    depth, *labels = labelled.depth, labelled.classes, labelled.coarse, labelled.anomalies
    return GroundTruth(None if depth is None else fit.apply_to_truth(depth),
                       *(None if one is None else fit.apply_to_truth(one) for one in labels))


def score_drive(perceiver: SamplingPerceiver, frames: Iterable[CameraFrame],
                step_s: float, regions: Regions = DEFAULT_REGIONS) -> Iterator[Observation]:
    """
    Yield one observation about every step_s of the frames' own time.

    The first frame is taken, then about one each step_s (alarm.observations.Thinning); the others
    are read but not evaluated. ValueError where stamps do not increase.
    """
    thinning, joiner = Thinning(step_s), Joiner(step_s)
    due = (frame for frame in _check_stamp_order(frames) if thinning.due(frame.stamp_ns))
    for cycle, frame in enumerate(due, start=1):
        joiner.add(frame_scores(perceiver.perceive(frame), regions))
        observation = joiner.add(cycle_scores(finish_cycle(perceiver), cycle, regions))
        if observation is None:
            raise RuntimeError(f'the Monte Carlo cycle after stamp {frame.stamp_ns} was of '
                               f'another frame; pass a perceiver that holds no frame')
        yield observation


def finish_cycle(perceiver: SamplingPerceiver) -> Epistemic:
    """Run chunks until the held frame has all its samples; RuntimeError after MAX_CHUNKS."""
    for _ in range(MAX_CHUNKS):
        result = perceiver.sample()
        if result is not None:
            return result
    raise RuntimeError(f'no Monte Carlo result after {MAX_CHUNKS} chunks; are samples missing?')


def check_camera_health(frames: Iterable[CameraFrame]) -> Iterator[CameraFrame]:
    """Pass frames on; ValueError at the first one with a camera fault."""
    health = CameraHealth()
    for index, frame in enumerate(frames):
        if found := health.detect_faults(frame.rgb):
            raise ValueError(f'frame {index}: {"; ".join(found)}; a calibration would learn this '
                             f'as nominal: cut it out or leave the drive out')
        yield frame


def _check_stamp_order(frames: Iterable[CameraFrame]) -> Iterator[CameraFrame]:
    last_ns: int | None = None
    for frame in frames:
        if last_ns is not None and frame.stamp_ns <= last_ns:
            raise ValueError(f'stamp {frame.stamp_ns} follows {last_ns}; stamps must increase')
        last_ns = frame.stamp_ns
        yield frame
