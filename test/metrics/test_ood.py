# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Draws of whole drives are what plain repetition of their frames would give."""
from math import isnan, nan

from bdl_perception.metrics import ood
from bdl_perception.metrics.ood import (
    bootstrap_separation,
    mean_ratio,
    percentile_interval,
    resample_weights,
    separation,
)
import numpy as np
import pytest


def drives(rng: np.random.Generator, count: int, above: int) -> list[list[float]]:
    return [rng.integers(above, above + 6, rng.integers(1, 5)).tolist() for _ in range(count)]


@pytest.mark.parametrize('seed', range(5))
def test_a_draw_is_a_separation_with_drives_repeated(
        seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ood, 'REPLICATE_BATCH', 7)
    rng = np.random.default_rng(seed)
    nominal, strange = drives(rng, 5, 0), drives(rng, 3, 2)
    weights = [resample_weights(name, count, 0, 20) for name, count in (('a', 5), ('b', 3))]
    found = bootstrap_separation(nominal, strange, *weights)
    for row in range(20):
        sides = [[score for drive, times in zip(side, own[row], strict=True)
                  for score in drive * int(times)]
                 for side, own in zip((nominal, strange), weights, strict=True)]
        wanted = separation(*sides)
        assert [part[row] for part in found] == pytest.approx(list(wanted[:3]))


def test_weights_draw_as_many_drives_as_there_are_and_hang_on_name_and_seed_only() -> None:
    weights = resample_weights('night', 8, 0)
    assert weights.shape == (1000, 8) and (weights.sum(1) == 8).all()
    assert (weights == resample_weights('night', 8, 0)).all()
    assert (weights != resample_weights('fog', 8, 0)).any()
    assert (weights != resample_weights('night', 8, 1)).any()
    assert weights.mean(0) == pytest.approx(1, abs=.12)


def test_an_interval_is_the_middle_of_the_draws() -> None:
    assert percentile_interval(np.arange(1001.)) == (25., 975.)


def test_frames_that_agree_within_a_drive_do_not_make_the_interval_narrower() -> None:
    rng = np.random.default_rng(0)
    levels, strange = rng.normal(0, 1, 10), [[v] for v in rng.normal(1, 1, 10)]
    weights = [resample_weights(name, 10, 0) for name in 'ab']
    once, often = (bootstrap_separation([[v] * n for v in levels], strange, *weights).auroc for n in (1, 50))
    assert percentile_interval(once) == pytest.approx(percentile_interval(often))


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
