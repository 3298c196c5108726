# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What perception_node knows of itself, written by two threads and read by the heartbeat."""
from dataclasses import replace
import re
from threading import Lock
import time
from typing import Callable

from bdl_perception.perception.status import Identity, PerceptionStatus

MAX_FAULTS = 8  # said in one heartbeat; a flood of them says nothing more


class StatusTracker:
    """
    The status, and two kinds of faults.

    A standing fault holds until a transition succeeds. A passing fault belongs to one frame: it
    is read once, so that it reaches the alert even when the next frame is good.
    """

    def __init__(self) -> None:
        """Begin unconfigured."""
        self._lock = Lock()
        self._status = PerceptionStatus('unconfigured')
        self._persistent_fault: str | None = None
        self._transient_faults: list[str] = []

    def set_state(self, state: str, fault: str | None) -> None:
        """Note the state the node is in now, and why it is not another."""
        with self._lock:
            self._persistent_fault = fault
            self._status = replace(self._status, state=state)

    def set_identity(self, identity: Identity | None) -> None:
        """Note what the scores depend on; None: no model is loaded."""
        with self._lock:
            self._status = replace(self._status, identity=identity)

    def add_counts(self, frames_in: int = 0, frames_out: int = 0, frames_dropped: int = 0) -> None:
        """Add to the counters."""
        with self._lock:
            now = self._status
            self._status = replace(
                now, frames_in=now.frames_in + frames_in, frames_out=now.frames_out + frames_out,
                frames_dropped=now.frames_dropped + frames_dropped)

    def add_fault(self, text: str) -> bool:
        """Note a passing fault; True when it is one that was not waiting to be read already."""
        with self._lock:
            is_new = text not in self._transient_faults and len(self._transient_faults) < MAX_FAULTS
            if is_new:
                self._transient_faults.append(text)
            return is_new

    def take_snapshot(self) -> PerceptionStatus:
        """Take the status with every fault; the passing ones are forgotten by this."""
        with self._lock:
            standing = (self._persistent_fault,) if self._persistent_fault else ()
            passing, self._transient_faults = tuple(self._transient_faults), []
            return replace(self._status, faults=standing + passing)


MIN_REPEAT_S = 10.0


class FaultLog:
    """Two texts that differ in numbers only are of one kind."""

    def __init__(self, log: Callable[[str], object],
                 clock: Callable[[], float] = time.monotonic) -> None:
        """Log with this; the clock is for tests to replace."""
        self._log = log
        self._clock = clock
        self._last_logged_s: dict[str, float] = {}

    def report(self, text: str) -> None:
        """Log a fault, unless one of its kind was logged a moment ago."""
        kind, now_s = re.sub(r'\d+', '#', text), self._clock()
        if now_s - self._last_logged_s.get(kind, -MIN_REPEAT_S) >= MIN_REPEAT_S:
            self._last_logged_s[kind] = now_s
            self._log(text)
