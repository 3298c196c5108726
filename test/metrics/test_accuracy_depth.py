# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import math
from types import SimpleNamespace

from bdl_perception.metrics.accuracy import DepthMetricState
from bdl_perception.metrics.pixels import LabelledPrediction
from made_views import add_all, assert_halves_add_up, depth_rows, random_view
import numpy as np
import pytest


def view(depth: list[float], truth: list[float] | None, log_std: float = .1) -> LabelledPrediction:
    """Make a view of one row of pixels, with both deviations of log-depth the same."""
    metres = np.float32([depth])
    prediction = SimpleNamespace(depth=metres, aleatoric_std=metres * np.float32(log_std))
    epistemic = SimpleNamespace(log_depth_std=np.full_like(metres, log_std))
    known = None if truth is None else np.float32([truth])
    return LabelledPrediction('a', np.zeros((1, len(depth), 3), np.uint8), prediction, epistemic, known, None)


def test_the_measures_are_those_computed_by_hand() -> None:
    tally = DepthMetricState()
    tally.update(view([10, 20, 40], [10, 24, 20]))  # |log(d / t)| is 0, .182, .693
    found = tally.quality
    assert found is not None
    assert found.abs_rel == pytest.approx((0 + 4 / 24 + 1) / 3, rel=1e-5)
    assert found.rms_m == pytest.approx(((0 + 16 + 400) / 3) ** .5, rel=1e-5)
    assert found.delta_125 == pytest.approx(2 / 3)
    assert found.inside_90_aleatoric == pytest.approx(1 / 3)  # up to 1.645 * .1 = .164
    assert found.inside_90_total == pytest.approx(2 / 3)  # up to 1.645 * .141 = .233
    assert found.answered == 1


def test_pixels_count_the_same_whatever_their_frame() -> None:
    tally = DepthMetricState()
    tally.update(view([10, 10, 10], [10, 10, 10]))
    tally.update(view([10], [5]))
    found = tally.quality
    assert found is not None and found.abs_rel == pytest.approx(.25)


def test_a_pixel_that_is_called_sky_is_not_answered_and_not_judged() -> None:
    tally = DepthMetricState()
    tally.update(view([np.inf, 11, 12, 13, 14], [30, 10, np.nan, np.inf, 81]))
    found = tally.quality
    assert found is not None
    assert (found.answered, found.abs_rel) == (.5, pytest.approx(.1, rel=1e-5))


def test_a_model_that_sees_only_sky_has_no_error_but_no_answer() -> None:
    tally = DepthMetricState()
    tally.update(view([np.inf], [30]))
    found = tally.quality
    assert found is not None and found.answered == 0 and np.isnan(found.abs_rel)


def test_without_any_true_depth_there_is_no_quality() -> None:
    tally = DepthMetricState()
    tally.update(view([10], None))
    tally.update(view([10], [np.nan]))
    assert tally.quality is None


def test_one_scale_wrong_everywhere_is_no_scale_invariant_error() -> None:
    found = add_all(DepthMetricState(), view([10, 20], [5, 10])).quality
    assert found.silog == pytest.approx(0, abs=1e-6)
    assert (found.delta_125_2, found.delta_125_3) == (0, 0)


def test_silog_is_that_computed_by_hand_and_the_mean_over_pictures() -> None:
    first = view([10, 20], [10, 10])
    assert add_all(DepthMetricState(), first).quality.silog == pytest.approx(50 * math.log(2))
    assert add_all(DepthMetricState(), first).quality.log10 == pytest.approx(math.log10(2) / 2)
    both = add_all(DepthMetricState(), first, view([10, 20, 30], [10, 20, 30])).quality
    assert both.silog == pytest.approx(25 * math.log(2))


def test_silog_knows_the_sign_of_an_error() -> None:
    found = add_all(DepthMetricState(), view([10, 20, 5], [10, 10, 10])).quality
    assert found.silog == pytest.approx(100 * math.log(2) * (2 / 3) ** .5)


def test_the_powers_of_delta_are_told_apart() -> None:
    found = add_all(DepthMetricState(), view([12, 15, 19, 20], [10, 10, 10, 10])).quality
    assert (found.delta_125, found.delta_125_2, found.delta_125_3) == (.25, .5, .75)


def test_the_measures_are_those_of_a_plain_loop_and_the_mask_holds() -> None:
    views = [random_view(seed) for seed in range(3)]
    rows = [row for one in views for row in depth_rows(one)]
    found = add_all(DepthMetricState(), *views).quality
    assert found.abs_rel == pytest.approx(sum(abs(d - t) / t for d, t, *_ in rows) / len(rows))
    assert found.log10 == pytest.approx(
        sum(abs(math.log10(d / t)) for d, t, *_ in rows) / len(rows))
    assert found.inside_90_total == pytest.approx(
        sum(abs(math.log(d / t)) <= 1.6448536 * (a * a + e * e) ** .5
            for d, t, a, e in rows) / len(rows))
    assert found.answered == 1


def test_the_sums_of_two_halves_are_those_of_the_whole() -> None:
    assert_halves_add_up(DepthMetricState)
