# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
From scores and heartbeats to an alert that a planner can rely on.

The machine has no clock: every call brings the time along. It starts STALE and is OK only while
it is armed, perception is active, all it needs is fresh, and no alarm is waiting to be earned off.
"""
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.evidence import Evidence
from bdl_perception.alarm.freshness import Freshness
from bdl_perception.alarm.freshness import SteadyTime
from bdl_perception.alarm.latch import Latch
from bdl_perception.alarm.level import AlertState
from bdl_perception.alarm.level import Level
from bdl_perception.alarm.level import Reason
from bdl_perception.alarm.policy import AlertPolicy
from bdl_perception.alarm.status import PerceptionStatus
from bdl_perception.perception.values import Scores

__all__ = ['AlertMachine', 'AlertPolicy', 'AlertState', 'Level']
NO_CALIBRATION = 'no calibration was loaded: make one with `bdl calibrate`'


class AlertMachine:
    """Takes what arrives and says at any moment how it stands."""

    def __init__(self, policy: AlertPolicy, calibration: Calibration | None = None,
                 unarmed: str = NO_CALIBRATION) -> None:
        """Take a calibration, or the reason why there is none."""
        self._policy = policy
        self._time = SteadyTime()
        self._evidence = Evidence(calibration, policy.epistemic_max_age_s,
                                  policy.clear_fraction)
        self._freshness = Freshness(policy, calibration, unarmed)
        self._latch = Latch(policy.hold_s, policy.clear_s)

    def status(self, now_s: float, status: PerceptionStatus) -> None:
        """Take a heartbeat of perception_node."""
        self._freshness.status(self._advance(now_s), status)

    def scores(self, now_s: float, scores: Scores, ros_now_ns: int | None = None) -> None:
        """Take scores of a frame or a cycle; with ros_now_ns the frame's age is judged too."""
        elapsed_s = self._advance(now_s)
        if not self._freshness.in_order(scores.stamp_ns, scores.cycle > 0):
            self._jumped('the stamps of the pictures do not advance: does a recording loop?')
        age_s = 0. if ros_now_ns is None else (ros_now_ns - scores.stamp_ns) / 1e9
        observed_ns = self._evidence.add(scores)
        if scores.cycle:
            self._freshness.cycle(scores.stamp_ns, observed_ns)
        else:
            self._freshness.frame(elapsed_s, scores.stamp_ns, age_s)

    def state(self, now_s: float) -> AlertState:
        """Say how it stands."""
        elapsed_s = self._advance(now_s)
        reasons = sorted([*self._freshness.reasons(elapsed_s), *self._errors(),
                          *self._remembered(elapsed_s)], reverse=True, key=lambda item: item.level)
        calibration, reference = self._evidence.calibration, self._evidence.reference
        return AlertState(
            level=max((reason.level for reason in reasons), default=Level.OK),
            reasons=tuple(reason.text for reason in reasons),
            statistics=self._evidence.statistics,
            thresholds=dict(reference.thresholds) if reference else {},
            p_value=self._evidence.p_value, cusum=self._evidence.cusum.value,
            cusum_limit=calibration.cusum_limit if calibration else None,
            stamp_ns=self._freshness.stamp_ns,
            slow=self._evidence.drift.value if calibration and calibration.slow_limit else None,
            slow_limit=calibration.slow_limit if calibration else None,
            low_thresholds=dict(reference.low_thresholds) if reference else {})

    def _awaited(self, elapsed_s: float) -> str:
        """Name what keeps up an alarm; it also lasts hold_s in any case."""
        waits = list(self._evidence.unfallen)
        if not self._latch.quiet(elapsed_s):
            waits.append(f'nothing is strange for {self._policy.clear_s:g} s')
        return ' and '.join(waits or [f'{self._policy.hold_s:g} s have passed since'])

    def _advance(self, now_s: float) -> float:
        """Let time pass with things as they were; gives the steady time."""
        back_s = self._time.advance(now_s)
        self._latch.advance(self._time.elapsed_s, bool(self._errors()),
                            bool(self._evidence.strange),
                            not self._evidence.unfallen)
        if back_s > 0:
            self._jumped(f'the clock jumped back by {back_s:.3g} s: wait')
        return self._time.elapsed_s

    def _jumped(self, what: str) -> None:
        self._freshness.jumped(self._time.elapsed_s, what)
        self._evidence.forget()

    def _errors(self) -> list[Reason]:
        faults = [Reason(Level.ERROR, f'perception_node reports: {fault}')
                  for fault in self._freshness.faults]
        return faults + self._evidence.errors

    def _remembered(self, elapsed_s: float) -> list[Reason]:
        """Say what is strange now or was lately, and whether an alarm waits to be earned off."""
        found = []
        if self._latch.held and not self._evidence.alarmed:
            found.append(Reason(Level.ERROR, f'the alarm holds until {self._awaited(elapsed_s)}: '
                                             f'wait'))
        strange = ', '.join(f'{name} is {how}' for name, how in self._evidence.strange.items())
        if strange:
            found.append(Reason(Level.WARN, f'unlike the calibration drives: {strange}'))
        elif not self._latch.quiet(elapsed_s):
            found.append(Reason(Level.WARN, 'a score was beyond its threshold a moment ago: wait'))
        if self._evidence.fallback:
            found.append(Reason(Level.OK, self._evidence.fallback))
        return found
