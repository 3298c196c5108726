# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Scheduling of frames and of Monte Carlo chunks on one thread.

Frames have priority: a chunk runs if it is expected to end before the next frame is due, or if a
due frame did not arrive. A chunk becomes overdue when the cycle would otherwise not end within
`refresh_s`; it then may delay one frame, and the frame after it is served first. So a frame is
late by one chunk at most, and every cycle ends. Times are arguments, in s of one steady clock.
"""
from dataclasses import dataclass
from enum import Enum
import math
from typing import NamedTuple

# Of the frame budget: a frame that is later than this is lost, or the camera is slower.
LOST_FRAME_FRACTION = 0.5
# Weight of a faster chunk in the expected duration; a slower chunk replaces it at once.
DURATION_SMOOTHING = 0.1


class Step(Enum):
    """The next action of the thread that runs the network."""

    PERCEIVE = 'perceive'  # take the newest frame
    SAMPLE = 'sample'  # run one chunk on the held frame
    WAIT = 'wait'  # for a frame


class Decision(NamedTuple):
    """A step, and the duration of WAIT in s; inf: until a frame arrives."""

    step: Step
    wait_s: float = 0.0


@dataclass(frozen=True)
class TimeBudget:
    """The period of the camera and the target duration of a Monte Carlo cycle."""

    frame_s: float  # from one frame to the next
    refresh_s: float  # target duration of a cycle of samples
    chunks: int  # of a cycle

    def __post_init__(self) -> None:
        """Check the values; ValueError names the wrong one."""
        for name in ('frame_s', 'refresh_s'):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f'{name} is {getattr(self, name)}, must be positive')
        if self.chunks < 1:
            raise ValueError(f'{self.chunks} chunks in a cycle, must be at least 1')


class Scheduler:
    """Tracks the next frame, the deadline of the next chunk and the duration of a chunk."""

    def __init__(self, budget: TimeBudget) -> None:
        """Start before the first frame."""
        self._budget = budget
        self._next_frame_s = -math.inf  # when the next frame is expected
        self._chunk_deadline_s = -math.inf  # a chunk is overdue from here on
        self._chunk_s = 0.0
        self._frame_served = False  # since the last chunk

    def next_step(self, now_s: float, frame_pending: bool, samples_left: int) -> Decision:
        """Return the next step; the caller runs it and calls record_frame or record_chunk."""
        if samples_left and self._should_sample(now_s, frame_pending):
            return Decision(Step.SAMPLE)
        if frame_pending:
            return Decision(Step.PERCEIVE)
        if not samples_left:
            return Decision(Step.WAIT, math.inf)
        return Decision(Step.WAIT, min(self._frame_lost_s, self._chunk_deadline_s) - now_s)

    def record_frame(self, arrived_s: float, end_s: float, first_of_cycle: bool) -> None:
        """Record a frame: its arrival, the end of its pass, whether it starts a cycle."""
        self._next_frame_s = arrived_s + self._budget.frame_s
        self._frame_served = True
        if first_of_cycle:
            self._set_chunk_deadline(end_s)

    def record_chunk(self, start_s: float, end_s: float) -> None:
        """Record a chunk by its start and end."""
        duration_s = end_s - start_s
        smoothed_s = self._chunk_s + DURATION_SMOOTHING * (duration_s - self._chunk_s)
        self._chunk_s = max(duration_s, smoothed_s)
        self._frame_served = False
        self._set_chunk_deadline(end_s)

    @property
    def _frame_lost_s(self) -> float:
        return self._next_frame_s + LOST_FRAME_FRACTION * self._budget.frame_s

    def _set_chunk_deadline(self, time_s: float) -> None:
        self._chunk_deadline_s = time_s + self._budget.refresh_s / self._budget.chunks

    def _should_sample(self, now_s: float, frame_pending: bool) -> bool:
        overdue = now_s >= self._chunk_deadline_s
        if frame_pending:
            return overdue and self._frame_served
        fits = now_s + self._chunk_s <= self._next_frame_s
        return overdue or fits or now_s >= self._frame_lost_s
