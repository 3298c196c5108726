# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
A planner's side of the alert, as a worked example: no fresh alert means degrade.

Speeds are scaled as a whole, so that the robot stays on the path that was commanded.
"""
from dataclasses import dataclass, fields
import math
from typing import NamedTuple

from bdl_perception.alarm.alert_types import AlertLevel


class Velocity(NamedTuple):
    """A commanded velocity (x, y, z); linear in m/s, angular in rad/s."""

    linear: tuple[float, float, float] = (0., 0., 0.)
    angular: tuple[float, float, float] = (0., 0., 0.)


STOP = Velocity()


@dataclass(frozen=True)
class GovernorPolicy:
    """How fast one may go at which level; OK is not limited."""

    max_alert_age_s: float = .5  # an older alert is as good as none
    warn_linear_m_s: float = 2.
    warn_angular_rad_s: float = .5
    crawl_linear_m_s: float = 0.  # at ERROR and STALE; 0 stops
    crawl_angular_rad_s: float = 0.

    def __post_init__(self) -> None:
        """Refuse what is NaN or negative, and a crawl that is faster than at WARN."""
        for item in fields(self):
            value = getattr(self, item.name)
            if not 0 <= value < math.inf:
                raise ValueError(f'{item.name} is {value}, must be finite and not negative')
        for warn, crawl in ((self.warn_linear_m_s, self.crawl_linear_m_s),
                            (self.warn_angular_rad_s, self.crawl_angular_rad_s)):
            if crawl > warn:
                raise ValueError(f'the crawl {crawl} is faster than {warn} at WARN; lower it')


class GovernedCommand(NamedTuple):
    """What may be driven, and why it is less than was commanded (empty: it is not)."""

    velocity: Velocity
    reason: str


def govern(policy: GovernorPolicy, command: Velocity, level: AlertLevel | None,
           alert_age_s: float | None) -> GovernedCommand:
    """Limit a command by the last alert and its age; None: there never was one."""
    if not all(map(math.isfinite, (*command.linear, *command.angular))):
        return GovernedCommand(STOP, 'the commanded velocity is not finite: stop')
    # Written so that a NaN age is not fresh; a negative one means that clocks disagree.
    if level is None or alert_age_s is None or not 0 <= alert_age_s <= policy.max_alert_age_s:
        return GovernedCommand(STOP, 'no fresh alert: stop')
    if level == AlertLevel.OK:
        return GovernedCommand(command, '')
    factor = _speed_factor(policy, command, level)
    if factor == 1:
        return GovernedCommand(command, '')
    return GovernedCommand(_scale_velocity(command, factor), f'alert is {level.name}: slowed to {factor:.0%}')


def _speed_factor(policy: GovernorPolicy, command: Velocity, level: AlertLevel) -> float:
    """Give the largest factor up to 1 that keeps both speeds within the level's limits."""
    limits = ((policy.warn_linear_m_s, policy.warn_angular_rad_s) if level == AlertLevel.WARN
              else (policy.crawl_linear_m_s, policy.crawl_angular_rad_s))
    speeds = (math.hypot(*command.linear), math.hypot(*command.angular))
    return min([1., *(limit / speed for limit, speed in zip(limits, speeds, strict=True)
                      if speed > limit)])


def _scale_velocity(command: Velocity, factor: float) -> Velocity:
    linear, angular = (tuple(part * factor for part in parts) for parts in command)
    return Velocity((linear[0], linear[1], linear[2]), (angular[0], angular[1], angular[2]))
