# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The status of perception_node, and a log that limits repeated faults."""
from dataclasses import replace
import re
from threading import Lock
import time
from typing import Callable

from bdl_perception.perception.status import Identity, PerceptionStatus, printable_line

MAX_FAULTS = 8  # transient faults of one heartbeat; further ones are not reported
MIN_REPEAT_S = 10.0  # between two log lines of the same kind of fault
MAX_FAULT_KINDS = 32  # logged in that time; further ones are not logged
NUMBER_PATTERN = re.compile(r'\b(?=[a-f]*\d)[0-9a-f]{8,}\b|\d+')  # also session ids and hashes


class StatusTracker:
    """
    Collects the status from two threads for the heartbeat.

    A persistent fault lasts until a transition succeeds. A transient fault belongs to one frame:
    it is part of one snapshot, so that it reaches the alert even if the next frame is good.
    """

    def __init__(self, status_hz: float | None = None) -> None:
        """Start in the state `unconfigured`; status_hz: the rate of the heartbeat."""
        self._lock = Lock()
        self._status = PerceptionStatus('unconfigured', status_hz=status_hz)
        self._persistent_fault: str | None = None
        self._transient_faults: list[str] = []

    def set_state(self, state: str, fault: str | None) -> None:
        """Set the lifecycle state, and the persistent fault if a transition failed."""
        with self._lock:
            self._persistent_fault = printable_line(fault) if fault else None
            self._status = replace(self._status, state=state, warnings=())

    def set_identity(self, identity: Identity | None) -> None:
        """Set the identity of the loaded model; None: no model is loaded."""
        with self._lock:
            self._status = replace(self._status, identity=identity)

    def set_warnings(self, warnings: tuple[str, ...]) -> None:
        """Set the warnings, which last until they are set again."""
        with self._lock:
            self._status = replace(self._status, warnings=warnings)

    def add_counts(self, frames_in: int = 0, frames_out: int = 0, frames_dropped: int = 0) -> None:
        """Add to the frame counters."""
        with self._lock:
            now = self._status
            self._status = replace(
                now, frames_in=now.frames_in + frames_in, frames_out=now.frames_out + frames_out,
                frames_dropped=now.frames_dropped + frames_dropped)

    def add_fault(self, text: str) -> bool:
        """Add a transient fault; False if the next snapshot already has it, or is full."""
        text = printable_line(text)
        with self._lock:
            pending = self._transient_faults
            is_new = text not in pending and len(pending) < MAX_FAULTS
            if is_new:
                pending.append(text)
            return is_new

    def take_snapshot(self) -> PerceptionStatus:
        """Return the status with all faults, and clear the transient ones."""
        with self._lock:
            persistent = (self._persistent_fault,) if self._persistent_fault else ()
            transient, self._transient_faults = tuple(self._transient_faults), []
            return replace(self._status, faults=persistent + transient)


class FaultLog:
    """Logs each kind of fault at most once per MIN_REPEAT_S; numbers do not make a new kind."""

    def __init__(self, log: Callable[[str], object],
                 clock: Callable[[], float] = time.monotonic) -> None:
        """Log with this function; clock returns the time in s."""
        self._log = log
        self._clock = clock
        self._last_logged_s: dict[str, float] = {}

    def report(self, text: str) -> None:
        """Log a fault, unless one of its kind was logged in the last MIN_REPEAT_S."""
        line, now_s = printable_line(text), self._clock()
        kind = NUMBER_PATTERN.sub('#', line)
        recent = {known: logged_s for known, logged_s in self._last_logged_s.items()
                  if now_s - logged_s < MIN_REPEAT_S}
        if kind not in recent and len(recent) < MAX_FAULT_KINDS:
            recent[kind] = now_s
            self._log(line)
        self._last_logged_s = recent
