# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How soon the alarms of a calibration can speak, were everything the strangest from now on."""
from typing import NamedTuple, Protocol

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.conformal import smallest_p_value
from bdl_perception.alarm.drift import DriftSum
from bdl_perception.alarm.sequential import ConformalCusum

MOST_STEPS = 100_000  # hours even of the fast alarm: it is never reached for all purposes


class Sum(NamedTuple):
    """Steps until evidence that begins at nothing is above its limit, and the time they take."""

    steps: int
    seconds: float


class _Evidence(Protocol):
    """A sum of the alarm's."""

    @property
    def alarmed(self) -> bool:
        """Tell whether it is above its limit."""

    def step(self, p: float) -> float:
        """Take one p-value and give the new sum."""


def soonest_fast(calibration: Calibration) -> Sum | None:
    """Give what the fast alarm takes at the least; None: it never speaks."""
    cusum = ConformalCusum(calibration.cusum_limit, calibration.exponent)
    return _soonest(cusum, calibration, calibration.step_s)


def soonest_slow(calibration: Calibration) -> Sum | None:
    """Give what the slow alarm takes at the least; None: there is none, or it never speaks."""
    if calibration.slow_limit is None:
        return None
    return _soonest(DriftSum(calibration.slow_limit), calibration, calibration.slow_step_s)


def _soonest(evidence: _Evidence, calibration: Calibration, step_s: float) -> Sum | None:
    """Add up the smallest p-value that there is, by the very sums of the alarm."""
    p = smallest_p_value(calibration.count(calibration.scores), len(calibration.watched),
                         calibration.tails)
    for steps in range(1, MOST_STEPS):
        before = evidence.step(p)
        if evidence.alarmed:
            return Sum(steps, steps * step_s)
        if before <= 0:
            return None
    return None
