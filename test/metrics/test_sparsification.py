# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import json
import math

from bdl_perception.metrics.pixels import LabelledPrediction
from bdl_perception.metrics.sparsification import (
    sparsification_quality,
    SparsificationMetricState,
    SparsificationQuality,
)
from made_predictions import (
    assert_states_merge,
    labelled_prediction,
    random_prediction,
    update_all,
    valid_depth_rows,
)
import numpy as np
import pytest


def sparsification(*frames: LabelledPrediction) -> SparsificationQuality | None:
    return sparsification_quality(update_all(SparsificationMetricState(), *frames).state())


def slow_area(rows: list, error_of, drop_by) -> tuple[float, float]:
    """Return the area and the error of all pixels by the published recipe."""
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
SIGMAS = {'aleatoric': lambda a, e: a, 'epistemic': lambda a, e: e, 'total': math.hypot}


def test_areas_match_the_docstring() -> None:
    found = sparsification(labelled_prediction(depth=[[10., 12.]], truth=[[10., 10.]],
                                               aleatoric=[[.1, .2]]))
    assert found.ause['aleatoric']['abs_rel'] == pytest.approx(0, abs=1e-9)
    assert found.aurg['aleatoric']['abs_rel'] == pytest.approx(.099)


def test_equally_uncertain_pixels_stay_together() -> None:
    found = sparsification(labelled_prediction(depth=[[10., 12.]], truth=[[10., 10.]]))
    assert found.curves['epistemic']['abs_rel'] == pytest.approx((*[.1] * 50, 0))
    assert found.aurg['epistemic']['abs_rel'] == pytest.approx(.001)  # of the appended 0


@pytest.mark.parametrize('error', ERRORS)
@pytest.mark.parametrize('name', SIGMAS)
def test_areas_match_the_published_recipe(error: str, name: str) -> None:
    frames = [random_prediction(seed) for seed in range(2)]
    found = sparsification(*frames)
    error_of, own = ERRORS[error]
    ause, aurg = [], []
    for one in frames:
        rows = valid_depth_rows(one)
        scale = (lambda d: d) if error == 'rmse' else (lambda d: 1)
        area, everything = slow_area(
            rows, error_of, lambda d, t, a, e, scale=scale: scale(d) * SIGMAS[name](a, e))
        ause.append(area - slow_area(rows, error_of, own)[0])
        aurg.append(everything - area)
    assert found.frames == 2
    assert found.ause[name][error] == pytest.approx(sum(ause) / 2, abs=1e-9)
    assert found.aurg[name][error] == pytest.approx(sum(aurg) / 2, abs=1e-9)


def test_frames_without_a_valid_pixel_do_not_count() -> None:
    nothing = labelled_prediction(depth=[[10.]], truth=[[np.nan]])
    assert sparsification(nothing) is None
    found = sparsification(nothing, random_prediction(0))
    assert found.frames == 1
    json.dumps(found._asdict())


def test_states_merge() -> None:
    assert_states_merge(SparsificationMetricState)
