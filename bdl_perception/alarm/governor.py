# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Speed governor, an example of a planner that uses the alert: no fresh alert means stop.

All components of a velocity are scaled alike, so that the robot stays on the commanded path.
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


@dataclass(frozen=True)
class GovernorPolicy(Parameters):
    """Speed limits for each level of the alert; OK has no limit."""

    max_alert_age_s: float = parameter(
        .5, 'maximum age of the alert; older: stop', 's', .05, 10)
    warn_linear_m_s: float = parameter(2., 'maximum speed at WARN', 'm/s', 0, 100)
    warn_angular_rad_s: float = parameter(.5, 'maximum turn rate at WARN', 'rad/s', 0, 10)
    crawl_linear_m_s: float = parameter(
        0., 'maximum speed at ERROR and STALE; 0: stop', 'm/s', 0, 100)
    crawl_angular_rad_s: float = parameter(
        0., 'maximum turn rate at ERROR and STALE', 'rad/s', 0, 10)

    def __post_init__(self) -> None:
        """Check the bounds, and that the limits at ERROR are not above those at WARN."""
        super().__post_init__()
        for warn, crawl in ((self.warn_linear_m_s, self.crawl_linear_m_s),
                            (self.warn_angular_rad_s, self.crawl_angular_rad_s)):
            if crawl > warn:
                raise ValueError(f'the crawl {crawl} is faster than {warn} at WARN; lower it')


class GovernedCommand(NamedTuple):
    """The governed velocity, and why it is less than the command (empty: it is not)."""

    velocity: Velocity
    reason: str


def govern(policy: GovernorPolicy, command: Velocity, level: AlertLevel | None,
           alert_age_s: float | None) -> GovernedCommand:
    """Limit a command by the last alert and its age; None: there is none yet."""
    if not all(map(math.isfinite, (*command.linear, *command.angular))):
        return GovernedCommand(STOP, 'the commanded velocity is not finite: stop')
    # In this form a NaN age is not fresh; a negative age means that the clocks differ.
    if level is None or alert_age_s is None or not 0 <= alert_age_s <= policy.max_alert_age_s:
        return GovernedCommand(STOP, 'no fresh alert: stop')
    if level == AlertLevel.OK:
        return GovernedCommand(command, '')
    factor = _speed_factor(policy, command, level)
    if factor == 1:
        return GovernedCommand(command, '')
    return GovernedCommand(_scale_velocity(command, factor),
                           f'alert is {level.name}: slowed to {factor:.0%}')


def _speed_factor(policy: GovernorPolicy, command: Velocity, level: AlertLevel) -> float:
    """Return the largest factor up to 1 with both speeds within the limits of the level."""
    limits = ((policy.warn_linear_m_s, policy.warn_angular_rad_s) if level == AlertLevel.WARN
              else (policy.crawl_linear_m_s, policy.crawl_angular_rad_s))
    speeds = (math.hypot(*command.linear), math.hypot(*command.angular))
    return min([1., *(limit / speed for limit, speed in zip(limits, speeds, strict=True)
                      if speed > limit)])


def _scale_velocity(command: Velocity, factor: float) -> Velocity:
    linear, angular = (tuple(part * factor for part in parts) for parts in command)
    return Velocity((linear[0], linear[1], linear[2]), (angular[0], angular[1], angular[2]))
