# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Sequential alarms on many p-values: a conformal CUSUM, and a mixture of CUSUMs for slow drifts.

Each p-value is a bet at fair odds against "nothing has changed": p -> e p^(e - 1) with e between
0 and 1 pays 1 on average when p is uniform, less when p is larger than uniform (Vovk 2020,
conformal testing). A small e bets only on very small p-values. The evidence is the conformal CUSUM
in logarithms, S = max(0, S) + g(p), where g(p) = log(e p^(e - 1)).

Proved: for independent p-values, exp(S) never exceeds the Shiryaev-Roberts sum
R = (1 + R) exp(g), and R minus the number of steps is a supermartingale, so the mean number of
steps until exp(S) first reaches c is at least c. An alarm that clears with S = s instead of zero
has at least c - exp(s) steps until the next. One false alarm an hour at four steps a second:
c = 14400, S = 9.6. That is a mean, not a guarantee for each hour.

Not proved: the bound needs p-values that, given the calibration set, are uniform or larger and
nearly independent from one step to the next. Neither is certain: a set of scores may be too low by
chance, and video frames depend on each other (the shipped steps are .1 s apart, the decorrelation
time of its scores is .2 to .6 s). Held-out drives check it: the limit is never below the m-th
largest peak of the drives, each tested by the others (m is 2 or more; peak_limit.py).
"""
import math
from typing import Iterable

MAX_EXCESS = 1.  # of evidence above its limit: a longer exceedance must not delay recovery
MIXTURE_EXPONENTS = (.1, .3, .5)  # .7 would need four minutes of nominal frames to recover
# A smaller p-value bets like this one, which is less than fair. Very small p-values are left to
# the fast alarm; after ten seconds of them the slow alarm must not take minutes to recover.
P_VALUE_FLOOR = .05
SLOW_ALARM_SHARE = .5  # of the target false alarm rate; the fast alarm has the rest


def log_evidence(p: float, exponent: float) -> float:
    """Return g(p); by hand for e = 1/2: g(1) = log(1/2) = -0.69, g(0.25) = 0, g(0.01) = 1.61."""
    if not 0 < p <= 1:
        raise ValueError(f'p-value is {p}, must be above 0 and at most 1')
    return math.log(exponent) + (exponent - 1) * math.log(p)


def check_exponent(exponent: float) -> float:
    """Return e; ValueError unless it lies between 0 and 1."""
    if not 0 < exponent < 1:
        raise ValueError(f'exponent of the bet is {exponent}, must lie between 0 and 1')
    return exponent


def check_step(name: str, step_s: float) -> float:
    """Return a step or window, s; ValueError unless it is positive and finite."""
    if not 0 < step_s < math.inf:
        raise ValueError(f'{name} is {step_s}, must be positive')
    return step_s


def ville_limit(step_s: float, false_alarms_per_hour: float) -> float:
    """Return log c, c the steps per false alarm; ValueError if the rate is infeasible."""
    steps = 3600 / step_s / false_alarms_per_hour if false_alarms_per_hour > 0 else math.nan
    if not 1 < steps < math.inf:
        raise ValueError(f'{false_alarms_per_hour} false alarms an hour are infeasible in steps '
                         f'of {step_s} s; request more than 0 and less than one each step')
    return math.log(steps)


class ConformalCusum:
    """S of the fast alarm and its limit; S is at most MAX_EXCESS above the limit."""

    def __init__(self, limit: float, exponent: float) -> None:
        """Start without evidence; an infinite limit measures only."""
        if not limit > 0:
            raise ValueError(f'CUSUM limit is {limit}, must be positive; calibrate again')
        self.limit = limit
        self.value = 0.
        self._exponent = check_exponent(exponent)

    @property
    def alarmed(self) -> bool:
        """Return whether S exceeds the limit."""
        return self.value > self.limit

    def step(self, p: float) -> float:
        """Add one p-value and return the new S."""
        self.value = min(max(0., self.value) + log_evidence(p, self._exponent),
                         self.limit + MAX_EXCESS)
        return self.value


def peak_cusum(p_values: Iterable[float], exponent: float) -> float:
    """Return the highest S of a whole drive, at least 0."""
    cusum = ConformalCusum(math.inf, exponent)
    return max([0., *(cusum.step(p) for p in p_values)])


class MixtureCusum:
    """
    S of the slow alarm, for drifts over minutes such as failing exposure or rising fog.

    No frame of a drift need exceed its threshold; all p-values are a little too small. One p-value
    stands for each window: its median (WindowMedian). It feeds a mixture of conformal CUSUMs with
    exponents e, because the size of the p-values of a drift is not known in advance:

        L_e = max(0, L_e) + g_e(p),    S = log(mean of exp(L_e)).

    Each exp(L_e) is at most its Shiryaev-Roberts sum R_e, and the mean of these minus the number
    of steps is a supermartingale too, so the mean number of steps until exp(S) reaches c is at
    least c. This needs medians that, given the calibration set, are uniform or larger and nearly
    independent from one window to the next. Held-out drives check it, if they are long enough to
    reach the limit. Each bet restarts alone: if all restarted when S falls below 0, a bet with a
    large loss would start again after mild frames but not after extreme ones, and more extreme
    frames could give less evidence.
    """

    def __init__(self, limit: float) -> None:
        """Start without evidence; an infinite limit measures only."""
        if not limit > 0:
            raise ValueError(f'slow limit is {limit}, must be positive; calibrate again')
        self.limit = limit
        # A single bet can raise the alarm.
        self._max_value = limit + math.log(len(MIXTURE_EXPONENTS)) + MAX_EXCESS
        self._bets = dict.fromkeys(MIXTURE_EXPONENTS, 0.)

    @property
    def value(self) -> float:
        """Return S."""
        most = max(self._bets.values())
        total = sum(math.exp(value - most) for value in self._bets.values())
        return most + math.log(total / len(self._bets))

    @property
    def alarmed(self) -> bool:
        """Return whether S exceeds the limit."""
        return self.value > self.limit

    def step(self, p: float) -> float:
        """Add one p-value and return the new S."""
        for exponent, value in self._bets.items():
            gain = log_evidence(max(p, P_VALUE_FLOOR), exponent)
            self._bets[exponent] = min(max(0., value) + gain, self._max_value)
        return self.value


class WindowMedian:
    """
    The median p-value of each window of time.

    A short event, which is left to the fast alarm, does not change it. Of independent uniform
    p-values the median is closer to 1/2 than one of them, so that a bet, which is convex, pays
    less than 1 on average. Of frames with equal p-values it is that p-value.
    """

    def __init__(self, window_s: float) -> None:
        """Wait for the first p-value."""
        self._window_ns = round(check_step('slow_step_s', window_s) * 1e9)
        self._start_ns = 0
        self._p_values: list[float] = []

    def add(self, stamp_ns: int, p: float) -> float | None:
        """Add a p-value; the first one after a window returns the upper median of the window."""
        if self._p_values and stamp_ns < self._start_ns + self._window_ns:
            self._p_values.append(p)
            return None
        median = sorted(self._p_values)[len(self._p_values) // 2] if self._p_values else None
        self._start_ns, self._p_values = stamp_ns, [p]
        return median


def peak_mixture_cusum(stamped: Iterable[tuple[int, float]], window_s: float) -> float:
    """Return the highest S of a whole drive of stamps (ns) and p-values, at least 0."""
    drift, windows, peak = MixtureCusum(math.inf), WindowMedian(window_s), 0.
    for stamp_ns, p in stamped:
        median = windows.add(stamp_ns, p)
        if median is not None:
            peak = max(peak, drift.step(median))
    return peak
