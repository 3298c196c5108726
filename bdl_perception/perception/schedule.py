# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
What to run next: the newest frame, or one more chunk of Monte Carlo samples.

After a frame at least one chunk, then more only while no newer frame waits. So a frame never
waits for more than one chunk, and a cycle of n chunks ends after n frames at the latest.
"""
from dataclasses import dataclass
from enum import Enum


class Step(Enum):
    """What the one who owns the network does next."""

    PERCEIVE = 'perceive'  # take the newest frame
    SAMPLE = 'sample'  # run one chunk on the held frame
    WAIT = 'wait'  # for a frame; there is nothing to do


@dataclass
class Schedule:
    """Remembers one thing: whether the samples are owed a chunk since the last frame."""

    chunk_owed: bool = False

    def next_step(self, frame_waits: bool, samples_left: int) -> Step:
        """Decide, given what the mailbox and the perceiver say now; the caller then does it."""
        if samples_left and (self.chunk_owed or not frame_waits):
            self.chunk_owed = False
            return Step.SAMPLE
        if frame_waits:
            self.chunk_owed = True
            return Step.PERCEIVE
        return Step.WAIT
