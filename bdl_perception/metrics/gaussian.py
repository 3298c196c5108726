# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Gaussian prediction intervals: central intervals, their coverage, and the likelihood.

z = error / sigma. The central interval of level p holds the truth when |z| <= z_p, where
z_p = Phi^-1((1 + p) / 2): z_.9 = 1.645. Coverage is the share of errors inside (Kuleshov et al.
2018): errors 1 and 2 of sigma 1 have coverage 1/2 at level .9.
NLL = log sigma + z^2 / 2 + log(2 pi) / 2, nat: sigma = 1, z = 1 costs 1.419.
"""
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

NOMINAL_LEVEL = .9  # of the intervals that are reported and scaled

Reals = NDArray[Any]  # float32 or float64


def central_z(level: float) -> float:
    """Return the half-width, in sigma, of the central Gaussian interval; 1.645 for .9."""
    return NormalDist().inv_cdf((1 + level) / 2)


def inside_interval(error: Reals, sigma: Reals,
                    level: float = NOMINAL_LEVEL) -> NDArray[np.bool_]:
    """Return whether each error (N,) lies in the central interval of its sigma (N,)."""
    return np.asarray(np.abs(error) <= central_z(level) * sigma)


def interval_coverage(error: Reals, sigma: Reals, level: float = NOMINAL_LEVEL) -> float:
    """Return the share of errors (N,) in the central interval; errors 1, 2, sigma 1: 1/2."""
    return float(np.mean(inside_interval(error, sigma, level)))


def gaussian_nll(z: Reals, sigma: Reals) -> NDArray[np.float64]:
    """Return -log N(error; 0, sigma^2) of each z = error / sigma, nat; z = 0, sigma = 1: .919."""
    return np.asarray(np.log(sigma) + z ** 2 / 2 + np.log(2 * np.pi) / 2)
