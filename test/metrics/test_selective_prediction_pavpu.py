# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import json
import math

from bdl_perception.metrics.selective_prediction import (
    pavpu_curve,
    pavpu_quality,
    PavpuMetricState,
)
from bdl_perception.perception.types import IGNORE
from made_views import add_all, assert_halves_add_up, random_view, view_of
import numpy as np
import pytest


def slow_counts(views: list, map_of, threshold: float) -> dict[tuple[bool, bool], int]:
    """Count patches by (accurate, certain)."""
    counts = {(a, c): 0 for a in (True, False) for c in (True, False)}
    for one in views:
        height, width = one.classes.shape
        for top in range(0, height - 3, 4):
            for left in range(0, width - 3, 4):
                pixels = [(y, x) for y in range(top, top + 4) for x in range(left, left + 4)
                          if one.classes[y, x] != IGNORE]
                if pixels:
                    right = sum(one.prediction.classes[p] == one.classes[p] for p in pixels)
                    mean = sum(float(map_of(one)[p]) for p in pixels) / len(pixels)
                    counts[bool(right / len(pixels) > .5), mean <= threshold] += 1
    return counts


def test_the_numbers_of_the_docstring() -> None:
    found = pavpu_curve(np.array([[[6., 1.], [1., 2.]]]))
    assert found.accurate_if_certain == (pytest.approx(6 / 7),)
    assert found.uncertain_if_inaccurate == (pytest.approx(2 / 3),)
    assert found.pavpu == (pytest.approx(.8),)


def test_counts_are_those_of_a_plain_loop_and_the_mask_holds() -> None:
    views = [random_view(seed) for seed in range(4)]
    found = pavpu_quality(add_all(PavpuMetricState(), *views).state())
    assert found.patches == 48
    for name, map_of in (('entropy', lambda v: v.prediction.entropy),
                         ('mutual_information', lambda v: v.epistemic.mutual_information)):
        made = found.curves[name]
        for index, threshold in enumerate(found.thresholds):
            n = slow_counts(views, map_of, threshold)
            assert made['pavpu'][index] == pytest.approx((n[True, True] + n[False, False]) / 48)
            certain, wrong = n[True, True] + n[False, True], n[False, True] + n[False, False]
            given = n[True, True] / certain if certain else math.nan
            assert made['accurate_if_certain'][index] == pytest.approx(given, nan_ok=True)
            assert made['uncertain_if_inaccurate'][index] == pytest.approx(
                n[False, False] / wrong)
        assert made['best'] == max(made['pavpu'])
        assert made['pavpu'][found.thresholds.index(made['best_threshold'])] == made['best']


def test_half_right_is_not_accurate_and_the_rest_of_a_map_is_dropped() -> None:
    label = np.zeros((4, 7))
    label[:, :2], label[:, 4:] = 1, 1
    found = pavpu_quality(add_all(PavpuMetricState(), view_of(
        label=label, entropy=np.full((4, 7), .1))).state())
    assert (found.patches, found.accurate) == (1, 0)


def test_without_labels_there_is_no_quality() -> None:
    nothing = view_of(label=np.full((4, 4), IGNORE))
    assert pavpu_quality(add_all(PavpuMetricState(), nothing, view_of(depth=[[1.]])).state()) is None
    json.dumps(pavpu_quality(add_all(PavpuMetricState(), random_view(0)).state())._asdict())


def test_the_sums_of_two_halves_are_those_of_the_whole() -> None:
    assert_halves_add_up(PavpuMetricState)
