# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Speed governor, an example of a planner that uses the alert: no fresh alert means stop.

All components of a velocity are scaled alike, so that the robot stays on the commanded path. What
the governor imposes is a ramp with bounded deceleration and jerk. A slower command of the planner
is never delayed: the robot is never faster than commanded. A limited command in the opposite
direction waits until the robot has braked along its last one.
"""
from dataclasses import dataclass
import math
from typing import NamedTuple

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.parameter_spec import parameter, Parameters


class Velocity(NamedTuple):
    """A commanded velocity (x, y, z); linear in m/s, angular in rad/s."""

    linear: tuple[float, float, float] = (0., 0., 0.)
    angular: tuple[float, float, float] = (0., 0., 0.)


STOP = Velocity()
ROUNDING = 1e-9  # m/s, rad/s
MAX_SPEEDS = (100., 10.)  # m/s and rad/s, of any robot
NO_SPEED_LIMIT = 0.  # of nav2_msgs/SpeedLimit, which cannot express a stop
MIN_SPEED_SHARE = .01  # of the maximum speed, the lowest limit for Nav2


@dataclass(frozen=True)
class GovernorPolicy(Parameters):
    """Speed limits for each level of the alert; OK has no limit."""

    max_alert_age_s: float = parameter(
        .5, 'maximum age of the alert, by its stamp and by its arrival; older, or stamped further '
        'in the future: stop', 's', .05, 10, live=True)
    recover_after_s: float = parameter(
        1., 'time for which the alert must be milder before the speed limit is', 's', 0, 60,
        live=True)
    max_deceleration_m_s2: float = parameter(
        5., 'maximum deceleration that the governor imposes; also its acceleration after a limit',
        'm/s2', .1, 50, live=True)
    max_angular_deceleration_rad_s2: float = parameter(
        5., 'the same for the turn rate; on a curve both speeds stop together, so that a small '
        'value prolongs the stop', 'rad/s2', .1, 50, live=True)
    max_jerk_m_s3: float = parameter(
        20., 'maximum change of that deceleration in a second', 'm/s3', .1, 1000, live=True)
    warn_linear_m_s: float = parameter(2., 'maximum speed at WARN', 'm/s', 0, 100, live=True)
    warn_angular_rad_s: float = parameter(
        .5, 'maximum turn rate at WARN', 'rad/s', 0, 10, live=True)
    crawl_linear_m_s: float = parameter(
        0., 'maximum speed at ERROR and STALE; 0: stop', 'm/s', 0, 100, live=True)
    crawl_angular_rad_s: float = parameter(
        0., 'maximum turn rate at ERROR and STALE', 'rad/s', 0, 10, live=True)

    def __post_init__(self) -> None:
        """Check the bounds, and that the limits at ERROR are not above those at WARN."""
        super().__post_init__()
        for warn, crawl in ((self.warn_linear_m_s, self.crawl_linear_m_s),
                            (self.warn_angular_rad_s, self.crawl_angular_rad_s)):
            if crawl > warn:
                raise ValueError(f'the crawl {crawl} is faster than {warn} at WARN; lower it')


NOT_FINITE = 'the commanded velocity is not finite: stop'
NO_COMMAND = 'no fresh velocity command: stop'


class GovernedCommand(NamedTuple):
    """The governed velocity, and why it is less than the command (empty: it is not)."""

    velocity: Velocity
    reason: str


def govern(policy: GovernorPolicy, command: Velocity, level: AlertLevel | None,
           alert_age_s: float | None) -> GovernedCommand:
    """Limit a command by the last alert and its age, without a ramp; None: there is none yet."""
    if not is_finite(command):
        return GovernedCommand(STOP, NOT_FINITE)
    if not _is_fresh(policy, alert_age_s):
        level = None
    if level == AlertLevel.OK:
        return GovernedCommand(command, '')
    factor = _scale_factor(command, speed_limits(policy, level))
    if factor == 1 and level is not None:
        return GovernedCommand(command, '')
    return GovernedCommand(_scale_velocity(command, factor, factor), _reason(level, factor))


def speed_limits(policy: GovernorPolicy, level: AlertLevel | None) -> tuple[float, float]:
    """Return the linear and the angular limit at a level; None, no fresh alert: zero."""
    if level is None:
        return 0., 0.
    if level == AlertLevel.OK:
        return math.inf, math.inf
    if level == AlertLevel.WARN:
        return policy.warn_linear_m_s, policy.warn_angular_rad_s
    return policy.crawl_linear_m_s, policy.crawl_angular_rad_s


def nav2_speed_limit(limit_m_s: float, max_speed_m_s: float, percentage: bool) -> float:
    """
    Convert a limit to the field speed_limit of nav2_msgs/SpeedLimit, in m/s or in percent.

    max_speed_m_s: that of the controller, which a limit must never raise. 0 means no limit there,
    so a stop becomes MIN_SPEED_SHARE; cmd_vel_out is what stops the robot.
    """
    share = max(MIN_SPEED_SHARE, limit_m_s / max_speed_m_s)
    if share >= 1:
        return NO_SPEED_LIMIT
    return share * (100 if percentage else max_speed_m_s)


def is_finite(velocity: Velocity) -> bool:
    """Return whether both speeds are finite; a component that is not makes its speed so."""
    return all(map(math.isfinite, _speeds(velocity)))


class LevelHold:
    """The worst level in force in the last recover_after_s; None is worse than every level."""

    def __init__(self, policy: GovernorPolicy) -> None:
        """Start without an alert."""
        self._policy = policy
        self._level: AlertLevel | None = None
        self._received_s = self._age_s = 0.
        self._in_force_s: dict[AlertLevel | None, float] = {}  # last time

    def set_policy(self, policy: GovernorPolicy) -> None:
        """Change the ages that count from the next call on."""
        self._policy = policy

    def update(self, now_s: float, level: AlertLevel | None, stamp_age_s: float) -> None:
        """Receive an alert; stamp_age_s: time since its stamp; None: it cannot be trusted."""
        self.level(now_s)
        usable = abs(stamp_age_s) <= self._policy.max_alert_age_s  # false for NaN
        self._level = level if usable else None
        self._received_s, self._age_s = now_s, max(0., stamp_age_s)
        self.level(now_s)

    def level(self, now_s: float) -> AlertLevel | None:
        """Return the level that limits the speed at now_s."""
        fresh = _is_fresh(self._policy, now_s - self._received_s + self._age_s)
        self._in_force_s[self._level if fresh else None] = now_s
        oldest_s = now_s - self._policy.recover_after_s
        recent = [level for level, at_s in self._in_force_s.items()
                  if at_s == now_s or at_s > oldest_s]
        return max(recent, key=lambda level: math.inf if level is None else level)


class Governor:
    """Limits a stream of commands; every call passes the time, s of any steady clock."""

    def __init__(self, policy: GovernorPolicy, period_s: float) -> None:
        """Start at rest, without an alert; period_s: of the calls of step()."""
        self._max_step_s = 2 * period_s  # a process that was stopped must not jump afterwards
        self._hold = LevelHold(policy)
        self._last = STOP
        self._last_s: float | None = None
        self._ramps = (SpeedRamp(), SpeedRamp())
        self._limited = True
        self.set_policy(policy)

    def set_policy(self, policy: GovernorPolicy) -> None:
        """Change the policy from the next call on; the speed follows along the ramps."""
        self._policy = policy
        self._hold.set_policy(policy)
        jerk_s = policy.max_deceleration_m_s2 / policy.max_jerk_m_s3
        for ramp, max_rate in zip(self._ramps, (policy.max_deceleration_m_s2,
                                                policy.max_angular_deceleration_rad_s2),
                                  strict=True):
            ramp.set_limits(max_rate, jerk_s)

    def update_alert(self, now_s: float, level: AlertLevel | None, stamp_age_s: float) -> None:
        """Receive an alert; None: it cannot be trusted. stamp_age_s: time since its stamp."""
        self._hold.update(now_s, level, stamp_age_s)

    def level(self, now_s: float) -> AlertLevel | None:
        """Return the level that limits the speed at now_s; None: no fresh alert."""
        return self._hold.level(now_s)

    def step(self, now_s: float, command: Velocity | None) -> GovernedCommand:
        """Return the velocity for now_s; command None: there is no fresh one."""
        last_s = now_s if self._last_s is None else self._last_s
        step_s, self._last_s = min(max(0., now_s - last_s), self._max_step_s), now_s
        level = self._hold.level(now_s)
        usable = command is not None and is_finite(command)
        # Without a command the robot brakes along its last path.
        path = command if command is not None and usable else self._last
        limits = speed_limits(self._policy, level) if usable else (0., 0.)
        turned = self._reversed_parts(path, limits)
        velocity = self._ramped(self._braking_path(path, turned, step_s), limits, step_s)
        self._record_braking(velocity, turned, step_s)
        self._limited = not usable or velocity != path
        self._last = velocity
        if not usable:
            return GovernedCommand(velocity, NOT_FINITE if command else NO_COMMAND)
        if not self._limited and level is not None:
            return GovernedCommand(velocity, '')
        return GovernedCommand(velocity, _reason(level, _scale_factor(path, _speeds(velocity))))

    def _reversed_parts(self, path: Velocity, limits: tuple[float, float]) -> list[bool]:
        """Return for both parts whether a limited path is opposite to the last velocity."""
        limited = self._limited or _scale_factor(path, limits) < 1
        return [limited and sum(map(math.prod, zip(new, old, strict=True))) < 0
                for new, old in zip(path, self._last, strict=True)]

    def _braking_path(self, path: Velocity, turned: list[bool], step_s: float) -> Velocity:
        """Replace the reversed parts by the next velocity of a stop in their last direction."""
        parts = []
        for ramp, wanted, last, top, is_turned in zip(
                self._ramps, path, self._last, MAX_SPEEDS, turned, strict=True):
            if is_turned:
                old = math.hypot(*last)
                speed = min(math.hypot(*wanted), ramp.next_speed(min(old, top), 0., step_s))
                wanted = (last[0] * speed / old, last[1] * speed / old, last[2] * speed / old)
            parts.append(wanted)
        return Velocity(*parts)

    def _record_braking(self, velocity: Velocity, turned: list[bool], step_s: float) -> None:
        """Store the rates of the reversed parts, for the bound of the jerk."""
        for ramp, old, new, is_turned in zip(
                self._ramps, _speeds(self._last), _speeds(velocity), turned, strict=True):
            if is_turned and step_s:
                ramp.record((old - new) / step_s)

    def _ramped(self, path: Velocity, limits: tuple[float, float], step_s: float) -> Velocity:
        """Scale path towards the limits, within the bounds of the ramps."""
        wanted = _speeds(path)
        # No robot is faster: a ramp from a commanded 1e308 m/s would never end.
        last = [min(pair) for pair in zip(_speeds(self._last), MAX_SPEEDS, strict=True)]
        factor = _scale_factor(path, limits)
        targets = [speed * factor for speed in wanted]
        ramped, braked = ([
            ramp.next_speed(old, target, step_s) if self._limited or target < old else target
            for ramp, old, target in zip(self._ramps, last, goals, strict=True)]
            for goals in (targets, [0., 0.]))
        caps = _keep_pace(last, ramped, targets)
        factor = _scale_factor(path, (caps[0], caps[1]))
        speeds = [min(want, max(want * factor, min(brake, cap)))
                  for want, brake, cap in zip(wanted, braked, caps, strict=True)]
        for ramp, old, new, want in zip(self._ramps, last, speeds, wanted, strict=True):
            ramp.record((old - new) / step_s if step_s and new < want else 0.)
        linear, angular = (1. if new >= want else new / want
                           for new, want in zip(speeds, wanted, strict=True))
        return _scale_velocity(path, linear, angular)


def _keep_pace(last: list[float], ramped: list[float], targets: list[float]) -> list[float]:
    """Slow both speeds as much as the one that takes longer: the path keeps its shape."""
    rows = list(zip(last, ramped, targets, strict=True))
    pace = max((new / old for old, new, target in rows if old > target), default=0.)
    return [max(new, old * pace) if old > target else new for old, new, target in rows]


class SpeedRamp:
    """A speed that approaches a target with bounded acceleration and jerk, in both directions."""

    def __init__(self) -> None:
        """Start at a constant speed, without a rate: set_limits() gives it."""
        self._max_rate = self._max_jerk = 0.
        self._rate = 0.  # of the last step, positive: slower

    def set_limits(self, max_rate: float, jerk_s: float) -> None:
        """Bound the rate; jerk_s: time from a constant speed to max_rate, s."""
        self._max_rate, self._max_jerk = max_rate, max_rate / jerk_s

    def next_speed(self, speed: float, target: float, step_s: float) -> float:
        """Return the speed one step later; a start to accelerate ends at once."""
        if step_s <= 0:
            return speed
        change, gap = self._max_jerk * step_s, speed - target
        # Rates of n, n - 1, ... times `change` cover the gap when n (n + 1) / 2 of them do.
        steps = (math.sqrt(1 + 8 * abs(gap) / (change * step_s)) - 1) / 2
        rate = math.copysign(min(self._max_rate, steps * change, abs(gap) / step_s), gap)
        rate = min(max(rate, self._rate - change), max(self._rate, 0.) + change)
        following = max(0., speed - rate * step_s)
        if abs(following - target) < ROUNDING:
            return target
        return max(target, following) if gap >= 0 else min(target, following)

    def record(self, rate: float) -> None:
        """Store the rate of the last step; zero if nothing was limited."""
        self._rate = min(max(rate, -self._max_rate), self._max_rate)


def _is_fresh(policy: GovernorPolicy, age_s: float | None) -> bool:
    """Return False for NaN, and for a negative age: the clocks differ then."""
    return age_s is not None and 0 <= age_s <= policy.max_alert_age_s


def _reason(level: AlertLevel | None, factor: float) -> str:
    if level is None:
        return 'no fresh alert: stop'
    return f'alert is {level.name}: slowed to {factor:.0%}'


def _speeds(velocity: Velocity) -> tuple[float, float]:
    return math.hypot(*velocity.linear), math.hypot(*velocity.angular)


def _scale_factor(command: Velocity, limits: tuple[float, float]) -> float:
    """Return the largest factor up to 1 with both speeds within their limits."""
    return min([1., *(limit / speed for limit, speed in zip(limits, _speeds(command), strict=True)
                      if speed > limit)])


def _scale_velocity(command: Velocity, linear: float, angular: float) -> Velocity:
    (vx, vy, vz), (wx, wy, wz) = command
    return Velocity((vx * linear, vy * linear, vz * linear),
                    (wx * angular, wy * angular, wz * angular))
