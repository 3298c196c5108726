# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Split conformal thresholds and p-values (Vovk, Gammerman & Shafer 2005; Papadopoulos 2002).

Of n calibration scores the threshold is the k-th smallest, k = ceil((n + 1)(1 - alpha)). A further
score that is exchangeable with them lies above it with probability at most alpha. Given the
calibration set, the share of scores that do not is Beta(k, n + 1 - k) distributed. By hand:
n = 99, alpha = 0.01: k = 99, the largest of all; with n = 98 there is no such threshold.
"""
import bisect
from fractions import Fraction
import math
from typing import Literal, Mapping, Sequence

Tails = Literal['upper', 'two_sided']
TAILS: tuple[Tails, ...] = ('upper', 'two_sided')  # what is strange: too high, or too low too


def round_score(score: float) -> float:
    """
    Keep six digits of a score, which no score has.

    Calibration scores are kept so, and a file stays small; a further score that was not rounded
    too would be above or below those that it is equal to.
    """
    return float(f'{score:.6g}')


def threshold_rank(count: int, alpha: float) -> int:
    """Give k, which is above count when there are too few scores for alpha."""
    return count + 1 - math.floor((count + 1) * _exact_fraction(alpha))


def min_threshold_sample_size(alpha: float) -> int:
    """Give the smallest n with a threshold, ceil(1 / alpha) - 1: 99 for alpha = 0.01."""
    return math.ceil(1 / _exact_fraction(alpha)) - 1


def threshold(sorted_scores: Sequence[float], alpha: float) -> float:
    """Give the k-th of scores in ascending order; ValueError says how many more are needed."""
    k = threshold_rank(len(sorted_scores), alpha)
    if k > len(sorted_scores):
        needed = min_threshold_sample_size(alpha)
        raise ValueError(
            f'{len(sorted_scores)} calibration scores give no threshold at alpha {alpha:.3g}: at least '
            f'{needed} are needed, {needed - len(sorted_scores)} more')
    return sorted_scores[k - 1]


def p_value(sorted_scores: Sequence[float], score: float) -> float:
    """
    Give (#{scores >= score} + 1) / (n + 1) of scores in ascending order.

    NaN is the strangest of all and gets the smallest value, 1 / (n + 1). By hand: of 1, 2, 3 the
    score 2 has p = 3/4. For every alpha that has a threshold: p <= alpha where score > threshold.
    """
    below = len(sorted_scores) if math.isnan(score) else bisect.bisect_left(sorted_scores, score)
    return (len(sorted_scores) - below + 1) / (len(sorted_scores) + 1)


def low_threshold(sorted_scores: Sequence[float], alpha: float) -> float:
    """Give the score with as many below it as threshold() has above; by the same rule."""
    return -threshold([-score for score in reversed(sorted_scores)], alpha)


def two_sided_p_value(sorted_scores: Sequence[float], score: float) -> float:
    """
    Give min(1, 2 min(p_up, p_low)), p_up as above, p_low = (#{scores <= score} + 1) / (n + 1).

    NaN is the strangest of all, 2 / (n + 1). By hand: of 1, 2, 3 the score 0 has p = 1/2.
    """
    low = math.inf if math.isnan(score) else bisect.bisect_right(sorted_scores, score) + 1
    return min(1., 2 * min(p_value(sorted_scores, score), low / (len(sorted_scores) + 1)))


def combined_p_value(calibration: Mapping[str, Sequence[float]],
                     values: Mapping[str, float], tails: Tails = 'upper') -> float:
    """
    Give one p-value for all K scores of the calibration: min(1, K min p) (Bonferroni).

    Valid however the scores depend on each other. Each of them must be in values (KeyError).
    """
    of_one = two_sided_p_value if tails == 'two_sided' else p_value
    smallest = min(of_one(ordered, values[name]) for name, ordered in calibration.items())
    return min(1., len(calibration) * smallest)


def min_p_value(count: int, scores: int, tails: Tails = 'upper') -> float:
    """Give the combined p of the strangest of all: min(1, K / (n + 1)), twice it of two tails."""
    sides = 1 if tails == 'upper' else 2
    return min(1., sides * scores / (count + 1))


def _exact_fraction(alpha: float) -> Fraction:
    """Take 0.1 as a tenth and not as its binary neighbour, which would move k by one."""
    if not 0 < alpha < 1:
        raise ValueError(f'alpha is {alpha}, must lie between 0 and 1')
    exact = Fraction(alpha)
    fine = math.ceil(1000 / min(exact, 1 - exact))  # 1e-10 is not 0, and one minus it not 1
    return exact.limit_denominator(max(10**9, fine))
