# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The slow alarm: for what creeps in over minutes, such as failing exposure or fog that builds up.

No picture of a drift need be stranger than its threshold; all of them are a little strange. So one
p-value stands for each window of slow_step_s: its median, which a passing surprise (the fast
alarm's business) does not move, and of independent uniform p-values it is nearer to 1/2 than one
of them, so that a bet, which is convex, pays less than 1 on average; pictures that all say the
same make it one of them. It feeds a mixture of conformal CUSUMs (sequential.py) with exponents e,

    L_e = max(0, L_e) + g_e(p),    S = log(mean of exp(L_e)),

as nobody knows how small the p-values of a drift will be. Each exp(L_e) is at most its
Shiryaev-Roberts sum R_e, and the mean of these minus the number of steps is a supermartingale too,
so the mean number of steps until exp(S) reaches c is at least c. That needs medians that, given
the calibration set, are uniform or larger and nearly independent from one window to the next,
which nothing assures (sequential.py); drives that are held out are what checks it, if they are
long enough to reach the limit. Each bet restarts alone: if all
did when S falls below 0, a bet that has lost much would start anew after mild pictures and not
after strange ones, and stranger pictures could give less evidence.
"""
import math
from typing import Iterable

from bdl_perception.alarm.sequential import CAP
from bdl_perception.alarm.sequential import log_evidence

EXPONENTS = (.1, .3, .5)  # .7 would need four minutes of ordinary pictures to forget an alarm
# A p-value below this bets as this one, which is less than fair: what is very strange is the fast
# alarm's, and ten seconds of it must not take the slow one minutes to forget.
FLOOR = .05
SHARE = .5  # of the wished false alarms an hour; the fast alarm has the rest


class DriftSum:
    """S and its limit; a long drift does not make recovery longer."""

    def __init__(self, limit: float) -> None:
        """Start without evidence; an infinite limit only measures."""
        if not limit > 0:
            raise ValueError(f'slow limit is {limit}, must be positive; calibrate again')
        self.limit = limit
        self._most = limit + math.log(len(EXPONENTS)) + CAP  # one bet alone can raise the alarm
        self._bets = dict.fromkeys(EXPONENTS, 0.)

    @property
    def value(self) -> float:
        """Give S."""
        most = max(self._bets.values())
        total = sum(math.exp(value - most) for value in self._bets.values())
        return most + math.log(total / len(self._bets))

    @property
    def alarmed(self) -> bool:
        """Tell whether S is above the limit."""
        return self.value > self.limit

    def step(self, p: float) -> float:
        """Take one p-value and give the new S."""
        for exponent, value in self._bets.items():
            gain = log_evidence(max(p, FLOOR), exponent)
            self._bets[exponent] = min(max(0., value) + gain, self._most)
        return self.value


class Windows:
    """Gathers the p-values of a window of time and gives their median when it is over."""

    def __init__(self, window_s: float) -> None:
        """Wait for the first p-value."""
        if not 0 < window_s < math.inf:
            raise ValueError(f'slow_step_s is {window_s}, must be positive')
        self._window_ns = round(window_s * 1e9)
        self._start_ns = 0
        self._gathered: list[float] = []

    def add(self, stamp_ns: int, p: float) -> float | None:
        """Take a p-value; the first one after the window gives the window's upper median."""
        if self._gathered and stamp_ns < self._start_ns + self._window_ns:
            self._gathered.append(p)
            return None
        median = sorted(self._gathered)[len(self._gathered) // 2] if self._gathered else None
        self._start_ns, self._gathered = stamp_ns, [p]
        return median


def highest_drift(stamped: Iterable[tuple[int, float]], window_s: float) -> float:
    """Give the highest S of a whole drive of stamps (ns) and p-values, at least 0."""
    drift, windows, found = DriftSum(math.inf), Windows(window_s), 0.
    for stamp_ns, p in stamped:
        median = windows.add(stamp_ns, p)
        if median is not None:
            found = max(found, drift.step(median))
    return found
