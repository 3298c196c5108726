# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Minimum detection delay: the steps to an alarm if every p-value had its smallest value.

With groups it is that of the group with the fewest observations. Held-out drives raise the
limits, and so the delay. A calibration is rejected if one of them raises it too far.
"""
from functools import lru_cache
from typing import NamedTuple, Protocol, Sequence

from bdl_perception.alarm.calibration import AlarmLimits, Calibration
from bdl_perception.alarm.conformal import min_p_value
from bdl_perception.alarm.cusum import ConformalCusum, MixtureCusum
from bdl_perception.alarm.mondrian import MondrianTest
from bdl_perception.alarm.score_distribution import ScoreDistribution

MAX_STEPS = 100_000  # hours even for the fast alarm: longer counts as never
# One odd drive cannot raise a limit, several can: without a bound, two drives with a dirty lens
# could delay ERROR for ever. At 50 km/h a car drives 70 m in five seconds.
MAX_ADDED_DELAY_S = 5.
MAX_ADDED_SLOW_DELAY_S = 60.  # a drift over minutes is detected one minute later
MAX_NAMED = 3  # drives in a message


class DetectionDelay(NamedTuple):
    """Steps until evidence that starts at zero exceeds its limit, and their duration."""

    steps: int
    seconds: float


class _SequentialAlarm(Protocol):

    @property
    def alarmed(self) -> bool:
        """Return whether the evidence exceeds its limit."""

    def step(self, p: float) -> float:
        """Add a p-value and return the new evidence."""


def min_detection_delay(distribution: ScoreDistribution,
                        limits: AlarmLimits) -> DetectionDelay | None:
    """Return the minimum delay of the fast alarm; None: it can never raise an ERROR."""
    return _fast_delay(_min_p_value(distribution, limits), limits)


def min_slow_detection_delay(distribution: ScoreDistribution,
                             limits: AlarmLimits) -> DetectionDelay | None:
    """Return the minimum delay of the slow alarm; None: there is none, or never an ERROR."""
    return _slow_delay(_min_p_value(distribution, limits), limits)


def limit_setting_drives(drives: Sequence[str], peaks: Sequence[float], limit: float) -> str:
    """
    Describe the drives whose held-out evidence reaches a limit, the highest first.

    The limits of version 0.1.0 were above every drive; then it is the highest drive.
    """
    if not peaks:
        return 'the evidence of each drive is not known'
    reached = min(limit, max(peaks))
    found = sorted(((peak, name) for name, peak in zip(drives, peaks, strict=True)
                    if peak >= reached), reverse=True)
    more = f' and {len(found) - MAX_NAMED} more' if len(found) > MAX_NAMED else ''
    named = ', '.join(f'{name} ({peak:.2f})' for peak, name in found[:MAX_NAMED])
    return f'drives with this evidence are {named}{more}'


def check_detection_delay(calibration: Calibration) -> None:
    """Raise ValueError if held-out drives raised a limit so far that its ERROR is too late."""
    limits, origin = calibration.limits, calibration.provenance
    for name, min_delay, peaks, limit, max_added_s in (
            ('an ERROR', min_detection_delay, origin.held_out_peaks, limits.cusum,
             MAX_ADDED_DELAY_S),
            ('a slow ERROR', min_slow_detection_delay, origin.held_out_slow_peaks,
             limits.slow or 0., MAX_ADDED_SLOW_DELAY_S)):
        design = min_delay(calibration.distribution, limits.design())
        raised = min_delay(calibration.distribution, limits)
        if design is None or (raised and raised.seconds - design.seconds <= max_added_s):
            continue
        delay = f'from {design.seconds:.3g} s to ' + (
            f'{raised.seconds:.3g} s' if raised else 'infinity')
        raise ValueError(
            f'held-out drives raise the minimum delay of {name} {delay} (allowed: '
            f'+{max_added_s:g} s): {limit_setting_drives(origin.drives, peaks, limit)}; remove '
            f'those that are not nominal, or add similar drives')


def _min_p_value(distribution: ScoreDistribution, limits: AlarmLimits) -> float:
    used = MondrianTest(distribution, limits.exponent).groups
    count = min([distribution.observations,
                 *(distribution.groups[name].observations for name in used)])
    return min_p_value(count, len(distribution.watched), distribution.tails)


@lru_cache  # a limit that is never reached takes MAX_STEPS, and an alert needs it repeatedly
def _fast_delay(p: float, limits: AlarmLimits) -> DetectionDelay | None:
    return _steps_to_alarm(ConformalCusum(limits.cusum, limits.exponent), p, limits.step_s)


@lru_cache
def _slow_delay(p: float, limits: AlarmLimits) -> DetectionDelay | None:
    if limits.slow is None:
        return None
    return _steps_to_alarm(MixtureCusum(limits.slow), p, limits.slow_step_s)


def _steps_to_alarm(evidence: _SequentialAlarm, p: float,
                    step_s: float) -> DetectionDelay | None:
    before = evidence.step(p)  # of a mixture: one of its bets may win although the sum loses
    for steps in range(1, MAX_STEPS):
        if evidence.alarmed:
            return DetectionDelay(steps, steps * step_s)
        value = evidence.step(p)
        if value <= before:
            return None
        before = value
    return None
