# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

from bdl_perception.evaluation.depth import DepthTally
from bdl_perception.evaluation.view import View
import numpy as np
import pytest


def view(depth: list[float], truth: list[float] | None, log_std: float = .1) -> View:
    """Make a view of one row of pixels, with both deviations of log-depth the same."""
    metres = np.float32([depth])
    prediction = SimpleNamespace(depth=metres, aleatoric_std=metres * np.float32(log_std))
    epistemic = SimpleNamespace(log_depth_std=np.full_like(metres, log_std))
    known = None if truth is None else np.float32([truth])
    return View('a', np.zeros((1, len(depth), 3), np.uint8), prediction, epistemic, known, None)


def test_the_measures_are_those_computed_by_hand() -> None:
    tally = DepthTally()
    tally.add(view([10, 20, 40], [10, 24, 20]))  # |log(d / t)| is 0, .182, .693
    found = tally.quality
    assert found is not None
    assert found.abs_rel == pytest.approx((0 + 4 / 24 + 1) / 3, rel=1e-5)
    assert found.rms_m == pytest.approx(((0 + 16 + 400) / 3) ** .5, rel=1e-5)
    assert found.delta_125 == pytest.approx(2 / 3)
    assert found.inside_90_aleatoric == pytest.approx(1 / 3)  # up to 1.645 * .1 = .164
    assert found.inside_90_total == pytest.approx(2 / 3)  # up to 1.645 * .141 = .233
    assert found.answered == 1


def test_pixels_count_the_same_whatever_their_frame() -> None:
    tally = DepthTally()
    tally.add(view([10, 10, 10], [10, 10, 10]))
    tally.add(view([10], [5]))
    found = tally.quality
    assert found is not None and found.abs_rel == pytest.approx(.25)


def test_a_pixel_that_is_called_sky_is_not_answered_and_not_judged() -> None:
    tally = DepthTally()
    tally.add(view([np.inf, 11, 12, 13, 14], [30, 10, np.nan, np.inf, 81]))
    found = tally.quality
    assert found is not None
    assert (found.answered, found.abs_rel) == (.5, pytest.approx(.1, rel=1e-5))


def test_a_model_that_sees_only_sky_has_no_error_but_no_answer() -> None:
    tally = DepthTally()
    tally.add(view([np.inf], [30]))
    found = tally.quality
    assert found is not None and found.answered == 0 and np.isnan(found.abs_rel)


def test_without_any_true_depth_there_is_no_quality() -> None:
    tally = DepthTally()
    tally.add(view([10], None))
    tally.add(view([10], [np.nan]))
    assert tally.quality is None
