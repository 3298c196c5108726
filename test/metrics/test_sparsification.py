# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import json
import math

from bdl_perception.metrics.sparsification import sparsification_quality, SparsificationMetricState
from made_views import add_all, assert_halves_add_up, depth_rows, random_view, view_of
import numpy as np
import pytest


def slow_area(rows: list, error_of, drop_by) -> tuple[float, float]:
    """Give the area and the error of all by the published recipe, pixel by pixel."""
    sizes = [drop_by(*row) for row in rows]
    curve = []
    for step in range(50):
        limit = np.percentile([-size for size in sizes], 100 / 50 * step)
        curve.append(error_of([row for row, size in zip(rows, sizes, strict=True)
                               if -size >= limit]))
    curve.append(0.)
    return sum((a + b) / 2 / 50 for a, b in zip(curve, curve[1:], strict=False)), curve[0]


def abs_rel(rows: list) -> float:
    return sum(abs(d - t) / t for d, t, *_ in rows) / len(rows)


def rmse(rows: list) -> float:
    return math.sqrt(sum((d - t) ** 2 for d, t, *_ in rows) / len(rows))


def a1(rows: list) -> float:
    return sum(max(d / t, t / d) >= 1.25 for d, t, *_ in rows) / len(rows)


ERRORS = {'abs_rel': (abs_rel, lambda d, t, a, e: abs(d - t) / t),
          'rmse': (rmse, lambda d, t, a, e: (d - t) ** 2),
          'a1': (a1, lambda d, t, a, e: max(d / t, t / d))}
DEVIATIONS = {'aleatoric': lambda a, e: a, 'epistemic': lambda a, e: e, 'total': math.hypot}


def test_the_numbers_of_the_docstring() -> None:
    found = sparsification_quality(add_all(SparsificationMetricState(), view_of(
        depth=[[10., 12.]], truth=[[10., 10.]], aleatoric=[[.1, .2]])).state())
    assert found.ause['aleatoric']['abs_rel'] == pytest.approx(0, abs=1e-9)
    assert found.aurg['aleatoric']['abs_rel'] == pytest.approx(.099)


def test_pixels_of_the_same_deviation_stay_together_and_gain_almost_nothing() -> None:
    found = sparsification_quality(add_all(SparsificationMetricState(), view_of(
        depth=[[10., 12.]], truth=[[10., 10.]])).state())
    assert found.curves['epistemic']['abs_rel'] == pytest.approx((*[.1] * 50, 0))
    assert found.aurg['epistemic']['abs_rel'] == pytest.approx(.001)  # of the appended 0


@pytest.mark.parametrize('error', ERRORS)
@pytest.mark.parametrize('name', DEVIATIONS)
def test_areas_are_those_of_a_plain_loop_averaged_over_pictures(error: str, name: str) -> None:
    views = [random_view(seed) for seed in range(2)]
    found = sparsification_quality(add_all(SparsificationMetricState(), *views).state())
    error_of, own = ERRORS[error]
    ause, aurg = [], []
    for one in views:
        rows = depth_rows(one)
        scale = (lambda d: d) if error == 'rmse' else (lambda d: 1)
        area, everything = slow_area(
            rows, error_of, lambda d, t, a, e, scale=scale: scale(d) * DEVIATIONS[name](a, e))
        ause.append(area - slow_area(rows, error_of, own)[0])
        aurg.append(everything - area)
    assert found.pictures == 2
    assert found.ause[name][error] == pytest.approx(sum(ause) / 2, abs=1e-9)
    assert found.aurg[name][error] == pytest.approx(sum(aurg) / 2, abs=1e-9)


def test_pictures_without_a_judged_pixel_do_not_count() -> None:
    nothing = view_of(depth=[[10.]], truth=[[np.nan]])
    assert sparsification_quality(add_all(SparsificationMetricState(), nothing).state()) is None
    found = sparsification_quality(add_all(SparsificationMetricState(), nothing, random_view(0)).state())
    assert found.pictures == 1
    json.dumps(found._asdict())


def test_the_sums_of_two_halves_are_those_of_the_whole() -> None:
    assert_halves_add_up(SparsificationMetricState)
