# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The limits of the two sequential alarms, and the settings that they hold for."""
from dataclasses import dataclass, replace

from bdl_perception.alarm.cusum import check_exponent, SLOW_ALARM_SHARE, ville_limit

MAX_VALUE = 1e6  # of a limit or a time, s: a larger one would be reached after days, or never


def check_positive(name: str, value: float) -> None:
    """Raise ValueError unless a stored value is above 0 and at most MAX_VALUE; NaN is not."""
    if not 0 < value <= MAX_VALUE:
        raise ValueError(f'calibration {name} is {value}, must be above 0 and at most '
                         f'{MAX_VALUE:g}; calibrate again')


@dataclass(frozen=True)
class AlarmLimits:
    """Limits of the evidence (logarithms), steps and betting exponent; checks itself."""

    cusum: float  # of the fast alarm
    exponent: float  # e of the bets of the fast alarm
    step_s: float  # of the fast alarm
    false_alarms_per_hour: float  # target rate of both alarms together
    slow: float | None = None  # None: there is no slow alarm
    slow_step_s: float = 2.

    def __post_init__(self) -> None:
        """Raise ValueError for a value that no alarm can have."""
        check_exponent(self.exponent)
        for name in ('cusum', 'step_s', 'false_alarms_per_hour', 'slow_step_s'):
            check_positive(name, getattr(self, name))
        if self.slow is not None:
            check_positive('slow', self.slow)

    def design(self) -> 'AlarmLimits':
        """Return the limits for the same rate and steps by Ville's inequality alone."""
        if self.slow is None:
            return replace(self, cusum=ville_limit(self.step_s, self.false_alarms_per_hour))
        return design_limits(self.false_alarms_per_hour, self.step_s, self.slow_step_s,
                             self.exponent)


def design_limits(false_alarms_per_hour: float, step_s: float, slow_step_s: float,
                  exponent: float) -> AlarmLimits:
    """Divide the target false alarm rate between both alarms; ValueError if infeasible."""
    return AlarmLimits(
        ville_limit(step_s, (1 - SLOW_ALARM_SHARE) * false_alarms_per_hour), exponent, step_s,
        false_alarms_per_hour,
        ville_limit(slow_step_s, SLOW_ALARM_SHARE * false_alarms_per_hour), slow_step_s)
