# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from math import inf, isnan, nan

from bdl_perception.metrics import ood as module
from bdl_perception.metrics.ood import (
    auroc,
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
def test_a_replicate_is_a_separation_with_repeated_drives(
        seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, 'REPLICATE_BATCH', 7)
    rng = np.random.default_rng(seed)
    nominal, ood_scores = drives(rng, 5, 0), drives(rng, 3, 2)
    weights = [resample_weights(name, count, 0, 20) for name, count in (('a', 5), ('b', 3))]
    found = bootstrap_separation(nominal, ood_scores, *weights)
    for row in range(20):
        sides = [[score for drive, times in zip(side, own[row], strict=True)
                  for score in drive * int(times)]
                 for side, own in zip((nominal, ood_scores), weights, strict=True)]
        expected = separation(*sides)
        assert [part[row] for part in found] == pytest.approx(list(expected[:3]))


def test_weights_sum_to_the_drives_and_depend_on_name_and_seed() -> None:
    weights = resample_weights('night', 8, 0)
    assert weights.shape == (1000, 8) and (weights.sum(1) == 8).all()
    assert (weights == resample_weights('night', 8, 0)).all()
    assert (weights != resample_weights('fog', 8, 0)).any()
    assert (weights != resample_weights('night', 8, 1)).any()
    assert weights.mean(0) == pytest.approx(1, abs=.12)


def test_an_interval_is_the_centre_of_the_replicates() -> None:
    assert percentile_interval(np.arange(1001.)) == (25., 975.)


def test_repeated_frames_of_a_drive_leave_the_interval_as_it_is() -> None:
    rng = np.random.default_rng(0)
    levels, ood_scores = rng.normal(0, 1, 10), [[v] for v in rng.normal(1, 1, 10)]
    weights = [resample_weights(name, 10, 0) for name in 'ab']
    once, often = (bootstrap_separation([[v] * n for v in levels], ood_scores, *weights).auroc
                   for n in (1, 50))
    assert percentile_interval(once) == pytest.approx(percentile_interval(often))


def auroc_by_pairs(nominal: list[float], ood_scores: list[float]) -> float:
    won = [1. if b > a else .5 if b == a else 0. for a in nominal for b in ood_scores]
    return sum(won) / len(won)


def fpr_95_by_thresholds(nominal: list[float], ood_scores: list[float]) -> float:
    for threshold in sorted({*nominal, *ood_scores}, reverse=True):
        if sum(score >= threshold for score in ood_scores) >= .95 * len(ood_scores):
            return sum(score >= threshold for score in nominal) / len(nominal)
    raise AssertionError


def aupr_by_thresholds(nominal: list[float], ood_scores: list[float]) -> float:
    area, before = 0., 0.
    for threshold in sorted({*nominal, *ood_scores}, reverse=True):
        hits = sum(score >= threshold for score in ood_scores)
        false = sum(score >= threshold for score in nominal)
        area += (hits / len(ood_scores) - before) * hits / (hits + false)
        before = hits / len(ood_scores)
    return area


def test_separation_matches_the_docstring() -> None:
    found = separation([1, 2, 3], [2.5, 4])
    assert found[:3] == pytest.approx((5 / 6, 5 / 6, 1 / 3))
    assert separation([1, 2], [1, 2]).auroc == pytest.approx(.5)
    assert auroc([1, 3], [2, 4]) == .75


@pytest.mark.parametrize('seed', range(20))
def test_separation_matches_plain_loops_with_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nominal = rng.integers(0, 6, rng.integers(1, 30)).tolist()
    ood_scores = rng.integers(2, 9, rng.integers(1, 30)).tolist()
    found = separation(nominal, ood_scores)
    assert found.auroc == pytest.approx(auroc_by_pairs(nominal, ood_scores))
    assert found.aupr == pytest.approx(aupr_by_thresholds(nominal, ood_scores))
    assert found.fpr_95 == pytest.approx(fpr_95_by_thresholds(nominal, ood_scores))


def test_recall_of_95_percent_allows_one_missed_frame_in_twenty() -> None:
    assert separation([1.], [0., *[2.] * 19]).fpr_95 == 0
    assert separation([1.], [0., *[2.] * 18]).fpr_95 == 1


def test_a_score_that_is_not_finite_is_the_highest() -> None:
    assert separation([1, 2, 3], [nan, nan]).auroc == 1
    assert separation([nan], [5]).auroc == 0
    assert separation([nan], [nan]).auroc == .5
    assert auroc(np.array([1., 5.]), np.array([nan, inf])) == 1


def test_the_ratio_is_nan_where_the_nominal_mean_is_negative() -> None:
    assert mean_ratio([1, 3], [2.5, 4]) == pytest.approx(1.625)
    assert isnan(mean_ratio([-4, -2], [-1]))
