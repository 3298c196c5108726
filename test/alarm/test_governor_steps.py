# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The governor step by step: numbers worked by hand, exact edges, and each reason in full."""
from dataclasses import FrozenInstanceError
import math

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.alarm.governor import (
    govern,
    Governor,
    GovernorPolicy,
    LevelHold,
    nav2_speed_limit,
    speed_limits,
    SpeedRamp,
    STOP,
    Velocity,
)
import pytest

NOT_FINITE = 'the commanded velocity is not finite: stop'
NO_COMMAND = 'no fresh velocity command: stop'
NO_ALERT = 'no fresh alert: stop'
POLICY = GovernorPolicy(warn_linear_m_s=2, warn_angular_rad_s=.5, crawl_linear_m_s=.5,
                        crawl_angular_rad_s=.25, recover_after_s=0)


def forward(speed: float, turn: float = 0.) -> Velocity:
    return Velocity((speed, 0., 0.), (0., 0., turn))


def test_a_policy_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        POLICY.warn_linear_m_s = 9.  # type: ignore[misc]


@pytest.mark.parametrize(('change', 'text'), [
    ({'warn_linear_m_s': 1., 'crawl_linear_m_s': 1.5},
     'the crawl 1.5 is faster than 1.0 at WARN; lower it'),
    ({'warn_angular_rad_s': .25, 'crawl_angular_rad_s': .5},
     'the crawl 0.5 is faster than 0.25 at WARN; lower it')])
def test_a_crawl_that_is_faster_than_warn_is_rejected(change, text):
    with pytest.raises(ValueError) as caught:
        GovernorPolicy(**change)
    assert str(caught.value) == text
    assert GovernorPolicy(warn_linear_m_s=1., crawl_linear_m_s=1.).crawl_linear_m_s == 1


@pytest.mark.parametrize(('level', 'age_s', 'command', 'expected', 'reason'), [
    (AlertLevel.OK, .5, forward(50), forward(50), ''),
    (AlertLevel.WARN, 0, forward(2), forward(2), ''),
    (AlertLevel.WARN, 0, forward(8), forward(2), 'alert is WARN: slowed to 25%'),
    (AlertLevel.WARN, 0, forward(1, 2), forward(.25, .5), 'alert is WARN: slowed to 25%'),
    (AlertLevel.ERROR, 0, forward(5), forward(.5), 'alert is ERROR: slowed to 10%'),
    (AlertLevel.STALE, 0, forward(5), forward(.5), 'alert is STALE: slowed to 10%'),
    (AlertLevel.OK, .75, forward(5), forward(0), NO_ALERT),
    (AlertLevel.OK, None, forward(5), forward(0), NO_ALERT),
    (AlertLevel.OK, None, STOP, STOP, NO_ALERT),
    (None, 0, forward(5), forward(0), NO_ALERT),
    (AlertLevel.OK, 0, forward(math.inf), STOP, NOT_FINITE)])
def test_without_a_ramp_the_limit_holds_at_once(level, age_s, command, expected, reason):
    assert govern(POLICY, command, level, age_s) == (expected, reason)


def test_each_component_is_scaled():
    command = Velocity((4., 4., 2.), (.4, .4, .2))  # 6 m/s and .6 rad/s
    velocity = govern(POLICY, command, AlertLevel.WARN, 0).velocity
    assert velocity.linear == pytest.approx((4 / 3, 4 / 3, 2 / 3))
    assert velocity.angular == pytest.approx((.4 / 3, .4 / 3, .2 / 3))


def test_limits_of_each_level():
    assert [speed_limits(POLICY, level) for level in (*AlertLevel, None)] == [
        (math.inf, math.inf), (2, .5), (.5, .25), (.5, .25), (0, 0)]


@pytest.mark.parametrize(('limit', 'top', 'in_m_s', 'in_percent'), [
    (math.inf, 4, 0, 0), (4, 4, 0, 0), (5, 4, 0, 0), (1, 4, 1, 25), (0, 4, .04, 1),
    (.02, 4, .04, 1), (3.9, 4, 3.9, 97.5)])
def test_nav2_gets_a_limit_that_is_never_a_release(limit, top, in_m_s, in_percent):
    assert nav2_speed_limit(limit, top, False) == pytest.approx(in_m_s)
    assert nav2_speed_limit(limit, top, True) == pytest.approx(in_percent)


def test_the_level_in_force_is_the_worst_of_the_last_time():
    hold = LevelHold(GovernorPolicy(recover_after_s=1., max_alert_age_s=10.))
    assert hold.level(0.) is None
    hold.update(2., AlertLevel.ERROR, 0.)
    assert hold.level(2.) is None  # in force until this moment
    assert [hold.level(now_s) for now_s in (2.9, 3., 3.5)] == [
        None, AlertLevel.ERROR, AlertLevel.ERROR]
    hold.update(4., AlertLevel.OK, 0.)
    assert [hold.level(now_s) for now_s in (4.99, 5., 9.)] == [
        AlertLevel.ERROR, AlertLevel.OK, AlertLevel.OK]
    hold.update(10., AlertLevel.STALE, 0.)
    assert hold.level(10.) == AlertLevel.STALE


@pytest.mark.parametrize(('stamp_age_s', 'fresh_until_s'), [(0., .5), (.25, .25), (-.5, .5)])
def test_an_alert_is_fresh_by_its_stamp_and_its_arrival(stamp_age_s, fresh_until_s):
    for after_s in (.125, .25, .375, .5, .625):
        hold = LevelHold(GovernorPolicy(recover_after_s=0., max_alert_age_s=.5))
        hold.update(8., AlertLevel.OK, stamp_age_s)
        assert (hold.level(8 + after_s) == AlertLevel.OK) == (after_s <= fresh_until_s)


def test_a_changed_policy_counts_from_the_next_call_on():
    governor = Governor(GovernorPolicy(recover_after_s=0., max_alert_age_s=.5), .05)
    governor.update_alert(1., AlertLevel.WARN, 0.)
    assert governor.level(2.) is None
    governor.set_policy(GovernorPolicy(recover_after_s=0., max_alert_age_s=2.))
    assert governor.level(2.125) == AlertLevel.WARN


def started(policy: GovernorPolicy, command: Velocity, period_s: float = .125) -> Governor:
    """Give a governor that drives a command without a limit at 10 s."""
    governor = Governor(policy, period_s)
    for index in range(81):
        governor.update_alert(index * period_s, AlertLevel.OK, 0.)
        velocity, reason = governor.step(index * period_s, command)
    assert (velocity, reason) == (command, '')
    return governor


def test_it_starts_at_rest_and_accelerates_along_the_ramp():
    policy = GovernorPolicy(max_deceleration_m_s2=4, max_jerk_m_s3=16, recover_after_s=0)
    governor = Governor(policy, .125)
    governor.update_alert(.875, AlertLevel.OK, 0.)
    assert governor.step(1., forward(10)) == (STOP, 'alert is OK: slowed to 0%')
    speeds = []
    for index in range(1, 5):
        governor.update_alert(1 + index / 8, AlertLevel.OK, 0.)
        speeds.append(governor.step(1 + index / 8, forward(10)).velocity.linear[0])
    # the rate grows by 16 / 8 = 2 m/s2 each step up to 4: .25, then .5 m/s for each step
    assert speeds == pytest.approx([.25, .75, 1.25, 1.75])


def test_a_stop_follows_the_ramp_by_hand_and_names_its_cause():
    policy = GovernorPolicy(max_deceleration_m_s2=4, max_jerk_m_s3=16, recover_after_s=0)
    governor = started(policy, forward(4))
    results = []
    for index in range(1, 5):
        governor.update_alert(10 + index / 8, AlertLevel.ERROR, 0.)
        results.append(governor.step(10 + index / 8, forward(4)))
    speeds = [velocity.linear[0] for velocity, _ in results]
    assert speeds == pytest.approx([3.75, 3.25, 2.75, 2.25])
    assert [reason for _, reason in results] == [
        'alert is ERROR: slowed to 94%', 'alert is ERROR: slowed to 81%',
        'alert is ERROR: slowed to 69%', 'alert is ERROR: slowed to 56%']


@pytest.mark.parametrize(('command', 'reason'), [
    (None, NO_COMMAND), (forward(math.nan), NOT_FINITE), (forward(1., math.inf), NOT_FINITE)])
def test_without_a_usable_command_it_brakes_along_its_last_path(command, reason):
    policy = GovernorPolicy(max_deceleration_m_s2=4, max_jerk_m_s3=16, recover_after_s=0)
    last = Velocity((2.4, 3.2, 0.), (0., 0., .4))
    governor = started(policy, last)
    governor.update_alert(10.125, AlertLevel.OK, 0.)
    velocity, found = governor.step(10.125, command)
    assert found == reason
    assert velocity.linear == pytest.approx((2.25, 3., 0.))  # 3.75 of 4 m/s
    assert velocity.angular[2] == pytest.approx(.375)


@pytest.mark.parametrize(('wanted', 'speeds'), [
    # the rate is 2, 4, 4, 4, 2 m/s2: it changes by 2 each step of an eighth of a second
    (-3., [1.75, 1.25, .75, .25, 0.]), (-1., [1., .5])])  # a slower command is never delayed
def test_a_reversal_into_a_limit_brakes_first_by_hand(wanted, speeds):
    policy = GovernorPolicy(max_deceleration_m_s2=4, max_jerk_m_s3=16, recover_after_s=0,
                            warn_linear_m_s=.5)
    governor, found = started(policy, forward(2)), []
    for index in range(1, len(speeds) + 1):
        governor.update_alert(10 + index / 8, AlertLevel.WARN, 0.)
        found.append(governor.step(10 + index / 8, forward(wanted)).velocity.linear[0])
    assert found == pytest.approx(speeds)


def test_a_reversal_without_a_limit_is_up_to_the_planner():
    governor = started(POLICY, forward(2, .5))
    governor.update_alert(10.125, AlertLevel.OK, 0.)
    assert governor.step(10.125, forward(-3, -.25)) == (forward(-3, -.25), '')


def test_a_reversal_while_the_speed_still_recovers_brakes_first():
    policy = GovernorPolicy(max_deceleration_m_s2=4, max_jerk_m_s3=16, recover_after_s=0)
    governor = Governor(policy, .125)
    for index in range(6):  # .25, .75, 1.25 ... m/s of 10
        governor.update_alert(1 + index / 8, AlertLevel.OK, 0.)
        speed = governor.step(1 + index / 8, forward(10)).velocity.linear[0]
    governor.update_alert(1.75, AlertLevel.OK, 0.)
    braked = governor.step(1.75, forward(-10)).velocity.linear[0]
    assert speed - .5 - 1e-9 <= braked < speed


def test_two_steps_at_one_time_do_not_brake_twice():
    policy = GovernorPolicy(max_deceleration_m_s2=4, max_jerk_m_s3=16, recover_after_s=0,
                            warn_linear_m_s=.5)
    governor = started(policy, forward(2))
    governor.update_alert(10.125, AlertLevel.WARN, 0.)
    first, second = (governor.step(10.125, forward(-3)).velocity for _ in range(2))
    assert first == second


def test_a_command_within_the_limit_is_passed_on_with_no_reason():
    governor = started(POLICY, forward(1, .25))
    governor.update_alert(10.125, AlertLevel.WARN, 0.)
    assert governor.step(10.125, forward(1, .25)) == (forward(1, .25), '')
    # without a limit before it, the planner accelerates as it likes, up to the limit
    assert governor.step(10.25, forward(2, .5)) == (forward(2, .5), '')


def test_no_fresh_alert_has_its_reason_even_at_rest():
    governor = Governor(POLICY, .125)
    assert governor.step(1., STOP) == (STOP, NO_ALERT)


def test_turning_has_its_own_deceleration():
    policy = GovernorPolicy(max_deceleration_m_s2=4, max_angular_deceleration_rad_s2=2,
                            max_jerk_m_s3=16, recover_after_s=0)
    governor = started(policy, forward(0, 4))
    speeds = []
    for index in range(1, 5):
        governor.update_alert(10 + index / 8, AlertLevel.ERROR, 0.)
        speeds.append(governor.step(10 + index / 8, forward(0, 4)).velocity.angular[2])
    # 4 / 16 = .25 s from 0 to the full rate, here 2 rad/s2 in steps of 1: .125, then .25
    assert speeds == pytest.approx([3.875, 3.625, 3.375, 3.125])


def test_the_slower_of_both_sets_the_pace():
    policy = GovernorPolicy(max_deceleration_m_s2=4, max_angular_deceleration_rad_s2=4,
                            max_jerk_m_s3=16, recover_after_s=0)
    governor = started(policy, forward(4, 1))
    governor.update_alert(10.125, AlertLevel.ERROR, 0.)
    velocity, _ = governor.step(10.125, forward(4, 1))
    # alone the turn would lose .25 of 1 rad/s; the speed loses 1/16, and so does the turn
    assert (velocity.linear[0], velocity.angular[2]) == pytest.approx((3.75, .9375))


@pytest.mark.parametrize(('deceleration_rad_s2', 'duration_s'), [(5., 2.2), (.1, 10.2)])
def test_a_stop_on_a_curve_takes_as_long_as_docs_alert_md_says(deceleration_rad_s2, duration_s):
    governor, now_s = started(GovernorPolicy(), forward(10, 1)), 10.
    governor.set_policy(GovernorPolicy(max_angular_deceleration_rad_s2=deceleration_rad_s2))
    while now_s == 10 or governor.step(now_s, forward(10, 1)).velocity != STOP:
        now_s += .125
        governor.update_alert(now_s, AlertLevel.ERROR, 0.)
    assert now_s - 10 == pytest.approx(duration_s, abs=.125)


def test_lost_time_counts_for_two_periods_at_most():
    policy = GovernorPolicy(max_deceleration_m_s2=4, max_jerk_m_s3=1000, recover_after_s=0)
    governor = started(policy, forward(8))
    governor.update_alert(15., AlertLevel.ERROR, 0.)
    assert governor.step(15., forward(8)).velocity.linear[0] == pytest.approx(7)  # 4 * .25
    # a clock that stands still or goes back changes no speed
    governor.update_alert(15., AlertLevel.ERROR, 0.)
    assert governor.step(15., forward(8)).velocity.linear[0] == pytest.approx(7)
    governor.update_alert(14., AlertLevel.ERROR, 0.)
    assert governor.step(14., forward(8)).velocity.linear[0] == pytest.approx(7)


def ramp(max_rate: float = 4., jerk_s: float = .25) -> SpeedRamp:
    made = SpeedRamp()
    made.set_limits(max_rate, jerk_s)
    return made


def test_a_ramp_goes_both_ways_and_not_beyond_its_target():
    for sign in (1, -1):
        found, speed = ramp(), 10.
        found.record(sign * 4.)
        assert found.next_speed(speed, speed - sign * 5, .125) == pytest.approx(10 - sign * .5)
    assert ramp(jerk_s=1e-6).next_speed(1., .9, .125) == .9
    assert ramp(jerk_s=1e-6).next_speed(.9, 1., .125) == 1.
    assert ramp().next_speed(3., 1., 0.) == ramp().next_speed(3., 1., -1.) == 3


def test_the_rate_of_a_ramp_is_recorded_within_its_bounds():
    found = ramp()
    found.record(100.)  # counts as 4; the rate cannot fall by more than 2 in a step
    assert found.next_speed(10., 10., .125) == pytest.approx(9.75) or found.next_speed(
        10., 10., .125) == 10.
    found.record(-100.)  # counts as -4, and braking starts at once from zero
    assert found.next_speed(10., 0., .125) == pytest.approx(10 - 2 * .125)


@pytest.mark.parametrize(('command', 'linear', 'angular'), [
    (forward(1e300), 99.75, 0), (forward(0, 1e300), 0, 9.75)])
def test_a_ramp_begins_at_the_speed_of_the_fastest_robot(command, linear, angular):
    policy = GovernorPolicy(max_deceleration_m_s2=4, max_angular_deceleration_rad_s2=4,
                            max_jerk_m_s3=16, recover_after_s=0)
    governor = started(policy, STOP)
    governor.update_alert(10.125, AlertLevel.OK, 0.)
    assert governor.step(10.125, command) == (command, '')
    governor.update_alert(10.25, AlertLevel.ERROR, 0.)
    velocity, _ = governor.step(10.25, command)
    # 100 m/s and 10 rad/s; the first step of a stop is .25
    assert (velocity.linear[0], velocity.angular[2]) == pytest.approx((linear, angular))


def test_a_turn_on_the_spot_ends_without_a_command():
    policy = GovernorPolicy(max_angular_deceleration_rad_s2=4, recover_after_s=0)
    governor = started(policy, forward(0, .5))
    for index in range(1, 9):
        governor.update_alert(10 + index / 8, AlertLevel.OK, 0.)
        velocity, reason = governor.step(10 + index / 8, None)
    assert (velocity.angular[2], reason) == (0, NO_COMMAND)


def test_a_command_after_a_pause_at_rest_is_a_ramp():
    policy = GovernorPolicy(max_deceleration_m_s2=4, max_jerk_m_s3=16, recover_after_s=0)
    governor = started(policy, STOP)
    speeds = []
    for index, command in enumerate((None, forward(10), forward(10)), start=1):
        governor.update_alert(10 + index / 8, AlertLevel.OK, 0.)
        speeds.append(governor.step(10 + index / 8, command).velocity.linear[0])
    assert speeds == pytest.approx([0, .25, .75])


def test_braking_of_the_planner_is_no_rate_of_the_ramp():
    policy = GovernorPolicy(max_deceleration_m_s2=4, max_jerk_m_s3=16, recover_after_s=0)
    governor = started(policy, forward(8))
    governor.update_alert(10.125, AlertLevel.OK, 0.)
    assert governor.step(10.125, forward(4)) == (forward(4), '')  # 32 m/s2, by its own choice
    governor.update_alert(10.25, AlertLevel.ERROR, 0.)
    assert governor.step(10.25, forward(4)).velocity.linear[0] == pytest.approx(3.75)
