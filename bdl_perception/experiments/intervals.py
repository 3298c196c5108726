# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Whether truth lies in the predicted interval as often as it should (Kuleshov et al. 2018)."""
import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.9
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
FLOOR = 1e-12  # a variance of zero would be certain

Floats = NDArray[np.float32]


class Pixels(NamedTuple):
    """Every pixel with known depth of a split."""

    error: Floats  # (N,) predicted minus true log-depth
    aleatoric: Floats | None  # (N,) variance of log-depth
    epistemic: Floats | None  # (N,)

    def variances(self) -> dict[str, Floats]:
        """Give the variances that this network has, and their sum."""
        found = {name: np.maximum(values, np.float32(FLOOR))
                 for name, values in (('aleatoric', self.aleatoric), ('epistemic', self.epistemic))
                 if values is not None}
        if found:
            found['total'] = sum(list(found.values())[1:], next(iter(found.values())))
        return found


def half_width(level: float) -> float:
    """Give z of a central Gaussian interval: 1.645 for .9."""
    return NormalDist().inv_cdf((1 + level) / 2)


def coverage(error: Floats, variance: Floats, level: float = LEVEL, scale: float = 1.0) -> float:
    """
    Give the share of errors within z * scale * sigma.

    By hand: errors 1 and 2, sigma 1, level .9 (z = 1.645): 1/2.
    """
    return float(np.mean(np.abs(error) <= half_width(level) * scale * np.sqrt(variance)))


def fit_scale(error: Floats, variance: Floats, level: float = LEVEL) -> float:
    """Give the factor of sigma with which the interval holds as often as its level says."""
    ratios = np.abs(error) / np.sqrt(variance)
    return float(np.quantile(ratios, level, method='higher')) / half_width(level)


def gaussian_nll(error: Floats, variance: Floats, scale: float = 1.0) -> float:
    """Give the mean of 1/2 (log 2 pi v + e^2 / v), v = scale^2 variance; e = 0, v = 1: .919."""
    scaled = variance.astype(np.float64) * scale**2
    return float(np.mean(0.5 * (np.log(2 * math.pi * scaled) + error**2 / scaled)))


def interval_report(fitting: Pixels, held_out: Pixels) -> dict[str, dict[str, object]]:
    """Fit a scale for each kind of variance on one split, and say how it does on another."""
    others = held_out.variances()
    report: dict[str, dict[str, object]] = {}
    for name, variance in fitting.variances().items():
        scale = fit_scale(fitting.error, variance)
        error, other = held_out.error, others[name]
        report[name] = {
            'scale': scale,
            'coverage_before': coverage(error, other),
            'coverage_after': coverage(error, other, scale=scale),
            'nll_before': gaussian_nll(error, other),
            'nll_after': gaussian_nll(error, other, scale),
            'reliability_before': [coverage(error, other, level) for level in LEVELS],
            'reliability_after': [coverage(error, other, level, scale) for level in LEVELS]}
    return report
