# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The governor slows, stops and never speeds up."""
from itertools import pairwise
import math

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.alarm.governor import (
    govern,
    Governor,
    GovernorPolicy,
    nav2_speed_limit,
    NO_SPEED_LIMIT,
    NOT_FINITE,
    speed_limits,
    STOP,
    Velocity,
)
from hypothesis import given
from hypothesis import strategies as st
import pytest

POLICY = GovernorPolicy(max_alert_age_s=.5, warn_linear_m_s=2, warn_angular_rad_s=.5)
CRAWL = GovernorPolicy(crawl_linear_m_s=.5, crawl_angular_rad_s=.25)
FAST = Velocity((4, 0, 0), (0, 0, .4))
parts = st.one_of(st.sampled_from([0., 2., -2., .5, .25]), st.floats(-30, 30))
vectors = st.tuples(parts, parts, parts)
velocities = st.builds(Velocity, vectors, vectors)
ages = st.one_of(st.none(), st.sampled_from([0., .5, .500001, -1e-9, math.nan, math.inf]))
levels = st.one_of(st.none(), st.sampled_from(AlertLevel))


def speeds(velocity: Velocity) -> tuple[float, float]:
    return math.hypot(*velocity.linear), math.hypot(*velocity.angular)


def test_ok_is_not_limited() -> None:
    assert govern(POLICY, FAST, AlertLevel.OK, .1) == (FAST, '')


def test_warn_slows_along_the_same_path() -> None:
    velocity, reason = govern(POLICY, FAST, AlertLevel.WARN, .1)
    assert velocity.linear == (2, 0, 0)
    assert velocity.angular == pytest.approx((0, 0, .2))
    assert 'WARN' in reason and '50%' in reason


def test_warn_limits_turning_too() -> None:
    velocity, _ = govern(POLICY, Velocity((1, 0, 0), (0, 0, -2)), AlertLevel.WARN, .1)
    assert velocity == Velocity((.25, 0, 0), (0, 0, -.5))


@pytest.mark.parametrize('level', [AlertLevel.ERROR, AlertLevel.STALE])
def test_error_and_stale_stop_or_crawl(level: AlertLevel) -> None:
    assert govern(POLICY, FAST, level, .1).velocity == STOP
    assert govern(CRAWL, FAST, level, .1).velocity.linear == (.5, 0, 0)


@pytest.mark.parametrize('age_s', [None, .500001, -.000001, math.nan, math.inf])
def test_no_fresh_alert_stops_even_where_errors_crawl(age_s: float | None) -> None:
    for level in AlertLevel:
        assert govern(CRAWL, FAST, level, age_s).velocity == STOP
    assert govern(CRAWL, FAST, None, .1).velocity == STOP


@pytest.mark.parametrize('level', [*AlertLevel, None])
def test_a_command_whose_speed_is_beyond_every_float_is_never_passed_on(
        level: AlertLevel | None) -> None:
    governor, command = Governor(POLICY, .05), Velocity((1.2e308, 1.2e308, 1.2e308))
    governor.update_alert(0., level, 0.)
    assert speeds(governor.step(0., command).velocity) == (0, 0)
    assert govern(POLICY, command, level, 0.) == (STOP, NOT_FINITE)


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_a_command_that_is_no_number_stops(bad: float) -> None:
    for command in (Velocity((bad, 0, 0)), Velocity((1, 0, 0), (0, 0, bad))):
        assert govern(POLICY, command, AlertLevel.OK, .1).velocity == STOP


@given(velocities, levels, ages)
def test_it_never_speeds_up_and_keeps_the_limits(command: Velocity, level: AlertLevel | None,
                                                 age_s: float | None) -> None:
    linear, angular = speeds(govern(CRAWL, command, level, age_s).velocity)
    fresh = level is not None and age_s is not None and 0 <= age_s <= .5
    limits = {AlertLevel.OK: (math.inf, math.inf), AlertLevel.WARN: (2, .5)}.get(
        level if level is not None else AlertLevel.STALE, (.5, .25)) if fresh else (0, 0)
    was = speeds(command)
    assert linear <= min(limits[0], was[0]) * (1 + 1e-9)
    assert angular <= min(limits[1], was[1]) * (1 + 1e-9)


@given(velocities, levels, levels, ages)
def test_a_worse_level_is_never_faster(command: Velocity, one: AlertLevel | None,
                                       other: AlertLevel | None,
                                       age_s: float | None) -> None:
    order = [AlertLevel.OK, AlertLevel.WARN, AlertLevel.ERROR, AlertLevel.STALE, None]
    mild, bad = sorted((one, other), key=order.index)
    allowed = speeds(govern(CRAWL, command, mild, age_s).velocity)
    worse = speeds(govern(CRAWL, command, bad, age_s).velocity)
    assert worse[0] <= allowed[0] * (1 + 1e-9) and worse[1] <= allowed[1] * (1 + 1e-9)


@pytest.mark.parametrize('change', [
    {'max_alert_age_s': math.nan}, {'warn_linear_m_s': -1}, {'crawl_linear_m_s': 3},
    {'crawl_angular_rad_s': 1}, {'warn_angular_rad_s': math.inf}])
def test_an_infeasible_policy_is_rejected(change: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        GovernorPolicy(**change)


@pytest.mark.parametrize('limit_m_s, percentage, expected', [
    (1., False, 1.), (1., True, 25.), (4., False, 0.), (4., True, 0.), (100., False, 0.),
    (math.inf, True, 0.), (0., False, .04), (0., True, 1.), (.001, False, .04)])
def test_a_limit_becomes_a_speed_limit_of_nav2(limit_m_s: float, percentage: bool,
                                               expected: float) -> None:
    assert nav2_speed_limit(limit_m_s, 4., percentage) == pytest.approx(expected)


@given(st.floats(0, 1e3) | st.just(math.inf), st.floats(1e-3, 100), st.booleans())
def test_a_speed_limit_of_nav2_never_raises_the_speed(limit_m_s: float, max_m_s: float,
                                                      percentage: bool) -> None:
    value = nav2_speed_limit(limit_m_s, max_m_s, percentage)
    nav2_m_s = max_m_s if value == NO_SPEED_LIMIT else value * (max_m_s / 100 if percentage else 1)
    assert nav2_m_s <= max(min(limit_m_s, max_m_s), .01 * max_m_s) * (1 + 1e-9)


PERIOD_S = .05
TEN = Velocity((10., 0., 0.))
RAMP = GovernorPolicy(max_deceleration_m_s2=5, max_jerk_m_s3=20, recover_after_s=1,
                      warn_linear_m_s=2)


class Drive:
    """Calls a Governor at 20 Hz with an alert every second call, and records the speeds."""

    def __init__(self, policy: GovernorPolicy = RAMP) -> None:
        self.governor, self.now_s, self.calls = Governor(policy, PERIOD_S), 0., 0
        self.speeds = [0.]
        self.reason = ''

    def run(self, seconds: float, level: AlertLevel | None, command: Velocity | None = TEN,
            stamp_age_s: float = .01) -> list[float]:
        """Run with this level (None: silence); returns the new linear speeds."""
        first = len(self.speeds)
        for _ in range(round(seconds / PERIOD_S)):
            self.now_s, self.calls = self.now_s + PERIOD_S, self.calls + 1
            if level is not None and self.calls % 2:
                self.governor.update_alert(self.now_s, level, stamp_age_s)
            velocity, self.reason = self.governor.step(self.now_s, command)
            self.speeds.append(math.hypot(*velocity.linear))
        return self.speeds[first:]


def decelerations(speeds: list[float]) -> list[float]:
    return [(old - new) / PERIOD_S for old, new in pairwise(speeds)]


def moving_at_ten() -> Drive:
    drive = Drive()
    assert drive.run(6, AlertLevel.OK)[-1] == 10
    return drive


@pytest.mark.parametrize('level, command', [
    (AlertLevel.ERROR, TEN), (AlertLevel.STALE, TEN), (None, TEN), (AlertLevel.OK, None),
    (AlertLevel.OK, Velocity((math.nan, 0., 0.))), (AlertLevel.OK, Velocity((10., math.inf, 0.)))])
def test_a_stop_from_ten_m_s_is_a_ramp_with_bounded_jerk(level: AlertLevel | None,
                                                         command: Velocity | None) -> None:
    drive = moving_at_ten()
    speeds = [10., *drive.run(4, level, command)]
    rates = decelerations(speeds)
    assert max(rates) == pytest.approx(5) and min(rates) >= 0 and speeds[-1] == 0
    changes = [abs(new - old) / PERIOD_S for old, new in pairwise([0., *rates])]
    assert max(changes) <= 20 * 1.13  # the last step of a discrete ramp is 1/8 larger
    moving_s = PERIOD_S * sum(old != new for old, new in pairwise(speeds))
    assert moving_s == pytest.approx(10 / 5 + 5 / 20, abs=2.5 * PERIOD_S)  # v / a + a / j


def test_a_planner_that_brakes_is_never_delayed() -> None:
    drive = moving_at_ten()
    assert drive.run(.05, AlertLevel.OK, Velocity((3., 0., 0.))) == [3]
    assert drive.run(.1, AlertLevel.OK, Velocity((3., 0., 0.))) == [3, 3]
    assert drive.run(.05, AlertLevel.OK, TEN) == [10]
    assert drive.run(.5, AlertLevel.ERROR)[-1] > 5
    assert drive.run(.05, AlertLevel.ERROR, Velocity((1., 0., 0.)))[0] <= 1


def test_the_path_keeps_its_shape_while_braking() -> None:
    turning = Velocity((4., 0., 0.), (0., 0., .4))
    governor = Governor(RAMP, PERIOD_S)
    for call in range(132):
        level = AlertLevel.OK if call < 120 else AlertLevel.ERROR
        governor.update_alert(call * PERIOD_S, level, 0)
        velocity, _ = governor.step(call * PERIOD_S, turning)
        assert velocity.angular[2] == pytest.approx(.1 * velocity.linear[0])
    assert 0 < velocity.linear[0] < 4


def test_a_level_that_flaps_gives_no_jumps() -> None:
    drive = moving_at_ten()
    speeds = [10.]
    for call in range(20):
        speeds += drive.run(.2, AlertLevel.ERROR if call % 2 else AlertLevel.OK)
    assert speeds == sorted(speeds, reverse=True) and speeds[-1] == 0


@pytest.mark.parametrize('recover_after_s, calls', [(0., 1), (1., 20)])
def test_the_limit_is_milder_only_after_the_alert_was(recover_after_s: float,
                                                      calls: int) -> None:
    policy = GovernorPolicy(recover_after_s=recover_after_s)
    governor = Governor(policy, PERIOD_S)
    governor.update_alert(10., AlertLevel.ERROR, 0)
    levels = []
    for call in range(1, 25):
        governor.update_alert(10 + call * PERIOD_S, AlertLevel.WARN, 0)
        levels.append(governor.level(10 + call * PERIOD_S))
    assert levels.index(AlertLevel.WARN) in (calls - 1, calls)
    governor.update_alert(12, AlertLevel.ERROR, 0)
    assert governor.level(12) in (AlertLevel.ERROR, None)


@pytest.mark.parametrize('stamp_age_s, moves', [
    (0, True), (.39, True), (.51, False), (3600, False), (1.7e9, False),
    (-.5, True), (-.501, False), (-10, False), (math.nan, False), (math.inf, False)])
def test_an_alert_that_is_old_or_from_the_future_by_its_stamp_stops(stamp_age_s: float,
                                                                    moves: bool) -> None:
    drive = Drive()
    assert (drive.run(3, AlertLevel.OK, stamp_age_s=stamp_age_s)[-1] > 0) == moves
    assert ('no fresh alert' in drive.reason) != moves


def test_a_stamp_from_the_future_does_not_extend_the_age_at_arrival() -> None:
    governor = Governor(GovernorPolicy(recover_after_s=0), PERIOD_S)
    governor.update_alert(1, AlertLevel.OK, -.5)
    assert governor.level(1.5) == AlertLevel.OK and governor.level(1.501) is None
    governor.update_alert(2, AlertLevel.OK, .25)
    assert governor.level(2.25) == AlertLevel.OK and governor.level(2.2501) is None


def test_lost_time_is_not_made_up_in_one_step() -> None:
    drive = moving_at_ten()
    drive.now_s += 5
    speeds = [10., *drive.run(1, AlertLevel.ERROR)]
    assert max(decelerations(speeds)) <= 2 * 5


def test_an_absurd_command_does_not_make_the_stop_endless() -> None:
    drive = Drive()
    drive.run(2, AlertLevel.OK, STOP)
    assert drive.run(1, AlertLevel.OK, Velocity((1e308, 0., 0.)))[-1] == 1e308
    assert drive.run(30, AlertLevel.ERROR, Velocity((1e308, 0., 0.)))[-1] == 0


actions = st.lists(st.tuples(
    st.sampled_from([.05, .05, .05, .02, .11, .3]),  # s to the next call
    st.one_of(st.none(), st.sampled_from(AlertLevel)),  # None: no alert
    st.sampled_from([0., .1, .49, .6, -.4, -3., math.nan]),  # age of its stamp
    st.one_of(st.none(), velocities, st.just(TEN), st.just(FAST),
              st.just(Velocity((math.nan, 0., 0.))))), max_size=80)


def slow_level(history: list[tuple[float, AlertLevel | None, float]], now_s: float,
               wait_s: float) -> AlertLevel | None:
    """Define the level: the worst of all moments of the last wait_s, on a grid of 10 ms."""
    def at(moment_s: float) -> AlertLevel | None:
        known = [item for item in history if item[0] <= moment_s]
        if not known or not abs(known[-1][2]) <= .5:
            return None
        received_s, level, stamp_age_s = known[-1]
        return level if moment_s - received_s + max(0, stamp_age_s) <= .5 else None
    grid = [now_s - .01 * index for index in range(round(wait_s / .01))] or [now_s]
    return max(map(at, grid), key=lambda level: 9 if level is None else level)


@given(actions)
def test_in_any_interleaving_the_speed_is_allowed_or_braking(
        actions: list[tuple[float, AlertLevel | None, float, Velocity | None]]) -> None:
    policy = GovernorPolicy(crawl_linear_m_s=.5, crawl_angular_rad_s=.25, recover_after_s=.3)
    governor, now_s, last = Governor(policy, PERIOD_S), 0., (0., 0.)
    history: list[tuple[float, AlertLevel | None, float]] = []
    for step_s, level, stamp_age_s, command in actions:
        now_s = round(now_s + step_s, 2)
        if level is not None:
            history.append((now_s, level, stamp_age_s))
            governor.update_alert(now_s, level, stamp_age_s)
        velocity = governor.step(now_s, command)[0]
        known = command is not None and all(
            map(math.isfinite, (*command.linear, *command.angular)))
        limits = speed_limits(policy, slow_level(history, now_s, .29)) if known else (0., 0.)
        wanted = speeds(command) if known and command else last
        for new, old, limit, want in zip(
                speeds(velocity), last, limits, wanted, strict=True):
            # braking: no faster than before, and slower unless the other speed sets the pace
            assert new <= max(min(limit, want), min(old, want)) * (1 + 1e-9)
            # never braked harder than the bound, unless the planner asks for less
            assert new >= min(want, old - 5 * min(step_s, .1)) * (1 - 1e-9) - 1e-9
        last = speeds(velocity)


def test_a_reversal_at_error_is_a_stop_along_the_last_direction() -> None:
    forth, back = Velocity((5., 0., 0.), (0., 0., .5)), Velocity((-5., 0., 0.), (0., 0., -.5))
    governor, found = Governor(GovernorPolicy(recover_after_s=0), PERIOD_S), []
    for call in range(200):
        level = AlertLevel.OK if call < 120 else AlertLevel.ERROR
        governor.update_alert(call * PERIOD_S, level, 0)
        found.append(governor.step(call * PERIOD_S, forth if call < 125 else back)[0])
    assert found[119] == forth and found[-1] == STOP
    for part, index in (('linear', 0), ('angular', 2)):
        values = [getattr(one, part)[index] for one in found[119:]]
        rates = [0., *decelerations(values)]
        assert min(rates) >= 0 and min(values) == 0 and max(rates) <= 5 * (1 + 1e-9)
        assert max(abs(b - a) for a, b in pairwise(rates)) / PERIOD_S <= 20 * 1.13


signed = st.sampled_from([5., -5., 4., -4., 1., -1., .3, -.3, 0.]) | st.floats(-9, 9)


@given(st.lists(st.tuples(st.sampled_from(AlertLevel), st.integers(1, 6), signed, signed),
                max_size=30))
def test_while_limited_no_step_changes_the_velocity_by_more_than_the_bound(
        moods: list[tuple[AlertLevel, int, float, float]]) -> None:
    governor, now_s, last, limited = Governor(CRAWL, PERIOD_S), 0., (0., 0.), True
    for level, linear, angular in [(mood[0], *mood[2:]) for mood in moods for _ in range(mood[1])]:
        now_s += PERIOD_S
        governor.update_alert(now_s, level, 0)
        velocity, reason = governor.step(now_s, Velocity((linear, 0, 0), (0, 0, angular)))
        now = velocity.linear[0], velocity.angular[2]
        for old, new, want in zip(last, now, (linear, angular), strict=True):
            if limited or reason and old * new < 0:
                # a slower command is never delayed
                free = max(0., abs(old) - abs(want))
                assert abs(new - old) <= 5 * PERIOD_S * (1 + 1e-9) + free + 1e-9
        last, limited = now, bool(reason)


@given(st.lists(st.sampled_from(AlertLevel), max_size=30), velocities)
def test_after_any_history_an_error_stops_in_the_time_of_the_ramp(levels: list[AlertLevel],
                                                                  command: Velocity) -> None:
    governor, now_s = Governor(GovernorPolicy(recover_after_s=0), PERIOD_S), 0.
    for level in [*levels, *[AlertLevel.ERROR] * 500]:
        now_s += PERIOD_S
        governor.update_alert(now_s, level, 0)
        velocity = governor.step(now_s, command)[0]
    assert speeds(velocity) == (0, 0)


def test_a_changed_policy_is_followed_along_the_ramp() -> None:
    drive = Drive()
    assert drive.run(6, AlertLevel.WARN)[-1] == pytest.approx(2)
    drive.governor.set_policy(GovernorPolicy(warn_linear_m_s=1, max_deceleration_m_s2=1,
                                             max_jerk_m_s3=20))
    slowed = drive.run(4, AlertLevel.WARN)
    steps = [before - after for before, after in pairwise([2., *slowed])]
    assert max(steps) <= PERIOD_S * (1 + 1e-9)
    assert slowed[-1] == pytest.approx(1)


def test_a_shorter_maximum_age_holds_from_the_next_call_on() -> None:
    drive = Drive()
    drive.run(2, AlertLevel.OK)
    drive.governor.set_policy(GovernorPolicy(max_alert_age_s=.05))
    drive.now_s += .1
    assert drive.governor.level(drive.now_s) is None
