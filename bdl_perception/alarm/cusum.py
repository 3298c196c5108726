# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
An alarm from many p-values: rare when nothing has changed, soon when something has.

Each p-value is a bet at fair odds against "nothing has changed": p -> e p^(e - 1) with e between
0 and 1 pays 1 on average when p is uniform, less when p is larger than uniform (Vovk 2020,
conformal testing). A small e bets on tiny p-values only, on what calibration hardly ever saw.
The alarm's evidence is the conformal CUSUM in logarithms, S = max(0, S) + g(p), where
g(p) = log(e p^(e - 1)).

What is proved: for independent p-values, exp(S) never exceeds the Shiryaev-Roberts sum
R = (1 + R) exp(g), and R minus the number of steps is a supermartingale, so the mean number of
steps until exp(S) first reaches c is at least c. An alarm that clears with S = s instead of zero
has at least c - exp(s) steps until the next. One false alarm an hour at four steps a second:
c = 14400, S = 9.6. That is a mean, not a promise about each hour.

What is not: the bound needs p-values that, given the calibration set, are uniform or larger and
nearly independent from one step to the next, and neither is sure: one set of scores may lie too
low by chance, and video frames depend on each other (the shipped steps are .1 s apart, its scores
remember .2 to .6 s). Drives that are held out are what checks it: the limit is never below what
they reached when the others judged them (calibrate.py).
"""
import math
from typing import Iterable

MAX_EXCESS = 1.  # above the limit; a longer exceedance must not make recovery longer


def log_evidence(p: float, exponent: float) -> float:
    """Give g(p); by hand for e = 1/2: g(1) = log(1/2) = -0.69, g(0.25) = 0, g(0.01) = 1.61."""
    if not 0 < p <= 1:
        raise ValueError(f'p-value is {p}, must be above 0 and at most 1')
    return math.log(exponent) + (exponent - 1) * math.log(p)


def check_exponent(exponent: float) -> float:
    """Give e back; ValueError when it makes no bet."""
    if not 0 < exponent < 1:
        raise ValueError(f'exponent of the bet is {exponent}, must lie between 0 and 1')
    return exponent


def ville_limit(step_s: float, false_alarms_per_hour: float) -> float:
    """Give log c for this many steps a false alarm; ValueError: there is none."""
    steps = 3600 / step_s / false_alarms_per_hour if false_alarms_per_hour > 0 else math.nan
    if not 1 < steps < math.inf:
        raise ValueError(f'{false_alarms_per_hour} false alarms an hour cannot be had in steps of '
                         f'{step_s} s; ask for more than 0 and less than one each step')
    return math.log(steps)


class ConformalCusum:
    """S and its limit; never further above it than CAP."""

    def __init__(self, limit: float, exponent: float) -> None:
        """Start without evidence; an infinite limit only measures."""
        if not limit > 0:
            raise ValueError(f'CUSUM limit is {limit}, must be positive; calibrate again')
        self.limit = limit
        self.value = 0.
        self._exponent = check_exponent(exponent)

    @property
    def alarmed(self) -> bool:
        """Tell whether S is above the limit."""
        return self.value > self.limit

    def step(self, p: float) -> float:
        """Take one p-value and give the new S."""
        self.value = min(max(0., self.value) + log_evidence(p, self._exponent),
                         self.limit + MAX_EXCESS)
        return self.value


def peak_cusum(p_values: Iterable[float], exponent: float) -> float:
    """Give the highest S of a whole drive, at least 0."""
    cusum = ConformalCusum(math.inf, exponent)
    return max([0., *(cusum.step(p) for p in p_values)])


MIXTURE_EXPONENTS = (.1, .3, .5)  # .7 would need four minutes of ordinary pictures to forget an alarm
# A p-value below this bets as this one, which is less than fair: what is very strange is the fast
# alarm's, and ten seconds of it must not take the slow one minutes to forget.
P_VALUE_FLOOR = .05
SLOW_ALARM_SHARE = .5  # of the wished false alarms an hour; the fast alarm has the rest


class MixtureCusum:
    """S and its limit; a long drift does not make recovery longer."""

    def __init__(self, limit: float) -> None:
        """Start without evidence; an infinite limit only measures."""
        if not limit > 0:
            raise ValueError(f'slow limit is {limit}, must be positive; calibrate again')
        self.limit = limit
        self._max_value = limit + math.log(len(MIXTURE_EXPONENTS)) + MAX_EXCESS  # one bet alone can raise the alarm
        self._bets = dict.fromkeys(MIXTURE_EXPONENTS, 0.)

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
            gain = log_evidence(max(p, P_VALUE_FLOOR), exponent)
            self._bets[exponent] = min(max(0., value) + gain, self._max_value)
        return self.value


class WindowMedian:
    """Gathers the p-values of a window of time and gives their median when it is over."""

    def __init__(self, window_s: float) -> None:
        """Wait for the first p-value."""
        if not 0 < window_s < math.inf:
            raise ValueError(f'slow_step_s is {window_s}, must be positive')
        self._window_ns = round(window_s * 1e9)
        self._start_ns = 0
        self._p_values: list[float] = []

    def add(self, stamp_ns: int, p: float) -> float | None:
        """Take a p-value; the first one after the window gives the window's upper median."""
        if self._p_values and stamp_ns < self._start_ns + self._window_ns:
            self._p_values.append(p)
            return None
        median = sorted(self._p_values)[len(self._p_values) // 2] if self._p_values else None
        self._start_ns, self._p_values = stamp_ns, [p]
        return median


def peak_mixture_cusum(stamped: Iterable[tuple[int, float]], window_s: float) -> float:
    """Give the highest S of a whole drive of stamps (ns) and p-values, at least 0."""
    drift, windows, found = MixtureCusum(math.inf), WindowMedian(window_s), 0.
    for stamp_ns, p in stamped:
        median = windows.add(stamp_ns, p)
        if median is not None:
            found = max(found, drift.step(median))
    return found
