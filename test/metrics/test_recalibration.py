# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import math

from bdl_perception.metrics.depth_intervals import range_bin
from bdl_perception.metrics.interval_coverage import interval_quality, IntervalMetricState
from bdl_perception.metrics.pixels import merge_states
from bdl_perception.metrics.recalibration import (
    conformal_quantile,
    fit_intervals,
    fit_temperature,
    RecalibrationState,
    TEMPERATURES,
    Z_EDGES,
)
from bdl_perception.perception.types import CLASS_NAMES
from made_views import add_all, assert_halves_add_up, depth_rows, random_view, view_of
import numpy as np
import pytest


def noisy_view(seed: int, true_over_stated: float):
    """Make a picture whose deviations are too small by a factor, more so far away."""
    draw = np.random.default_rng(seed)
    shape = (120, 120)
    truth = np.exp(draw.uniform(np.log(2), np.log(79), shape))
    stated = draw.uniform(.02, .06, shape)
    real = stated * true_over_stated * np.where(truth > 20, 2, 1)
    return view_of(depth=truth * np.exp(draw.standard_t(4, shape) * real), truth=truth,
                   aleatoric=stated, epistemic=np.zeros(shape))


def test_the_factor_is_the_root_of_the_mean_square_by_hand() -> None:
    z = np.tile([1., -3.], 20)
    view = view_of(depth=[10 * np.exp(.1 * z)], truth=[[10.] * 40], epistemic=[[0.] * 40])
    found = fit_intervals(add_all(RecalibrationState(), view).state(), 1)
    assert found.factor == pytest.approx(5 ** .5, rel=1e-5) == found.aleatoric_factor
    assert found.pixels == (0, 20, 20, 0, 0) and found.pooled == (True, False, False, True, True)


def test_a_quantile_is_that_of_the_sorted_values_at_most_one_bin_too_wide() -> None:
    draw = np.random.default_rng(0)
    for count in (19, 20, 99, 1000):
        values = np.abs(draw.standard_t(3, count))
        counts = np.bincount(np.searchsorted(Z_EDGES, values), minlength=len(Z_EDGES) + 1)
        for level in (.5, .8, .9, .95):
            exact = sorted(values)[math.ceil(round((count + 1) * level, 9)) - 1]
            found = conformal_quantile(counts.astype(np.float64), level)
            assert exact <= found <= exact * 1.007
    few = np.bincount([500] * 18, minlength=len(Z_EDGES) + 1).astype(np.float64)
    assert conformal_quantile(few, .95) == math.inf  # 19 are needed


def test_multipliers_are_of_the_bin_of_the_predicted_depth() -> None:
    views = [random_view(seed) for seed in range(4)]
    rows = [row for one in views for row in depth_rows(one)]
    found = fit_intervals(add_all(RecalibrationState(), *views).state(), 2)
    z = [abs(math.log(d / t)) / math.hypot(a, e) for d, t, a, e in rows]
    assert found.factor == pytest.approx(math.sqrt(sum(v * v for v in z) / len(z)))
    assert found.aleatoric_factor == pytest.approx(math.sqrt(
        sum((math.log(d / t) / a) ** 2 for d, t, a, e in rows) / len(rows)))
    for index in range(5):
        here = sorted(v for v, row in zip(z, rows, strict=True)
                      if range_bin(np.array([row[0]]))[0] == index)
        assert found.pixels[index] == len(here) > 19 and not found.pooled[index]
        exact = here[math.ceil((len(here) + 1) * .9 - 1e-9) - 1] / found.factor
        assert exact <= found.multipliers[index][2] <= exact * 1.007


def test_on_pictures_held_out_the_intervals_hold_where_the_stated_ones_did_not() -> None:
    fitted = add_all(RecalibrationState(), *(noisy_view(seed, 1.5) for seed in range(4)))
    intervals = fit_intervals(fitted.state(), drives=4)
    held_out = [noisy_view(seed, 1.5) for seed in range(10, 14)]
    found = interval_quality(add_all(IntervalMetricState(intervals), *held_out).state())
    assert found.total['coverage']['0.9'] < .75
    for shares in found.conformal_by_range.values():
        assert shares['0.9'] == pytest.approx(.9, abs=.02)
    assert found.scaled['nll'] < found.total['nll']


def test_the_temperature_is_the_one_that_softened_the_probabilities() -> None:
    draw = np.random.default_rng(0)
    probability = draw.dirichlet(np.full(len(CLASS_NAMES), 1.), (400, 400))
    label = (probability.cumsum(-1) < draw.random((400, 400))[..., None]).sum(-1)
    for temperature in (.6, 1.7):
        said = probability ** temperature  # raised by 1 / T it is the truth again
        said /= said.sum(-1, keepdims=True)
        view = view_of(label=np.minimum(label, 10), probability=np.moveaxis(said, -1, 0))
        found = fit_temperature(add_all(RecalibrationState(), view).state())
        assert found == pytest.approx(temperature, rel=.06)


def test_the_best_temperature_lies_between_those_of_the_grid() -> None:
    for best in (.7, 1.3, 1.31, 2.9):
        nll = np.log(TEMPERATURES / best) ** 2
        assert fit_temperature({'labels': np.ones(1), 'nll': nll}) == pytest.approx(best)
    assert fit_temperature({'labels': np.ones(1), 'nll': 1 / TEMPERATURES}) == 4  # at its end


def test_the_fewest_pixels_that_make_an_interval_are_enough_for_a_bin_of_its_own() -> None:
    for count, pooled in ((18, True), (19, False)):
        depth = [[7.] * count + [15.] * 40]
        view = view_of(depth=depth, truth=np.array(depth) * 1.1)
        assert fit_intervals(add_all(RecalibrationState(), view).state(), 1).pooled[1] == pooled


def test_without_labels_the_temperature_is_one_and_without_depth_there_is_no_fit() -> None:
    assert fit_temperature(RecalibrationState().state()) == 1
    with pytest.raises(ValueError, match='0 pixels with a true depth, .* needs 19'):
        fit_intervals(RecalibrationState().state(), 1)


def test_halves_add_up_to_the_sums_and_the_fit_of_the_whole() -> None:
    assert_halves_add_up(RecalibrationState)
    views = [random_view(seed) for seed in range(4)]
    halves = [add_all(RecalibrationState(), *part).state() for part in (views[:2], views[2:])]
    whole = fit_intervals(add_all(RecalibrationState(), *views).state(), 2)
    joined = fit_intervals(merge_states(*halves), 2)
    assert joined.factor == pytest.approx(whole.factor)
    assert joined.pixels == whole.pixels
