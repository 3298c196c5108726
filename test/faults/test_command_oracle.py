# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import math
from typing import NamedTuple

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.alarm.governor import Governor, GovernorPolicy, Velocity
from bdl_perception.faults.command_oracle import (
    check_command_gaps,
    check_speeds,
    check_stops,
    CommandRule,
    held_limit_steps,
    speed_limit_steps,
    SpeedLimit,
)
from bdl_perception.faults.load import Wait, Waits
from bdl_perception.faults.oracle import FaultInterval, Requirement
from hypothesis import example, given, settings
from hypothesis import strategies as st
import pytest

OK, WARN, ERROR, STALE = AlertLevel
POLICY = GovernorPolicy()
RULE = CommandRule(POLICY, rate_hz=20., commanded_m_s=3.)


class Received(NamedTuple):
    arrival_s: float
    level: AlertLevel = OK
    reasons: tuple[str, ...] = ()


class Moved(NamedTuple):
    arrival_s: float
    linear_m_s: float


def drive(alerts, end_s, policy=POLICY, command_m_s=3.):
    """Run the governor over alerts as its node does, 20 times a second."""
    governor, waiting, commands = Governor(policy, .05), list(alerts), []
    for step in range(round(end_s * 20)):
        now_s = step / 20
        while waiting and waiting[0].arrival_s <= now_s:
            alert = waiting.pop(0)
            governor.update_alert(alert.arrival_s, alert.level, 0.)
        velocity = governor.step(now_s, Velocity((command_m_s, 0., 0.))).velocity
        commands.append(Moved(now_s, velocity.linear[0]))
    return commands


def alerts_of(*parts):
    """Make alerts at 10 Hz from (begin, end, level)."""
    return [Received(step / 10, level) for begin_s, end_s, level in parts
            for step in range(round(begin_s * 10), round(end_s * 10))]


ALERTS = alerts_of((0, 5, OK), (5, 8, ERROR), (8, 12, OK), (12, 15, WARN), (15, 20, OK))
LEVELS = st.lists(st.tuples(st.floats(.05, 2.), st.sampled_from(AlertLevel)), min_size=1,
                  max_size=20)


def test_the_governor_drives_as_required():
    commands = drive(ALERTS, 20)
    assert check_speeds(commands, ALERTS, RULE) == []
    assert commands[80].linear_m_s > 2.9 and commands[140].linear_m_s == 0.  # 4 s and 7 s


@given(LEVELS)
@example([(1., OK), (1., OK), (2., OK), (.5, OK), (1., OK)])  # 4.85 - .85 is below 4
@settings(deadline=None)
def test_the_governor_is_correct_for_alerts_that_come_at_any_time(parts):
    alerts, at_s = [], 0.
    for gap_s, level in parts:
        alerts.append(Received(at_s, level))
        at_s += gap_s
    assert check_speeds(drive(alerts, at_s), alerts, RULE) == []


@pytest.mark.parametrize(('changes', 'at_s'), [
    ({'crawl_linear_m_s': .5, 'crawl_angular_rad_s': 0.}, 7.), ({'warn_linear_m_s': 2.5}, 14.),
    ({'max_alert_age_s': 10.}, 27.), ({'max_deceleration_m_s2': 1.}, 6.9),
    ({'recover_after_s': 0.}, 8.8)])
def test_a_governor_with_weaker_limits_is_found(changes, at_s):
    policy = GovernorPolicy(**changes)
    found = check_speeds(drive(ALERTS, 29, policy), ALERTS, RULE)
    assert found and all(one.kind == 'too fast' for one in found)
    assert any(one.start_s <= at_s <= one.end_s for one in found)


@pytest.mark.parametrize(('at_s', 'speed_m_s', 'limit'), [
    (7., .01, '0.00'), (14., 2.01, '2.00'), (3., 3.1, '3.00'), (14., math.nan, '2.00'),
    (3., math.inf, '3.00')])
def test_a_single_fast_command_is_found(at_s, speed_m_s, limit):
    commands = [one._replace(linear_m_s=speed_m_s) if math.isclose(one.arrival_s, at_s) else one
                for one in drive(ALERTS, 20)]
    [found] = check_speeds(commands, ALERTS, RULE)
    assert found.start_s == pytest.approx(at_s) and f'the limit is {limit}' in found.text


def test_a_command_without_any_alert_is_found():
    assert len(check_speeds([Moved(1., 0.), Moved(1.1, .5)], [], RULE)) == 1
    assert check_speeds([Moved(1., 0.), Moved(1.1, 0.)], [], RULE) == []


def test_the_time_that_processes_waited_is_added_to_the_time_to_brake():
    commands = [Moved(step / 20, 3. if 20 < step < 132 else 0.) for step in range(160)]
    assert RULE.stop_s == pytest.approx(3 / 5 + .5 + .1 + .15)
    assert len(check_speeds(commands, ALERTS, RULE)) == 1  # 6.55 s, ERROR since 5 s
    assert check_speeds(commands, ALERTS, RULE, Waits([Wait(5., 6., .3)])) == []


def test_an_alert_that_the_governor_received_earlier_is_accepted_while_processes_wait():
    commands = drive(alerts_of((0, 5, ERROR), (5, 9, OK)), 9)  # faster than 0 from 6 s on
    late = alerts_of((0, 5, ERROR), (5.4, 9, OK))
    [found] = check_speeds(commands, late, RULE)
    assert found.kind == 'too fast' and 6 <= found.start_s <= 6.2
    assert check_speeds(commands, late, RULE, Waits([Wait(5.75, 6., .3)])) == []
    assert len(check_speeds(commands, late, RULE, Waits([Wait(5., 5.25, .3)]))) == 1


def test_no_alert_becomes_a_limit_of_zero_after_its_maximum_age():
    alerts = [Received(1., OK), Received(1.4, WARN), Received(3., STALE)]
    assert speed_limit_steps(alerts, 0., 4., POLICY) == [
        (0., 0.), (1., math.inf), (1.4, 2.), (1.4 + .5, 0.), (3., 0.), (3.5, 0.)]


def test_a_level_that_is_not_defined_is_a_limit_of_zero():
    assert speed_limit_steps([Received(1., 7)], 0., 1.1, POLICY)[-1] == (1., 0.)


def test_the_lowest_limit_holds_for_a_time():
    steps = [SpeedLimit(0., 3.), SpeedLimit(2., 0.), SpeedLimit(2.5, 3.)]
    assert [held_at(held_limit_steps(steps, 1.), at_s)
            for at_s in (1.9, 2., 2.6, 3.4, 3.6)] == [3., 0., 0., 0., 3.]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), min_size=1, max_size=12,
                unique_by=lambda row: row[0]), st.integers(0, 60))
def test_the_held_limit_is_the_minimum_of_the_window(rows, at):
    steps = [SpeedLimit(float(start), float(limit)) for start, limit in sorted(rows)]
    ends = [step.start_s for step in steps[1:]] + [math.inf]
    at_s = max(at, steps[0].start_s) + .5  # between the changes
    window = [step.limit_m_s for step, end_s in zip(steps, ends, strict=True)
              if step.start_s <= at_s and end_s > at_s - 5]
    assert held_at(held_limit_steps(steps, 5.), at_s) == min(window)


def held_at(steps, at_s):
    return [step.limit_m_s for step in steps if step.start_s <= at_s][-1]


def test_silence_of_the_governor_is_found_unless_it_cannot_publish():
    commands = [Moved(step / 20, 0.) for step in range(200) if not 100 < step < 140]
    [gap] = check_command_gaps(commands, 0., 9.95, RULE, [])
    assert gap.kind == 'command is silent' and (gap.start_s, gap.end_s) == (5., 7.)
    killed = FaultInterval('kill_governor_node', 5., 6.5, Requirement(
        frozenset({OK}), 0., 1., silences_command=True))
    assert check_command_gaps(commands, 0., 9.95, RULE, [killed]) == []
    assert check_command_gaps(commands, 0., 9.95, RULE, [], Waits([Wait(5., 7., 1.9)])) == []


def test_a_false_alert_must_stop_the_robot_whatever_it_says():
    spoofed = FaultInterval('second_alert', 5., 9., Requirement(
        frozenset(AlertLevel), .5, 1., stops=True))
    fast = [Moved(step / 20, 3.) for step in range(240)]
    [found] = check_stops(fast, [spoofed], RULE)
    assert found.start_s == pytest.approx(5 + .5 + RULE.stop_s, abs=.1) and found.end_s == 9.
    assert 'second_alert requires a stop' in found.text
    stopped = [one._replace(linear_m_s=0. if 6.8 < one.arrival_s < 9.5 else 3.) for one in fast]
    assert check_stops(stopped, [spoofed], RULE) == []
    assert check_stops(fast, [spoofed._replace(requirement=Requirement(
        frozenset(AlertLevel), .5, 1.))], RULE) == []
    late = Waits([Wait(5., 5.25, .5)])
    assert check_stops(fast, [spoofed], RULE, late)[0].start_s > found.start_s + .4
