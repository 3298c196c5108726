# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The alert machine: from scores and heartbeats to an alert for a planner.

The machine has no clock: every call passes the time. It starts STALE. It is OK only while it is
armed, perception is active, all inputs are fresh, and no alarm is latched.
"""
from dataclasses import replace
import math

from bdl_perception.alarm.alert_types import (
    AlertLevel,
    AlertPolicy,
    AlertState,
    InputTopic,
    Reason,
)
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.evidence import Evidence
from bdl_perception.alarm.freshness import Freshness, MAX_LATE_FRAMES, SteadyTime
from bdl_perception.parameter_spec import parameter_specs
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import PerceptionStatus


class Latch:
    """
    An alarm that holds: set by an error, released when three conditions hold at one moment.

    The last error is hold_s ago, the last exceedance is clear_s ago, and the evidence has fallen.
    A condition is assumed to hold until the next call, so that the result depends on the events
    and not on the number of calls.
    """

    def __init__(self, hold_s: float, clear_s: float) -> None:
        """Start released, without an exceedance."""
        self.latched = False
        self._hold_s, self._clear_s = hold_s, clear_s
        self._error_at_s: float | None = None
        self._exceeded_at_s: float | None = None

    def set_times(self, hold_s: float, clear_s: float) -> None:
        """Change the times; they count from the same events."""
        self._hold_s, self._clear_s = hold_s, clear_s

    def advance(self, now_s: float, error: bool, exceeded: bool, cleared: bool) -> None:
        """Advance to now_s; error, exceeded and cleared (evidence) held until then."""
        if error:
            self.latched, self._error_at_s = True, now_s
        if exceeded:
            self._exceeded_at_s = now_s
        held = _has_elapsed(now_s, self._error_at_s, self._hold_s)
        if cleared and held and self.is_quiet(now_s):
            self.latched = self.latched and error

    def is_quiet(self, now_s: float) -> bool:
        """Return whether no score exceeded its threshold for clear_s."""
        return _has_elapsed(now_s, self._exceeded_at_s, self._clear_s)


def _has_elapsed(now_s: float, since_s: float | None, wait_s: float) -> bool:
    return since_s is None or now_s - since_s >= wait_s


WARNED, FAULTY = 'perception_node warned', 'perception_node reported a fault'
NO_CALIBRATION = 'no calibration was loaded: make one with `bdl calibrate`'


class AlertMachine:
    """Receives status and scores, and returns the alert state at any time."""

    def __init__(self, policy: AlertPolicy, calibration: Calibration | None = None,
                 unarmed_reason: str = NO_CALIBRATION) -> None:
        """Start STALE with a calibration, or with the reason why there is none."""
        self._policy = policy
        self._time = SteadyTime()
        self._evidence = Evidence(calibration, policy.epistemic_max_age_s,
                                  policy.clear_fraction)
        self._freshness = Freshness(policy, calibration, unarmed_reason)
        self._latch = Latch(policy.hold_s, policy.clear_s)
        self._present_at_s: dict[str, float] = {}  # last time of each condition of _conditions

    def set_times(self, policy: AlertPolicy) -> None:
        """Change the live times of the policy, those of silence and of the latch."""
        self._policy = replace(self._policy, **{
            spec.name: getattr(policy, spec.name) for spec in parameter_specs(AlertPolicy)
            if spec.live})
        self._freshness.set_policy(self._policy)
        self._latch.set_times(self._policy.hold_s, self._policy.clear_s)

    def set_unarmed_reason(self, reason: str) -> None:
        """Change the reason why there is no calibration yet."""
        self._freshness.unarmed_reason = reason

    def update_status(self, now_s: float, status: PerceptionStatus) -> None:
        """
        Update by a heartbeat of perception_node.

        now_s: seconds of any clock, the same in all calls; a time that jumps back is STALE.
        status: its identity must be that of the calibration, or the alarm is not armed.
        """
        self._freshness.update_status(self._advance(now_s), status)

    def update_topics(self, status: InputTopic, scores: InputTopic) -> None:
        """Update by who publishes the inputs, for the reasons of silence."""
        self._freshness.topics = (status, scores)

    def update_scores(self, now_s: float, scores: Scores, ros_now_ns: int | None = None) -> None:
        """
        Update by the scores of a frame (cycle 0) or of a Monte Carlo cycle (from 1 on).

        now_s: seconds, as in update_status. ros_now_ns: the clock of the stamps, ns; with it the
        age of the frame is checked. A late or repeated stamp is dropped and counted.
        """
        elapsed_s = self._advance(now_s)
        late = self._freshness.count_late(scores.stamp_ns, scores.cycle > 0)
        if 0 < late < MAX_LATE_FRAMES:
            return
        if late:
            self._handle_time_jump(
                'the stamps of the frames do not advance: does a recording loop?')
        age_s = 0. if ros_now_ns is None else (ros_now_ns - scores.stamp_ns) / 1e9
        if ros_now_ns == 0:  # simulated time without a publisher
            age_s = -math.inf
        observed_ns = self._evidence.add(scores)
        if scores.cycle:
            self._freshness.update_cycle(scores.stamp_ns, observed_ns)
        else:
            self._freshness.update_frame(elapsed_s, scores.stamp_ns, age_s)

    def state(self, now_s: float) -> AlertState:
        """Return the alert state at now_s, seconds of any clock."""
        elapsed_s = self._advance(now_s)
        reasons = sorted([*self._uncalibrated_reasons(), *self._freshness.reasons(elapsed_s),
                          *self._warnings(),
                          *self._missing_reasons(), *self._held_reasons(elapsed_s),
                          *self._errors(), *self._latched_reasons(elapsed_s)],
                         reverse=True, key=lambda reason: reason.level)
        calibration, test = self._evidence.calibration, self._evidence.test
        limits = calibration.limits if calibration else None
        return AlertState(
            level=max((reason.level for reason in reasons), default=AlertLevel.OK),
            reasons=tuple(reason.text for reason in reasons),
            statistics=self._evidence.statistics,
            thresholds=dict(test.thresholds) if test else {},
            p_value=self._evidence.p_value, cusum=self._evidence.cusum.value,
            cusum_limit=limits.cusum if limits else None,
            stamp_ns=self._freshness.stamp_ns,
            slow=self._evidence.drift.value if limits and limits.slow else None,
            slow_limit=limits.slow if limits else None,
            low_thresholds=dict(test.low_thresholds) if test else {},
            late_frames=self._freshness.late_frames)

    def _clear_conditions(self, elapsed_s: float) -> str:
        """Return what must happen before the latched alarm clears."""
        waits = list(self._evidence.uncleared_evidence)
        if not self._latch.is_quiet(elapsed_s):
            waits.append(f'no score exceeds its threshold for {self._policy.clear_s:g} s')
        return ' and '.join(waits or [f'{self._policy.hold_s:g} s have passed since'])

    def _advance(self, now_s: float) -> float:
        """Advance with the conditions since the last call; returns the steady time, s."""
        back_s = self._time.advance(now_s)
        self._freshness.advance(self._time.elapsed_s)
        self._latch.advance(self._time.elapsed_s, bool(self._errors()),
                            bool(self._evidence.exceedances),
                            not self._evidence.uncleared_evidence)
        self._present_at_s |= {text: self._time.elapsed_s
                               for text, reasons in self._conditions().items() if reasons}
        if back_s > 0:
            self._handle_time_jump(f'the clock jumped back by {back_s:.3g} s: wait')
        return self._time.elapsed_s

    def _handle_time_jump(self, reason: str) -> None:
        self._freshness.record_jump(self._time.elapsed_s, reason)
        self._evidence.reset()

    def _errors(self) -> list[Reason]:
        return [*(fault for fault in self._faults() if fault.level == AlertLevel.ERROR),
                *self._evidence.errors]

    def _faults(self) -> list[Reason]:
        tolerated = self._freshness.faulty_count <= self._policy.tolerated_faults
        level = AlertLevel.WARN if tolerated else AlertLevel.ERROR
        return [Reason(level, f'perception_node reports: {fault}')
                for fault in self._freshness.faults]

    def _missing_reasons(self) -> list[Reason]:
        missing = ', '.join(self._evidence.missing)
        return [Reason(AlertLevel.STALE, f'the scores lack {missing}, which the calibration '
                       f'watches: run sender and receiver in one version')] if missing else []

    def _uncalibrated_reasons(self) -> list[Reason]:
        """Return the probable cause of an alarm, first of its level; WARN between alarms."""
        text = self._evidence.uncalibrated_reason
        level = AlertLevel.ERROR if self._latch.latched else AlertLevel.WARN
        return [Reason(level, text)] if text else []

    def _warning_level(self) -> AlertLevel:
        return AlertLevel[self._policy.warning_level.upper()]

    def _warnings(self) -> list[Reason]:
        return [Reason(self._warning_level(), f'perception_node warns: {text}')
                for text in self._freshness.warnings]

    def _conditions(self) -> dict[str, list[Reason]]:
        """Return the present reasons that count for clear_s after they ended, by their past."""
        return {WARNED: self._warnings(), FAULTY: self._faults()}

    def _held_reasons(self, elapsed_s: float) -> list[Reason]:
        """Return the conditions that ended a moment ago: the level must not toggle with them."""
        levels = {WARNED: self._warning_level()}
        return [Reason(levels.get(text, AlertLevel.WARN), f'{text} a moment ago: wait')
                for text, reasons in self._conditions().items()
                if not reasons and levels.get(text) != AlertLevel.OK
                and not (text == FAULTY and self._latch.latched)
                and not _has_elapsed(elapsed_s, self._present_at_s.get(text),
                                     self._policy.clear_s)]

    def _latched_reasons(self, elapsed_s: float) -> list[Reason]:
        """Return why the alert is not OK although there is no present error."""
        found = [fault for fault in self._faults() if fault.level == AlertLevel.WARN]
        if self._latch.latched and not self._evidence.alarmed:
            conditions = self._clear_conditions(elapsed_s)
            found.append(Reason(AlertLevel.ERROR, f'the alarm holds until {conditions}: wait'))
        exceeded = ', '.join(f'{name} is {tail}'
                             for name, tail in self._evidence.exceedances.items())
        if exceeded:
            found.append(Reason(AlertLevel.WARN, f'unlike the calibration drives: {exceeded}'))
        elif not self._latch.is_quiet(elapsed_s):
            found.append(Reason(AlertLevel.WARN,
                                'a score exceeded its threshold a moment ago: wait'))
        found += self._evidence.image_reasons
        if self._evidence.fallback_reason:
            found.append(Reason(AlertLevel.OK, self._evidence.fallback_reason))
        return found
