# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Split conformal thresholds and p-values (Vovk, Gammerman & Shafer 2005; Papadopoulos 2002).

Of n calibration scores the threshold is the k-th smallest, k = ceil((n + 1)(1 - alpha)). A new
score that is exchangeable with them exceeds it with probability at most alpha. Given the
calibration set, the share of scores that do not exceed it is Beta(k, n + 1 - k) distributed. By
hand: n = 99, alpha = 0.01: k = 99, the largest of all; with n = 98 there is no such threshold.
"""
import bisect
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
import math
from typing import Literal, Mapping, Sequence

Tails = Literal['upper', 'two_sided']
TAILS: tuple[Tails, ...] = ('upper', 'two_sided')  # two_sided: low scores can exceed too
SortedScores = Mapping[str, tuple[float, ...]]  # name of a score -> ascending values


def round_score(score: float) -> float:
    """
    Round a score to six significant digits, more than its accuracy.

    Calibration scores are stored like this, which keeps the file small. A new score must be
    rounded too; otherwise it would be above or below the stored scores that it equals.
    """
    return float(f'{score:.6g}')


def check_alpha(alpha: float) -> float:
    """Return alpha; ValueError unless it lies between 0 and 1."""
    if not 0 < alpha < 1:
        raise ValueError(f'alpha is {alpha}, must lie between 0 and 1')
    return alpha


def threshold_rank(count: int, alpha: float) -> int:
    """Return k, which is above count when there are too few scores for alpha."""
    return count + 1 - math.floor((count + 1) * _exact_fraction(alpha))


def min_threshold_sample_size(alpha: float) -> int:
    """Return the smallest n with a threshold, ceil(1 / alpha) - 1: 99 for alpha = 0.01."""
    return math.ceil(1 / _exact_fraction(alpha)) - 1


def threshold(sorted_scores: Sequence[float], alpha: float) -> float:
    """Return the k-th of ascending scores; ValueError reports how many more are needed."""
    k = threshold_rank(len(sorted_scores), alpha)
    if k > len(sorted_scores):
        needed = min_threshold_sample_size(alpha)
        raise ValueError(
            f'{len(sorted_scores)} calibration scores give no threshold at alpha {alpha:.3g}: at '
            f'least {needed} are needed, {needed - len(sorted_scores)} more')
    return sorted_scores[k - 1]


def p_value(sorted_scores: Sequence[float], score: float) -> float:
    """
    Return (#{scores >= score} + 1) / (n + 1) of ascending scores.

    NaN counts as the highest score and gets the smallest value, 1 / (n + 1). By hand: of 1, 2, 3
    the score 2 has p = 3/4. For every alpha with a threshold: p <= alpha where score > threshold.
    """
    below = len(sorted_scores) if math.isnan(score) else bisect.bisect_left(sorted_scores, score)
    return (len(sorted_scores) - below + 1) / (len(sorted_scores) + 1)


def low_threshold(sorted_scores: Sequence[float], alpha: float) -> float:
    """Return the score with as many below it as threshold() has above, by the same rule."""
    return -threshold([-score for score in reversed(sorted_scores)], alpha)


def two_sided_p_value(sorted_scores: Sequence[float], score: float) -> float:
    """
    Return min(1, 2 min(p_up, p_low)), p_up as above, p_low = (#{scores <= score} + 1) / (n + 1).

    NaN gets the smallest value, 2 / (n + 1). By hand: of 1, 2, 3 the score 0 has p = 1/2.
    """
    low = math.inf if math.isnan(score) else bisect.bisect_right(sorted_scores, score) + 1
    return min(1., 2 * min(p_value(sorted_scores, score), low / (len(sorted_scores) + 1)))


def combined_p_value(calibration: Mapping[str, Sequence[float]],
                     values: Mapping[str, float], tails: Tails = 'upper') -> float:
    """
    Return one p-value for all K scores of the calibration: min(1, K min p) (Bonferroni).

    It is valid for any dependence between the scores. Each of them must be in values (KeyError).
    """
    score_p_value = two_sided_p_value if tails == 'two_sided' else p_value
    smallest = min(score_p_value(ordered, values[name]) for name, ordered in calibration.items())
    return min(1., len(calibration) * smallest)


def min_p_value(count: int, scores: int, tails: Tails = 'upper') -> float:
    """Return the smallest combined p-value: min(1, K / (n + 1)), twice that for two tails."""
    sides = 1 if tails == 'upper' else 2
    return min(1., sides * scores / (count + 1))


@dataclass(frozen=True)
class ConformalTest:
    """
    Thresholds of several scores, and one p-value of all of them.

    Alpha is divided equally among the scores and their tails (Bonferroni).
    """

    scores: SortedScores
    alpha: float  # probability that any score of a nominal frame exceeds its threshold
    tails: Tails = 'upper'

    @property
    def score_alpha(self) -> float:
        """Return the share of alpha of one score."""
        return self.alpha / len(self.scores)

    @property
    def tail_alpha(self) -> float:
        """Return the share of alpha of one tail of one score."""
        return self.score_alpha / (1 if self.tails == 'upper' else 2)

    @cached_property
    def thresholds(self) -> dict[str, float]:
        """Return the upper threshold of each score, +Inf with too few calibration scores."""
        return {name: threshold(values, self.tail_alpha) if self.has_threshold(name) else math.inf
                for name, values in self.scores.items()}

    @cached_property
    def low_thresholds(self) -> dict[str, float]:
        """Return the lower thresholds, -Inf with too few scores; empty for the upper tail."""
        if self.tails == 'upper':
            return {}
        return {name: low_threshold(values, self.tail_alpha) if self.has_threshold(name)
                else -math.inf for name, values in self.scores.items()}

    def has_threshold(self, name: str) -> bool:
        """Return whether the calibration scores of a name suffice for its threshold."""
        count = len(self.scores[name])
        return threshold_rank(count, self.tail_alpha) <= count

    def exceedances(self, values: Mapping[str, float]) -> dict[str, str]:
        """Return 'too high' or 'too low' for each value beyond a threshold; NaN is too high."""
        low = self.low_thresholds
        found = {}
        for name, limit in self.thresholds.items():
            if name not in values:
                continue
            value = round_score(values[name])
            if not value <= limit:
                found[name] = 'too high'
            elif name in low and value < low[name]:
                found[name] = 'too low'
        return found

    def p_value(self, values: Mapping[str, float]) -> float:
        """Return the combined p-value of values, which must have every score (KeyError)."""
        return combined_p_value(self.scores, {name: round_score(values[name])
                                              for name in self.scores}, self.tails)


def _exact_fraction(alpha: float) -> Fraction:
    """Return 0.1 as a tenth and not as its binary neighbour, which would move k by one."""
    exact = Fraction(check_alpha(alpha))
    fine = math.ceil(1000 / min(exact, 1 - exact))  # 1e-10 is not 0, and one minus it not 1
    return exact.limit_denominator(max(10**9, fine))
