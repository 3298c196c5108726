# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Against worked numbers, and scikit-learn."""
from bdl_perception.experiments.curves import (
    ClassCalibration,
    coverage_mse,
    mean_over_recall,
    RECALLS,
)
import numpy as np
import pytest
from sklearn.calibration import calibration_curve


def test_the_most_certain_pixels_remain():
    uncertainty = np.array([.2, .1, .4, .3])
    means = mean_over_recall(uncertainty, np.array([3., 1., 8., 4.]))
    assert [means[RECALLS.index(recall)] for recall in (.25, .5, .75, 1.)] == [
        1, 2, pytest.approx(8 / 3), 4]


def test_a_useless_uncertainty_leaves_the_mean_unchanged():
    rng = np.random.default_rng(0)
    means = mean_over_recall(rng.random(100_000), rng.random(100_000))
    assert np.abs(np.array(means) - .5).max() < .02


def test_the_mse_of_coverage_is_the_mean_square_distance():
    assert coverage_mse([.5, .9], [.6, .9]) == pytest.approx(.005)


def test_calibration_of_classes_matches_scikit_learn():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), 3000)  # (N, K)
    truth = rng.integers(0, 4, 3000)
    calibration = ClassCalibration()
    for part in (slice(0, 1000), slice(1000, 3000)):
        calibration.update(probabilities[part], truth[part])
    found = calibration.compute()
    correct, mean = calibration_curve(np.eye(4)[truth].ravel(), probabilities.ravel(), n_bins=10)
    np.testing.assert_allclose(found.probability, mean)
    np.testing.assert_allclose(found.correct, correct)
    assert found.mse == pytest.approx(np.mean((mean - correct) ** 2))
