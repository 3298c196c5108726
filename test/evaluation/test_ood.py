# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from math import isnan
from math import nan

from bdl_perception.evaluation.ood import mean_ratio
from bdl_perception.evaluation.ood import separation
import numpy as np
import pytest


def auroc_by_pairs(nominal: list[float], strange: list[float]) -> float:
    won = [1. if b > a else .5 if b == a else 0. for a in nominal for b in strange]
    return sum(won) / len(won)


def fpr_95_by_thresholds(nominal: list[float], strange: list[float]) -> float:
    for threshold in sorted({*nominal, *strange}, reverse=True):
        if sum(score >= threshold for score in strange) >= .95 * len(strange):
            return sum(score >= threshold for score in nominal) / len(nominal)
    raise AssertionError


def aupr_by_thresholds(nominal: list[float], strange: list[float]) -> float:
    area, before = 0., 0.
    for threshold in sorted({*nominal, *strange}, reverse=True):
        hits = sum(score >= threshold for score in strange)
        false = sum(score >= threshold for score in nominal)
        area += (hits / len(strange) - before) * hits / (hits + false)
        before = hits / len(strange)
    return area


def test_the_worked_example() -> None:
    found = separation([1, 2, 3], [2.5, 4])
    assert found[:3] == pytest.approx((5 / 6, 5 / 6, 1 / 3))
    assert separation([1, 2], [1, 2]).auroc == pytest.approx(.5)


@pytest.mark.parametrize('seed', range(20))
def test_measures_agree_with_plain_loops_ties_or_not(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nominal = rng.integers(0, 6, rng.integers(1, 30)).tolist()
    strange = rng.integers(2, 9, rng.integers(1, 30)).tolist()
    found = separation(nominal, strange)
    assert found.auroc == pytest.approx(auroc_by_pairs(nominal, strange))
    assert found.aupr == pytest.approx(aupr_by_thresholds(nominal, strange))
    assert found.fpr_95 == pytest.approx(fpr_95_by_thresholds(nominal, strange))


def test_twenty_strange_frames_may_lose_one_and_nineteen_none() -> None:
    assert separation([1.], [0., *[2.] * 19]).fpr_95 == 0
    assert separation([1.], [0., *[2.] * 18]).fpr_95 == 1


def test_a_score_that_is_no_number_is_the_strangest() -> None:
    assert separation([1, 2, 3], [nan, nan]).auroc == 1
    assert separation([nan], [5]).auroc == 0
    assert separation([nan], [nan]).auroc == .5


def test_the_ratio_of_means_is_left_out_where_it_says_nothing() -> None:
    assert mean_ratio([1, 3], [2.5, 4]) == pytest.approx(1.625)
    assert isnan(mean_ratio([-4, -2], [-1]))
