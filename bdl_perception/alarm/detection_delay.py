# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How soon the alarms of a calibration can speak, were everything the strangest from now on."""
from dataclasses import replace
from typing import NamedTuple, Protocol, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_config import PeakEvidence
from bdl_perception.alarm.conformal import min_p_value
from bdl_perception.alarm.cusum import ConformalCusum, MixtureCusum

MAX_STEPS = 100_000  # hours even of the fast alarm: it is never reached for all purposes


class DetectionDelay(NamedTuple):
    """Steps until evidence that begins at nothing is above its limit, and the time they take."""

    steps: int
    seconds: float


class _SequentialAlarm(Protocol):
    """A sum of the alarm's."""

    @property
    def alarmed(self) -> bool:
        """Tell whether it is above its limit."""

    def step(self, p: float) -> float:
        """Take one p-value and give the new sum."""


def min_detection_delay(calibration: Calibration) -> DetectionDelay | None:
    """Give what the fast alarm takes at the least; None: it never speaks."""
    cusum = ConformalCusum(calibration.cusum_limit, calibration.exponent)
    return _steps_to_alarm(cusum, calibration, calibration.step_s)


def min_slow_detection_delay(calibration: Calibration) -> DetectionDelay | None:
    """Give what the slow alarm takes at the least; None: there is none, or it never speaks."""
    if calibration.slow_limit is None:
        return None
    return _steps_to_alarm(MixtureCusum(calibration.slow_limit), calibration, calibration.slow_step_s)


def _steps_to_alarm(evidence: _SequentialAlarm, calibration: Calibration, step_s: float) -> DetectionDelay | None:
    """Add up the smallest p-value that there is, by the very sums of the alarm."""
    p = min_p_value(calibration.count_observations(calibration.scores), len(calibration.watched),
                         calibration.tails)
    for steps in range(1, MAX_STEPS):
        before = evidence.step(p)
        if evidence.alarmed:
            return DetectionDelay(steps, steps * step_s)
        if before <= 0:
            return None
    return None


# Limits are raised above all that a held-out drive gathered, so that one with a dirty lens could
# put ERROR off without end. At 50 km/h a car drives 70 m in the five seconds that it may at most.
MAX_ADDED_DELAY_S = 5.
MAX_ADDED_SLOW_DELAY_S = 60.  # what drifts over minutes is found a minute later


def limit_setting_drives(drives: Sequence[str], held_out: Sequence[float]) -> str:
    """Name the drives of the highest held-out evidence, and tell the next value below."""
    if not held_out:
        return 'what each drive gathered is not known'
    most = max(held_out)
    names = [name for name, value in zip(drives, held_out, strict=True) if value == most]
    below = [value for value in held_out if value < most]
    beside = f', the next one {max(below):.2f}' if below else ''
    return f'drive {", ".join(names)} gathered {most:.2f}{beside}'


def check_detection_delay(calibration: Calibration, design: PeakEvidence) -> None:
    """Refuse, with a ValueError, limits that drives raised until an ERROR comes too late."""
    wished = replace(calibration, cusum_limit=design.fast, slow_limit=design.slow)
    for name, soonest, held_out, latest_s in (
            ('an ERROR', min_detection_delay, calibration.held_out, MAX_ADDED_DELAY_S),
            ('a slow ERROR', min_slow_detection_delay, calibration.held_out_slow, MAX_ADDED_SLOW_DELAY_S)):
        before, raised = soonest(wished), soonest(calibration)
        if before is None or (raised and raised.seconds - before.seconds <= latest_s):
            continue
        takes = f'{raised.seconds:.3g} s' if raised else 'for ever'
        raise ValueError(
            f'held-out drives ask for {name} that takes {takes} of the strangest pictures, '
            f'{before.seconds:.3g} s would do without them, and {latest_s:g} s more are the '
            f'most: {limit_setting_drives(calibration.drives, held_out)}; look at it and leave it out if it '
            f'is not nominal, or add drives like it')
