# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import json
import math

from bdl_perception.metrics.selective_prediction import selective_quality, SelectiveMetricState
from bdl_perception.perception.types import IGNORE
from made_views import add_all, assert_halves_add_up, depth_rows, random_view, view_of
import numpy as np
import pytest


def kept_mean(pairs: list, recall: float) -> float:
    """Give the mean value of the most certain pixels, the last one by its part."""
    wanted, total = recall * len(pairs), 0.
    for index, (_, value) in enumerate(sorted(pairs)):
        total += value * min(1., max(0., wanted - index))
    return total / wanted


def test_the_numbers_of_the_docstring() -> None:
    found = selective_quality(add_all(SelectiveMetricState(), view_of(
        depth=[[11., 13.]], truth=[[10., 10.]], aleatoric=[[.1 / 11, .2 / 13]])).state())
    at = dict(zip(found.recall, found.rms_m['aleatoric'], strict=True))
    assert (at[.5], at[1.]) == (pytest.approx(1), pytest.approx(5 ** .5))


def test_curves_over_all_pictures_are_those_of_a_plain_sort() -> None:
    views = [random_view(seed) for seed in range(6)]
    found = selective_quality(add_all(SelectiveMetricState(), *views).state())
    rows = [row for one in views for row in depth_rows(one)]
    pairs = {'aleatoric': [(d * a, (d - t) ** 2) for d, t, a, e in rows],
             'epistemic': [(d * e, (d - t) ** 2) for d, t, a, e in rows],
             'total': [(d * math.hypot(a, e), (d - t) ** 2) for d, t, a, e in rows]}
    for name, each in pairs.items():
        for recall, value in zip(found.recall[2:], found.rms_m[name][2:], strict=True):
            assert value == pytest.approx(kept_mean(each, recall) ** .5, rel=.05)
    for name, map_of in (('entropy', lambda v: v.prediction.entropy),
                         ('mutual_information', lambda v: v.epistemic.mutual_information)):
        each = [(float(u), float(p == t)) for one in views for u, p, t in zip(
            map_of(one).ravel(), one.prediction.classes.ravel(), one.classes.ravel(), strict=True)
            if t != IGNORE]
        for recall, value in zip(found.recall[2:], found.precision[name][2:], strict=True):
            assert value == pytest.approx(kept_mean(each, recall), abs=.02)
        assert found.precision[name][-1] == pytest.approx(kept_mean(each, 1))


def test_what_is_unknown_is_the_most_uncertain() -> None:
    found = selective_quality(add_all(SelectiveMetricState(), view_of(
        classes=[[0, 0]], label=[[1, 0]], entropy=[[np.nan, 2]])).state())
    at = dict(zip(found.recall, found.precision['entropy'], strict=True))
    assert (at[.5], at[1.]) == (1, .5)
    assert math.isnan(found.rms_m['total'][0])
    json.dumps(found._asdict())


def test_without_truth_there_is_no_curve() -> None:
    assert selective_quality(add_all(SelectiveMetricState(), view_of(depth=[[1.]])).state()) is None


def test_the_sums_of_two_halves_are_those_of_the_whole() -> None:
    assert_halves_add_up(SelectiveMetricState)
