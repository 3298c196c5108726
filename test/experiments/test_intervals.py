# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.experiments.intervals import coverage
from bdl_perception.experiments.intervals import fit_scale
from bdl_perception.experiments.intervals import gaussian_nll
from bdl_perception.experiments.intervals import interval_report
from bdl_perception.experiments.intervals import Pixels
import numpy as np
import pytest


def test_coverage_counts_what_lies_inside():
    assert coverage(np.array([1., -2.]), np.ones(2)) == .5
    assert coverage(np.array([1., -2.]), np.ones(2), scale=2) == 1
    assert coverage(np.array([1., -2.]), np.array([.1, 4.])) == .5


def test_a_fitted_scale_covers_as_often_as_the_level_says():
    rng = np.random.default_rng(0)
    variance = rng.uniform(.01, 4, 5000)
    error = 1.7 * np.sqrt(variance) * rng.standard_normal(5000)
    scale = fit_scale(error, variance)
    assert scale == pytest.approx(1.7, rel=.05)
    assert coverage(error, variance, scale=scale) == pytest.approx(.9, abs=1e-3)


def test_the_likelihood_is_that_of_a_gaussian():
    assert gaussian_nll(np.zeros(1), np.ones(1)) == pytest.approx(.9189, abs=1e-4)
    density = np.exp(-.5 * (3 / 2)**2) / (2 * np.sqrt(2 * np.pi))  # sigma 2, error 3
    assert gaussian_nll(np.array([3.]), np.array([1.]), 2.) == pytest.approx(-np.log(density))


def test_the_scale_comes_from_one_split_and_is_judged_on_another():
    rng = np.random.default_rng(1)
    fitting = Pixels(2 * rng.standard_normal(4000), np.full(4000, .5), np.full(4000, .5))
    held_out = Pixels(6 * rng.standard_normal(4000), np.full(4000, .5), np.full(4000, .5))
    report = interval_report(fitting, held_out)
    assert set(report) == {'aleatoric', 'epistemic', 'total'}
    assert report['total']['scale'] == pytest.approx(2, rel=.05)
    inside = np.mean(np.abs(held_out.error) <= 1.6449 * report['total']['scale'])
    assert inside < .5
    assert report['total']['coverage_after'] == pytest.approx(inside, abs=1e-3)


def test_a_network_with_one_kind_of_variance_has_its_total_from_it():
    pixels = Pixels(np.ones(10), None, np.full(10, .25))
    report = interval_report(pixels, pixels)
    assert set(report) == {'epistemic', 'total'} and report['total'] == report['epistemic']
    assert interval_report(Pixels(np.ones(9), None, None), Pixels(np.ones(9), None, None)) == {}
