# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import math
from statistics import NormalDist

from bdl_perception.metrics.gaussian import central_z, gaussian_nll, interval_coverage
import numpy as np
import pytest


def test_numbers_match_the_docstring() -> None:
    assert central_z(.9) == pytest.approx(1.645, abs=1e-3)
    assert gaussian_nll(np.ones(1), np.ones(1))[0] == pytest.approx(1.419, abs=1e-3)
    assert gaussian_nll(np.zeros(1), np.ones(1))[0] == pytest.approx(.919, abs=1e-3)


def test_coverage_is_the_share_of_errors_inside() -> None:
    error = np.array([1., -2.])
    assert interval_coverage(error, np.ones(2)) == .5
    assert interval_coverage(error, 2 * np.ones(2)) == 1
    assert interval_coverage(error, np.array([.3, 2.])) == .5


def test_the_likelihood_is_that_of_a_gaussian() -> None:
    found = gaussian_nll(np.array([3 / 2]), np.array([2.]))[0]
    assert found == pytest.approx(-math.log(NormalDist(0, 2).pdf(3)))
