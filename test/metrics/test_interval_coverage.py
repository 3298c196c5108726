# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tests."""
import json
import math
from statistics import NormalDist

from bdl_perception.metrics.depth_intervals import BIN_NAMES, DepthIntervals
from bdl_perception.metrics.interval_coverage import (
    cross_validated_coverage,
    gaussian_crps,
    interval_quality,
    IntervalMetricState,
    IntervalQuality,
)
from bdl_perception.metrics.pixels import LabelledPrediction
from bdl_perception.metrics.recalibration import fit_intervals, RecalibrationState
from made_predictions import (
    assert_states_merge,
    labelled_prediction,
    random_prediction,
    update_all,
    valid_depth_rows,
)
import numpy as np
import pytest

GIVEN = DepthIntervals(
    factor=1.5, aleatoric_factor=1.6, temperature=1.1, edges_m=(5., 10., 20., 40.),
    levels=(.5, .8, .9, .95), pooled=(False,) * 5, pixels=(100,) * 5, drives=3,
    multipliers=tuple((.5 + n / 10, 1. + n / 10, 1.5 + n / 10, 2. + n / 10) for n in range(5)))


def coverage_of(*frames: LabelledPrediction) -> IntervalQuality | None:
    return interval_quality(update_all(IntervalMetricState(), *frames).state())


def test_scores_match_the_docstring() -> None:
    one = np.exp(.1)  # z = 1 of the aleatoric .1
    found = coverage_of(labelled_prediction(depth=[[10 * one]], truth=[[10.]], epistemic=[[0.]]))
    assert found.aleatoric.nll == pytest.approx(1.419 + math.log(.1), abs=1e-3)
    assert found.aleatoric.coverage == {'0.5': 0, '0.8': 1, '0.9': 1, '0.95': 1}
    assert gaussian_crps(np.zeros(1), np.ones(1)) == pytest.approx(.2337, abs=1e-4)
    always = coverage_of(labelled_prediction(depth=[[10.]], truth=[[10.]]))
    assert always.total.auce == pytest.approx(.5, abs=.006)  # 0 at level 0, then 1
    assert always.total.calibration_mse == pytest.approx(
        sum((1 - n / 10) ** 2 for n in range(1, 10)) / 9)


def test_crps_is_the_integral_of_its_definition() -> None:
    x = np.linspace(-12, 12, 240001)
    below = np.array([NormalDist(0, .7).cdf(value) for value in x[::10]])
    for truth in (-1.1, 0., .4):
        squares = (below - (x[::10] >= truth)) ** 2
        found = gaussian_crps(np.array([truth / .7]), np.array([.7]))[0]
        assert found == pytest.approx(squares.sum() * (x[10] - x[0]), abs=1e-3)


def test_coverage_and_scores_match_a_plain_loop() -> None:
    frames = [random_prediction(seed) for seed in range(3)]
    rows = [row for one in frames for row in valid_depth_rows(one)]
    found = interval_quality(update_all(IntervalMetricState(GIVEN), *frames).state())
    edges = [0, 5, 10, 20, 40, math.inf]
    assert found.usable_sigma == 1
    for kind, sigma_of in (('aleatoric', lambda a, e: a), ('total', math.hypot),
                           ('scaled', lambda a, e: 1.5 * math.hypot(a, e))):
        coverage = getattr(found, kind)
        z = [abs(math.log(d / t)) / sigma_of(a, e) for d, t, a, e in rows]
        for level in (.5, .8, .9, .95):
            half = NormalDist().inv_cdf(.5 + level / 2)
            inside = [value <= half for value in z]
            assert coverage.coverage[f'{level:g}'] == pytest.approx(sum(inside) / len(z))
            for index, name in enumerate(BIN_NAMES):
                here = [yes for yes, row in zip(inside, rows, strict=True)
                        if edges[index] <= row[0] < edges[index + 1]]
                assert coverage.by_range[name][f'{level:g}'] == pytest.approx(
                    sum(here) / len(here))
        nll = [-math.log(NormalDist(0, 1).pdf(value) / sigma_of(a, e))
               for value, (_, _, a, e) in zip(z, rows, strict=True)]
        assert coverage.nll == pytest.approx(sum(nll) / len(nll))
        gaps = [abs(sum(v <= NormalDist().inv_cdf(.5 + n / 200) for v in z) / len(z) - n / 100)
                for n in range(1, 100)]
        assert coverage.auce == pytest.approx(sum(gaps) / 100)


def test_conformal_intervals_use_the_bin_of_the_predicted_depth() -> None:
    frames = [random_prediction(seed) for seed in range(3)]
    found = interval_quality(update_all(IntervalMetricState(GIVEN), *frames).state())
    edges = [0, 5, 10, 20, 40, math.inf]
    for index, name in enumerate(BIN_NAMES):
        rows = [row for one in frames for row in valid_depth_rows(one)
                if edges[index] <= row[0] < edges[index + 1]]
        assert found.pixels[name] == len(rows)
        for level, multiplier in zip((.5, .8, .9, .95), GIVEN.multipliers[index], strict=True):
            inside = [d * math.exp(-multiplier * 1.5 * math.hypot(a, e)) <= t
                      <= d * math.exp(multiplier * 1.5 * math.hypot(a, e))
                      for d, t, a, e in rows]
            assert found.conformal_by_range[name][f'{level:g}'] == pytest.approx(
                sum(inside) / len(rows))


def test_a_correct_sigma_has_the_coverage_of_its_level() -> None:
    draw = np.random.default_rng(0)
    noise = draw.normal(0, .2, (200, 200))
    labelled = labelled_prediction(depth=10 * np.exp(noise), truth=np.full((200, 200), 10.),
                                   aleatoric=np.full((200, 200), .2),
                                   epistemic=np.zeros((200, 200)))
    found = coverage_of(labelled)
    assert found.total.coverage['0.9'] == pytest.approx(.9, abs=.01)
    assert found.total.auce < .005 and found.total.calibration_mse < 1e-4


def test_an_unusable_sigma_is_counted_and_left_out() -> None:
    labelled = labelled_prediction(depth=[[10., 10, 10, 10]], truth=[[10.] * 4],
                                   aleatoric=[[.1, np.nan, 0., .1]],
                                   epistemic=[[.1, .1, .1, np.inf]])
    found = coverage_of(labelled)
    assert found.usable_sigma == .25 and found.total.coverage['0.9'] == 1


def test_no_calibrated_coverage_without_a_calibration() -> None:
    found = coverage_of(random_prediction(0))
    assert found.scaled is found.conformal is found.conformal_by_range is None
    assert coverage_of(labelled_prediction(depth=[[10.]])) is None
    json.dumps(found._asdict())


@pytest.mark.parametrize('intervals', [None, GIVEN])
def test_states_merge(intervals: DepthIntervals | None) -> None:
    assert_states_merge(lambda: IntervalMetricState(intervals))


def test_the_intervals_of_each_recording_are_those_that_the_others_would_calibrate() -> None:
    frames = {f'r{seed}': [many_pixels(2 * seed), many_pixels(2 * seed + 1)] for seed in range(3)}
    states = {name: update_all(IntervalMetricState(), *own).state()
              for name, own in frames.items()}
    qualities = {}
    for name, own in frames.items():
        others = [one for other, found in frames.items() if other != name for one in found]
        fitted = fit_intervals(update_all(RecalibrationState(), *others).state(), 2)
        qualities[name] = interval_quality(
            update_all(IntervalMetricState(fitted), *own).state())
    found = cross_validated_coverage(states)
    assert found.by_recording == pytest.approx(
        {name: one.conformal['0.9'] for name, one in qualities.items()})
    for level in ('0.5', '0.8', '0.9', '0.95'):
        pixels = {name: sum(one.pixels.values()) for name, one in qualities.items()}
        assert found.coverage[level] == pytest.approx(sum(
            one.conformal[level] * pixels[name] for name, one in qualities.items())
            / sum(pixels.values()))
        for where in BIN_NAMES:
            pixels = {name: one.pixels[where] for name, one in qualities.items()}
            assert min(pixels.values()) > 100
            assert found.by_range[where][level] == pytest.approx(sum(
                one.conformal_by_range[where][level] * pixels[name]
                for name, one in qualities.items()) / sum(pixels.values()))


def many_pixels(seed: int) -> LabelledPrediction:
    """Make 10,000 pixels whose errors depend on the seed and on the range."""
    draw = np.random.default_rng(seed)
    truth = np.exp(draw.uniform(np.log(2), np.log(79), (100, 100)))
    spread = .05 * (1 + seed / 4) * np.where(truth > 20, 2, 1)
    return labelled_prediction(depth=truth * np.exp(draw.normal(0, spread)), truth=truth,
                               aleatoric=np.full((100, 100), .05), epistemic=np.zeros((100, 100)))


def few_pixels(depth: list[float], std: float = .1) -> dict:
    return update_all(IntervalMetricState(), labelled_prediction(
        depth=[depth], truth=[[10.] * len(depth)], aleatoric=[[std] * len(depth)],
        epistemic=[[0.] * len(depth)])).state()


def test_one_wrong_recording_is_not_within_the_intervals_of_the_others() -> None:
    sharp = list(10 * np.exp(.1 * np.linspace(-1, 1, 40)))
    found = cross_validated_coverage(
        {'a': few_pixels(sharp), 'b': few_pixels(sharp), 'c': few_pixels([30.] * 40)})
    # the 19th of 20 pixels of a range bin bounds 90 %
    assert found.by_recording == {'a': .95, 'b': .95, 'c': 0}
    assert found.by_range['20-40 m']['0.9'] == 0 and math.isnan(found.by_range['0-5 m']['0.9'])


def test_what_cannot_be_fitted_has_no_coverage() -> None:
    enough, few, none = few_pixels([10.] * 19), few_pixels([10.] * 18), few_pixels([])
    endless = few_pixels([11.] * 40, 1e-9)
    assert cross_validated_coverage({'a': enough, 'b': few, 'c': none}) is None
    assert cross_validated_coverage({'a': enough, 'b': endless}) is None
    found = cross_validated_coverage({'a': enough, 'b': few, 'c': none, 'd': enough})
    assert found.by_recording == {'a': 1, 'd': 1}
