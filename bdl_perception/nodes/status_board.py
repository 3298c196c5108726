# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What perception_node knows of itself, written by two threads and read by the heartbeat."""
from dataclasses import replace
from threading import Lock

from bdl_perception.alarm.status import Identity
from bdl_perception.alarm.status import PerceptionStatus

MOST_FAULTS = 8  # said in one heartbeat; a flood of them says nothing more


class StatusBoard:
    """
    The status, and two kinds of faults.

    A standing fault holds until a transition succeeds. A passing fault belongs to one frame: it
    is read once, so that it reaches the alert even when the next frame is good.
    """

    def __init__(self) -> None:
        """Begin unconfigured."""
        self._lock = Lock()
        self._status = PerceptionStatus('unconfigured')
        self._standing: str | None = None
        self._passing: list[str] = []

    def transition(self, state: str, fault: str | None) -> None:
        """Note the state the node is in now, and why it is not another."""
        with self._lock:
            self._standing = fault
            self._status = replace(self._status, state=state)

    def identify(self, identity: Identity | None) -> None:
        """Note what the scores depend on; None: no model is loaded."""
        with self._lock:
            self._status = replace(self._status, identity=identity)

    def count(self, frames_in: int = 0, frames_out: int = 0, frames_dropped: int = 0) -> None:
        """Add to the counters."""
        with self._lock:
            now = self._status
            self._status = replace(
                now, frames_in=now.frames_in + frames_in, frames_out=now.frames_out + frames_out,
                frames_dropped=now.frames_dropped + frames_dropped)

    def fault(self, text: str) -> bool:
        """Note a passing fault; True when it is one that was not waiting to be read already."""
        with self._lock:
            is_new = text not in self._passing and len(self._passing) < MOST_FAULTS
            if is_new:
                self._passing.append(text)
            return is_new

    def read(self) -> PerceptionStatus:
        """Take the status with every fault; the passing ones are forgotten by this."""
        with self._lock:
            standing = (self._standing,) if self._standing else ()
            passing, self._passing = tuple(self._passing), []
            return replace(self._status, faults=standing + passing)
