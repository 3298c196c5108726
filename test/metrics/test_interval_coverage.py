# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tests."""
import json
import math
from statistics import NormalDist

from bdl_perception.metrics.depth_intervals import BIN_NAMES, DepthIntervals
from bdl_perception.metrics.interval_coverage import (
    fit_sigma_scale,
    gaussian_crps,
    interval_coverage,
    interval_quality,
    interval_report,
    IntervalMetricState,
    mean_gaussian_nll,
    PixelErrors,
)
from made_views import add_all, assert_halves_add_up, depth_rows, random_view, view_of
import numpy as np
import pytest

GIVEN = DepthIntervals(
    factor=1.5, aleatoric_factor=1.6, temperature=1.1, edges_m=(5., 10., 20., 40.),
    levels=(.5, .8, .9, .95), pooled=(False,) * 5, pixels=(100,) * 5, drives=3,
    multipliers=tuple((.5 + n / 10, 1. + n / 10, 1.5 + n / 10, 2. + n / 10) for n in range(5)))


def test_the_numbers_of_the_docstring() -> None:
    one = np.exp(.1)  # z = 1 of the aleatoric .1
    found = interval_quality(add_all(IntervalMetricState(), view_of(
        depth=[[10 * one]], truth=[[10.]], epistemic=[[0.]])).state())
    assert found.aleatoric['nll'] == pytest.approx(1.419 + math.log(.1), abs=1e-3)
    assert found.aleatoric['coverage'] == {'0.5': 0, '0.8': 1, '0.9': 1, '0.95': 1}
    assert gaussian_crps(np.zeros(1), np.ones(1)) == pytest.approx(.2337, abs=1e-4)
    always = interval_quality(add_all(IntervalMetricState(), view_of(
        depth=[[10.]], truth=[[10.]])).state())
    assert always.total['auce'] == pytest.approx(.5, abs=.006)  # 0 at level 0, then 1
    assert always.total['calibration_mse'] == pytest.approx(
        sum((1 - n / 10) ** 2 for n in range(1, 10)) / 9)


def test_crps_is_the_integral_of_the_squared_distance_of_the_distributions() -> None:
    x = np.linspace(-12, 12, 240001)
    below = np.array([NormalDist(0, .7).cdf(value) for value in x[::10]])
    for truth in (-1.1, 0., .4):
        squares = (below - (x[::10] >= truth)) ** 2
        found = gaussian_crps(np.array([truth / .7]), np.array([.7]))[0]
        assert found == pytest.approx(squares.sum() * (x[10] - x[0]), abs=1e-3)


def test_coverage_and_scores_are_those_of_a_plain_loop_and_the_mask_holds() -> None:
    views = [random_view(seed) for seed in range(3)]
    rows = [row for one in views for row in depth_rows(one)]
    found = interval_quality(add_all(IntervalMetricState(GIVEN), *views).state())
    edges = [0, 5, 10, 20, 40, math.inf]
    assert found.stated == 1
    for kind, sigma_of in (('aleatoric', lambda a, e: a), ('total', math.hypot),
                           ('scaled', lambda a, e: 1.5 * math.hypot(a, e))):
        coverage = getattr(found, kind)
        z = [abs(math.log(d / t)) / sigma_of(a, e) for d, t, a, e in rows]
        for level in (.5, .8, .9, .95):
            half = NormalDist().inv_cdf(.5 + level / 2)
            inside = [value <= half for value in z]
            assert coverage['coverage'][f'{level:g}'] == pytest.approx(sum(inside) / len(z))
            for index, name in enumerate(BIN_NAMES):
                here = [yes for yes, row in zip(inside, rows, strict=True)
                        if edges[index] <= row[0] < edges[index + 1]]
                assert coverage['by_range'][name][f'{level:g}'] == pytest.approx(
                    sum(here) / len(here))
        nll = [-math.log(NormalDist(0, 1).pdf(value) / sigma_of(a, e))
               for value, (_, _, a, e) in zip(z, rows, strict=True)]
        assert coverage['nll'] == pytest.approx(sum(nll) / len(nll))
        gaps = [abs(sum(v <= NormalDist().inv_cdf(.5 + n / 200) for v in z) / len(z) - n / 100)
                for n in range(1, 100)]
        assert coverage['auce'] == pytest.approx(sum(gaps) / 100)


def test_conformal_intervals_are_those_of_the_bin_of_the_predicted_depth() -> None:
    views = [random_view(seed) for seed in range(3)]
    found = interval_quality(add_all(IntervalMetricState(GIVEN), *views).state())
    edges = [0, 5, 10, 20, 40, math.inf]
    for index, name in enumerate(BIN_NAMES):
        rows = [row for one in views for row in depth_rows(one)
                if edges[index] <= row[0] < edges[index + 1]]
        assert found.pixels[name] == len(rows)
        for level, multiplier in zip((.5, .8, .9, .95), GIVEN.multipliers[index], strict=True):
            inside = [d * math.exp(-multiplier * 1.5 * math.hypot(a, e)) <= t
                      <= d * math.exp(multiplier * 1.5 * math.hypot(a, e))
                      for d, t, a, e in rows]
            assert found.conformal_by_range[name][f'{level:g}'] == pytest.approx(
                sum(inside) / len(rows))


def test_honest_deviations_have_the_coverage_that_they_say() -> None:
    draw = np.random.default_rng(0)
    noise = draw.normal(0, .2, (200, 200))
    view = view_of(depth=10 * np.exp(noise), truth=np.full((200, 200), 10.),
                   aleatoric=np.full((200, 200), .2), epistemic=np.zeros((200, 200)))
    found = interval_quality(add_all(IntervalMetricState(), view).state())
    assert found.total['coverage']['0.9'] == pytest.approx(.9, abs=.01)
    assert found.total['auce'] < .005 and found.total['calibration_mse'] < 1e-4


def test_a_deviation_that_is_none_is_counted_and_left_out() -> None:
    view = view_of(depth=[[10., 10, 10, 10]], truth=[[10.] * 4],
                   aleatoric=[[.1, np.nan, 0., .1]], epistemic=[[.1, .1, .1, np.inf]])
    found = interval_quality(add_all(IntervalMetricState(), view).state())
    assert found.stated == .25 and found.total['coverage']['0.9'] == 1


def test_without_a_calibration_nothing_is_said_of_after_it_nor_without_truth_of_anything() -> None:
    found = interval_quality(add_all(IntervalMetricState(), random_view(0)).state())
    assert found.scaled is found.conformal is found.conformal_by_range is None
    assert interval_quality(add_all(IntervalMetricState(), view_of(depth=[[10.]])).state()) is None
    json.dumps(found._asdict())


@pytest.mark.parametrize('intervals', [None, GIVEN])
def test_the_sums_of_two_halves_are_those_of_the_whole(intervals: DepthIntervals | None) -> None:
    assert_halves_add_up(lambda: IntervalMetricState(intervals))


def test_coverage_counts_what_lies_inside():
    assert interval_coverage(np.array([1., -2.]), np.ones(2)) == .5
    assert interval_coverage(np.array([1., -2.]), np.ones(2), scale=2) == 1
    assert interval_coverage(np.array([1., -2.]), np.array([.1, 4.])) == .5


def test_a_fitted_scale_covers_as_often_as_the_level_says():
    rng = np.random.default_rng(0)
    variance = rng.uniform(.01, 4, 5000)
    error = 1.7 * np.sqrt(variance) * rng.standard_normal(5000)
    scale = fit_sigma_scale(error, variance)
    assert scale == pytest.approx(1.7, rel=.05)
    assert interval_coverage(error, variance, scale=scale) == pytest.approx(.9, abs=1e-3)


def test_the_likelihood_is_that_of_a_gaussian():
    assert mean_gaussian_nll(np.zeros(1), np.ones(1)) == pytest.approx(.9189, abs=1e-4)
    density = np.exp(-.5 * (3 / 2)**2) / (2 * np.sqrt(2 * np.pi))  # sigma 2, error 3
    assert mean_gaussian_nll(np.array([3.]), np.array([1.]), 2.) == pytest.approx(-np.log(density))


def test_the_scale_comes_from_one_split_and_is_judged_on_another():
    rng = np.random.default_rng(1)
    fitting = PixelErrors(2 * rng.standard_normal(4000), np.full(4000, .5), np.full(4000, .5))
    held_out = PixelErrors(6 * rng.standard_normal(4000), np.full(4000, .5), np.full(4000, .5))
    report = interval_report(fitting, held_out)
    assert set(report) == {'aleatoric', 'epistemic', 'total'}
    assert report['total']['scale'] == pytest.approx(2, rel=.05)
    inside = np.mean(np.abs(held_out.error) <= 1.6449 * report['total']['scale'])
    assert inside < .5
    assert report['total']['coverage_after'] == pytest.approx(inside, abs=1e-3)


def test_a_network_with_one_kind_of_variance_has_its_total_from_it():
    pixels = PixelErrors(np.ones(10), None, np.full(10, .25))
    report = interval_report(pixels, pixels)
    assert set(report) == {'epistemic', 'total'} and report['total'] == report['epistemic']
    assert interval_report(PixelErrors(np.ones(9), None, None), PixelErrors(np.ones(9), None, None)) == {}
