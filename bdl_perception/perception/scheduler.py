# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
What to run next: the newest frame, or one more chunk of Monte Carlo samples.

The frame path comes first: a chunk runs when it will have ended before the next frame is due, or
when no frame has come though one was due. Only when the samples have waited so long that a cycle
would not end within `refresh_s` is a chunk owed, and then it may make one frame wait for it; the
next one is served first. So a frame is late by one chunk at most, and no cycle waits for ever.
Times come in as values, in s of one steady clock.
"""
from dataclasses import dataclass
from enum import Enum
import math
from typing import NamedTuple

LOST_FRAME_FRACTION = 0.5  # of the frame budget: a frame that is so late has been lost, or the camera is slower
DURATION_SMOOTHING = 0.1  # share of a quicker chunk in the expected duration; a slower one counts at once


class Step(Enum):
    """What the one who owns the network does next."""

    PERCEIVE = 'perceive'  # take the newest frame
    SAMPLE = 'sample'  # run one chunk on the held frame
    WAIT = 'wait'  # for a frame; there is nothing to do


class Decision(NamedTuple):
    """A step, and for WAIT how long, s: inf, until a frame comes."""

    step: Step
    wait_s: float = 0.0


@dataclass(frozen=True)
class TimeBudget:
    """What the camera and the alarm ask for."""

    frame_s: float  # from one frame to the next
    refresh_s: float  # a cycle of samples should take no longer
    chunks: int  # of a cycle

    def __post_init__(self) -> None:
        """Refuse times that nothing can keep."""
        for name in ('frame_s', 'refresh_s'):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f'{name} is {getattr(self, name)}, must be positive')
        if self.chunks < 1:
            raise ValueError(f'{self.chunks} chunks in a cycle, must be at least 1')


class Scheduler:
    """Remembers when a frame is due, when a chunk is owed, and how long a chunk takes."""

    def __init__(self, budget: TimeBudget) -> None:
        """Begin with no frame and no chunk seen."""
        self._budget = budget
        self._next_frame_s = -math.inf  # when the next frame is expected
        self._chunk_deadline_s = -math.inf  # when the samples have waited long enough
        self._chunk_s = 0.0
        self._frame_served = False  # since the last chunk

    def next_step(self, now_s: float, frame_pending: bool, samples_left: int) -> Decision:
        """Decide; the caller does it, tells perceived() or sampled(), and asks again."""
        if samples_left and self._should_sample(now_s, frame_pending):
            return Decision(Step.SAMPLE)
        if frame_pending:
            return Decision(Step.PERCEIVE)
        if not samples_left:
            return Decision(Step.WAIT, math.inf)
        return Decision(Step.WAIT, min(self._frame_lost_s, self._chunk_deadline_s) - now_s)

    def record_frame(self, arrived_s: float, end_s: float, first_of_cycle: bool) -> None:
        """Note a frame: when it came, when its pass ended, whether its samples begin now."""
        self._next_frame_s = arrived_s + self._budget.frame_s
        self._frame_served = True
        if first_of_cycle:
            self._set_chunk_deadline(end_s)

    def record_chunk(self, start_s: float, end_s: float) -> None:
        """Note a chunk."""
        took_s = end_s - start_s
        self._chunk_s = max(took_s, self._chunk_s + DURATION_SMOOTHING * (took_s - self._chunk_s))
        self._frame_served = False
        self._set_chunk_deadline(end_s)

    @property
    def _frame_lost_s(self) -> float:
        return self._next_frame_s + LOST_FRAME_FRACTION * self._budget.frame_s

    def _set_chunk_deadline(self, time_s: float) -> None:
        self._chunk_deadline_s = time_s + self._budget.refresh_s / self._budget.chunks

    def _should_sample(self, now_s: float, frame_pending: bool) -> bool:
        owed = now_s >= self._chunk_deadline_s
        if frame_pending:
            return owed and self._frame_served
        return owed or now_s + self._chunk_s <= self._next_frame_s or now_s >= self._frame_lost_s
