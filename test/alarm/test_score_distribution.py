# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What is needed against the p-values and the sums that the alarm itself makes."""
import math

from bdl_perception.alarm.conformal import combined_p_value, min_p_value, TAILS, Tails
from bdl_perception.alarm.cusum import ConformalCusum
from bdl_perception.alarm.score_distribution import (
    min_sample_size,
    mondrian_group,
    NIGHT_LUMA_THRESHOLD,
)
import pytest


def strangest(count: int, scores: int, tails: Tails) -> float:
    names = [f'score {index}' for index in range(scores)]
    seen = dict.fromkeys(names, list(map(float, range(count))))
    return combined_p_value(seen, dict.fromkeys(names, math.inf), tails)


@pytest.mark.parametrize('tails', TAILS)
@pytest.mark.parametrize('scores', [1, 2, 5])
@pytest.mark.parametrize('count', [1, 9, 200])
def test_nothing_has_a_smaller_p_value_than_the_strangest(
        count: int, scores: int, tails: Tails) -> None:
    assert min_p_value(count, scores, tails) == pytest.approx(
        strangest(count, scores, tails))


@pytest.mark.parametrize('tails', TAILS)
@pytest.mark.parametrize('exponent', [.02, .1, .5, .9])
@pytest.mark.parametrize('scores', [1, 2, 5])
def test_with_one_fewer_no_picture_adds_to_the_sum(
        scores: int, exponent: float, tails: Tails) -> None:
    needed = min_sample_size(scores, tails, exponent)
    for count, rises in ((needed - 1, False), (needed, True)):
        cusum = ConformalCusum(math.inf, exponent)
        assert (cusum.step(strangest(count, scores, tails)) > 0) == rises


def test_what_evidence_needs_by_hand() -> None:
    assert min_sample_size(1, 'upper', .5) == 4
    assert min_sample_size(2, 'upper', .02) == 108


def test_light_is_told_by_brightness_alone() -> None:
    assert mondrian_group('light', {'brightness': NIGHT_LUMA_THRESHOLD, 'energy': 0.}) == 'day'
    assert mondrian_group('light', {'brightness': NIGHT_LUMA_THRESHOLD - 1e-9}) == 'night'
    assert mondrian_group('light', {'energy': 0.}) is None
    assert mondrian_group('none', {'brightness': .5}) is None
