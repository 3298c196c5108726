# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import json
import math

from bdl_perception.metrics.pixels import LabelledPrediction
from bdl_perception.metrics.selective_prediction import (
    pavpu_curve,
    pavpu_quality,
    PavpuMetricState,
    PavpuQuality,
    selective_quality,
    SelectiveMetricState,
    SelectiveQuality,
)
from bdl_perception.perception.data_types import IGNORE
from made_predictions import (
    assert_states_merge,
    labelled_prediction,
    random_prediction,
    update_all,
    valid_depth_rows,
)
import numpy as np
import pytest


def selective(*frames: LabelledPrediction) -> SelectiveQuality | None:
    return selective_quality(update_all(SelectiveMetricState(), *frames).state())


def pavpu(*frames: LabelledPrediction) -> PavpuQuality | None:
    return pavpu_quality(update_all(PavpuMetricState(), *frames).state())


def mean_of_most_certain(pairs: list, recall: float) -> float:
    """Return the mean value of the most certain pixels, the last one by its fraction."""
    count, total = recall * len(pairs), 0.
    for index, (_, value) in enumerate(sorted(pairs)):
        total += value * min(1., max(0., count - index))
    return total / count


def test_rms_at_recall_matches_the_docstring() -> None:
    found = selective(labelled_prediction(depth=[[11., 13.]], truth=[[10., 10.]],
                                          aleatoric=[[.1 / 11, .2 / 13]]))
    at = dict(zip(found.recall, found.rms_m['aleatoric'], strict=True))
    assert (at[.5], at[1.]) == (pytest.approx(1), pytest.approx(5 ** .5))


def test_curves_match_a_plain_sort_of_all_pixels() -> None:
    frames = [random_prediction(seed) for seed in range(6)]
    found = selective(*frames)
    rows = [row for one in frames for row in valid_depth_rows(one)]
    pairs = {'aleatoric': [(d * a, (d - t) ** 2) for d, t, a, e in rows],
             'epistemic': [(d * e, (d - t) ** 2) for d, t, a, e in rows],
             'total': [(d * math.hypot(a, e), (d - t) ** 2) for d, t, a, e in rows]}
    for name, each in pairs.items():
        for recall, value in zip(found.recall[2:], found.rms_m[name][2:], strict=True):
            assert value == pytest.approx(mean_of_most_certain(each, recall) ** .5, rel=.05)
    for name, map_of in (('entropy', lambda v: v.prediction.entropy),
                         ('mutual_information', lambda v: v.epistemic.mutual_information)):
        each = [(float(u), float(p == t)) for one in frames for u, p, t in zip(
            map_of(one).ravel(), one.prediction.classes.ravel(), one.classes.ravel(), strict=True)
            if t != IGNORE]
        for recall, value in zip(found.recall[2:], found.precision[name][2:], strict=True):
            assert value == pytest.approx(mean_of_most_certain(each, recall), abs=.02)
        assert found.precision[name][-1] == pytest.approx(mean_of_most_certain(each, 1))


def test_a_nan_uncertainty_is_the_largest() -> None:
    found = selective(labelled_prediction(classes=[[0, 0]], label=[[1, 0]], entropy=[[np.nan, 2]]))
    at = dict(zip(found.recall, found.precision['entropy'], strict=True))
    assert (at[.5], at[1.]) == (1, .5)
    assert math.isnan(found.rms_m['total'][0])
    json.dumps(found._asdict())


def test_selective_quality_is_none_without_truth() -> None:
    assert selective(labelled_prediction(depth=[[1.]])) is None


def test_selective_states_merge() -> None:
    assert_states_merge(SelectiveMetricState)


def slow_counts(frames: list, map_of, threshold: float) -> dict[tuple[bool, bool], int]:
    """Count patches by (accurate, certain)."""
    counts = {(a, c): 0 for a in (True, False) for c in (True, False)}
    for one in frames:
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


def test_pavpu_matches_the_docstring() -> None:
    found = pavpu_curve(np.array([[[6., 1.], [1., 2.]]]))
    assert found.accurate_if_certain == (pytest.approx(6 / 7),)
    assert found.uncertain_if_inaccurate == (pytest.approx(2 / 3),)
    assert found.pavpu == (pytest.approx(.8),)


def test_pavpu_matches_a_plain_loop() -> None:
    frames = [random_prediction(seed) for seed in range(4)]
    found = pavpu(*frames)
    assert found.patches == 48
    for name, map_of in (('entropy', lambda v: v.prediction.entropy),
                         ('mutual_information', lambda v: v.epistemic.mutual_information)):
        made = found.curves[name]
        for index, threshold in enumerate(found.thresholds):
            n = slow_counts(frames, map_of, threshold)
            assert made.pavpu[index] == pytest.approx((n[True, True] + n[False, False]) / 48)
            certain, wrong = n[True, True] + n[False, True], n[False, True] + n[False, False]
            given = n[True, True] / certain if certain else math.nan
            assert made.accurate_if_certain[index] == pytest.approx(given, nan_ok=True)
            assert made.uncertain_if_inaccurate[index] == pytest.approx(
                n[False, False] / wrong)
        assert made.best == max(made.pavpu)
        assert made.pavpu[found.thresholds.index(made.best_threshold)] == made.best


def test_half_correct_is_inaccurate_and_partial_patches_are_dropped() -> None:
    label = np.zeros((4, 7))
    label[:, :2], label[:, 4:] = 1, 1
    found = pavpu(labelled_prediction(label=label, entropy=np.full((4, 7), .1)))
    assert (found.patches, found.accurate) == (1, 0)


def test_pavpu_quality_is_none_without_labels() -> None:
    nothing = labelled_prediction(label=np.full((4, 4), IGNORE))
    assert pavpu(nothing, labelled_prediction(depth=[[1.]])) is None
    json.dumps(pavpu(random_prediction(0))._asdict())


def test_pavpu_states_merge() -> None:
    assert_states_merge(PavpuMetricState)
