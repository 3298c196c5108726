# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The scores of a recording, by the same functions and in the same steps as in the nodes."""
from typing import Iterable, Iterator, Protocol

from bdl_perception.alarm.evidence import Joiner
from bdl_perception.alarm.evidence import Observation
from bdl_perception.alarm.health import CameraHealth
from bdl_perception.alarm.regions import DEFAULT
from bdl_perception.alarm.regions import Regions
from bdl_perception.alarm.scores import cycle_scores
from bdl_perception.alarm.scores import frame_scores
from bdl_perception.alarm.sequential import Thinning
from bdl_perception.perception.values import CameraFrame
from bdl_perception.perception.values import Epistemic
from bdl_perception.perception.values import Prediction

MOST_CHUNKS = 10_000  # of one cycle; one that takes more will never end


class Sampling(Protocol):
    """What is needed of a perception.perceiver.Perceiver."""

    def perceive(self, frame: CameraFrame) -> Prediction:
        """Run the single pass and hold the frame."""

    def sample(self) -> Epistemic | None:
        """Run one chunk; gives the result with the last one."""


def score_drive(perceiver: Sampling, frames: Iterable[CameraFrame],
                step_s: float, regions: Regions = DEFAULT) -> Iterator[Observation]:
    """
    Give one observation about every step_s of the frames' own time.

    The first picture is taken, then about one each step_s (alarm.sequential.Thinning); those
    between are read but not looked at. Stamps must rise (ValueError), as they must on line.
    """
    thinning, joiner = Thinning(step_s), Joiner(step_s)
    for cycle, frame in enumerate(filter(lambda frame: thinning.due(frame.stamp_ns),
                                         _in_order(frames)), start=1):
        joiner.add(frame_scores(perceiver.perceive(frame), regions))
        seen = joiner.add(cycle_scores(finish_cycle(perceiver), cycle, regions))
        if seen is None:
            raise RuntimeError(f'the Monte Carlo cycle after stamp {frame.stamp_ns} was of '
                               f'another frame; give a perceiver that holds none')
        yield seen


def healthy(frames: Iterable[CameraFrame]) -> Iterator[CameraFrame]:
    """Pass frames on; ValueError at one that perception_node would call a fault of the camera."""
    health = CameraHealth()
    for index, frame in enumerate(frames):
        if found := health.faults(frame.rgb):
            raise ValueError(f'frame {index}: {"; ".join(found)}; a calibration of it would call '
                             f'this nominal: cut it out or leave the drive out')
        yield frame


def finish_cycle(perceiver: Sampling) -> Epistemic:
    """Run chunks until the held frame has all its samples."""
    for _ in range(MOST_CHUNKS):
        result = perceiver.sample()
        if result is not None:
            return result
    raise RuntimeError(f'no Monte Carlo result after {MOST_CHUNKS} chunks; are samples missing?')


def _in_order(frames: Iterable[CameraFrame]) -> Iterator[CameraFrame]:
    last_ns: int | None = None
    for frame in frames:
        if last_ns is not None and frame.stamp_ns <= last_ns:
            raise ValueError(f'stamp {frame.stamp_ns} follows {last_ns}; they must rise')
        last_ns = frame.stamp_ns
        yield frame
