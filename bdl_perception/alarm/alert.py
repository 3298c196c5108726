# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
From scores and heartbeats to an alert that a planner can rely on.

The machine has no clock: every call brings the time along. It starts STALE and is OK only while
it is armed, perception is active, all it needs is fresh, and no alarm is waiting to be earned off.
"""
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy, AlertState, Reason
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.evidence import Evidence
from bdl_perception.alarm.freshness import Freshness, SteadyTime
from bdl_perception.perception.status import PerceptionStatus
from bdl_perception.perception.types import Scores


class Latch:
    """
    Set by an error; let go when three things hold at one moment.

    The last error is hold_s ago, the last strange score is clear_s ago, and the evidence has
    fallen. What was true is taken to stay true until the next call, so that the answer depends on
    what happened and not on how often somebody asks.
    """

    def __init__(self, hold_s: float, clear_s: float) -> None:
        """Start released, with nothing strange seen."""
        self.latched = False
        self._hold_s, self._clear_s = hold_s, clear_s
        self._error_at_s: float | None = None
        self._exceeded_at_s: float | None = None

    def advance(self, now_s: float, error: bool, exceeded: bool, cleared: bool) -> None:
        """Let time pass up to now_s, in which error, strange and fallen were as given."""
        if error:
            self.latched, self._error_at_s = True, now_s
        if exceeded:
            self._exceeded_at_s = now_s
        if cleared and self.is_quiet(now_s) and self._has_elapsed(now_s, self._error_at_s, self._hold_s):
            self.latched = self.latched and error

    def is_quiet(self, now_s: float) -> bool:
        """Tell whether nothing strange was seen for clear_s."""
        return self._has_elapsed(now_s, self._exceeded_at_s, self._clear_s)

    @staticmethod
    def _has_elapsed(now_s: float, since_s: float | None, wait_s: float) -> bool:
        return since_s is None or now_s - since_s >= wait_s


__all__ = ['AlertMachine', 'AlertPolicy', 'AlertState', 'AlertLevel']
NO_CALIBRATION = 'no calibration was loaded: make one with `bdl calibrate`'


class AlertMachine:
    """Takes what arrives and says at any moment how it stands."""

    def __init__(self, policy: AlertPolicy, calibration: Calibration | None = None,
                 unarmed_reason: str = NO_CALIBRATION) -> None:
        """Take a calibration, or the reason why there is none."""
        self._policy = policy
        self._time = SteadyTime()
        self._evidence = Evidence(calibration, policy.epistemic_max_age_s,
                                  policy.clear_fraction)
        self._freshness = Freshness(policy, calibration, unarmed_reason)
        self._latch = Latch(policy.hold_s, policy.clear_s)

    def update_status(self, now_s: float, status: PerceptionStatus) -> None:
        """Take a heartbeat of perception_node."""
        self._freshness.update_status(self._advance(now_s), status)

    def update_scores(self, now_s: float, scores: Scores, ros_now_ns: int | None = None) -> None:
        """Take scores of a frame or a cycle; with ros_now_ns the frame's age is judged too."""
        elapsed_s = self._advance(now_s)
        if not self._freshness.is_in_order(scores.stamp_ns, scores.cycle > 0):
            self._handle_time_jump('the stamps of the pictures do not advance: does a recording loop?')
        age_s = 0. if ros_now_ns is None else (ros_now_ns - scores.stamp_ns) / 1e9
        observed_ns = self._evidence.add(scores)
        if scores.cycle:
            self._freshness.update_cycle(scores.stamp_ns, observed_ns)
        else:
            self._freshness.update_frame(elapsed_s, scores.stamp_ns, age_s)

    def state(self, now_s: float) -> AlertState:
        """Say how it stands."""
        elapsed_s = self._advance(now_s)
        reasons = sorted([*self._freshness.reasons(elapsed_s), *self._errors(),
                          *self._latched_reasons(elapsed_s)], reverse=True, key=lambda item: item.level)
        calibration, reference = self._evidence.calibration, self._evidence.distribution
        return AlertState(
            level=max((reason.level for reason in reasons), default=AlertLevel.OK),
            reasons=tuple(reason.text for reason in reasons),
            statistics=self._evidence.statistics,
            thresholds=dict(reference.thresholds) if reference else {},
            p_value=self._evidence.p_value, cusum=self._evidence.cusum.value,
            cusum_limit=calibration.cusum_limit if calibration else None,
            stamp_ns=self._freshness.stamp_ns,
            slow=self._evidence.drift.value if calibration and calibration.slow_limit else None,
            slow_limit=calibration.slow_limit if calibration else None,
            low_thresholds=dict(reference.low_thresholds) if reference else {})

    def _clear_conditions(self, elapsed_s: float) -> str:
        """Name what keeps up an alarm; it also lasts hold_s in any case."""
        waits = list(self._evidence.uncleared_evidence)
        if not self._latch.is_quiet(elapsed_s):
            waits.append(f'nothing is strange for {self._policy.clear_s:g} s')
        return ' and '.join(waits or [f'{self._policy.hold_s:g} s have passed since'])

    def _advance(self, now_s: float) -> float:
        """Let time pass with things as they were; gives the steady time."""
        back_s = self._time.advance(now_s)
        self._latch.advance(self._time.elapsed_s, bool(self._errors()),
                            bool(self._evidence.exceedances),
                            not self._evidence.uncleared_evidence)
        if back_s > 0:
            self._handle_time_jump(f'the clock jumped back by {back_s:.3g} s: wait')
        return self._time.elapsed_s

    def _handle_time_jump(self, reason: str) -> None:
        self._freshness.record_jump(self._time.elapsed_s, reason)
        self._evidence.reset()

    def _errors(self) -> list[Reason]:
        faults = [Reason(AlertLevel.ERROR, f'perception_node reports: {fault}')
                  for fault in self._freshness.faults]
        return faults + self._evidence.errors

    def _latched_reasons(self, elapsed_s: float) -> list[Reason]:
        """Say what is strange now or was lately, and whether an alarm waits to be earned off."""
        found = []
        if self._latch.latched and not self._evidence.alarmed:
            found.append(Reason(AlertLevel.ERROR, f'the alarm holds until {self._clear_conditions(elapsed_s)}: '
                                             f'wait'))
        strange = ', '.join(f'{name} is {how}' for name, how in self._evidence.exceedances.items())
        if strange:
            found.append(Reason(AlertLevel.WARN, f'unlike the calibration drives: {strange}'))
        elif not self._latch.is_quiet(elapsed_s):
            found.append(Reason(AlertLevel.WARN, 'a score was beyond its threshold a moment ago: wait'))
        if self._evidence.fallback_reason:
            found.append(Reason(AlertLevel.OK, self._evidence.fallback_reason))
        return found
