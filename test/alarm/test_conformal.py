# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Conformal thresholds: hand numbers, a slow count, and the exact law of their coverage."""
from fractions import Fraction
import math

from bdl_perception.alarm.conformal import (
    combined_p_value,
    low_threshold,
    min_threshold_sample_size,
    p_value,
    threshold,
    threshold_rank,
    two_sided_p_value,
)
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest


@pytest.mark.parametrize(('alpha', 'count'), [(.1, 9), (.05, 19), (.01, 99), (.001, 999)])
def test_the_smallest_count_is_known_by_hand(alpha: float, count: int) -> None:
    assert min_threshold_sample_size(alpha) == count
    assert threshold(list(range(count)), alpha) == count - 1  # the largest of all
    with pytest.raises(ValueError, match=f'at least {count} are needed, 1 more'):
        threshold(list(range(count - 1)), alpha)


@pytest.mark.parametrize('digits', [9, 10, 12])
def test_a_tiny_alpha_reports_the_needed_scores(digits: int) -> None:
    assert min_threshold_sample_size(float(f'1e-{digits}')) == 10**digits - 1
    with pytest.raises(ValueError, match='at least 9+ are needed'):
        threshold([1., 2.], float(f'1e-{digits}'))


def test_the_smallest_of_all_alphas_is_a_number_too() -> None:
    assert min_threshold_sample_size(1e-300) > 1e299


def test_an_alpha_next_to_one_is_not_one() -> None:
    almost = 1 - 1e-12
    assert (threshold_rank(3, almost), threshold([1., 2., 3.], almost)) == (1, 1.)


@pytest.mark.parametrize(('count', 'alpha', 'sd'), [
    (100, .1, .030), (500, .1, .013), (1000, .1, .0095), (1000, .01, .0031)])
def test_the_spread_of_coverage_is_known_by_hand(count: int, alpha: float, sd: float) -> None:
    a = threshold_rank(count, alpha)
    b = count + 1 - a
    assert math.sqrt(a * b / ((a + b)**2 * (a + b + 1))) == pytest.approx(sd, rel=.04)


def test_coverage_follows_its_beta_law() -> None:
    rng = np.random.default_rng(0)
    count, alpha, k = 100, .1, 91
    # Of uniform scores the share below a threshold is the threshold itself.
    covered = np.array([threshold(np.sort(rng.random(count)).tolist(), alpha)
                        for _ in range(4000)])
    assert covered.mean() == pytest.approx(k / (count + 1), abs=.002)
    for x in (.85, .88, .9, .92, .95):  # P(Beta(k, n + 1 - k) <= x) = P(Binomial(n, x) >= k)
        law = sum(math.comb(count, m) * x**m * (1 - x)**(count - m) for m in range(k, count + 1))
        assert (covered <= x).mean() == pytest.approx(law, abs=.03)


def test_a_decimal_alpha_is_taken_as_it_is_written() -> None:
    for count in range(1, 400):
        for hundredths in (1, 5, 10, 20, 30):
            exact = Fraction(hundredths, 100)
            expected = math.ceil((count + 1) * (1 - exact))
            assert threshold_rank(count, hundredths / 100) == expected
            rank = math.ceil((count + 1) * (1 - exact / 3))
            assert threshold_rank(count, hundredths / 100 / 3) == rank


scores = st.one_of(st.integers(-3, 3).map(float), st.floats(-3, 3))


@given(st.lists(scores, min_size=1, max_size=40), scores)
def test_a_p_value_is_a_count(calibration: list[float], score: float) -> None:
    above = sum(value >= score for value in calibration)
    expected = (above + 1) / (len(calibration) + 1)
    assert p_value(sorted(calibration), score) == expected


@given(st.lists(scores, min_size=1, max_size=40), scores,
       st.sampled_from([Fraction(n, 100) for n in (1, 5, 10, 20, 25, 50)]))
def test_a_score_is_above_the_threshold_when_its_p_value_is_small(
        calibration: list[float], score: float, alpha: Fraction) -> None:
    if threshold_rank(len(calibration), float(alpha)) > len(calibration):
        return
    above = sum(value >= score for value in calibration)
    small = Fraction(above + 1, len(calibration) + 1) <= alpha
    assert (score > threshold(sorted(calibration), float(alpha))) == small


def test_p_values_by_hand() -> None:
    assert [p_value([1, 2, 2, 3], score) for score in (0, 1, 2, 2.5, 3, 4)] == [
        1, 1, .8, .4, .4, .2]
    assert p_value([1, 2, 2, 3], math.nan) == p_value([1, 2, 2, 3], math.inf) == .2


def test_two_sided_p_values_by_hand() -> None:
    assert [two_sided_p_value([1, 2, 2, 3], score) for score in (0, 1, 2, 3, 4)] == [
        .4, .8, 1, .8, .4]
    assert two_sided_p_value([1, 2, 2, 3], math.nan) == .4


@given(st.lists(scores, min_size=1, max_size=40), scores,
       st.sampled_from([Fraction(n, 100) for n in (1, 5, 10, 20, 25, 50)]))
def test_two_sided_thresholds_agree_with_p_values(
        calibration: list[float], score: float, alpha: Fraction) -> None:
    ordered, side = sorted(calibration), float(alpha) / 2
    count = len(ordered)
    above, below = sum(v >= score for v in ordered), sum(v <= score for v in ordered)
    exact = min(Fraction(1), 2 * Fraction(min(above, below) + 1, count + 1))
    assert two_sided_p_value(ordered, score) == pytest.approx(float(exact))
    if threshold_rank(count, side) <= count:
        outside = score > threshold(ordered, side) or score < low_threshold(ordered, side)
        assert outside == (exact <= alpha)


def test_several_scores_share_the_chance() -> None:
    calibration = {'a': range(1, 100), 'b': range(1, 100)}
    assert combined_p_value(calibration, {'a': 1000, 'b': 0}) == pytest.approx(.02)
    assert combined_p_value(calibration, {'a': 0, 'b': 0}) == 1
    with pytest.raises(KeyError):
        combined_p_value(calibration, {'a': 1})


@pytest.mark.parametrize('alpha', [0, 1, -1, math.nan])
def test_a_value_that_is_no_probability_is_rejected(alpha: float) -> None:
    with pytest.raises(ValueError, match='alpha is'):
        threshold_rank(10, alpha)
