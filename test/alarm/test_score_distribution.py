# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Minimum sample sizes against the p-values and the evidence of the alarm itself."""
import math

from bdl_perception.alarm.conformal import combined_p_value, min_p_value, TAILS, Tails
from bdl_perception.alarm.cusum import ConformalCusum
from bdl_perception.alarm.score_distribution import min_sample_size
import pytest


def smallest_p_value(count: int, scores: int, tails: Tails) -> float:
    names = [f'score {index}' for index in range(scores)]
    scores_of = dict.fromkeys(names, list(map(float, range(count))))
    return combined_p_value(scores_of, dict.fromkeys(names, math.inf), tails)


@pytest.mark.parametrize('tails', TAILS)
@pytest.mark.parametrize('scores', [1, 2, 5])
@pytest.mark.parametrize('count', [1, 9, 200])
def test_the_smallest_p_value_is_that_of_infinite_scores(
        count: int, scores: int, tails: Tails) -> None:
    assert min_p_value(count, scores, tails) == pytest.approx(
        smallest_p_value(count, scores, tails))


@pytest.mark.parametrize('tails', TAILS)
@pytest.mark.parametrize('exponent', [.02, .1, .5, .9])
@pytest.mark.parametrize('scores', [1, 2, 5])
def test_with_one_observation_less_evidence_cannot_increase(
        scores: int, exponent: float, tails: Tails) -> None:
    needed = min_sample_size(scores, tails, exponent)
    for count, increases in ((needed - 1, False), (needed, True)):
        cusum = ConformalCusum(math.inf, exponent)
        assert (cusum.step(smallest_p_value(count, scores, tails)) > 0) == increases


def test_minimum_sample_sizes_by_hand() -> None:
    assert min_sample_size(1, 'upper', .5) == 4
    assert min_sample_size(2, 'upper', .02) == 108
