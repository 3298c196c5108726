# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Freshness of the inputs of an alert, and the reasons why it is STALE."""
import math
from typing import NamedTuple

from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy, Reason
from bdl_perception.alarm.arming import rejection_reasons
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.perception.status import ACTIVE_STATE, PerceptionStatus

REMEDIES = {  # lifecycle state -> what to do
    'unconfigured': 'configure and activate it',
    'inactive': 'activate it',
    'finalized': 'start it again',
}


class SteadyTime:
    """Monotonic seconds from a clock that may jump back."""

    def __init__(self) -> None:
        """Start at zero with the first reading."""
        self._now_s: float | None = None
        self.elapsed_s = 0.

    def advance(self, now_s: float) -> float:
        """Advance to a reading of the clock; returns by how many seconds it jumped back."""
        if not math.isfinite(now_s):
            raise ValueError(f'the clock reads {now_s} s, must be finite')
        passed_s = now_s - (now_s if self._now_s is None else self._now_s)
        self._now_s = now_s
        self.elapsed_s += max(0., passed_s)
        return max(0., -passed_s)


class _FrameArrival(NamedTuple):
    stamp_ns: int
    arrival_s: float
    age_s: float  # at arrival, since the stamp


class Freshness:
    """Stores the last arrivals and returns what is missing; times are of SteadyTime."""

    def __init__(self, policy: AlertPolicy, calibration: Calibration | None,
                 unarmed_reason: str) -> None:
        """Start without an arrival; unarmed_reason: why there is no calibration."""
        self._policy = policy
        self._calibration = calibration
        self._unarmed_reason = unarmed_reason
        self._status: tuple[float, PerceptionStatus] | None = None
        self._frame: _FrameArrival | None = None
        self._observed_ns: int | None = None
        self._cycle_ns: int | None = None
        self._jump: tuple[float, str] | None = None

    @property
    def faults(self) -> tuple[str, ...]:
        """Return the faults that perception_node last reported."""
        return self._status[1].faults if self._status else ()

    @property
    def stamp_ns(self) -> int | None:
        """Return the stamp of the newest frame, ns."""
        return self._frame.stamp_ns if self._frame else None

    def update_status(self, now_s: float, status: PerceptionStatus) -> None:
        """Store a heartbeat."""
        self._status = (now_s, status)

    def is_in_order(self, stamp_ns: int, is_cycle: bool) -> bool:
        """Return whether a stamp is later than the last one of a frame or cycle."""
        last_ns = self._cycle_ns if is_cycle else self.stamp_ns
        return last_ns is None or stamp_ns > last_ns

    def record_jump(self, now_s: float, reason: str) -> None:
        """Discard all frames: their stamps or the times are no longer in order."""
        self._frame = self._observed_ns = self._cycle_ns = None
        self._jump = (now_s, reason)

    def update_frame(self, now_s: float, stamp_ns: int, age_s: float) -> None:
        """Store the arrival of the scores of a frame."""
        self._frame = _FrameArrival(stamp_ns, now_s, age_s)

    def update_cycle(self, stamp_ns: int, observed_ns: int | None) -> None:
        """Store the stamp of a cycle, and of the observation that it completed, if any."""
        self._cycle_ns = stamp_ns
        self._observed_ns = self._observed_ns if observed_ns is None else observed_ns

    def reasons(self, now_s: float) -> list[Reason]:
        """Return all reasons why the alert is STALE."""
        texts = [*self._status_texts(now_s), *self._arming_texts(), *self._order_texts(now_s),
                 *self._frame_texts(now_s)]
        return [Reason(AlertLevel.STALE, text) for text in texts]

    def _status_texts(self, now_s: float) -> list[str]:
        if self._status is None:
            return ['no status of perception_node was received: start it']
        at_s, status = self._status
        if now_s - at_s > self._policy.stale_after_s:
            return [f'perception_node is silent for {now_s - at_s:.1f} s: is it running?']
        if status.state != ACTIVE_STATE:
            remedy = REMEDIES.get(status.state, 'wait, or read its log')
            return [f'perception_node is {status.state}: {remedy}']
        return []

    def _arming_texts(self) -> list[str]:
        if self._calibration is None:
            return [f'not armed: {self._unarmed_reason}']
        if self._status is None:
            return []  # _status_texts has the reason
        identity, state = self._status[1].identity, self._status[1].state
        if identity is None and state != ACTIVE_STATE:
            return []  # the same: no model is loaded yet
        return [f'not armed: {text}' for text in rejection_reasons(self._calibration, identity)]

    def _order_texts(self, now_s: float) -> list[str]:
        if self._jump is None or now_s - self._jump[0] >= self._policy.hold_s:
            return []
        return [self._jump[1]]

    def _frame_texts(self, now_s: float) -> list[str]:
        if self._frame is None:
            return ['no scores were received: is the camera publishing?']
        silent_s, age_s = now_s - self._frame.arrival_s, self._frame.age_s
        if silent_s > self._policy.stale_after_s:
            return [f'no scores for {silent_s:.1f} s: is the camera publishing?']
        if abs(age_s) > self._policy.max_frame_age_s:
            return [f'frames are {age_s:.1f} s old on arrival: reduce the load, or '
                    f'synchronise the clocks']
        return self._epistemic_texts(silent_s, self._frame.stamp_ns)

    def _epistemic_texts(self, silent_s: float, stamp_ns: int) -> list[str]:
        """Check the age of the frame of the last result, not of its arrival."""
        if self._observed_ns is None:
            return ['no Monte Carlo result with every watched score yet: wait']
        age_s = silent_s + (stamp_ns - self._observed_ns) / 1e9
        if age_s > self._policy.epistemic_max_age_s:
            return [f'the last Monte Carlo result is {age_s:.1f} s old: reduce the load']
        return []
