# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The governor slows, stops and never speeds up."""
import math

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.alarm.governor import govern, GovernorPolicy, STOP, Velocity
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
