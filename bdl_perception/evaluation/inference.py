# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What a model says of one picture, beside what is true of it."""
from typing import Iterable, Iterator, Protocol

from bdl_perception.alarm.observations import Joiner, Observation, Thinning
from bdl_perception.datasets.base import LabelledFrame
from bdl_perception.metrics.pixels import LabelledPrediction
from bdl_perception.perception.camera_health import CameraHealth
from bdl_perception.perception.image_geometry import ImageFit
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.regions import DEFAULT_REGIONS, Regions
from bdl_perception.perception.scores import cycle_scores, frame_scores
from bdl_perception.perception.types import Bytes, CameraFrame, Epistemic, Floats, Prediction

MAX_CHUNKS = 10_000  # of one cycle; one that takes more will never end


class SamplingPerceiver(Protocol):
    """What is needed of a perception.perceiver.Perceiver."""

    def perceive(self, frame: CameraFrame) -> Prediction:
        """Run the single pass and hold the frame."""

    def sample(self) -> Epistemic | None:
        """Run one chunk; gives the result with the last one."""


def score_drive(perceiver: SamplingPerceiver, frames: Iterable[CameraFrame],
                step_s: float, regions: Regions = DEFAULT_REGIONS) -> Iterator[Observation]:
    """
    Give one observation about every step_s of the frames' own time.

    The first picture is taken, then about one each step_s (alarm.sequential.Thinning); those
    between are read but not looked at. Stamps must rise (ValueError), as they must on line.
    """
    thinning, joiner = Thinning(step_s), Joiner(step_s)
    for cycle, frame in enumerate(filter(lambda frame: thinning.due(frame.stamp_ns),
                                         _check_stamp_order(frames)), start=1):
        joiner.add(frame_scores(perceiver.perceive(frame), regions))
        seen = joiner.add(cycle_scores(finish_cycle(perceiver), cycle, regions))
        if seen is None:
            raise RuntimeError(f'the Monte Carlo cycle after stamp {frame.stamp_ns} was of '
                               f'another frame; give a perceiver that holds none')
        yield seen


def check_camera_health(frames: Iterable[CameraFrame]) -> Iterator[CameraFrame]:
    """Pass frames on; ValueError at one that perception_node would call a fault of the camera."""
    health = CameraHealth()
    for index, frame in enumerate(frames):
        if found := health.detect_faults(frame.rgb):
            raise ValueError(f'frame {index}: {"; ".join(found)}; a calibration of it would call '
                             f'this nominal: cut it out or leave the drive out')
        yield frame


def finish_cycle(perceiver: SamplingPerceiver) -> Epistemic:
    """Run chunks until the held frame has all its samples."""
    for _ in range(MAX_CHUNKS):
        result = perceiver.sample()
        if result is not None:
            return result
    raise RuntimeError(f'no Monte Carlo result after {MAX_CHUNKS} chunks; are samples missing?')


def _check_stamp_order(frames: Iterable[CameraFrame]) -> Iterator[CameraFrame]:
    last_ns: int | None = None
    for frame in frames:
        if last_ns is not None and frame.stamp_ns <= last_ns:
            raise ValueError(f'stamp {frame.stamp_ns} follows {last_ns}; they must rise')
        last_ns = frame.stamp_ns
        yield frame


def predict(perceiver: Perceiver, labelled: LabelledFrame) -> LabelledPrediction:
    """Run the single pass and all samples; the truth is fitted as the picture is."""
    rgb = labelled.frame.rgb
    fit = perceiver.image_fit(rgb.shape[1], rgb.shape[0])
    perceiver.discard_frame()  # what a failure may have left
    prediction = perceiver.perceive(labelled.frame)
    return LabelledPrediction(labelled.title, fit.apply(rgb), prediction, finish_cycle(perceiver),
                *resize_ground_truth(fit, labelled))


def resize_ground_truth(fit: ImageFit, labelled: LabelledFrame) -> tuple[Floats | None, Bytes | None]:
    """Bring true depth and classes to the network's input."""
    depth, classes = labelled.depth, labelled.classes
    return (None if depth is None else fit.apply_to_truth(depth),
            None if classes is None else fit.apply_to_truth(classes))
