# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import math

from bdl_perception.metrics.depth_intervals import range_bin
from bdl_perception.metrics.gaussian import interval_coverage
from bdl_perception.metrics.interval_coverage import interval_quality, IntervalMetricState
from bdl_perception.metrics.pixels import merge_states
from bdl_perception.metrics.recalibration import (
    conformal_quantile,
    fit_intervals,
    fit_sigma_factor,
    fit_temperature,
    RecalibrationState,
    TEMPERATURES,
    Z_EDGES,
)
from bdl_perception.perception.data_types import CLASS_NAMES
from made_predictions import (
    assert_states_merge,
    labelled_prediction,
    random_prediction,
    update_all,
    valid_depth_rows,
)
import numpy as np
import pytest


def noisy_prediction(seed: int, sigma_ratio: float):
    """Make a frame whose sigma is too small by a factor, and by twice that beyond 20 m."""
    draw = np.random.default_rng(seed)
    shape = (120, 120)
    truth = np.exp(draw.uniform(np.log(2), np.log(79), shape))
    sigma = draw.uniform(.02, .06, shape)
    actual = sigma * sigma_ratio * np.where(truth > 20, 2, 1)
    return labelled_prediction(depth=truth * np.exp(draw.standard_t(4, shape) * actual),
                               truth=truth, aleatoric=sigma, epistemic=np.zeros(shape))


def test_the_factor_is_the_root_mean_square_of_z() -> None:
    z = np.tile([1., -3.], 20)
    labelled = labelled_prediction(depth=[10 * np.exp(.1 * z)], truth=[[10.] * 40],
                                   epistemic=[[0.] * 40])
    found = fit_intervals(update_all(RecalibrationState(), labelled).state(), 1)
    assert found.factor == pytest.approx(5 ** .5, rel=1e-5) == found.aleatoric_factor
    assert found.pixels == (0, 20, 20, 0, 0) and found.pooled == (True, False, False, True, True)


def test_a_quantile_is_at_most_one_bin_above_the_sorted_value() -> None:
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


def test_multipliers_belong_to_the_bin_of_the_predicted_depth() -> None:
    frames = [random_prediction(seed) for seed in range(4)]
    rows = [row for one in frames for row in valid_depth_rows(one)]
    found = fit_intervals(update_all(RecalibrationState(), *frames).state(), 2)
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


def test_calibrated_intervals_hold_on_held_out_frames() -> None:
    fitted = update_all(RecalibrationState(), *(noisy_prediction(seed, 1.5) for seed in range(4)))
    intervals = fit_intervals(fitted.state(), drives=4)
    held_out = [noisy_prediction(seed, 1.5) for seed in range(10, 14)]
    found = interval_quality(update_all(IntervalMetricState(intervals), *held_out).state())
    assert found.total.coverage['0.9'] < .75
    for shares in found.conformal_by_range.values():
        assert shares['0.9'] == pytest.approx(.9, abs=.02)
    assert found.scaled.nll < found.total.nll


def test_the_temperature_that_softened_is_found() -> None:
    draw = np.random.default_rng(0)
    probability = draw.dirichlet(np.full(len(CLASS_NAMES), 1.), (400, 400))
    label = (probability.cumsum(-1) < draw.random((400, 400))[..., None]).sum(-1)
    for temperature in (.6, 1.7):
        raised = probability ** temperature  # to the power 1 / T it is correct again
        raised /= raised.sum(-1, keepdims=True)
        labelled = labelled_prediction(label=np.minimum(label, 10),
                                       probability=np.moveaxis(raised, -1, 0))
        found = fit_temperature(update_all(RecalibrationState(), labelled).state())
        assert found == pytest.approx(temperature, rel=.06)


def test_the_temperature_lies_between_grid_points() -> None:
    for best in (.7, 1.3, 1.31, 2.9):
        nll = np.log(TEMPERATURES / best) ** 2
        assert fit_temperature({'labels': np.ones(1), 'nll': nll}) == pytest.approx(best)
    assert fit_temperature({'labels': np.ones(1), 'nll': 1 / TEMPERATURES}) == 4  # at its end


def test_a_bin_needs_the_minimum_sample_size() -> None:
    for count, pooled in ((18, True), (19, False)):
        depth = [[7.] * count + [15.] * 40]
        labelled = labelled_prediction(depth=depth, truth=np.array(depth) * 1.1)
        state = update_all(RecalibrationState(), labelled).state()
        assert fit_intervals(state, 1).pooled[1] == pooled


def test_no_labels_no_temperature_and_no_depth_no_fit() -> None:
    assert fit_temperature(RecalibrationState().state()) == 1
    with pytest.raises(ValueError, match='0 pixels with a true depth, .* needs 19'):
        fit_intervals(RecalibrationState().state(), 1)


def test_states_merge_to_the_same_fit() -> None:
    assert_states_merge(RecalibrationState)
    frames = [random_prediction(seed) for seed in range(4)]
    halves = [update_all(RecalibrationState(), *part).state() for part in (frames[:2], frames[2:])]
    whole = fit_intervals(update_all(RecalibrationState(), *frames).state(), 2)
    joined = fit_intervals(merge_states(*halves), 2)
    assert joined.factor == pytest.approx(whole.factor)
    assert joined.pixels == whole.pixels


def test_a_fitted_factor_covers_as_often_as_the_level() -> None:
    draw = np.random.default_rng(0)
    sigma = np.sqrt(draw.uniform(.01, 4, 5000))
    error = 1.7 * sigma * draw.standard_normal(5000)
    factor = fit_sigma_factor(error, sigma)
    assert factor == pytest.approx(1.7, rel=.05)
    assert interval_coverage(error, factor * sigma) == pytest.approx(.9, abs=1e-3)


def test_the_factor_matches_the_docstring() -> None:
    found = fit_sigma_factor(np.tile([1., -3.], 20), np.ones(40))
    assert found == pytest.approx(3 / 1.6449, rel=1e-4)
