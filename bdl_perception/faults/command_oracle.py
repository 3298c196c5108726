# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Oracle of the governed command: never faster than the alert allows, and never silent.

The alerts as a subscriber received them give the speed limit of each moment; no alert within
max_alert_age_s gives 0. A command may be as fast as the highest limit of the last stop_s seconds,
the time in which the governor can brake from the commanded speed to any limit. A limit that was
in force stays so for recover_after_s.
"""
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Sequence

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.alarm.governor import GovernorPolicy, speed_limits
from bdl_perception.faults.load import Waits
from bdl_perception.faults.oracle import Alert, FaultInterval, long_gaps, merged, Violation

TOO_FAST, NO_COMMAND = 'too fast', 'command is silent'
ROUNDING_S = 1e-9  # of a difference of two times
ARRIVAL_TOLERANCE_S = .15  # between the arrival of one alert at two subscribers
MAX_LATE_S = .5  # between them, while the processes wait for a processor
SPEED_TOLERANCE_M_S = 1e-6
MAX_PERIODS = 2.  # without a command


class Command(Protocol):
    """A received velocity command of the governor."""

    @property
    def arrival_s(self) -> float:
        """Give the monotonic time of arrival."""

    @property
    def linear_m_s(self) -> float:
        """Give the speed."""


class SpeedLimit(NamedTuple):
    """A limit that holds from a time until the next one begins."""

    start_s: float
    limit_m_s: float


@dataclass(frozen=True)
class CommandRule:
    """What is required of the commands."""

    governor: GovernorPolicy
    rate_hz: float
    commanded_m_s: float

    @property
    def stop_s(self) -> float:
        """Give the time to brake from the commanded speed to a stop, and until it arrives."""
        deceleration = self.governor.max_deceleration_m_s2
        jerk_s = deceleration / self.governor.max_jerk_m_s3  # to begin and to end braking
        return (self.commanded_m_s / deceleration + 2 * jerk_s + MAX_PERIODS / self.rate_hz
                + ARRIVAL_TOLERANCE_S)


def speed_limit_steps(alerts: Sequence[Alert], begin_s: float, end_s: float,
                      policy: GovernorPolicy) -> list[SpeedLimit]:
    """Give the limits that follow from the alerts; none before the first one: 0."""
    steps = [SpeedLimit(begin_s, 0.)]
    ends_s = [alert.arrival_s for alert in alerts[1:]] + [end_s]
    for alert, next_s in zip(alerts, ends_s, strict=False):
        steps.append(SpeedLimit(alert.arrival_s, _limit(policy, alert.level)))
        if next_s - alert.arrival_s > policy.max_alert_age_s:
            steps.append(SpeedLimit(alert.arrival_s + policy.max_alert_age_s, 0.))
    return steps


def held_limit_steps(steps: Sequence[SpeedLimit], hold_s: float) -> list[SpeedLimit]:
    """Give the lowest limit of the last hold_s seconds; it changes when a lower one expires."""
    ends_s = [step.start_s for step in steps[1:]]
    times_s = sorted({step.start_s for step in steps} | {end_s + hold_s for end_s in ends_s})
    starts_s = [step.start_s for step in steps]
    held = []
    for at_s in times_s:
        # A limit that ended hold_s ago, but for rounding, does not count any more.
        first = bisect_right(ends_s, at_s - hold_s + ROUNDING_S)
        last = bisect_right(starts_s, at_s)
        held.append(SpeedLimit(at_s, min(step.limit_m_s for step in steps[first:last])))
    return held


def highest_limit(steps: Sequence[SpeedLimit], starts_s: Sequence[float], begin_s: float,
                  end_s: float) -> float:
    """Give the highest limit in force at some time of a window; starts_s: those of the steps."""
    first = max(0, bisect_right(starts_s, begin_s) - 1)
    last = max(first + 1, bisect_left(starts_s, end_s))
    return max(step.limit_m_s for step in steps[first:last])


def check_speeds(commands: Sequence[Command], alerts: Sequence[Alert], rule: CommandRule,
                 waits: Waits | None = None) -> list[Violation]:
    """Find commands that are faster than the alert or the planner allows."""
    if not commands:
        return []
    waits = waits or Waits()
    begin_s, end_s = commands[0].arrival_s, commands[-1].arrival_s
    if alerts:
        begin_s = min(begin_s, alerts[0].arrival_s)
    hold_s = max(0., rule.governor.recover_after_s - ARRIVAL_TOLERANCE_S)
    steps = held_limit_steps(speed_limit_steps(alerts, begin_s, end_s, rule.governor), hold_s)
    starts_s = [step.start_s for step in steps]
    found = []
    for command in commands:
        at_s = command.arrival_s
        since_s = at_s - rule.stop_s
        since_s -= waits.within(since_s, at_s)
        # The governor may receive an alert earlier than a subscriber that has to wait.
        until_s = at_s + min(MAX_LATE_S, waits.within(at_s - MAX_LATE_S, at_s + MAX_LATE_S))
        limit = min(rule.commanded_m_s, highest_limit(steps, starts_s, since_s, until_s))
        if not command.linear_m_s <= limit + SPEED_TOLERANCE_M_S:  # NaN is too fast
            found.append(Violation(TOO_FAST, at_s, at_s, 1,
                                   f'{command.linear_m_s:.2f} m/s, the limit is {limit:.2f}'))
    return merged(found)


def check_stops(commands: Sequence[Command], intervals: Sequence[FaultInterval],
                rule: CommandRule, waits: Waits | None = None) -> list[Violation]:
    """Find commands that move although a fault requires a stop, such as a false alert."""
    waits = waits or Waits()
    found = []
    for one in intervals:
        stopped_s = one.start_s + one.requirement.detect_s + rule.stop_s
        stopped_s += waits.within(one.start_s, stopped_s) if one.requirement.stops else 0.
        found += [Violation(TOO_FAST, command.arrival_s, command.arrival_s, 1,
                            f'{command.linear_m_s:.2f} m/s, {one.name} requires a stop')
                  for command in commands
                  if one.requirement.stops and stopped_s < command.arrival_s <= one.end_s
                  and command.linear_m_s != 0]
    return merged(found)


def check_command_gaps(commands: Sequence[Command], begin_s: float, end_s: float,
                       rule: CommandRule, intervals: Sequence[FaultInterval],
                       waits: Waits | None = None) -> list[Violation]:
    """Find times in which governor_node sent no command although nothing silenced it."""
    silent = [one for one in intervals if one.requirement.silences_command]
    bound_s = MAX_PERIODS / rule.rate_hz + ARRIVAL_TOLERANCE_S
    gaps = long_gaps([command.arrival_s for command in commands], begin_s, end_s, bound_s,
                     silent, waits)
    return [Violation(NO_COMMAND, before_s, after_s, 1,
                      f'{after_s - before_s:.2f} s without a command')
            for before_s, after_s in gaps]


def _limit(policy: GovernorPolicy, level: int) -> float:
    try:
        return speed_limits(policy, AlertLevel(level))[0]
    except ValueError:  # a level that is not defined
        return 0.
