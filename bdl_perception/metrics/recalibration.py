# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Recalibration of depth intervals and class probabilities on labelled drives.

Factor: sigma -> f sigma with the greatest Gaussian likelihood of log-depth, f^2 = mean z^2
(Kendall & Gal's likelihood with the mean held fixed): z = 1, -3 make f = sqrt(5) = 2.236.
Temperature: p^(1/T), renormalised, with the least negative log-likelihood (Guo et al. 2017), on a
fixed grid of T and a parabola through the best three.
Multipliers: the k-th smallest |z| of a range bin, k = ceil((n + 1) level) (split conformal,
Papadopoulos et al. 2002), from a histogram of log-spaced bins. The upper edge of the bin is used:
at most .7 % too wide, never too narrow. n = 4, level .5: the 3rd.

Pixels of a frame and frames of a drive are alike, so the conformal guarantee does not hold by the
number of pixels. Report the number of drives too, and check coverage on held-out drives.
"""
import math

from bdl_perception.metrics.depth_intervals import (
    BIN_NAMES,
    DepthIntervals,
    EDGES_M,
    LEVELS,
    range_bin,
)
from bdl_perception.metrics.gaussian import central_z, NOMINAL_LEVEL, Reals
from bdl_perception.metrics.pixels import (
    Array,
    class_pixels,
    depth_pixels,
    DepthPixels,
    LabelledPrediction,
    StateDict,
    with_valid_std,
)
from bdl_perception.metrics.reliability import apply_temperature, MIN_PROBABILITY
import numpy as np

Z_EDGES = np.geomspace(1e-3, 1e3, 2001)  # neighbours are .69 % apart
Z_SHAPE = (len(BIN_NAMES), len(Z_EDGES) + 1)  # of a histogram of |z|
MIN_PIXELS = math.ceil(round(max(LEVELS) / (1 - max(LEVELS)), 9))  # 19: ceil(20 * .95) <= 19
TEMPERATURES = np.geomspace(.25, 4, 33)  # neighbours are 9 % apart; the parabola is far closer
PIXEL_STEP = 4  # every fourth row and column suffices for one temperature


class RecalibrationState:
    """Sums for the fit: z^2, histograms of |z| by range bin, and NLL by temperature."""

    def __init__(self) -> None:
        """Start with empty sums."""
        self._squares = np.zeros(3)  # pixels, aleatoric z^2, total z^2
        self._z = np.zeros(Z_SHAPE)
        self._labels = np.zeros(1)
        self._nll = np.zeros(len(TEMPERATURES))

    def update(self, labelled: LabelledPrediction) -> None:
        """Add a frame; one without any ground truth adds nothing."""
        pixels = with_valid_std(depth_pixels(labelled))
        error = np.abs(pixels.log_error)
        self._squares += (len(error), ((error / pixels.aleatoric) ** 2).sum(),
                          ((error / pixels.total) ** 2).sum())
        self._z += z_histogram(pixels)
        classes = class_pixels(labelled, PIXEL_STEP)
        self._labels += len(classes.truth)
        rows = np.arange(len(classes.truth))
        for index, temperature in enumerate(TEMPERATURES):
            probability = apply_temperature(classes.probability, temperature)[rows, classes.truth]
            self._nll[index] -= np.log(np.maximum(probability, MIN_PROBABILITY)).sum()

    def state(self) -> StateDict:
        """Return a copy of the sums."""
        return {'squares': self._squares.copy(), 'z': self._z.copy(),
                'labels': self._labels.copy(), 'nll': self._nll.copy()}


def fit_intervals(state: StateDict, drives: int) -> DepthIntervals:
    """Fit intervals and temperature to a RecalibrationState; ValueError with too few pixels."""
    count, aleatoric, total = map(float, state['squares'])
    if count < MIN_PIXELS:
        raise ValueError(f'{count:.0f} pixels with a true depth, an interval of '
                         f'{max(LEVELS):.0%} needs {MIN_PIXELS}; calibrate on labelled drives')
    factor = math.sqrt(total / count)
    counts = state['z'].sum(1)
    return DepthIntervals(
        factor, math.sqrt(aleatoric / count), fit_temperature(state), EDGES_M, LEVELS,
        tuple(tuple(row.tolist()) for row in fit_multipliers(state['z']) / factor),
        tuple((counts < MIN_PIXELS).tolist()), tuple(int(n) for n in counts), drives)


def z_histogram(pixels: DepthPixels) -> Array:
    """Count pixels by range bin and |z| of the total standard deviation; Z_SHAPE."""
    counts = np.zeros(Z_SHAPE)
    z = np.abs(pixels.log_error) / pixels.total
    np.add.at(counts, (range_bin(pixels.depth), np.searchsorted(Z_EDGES, z)), 1)
    return counts


def fit_multipliers(counts: Array) -> Array:
    """
    Return the conformal quantile of |z| for each range bin and level, from a z_histogram.

    A bin with fewer than MIN_PIXELS pixels gets the quantiles of all bins together; infinite where
    these have too few as well.
    """
    everything = counts.sum(0)
    return np.array([[conformal_quantile(row if row.sum() >= MIN_PIXELS else everything, level)
                      for level in LEVELS] for row in counts])


def conformal_quantile(counts: Array, level: float) -> float:
    """Return the upper edge of the bin (of |z|) with the ceil((n + 1) level)-th smallest."""
    n = int(counts.sum())
    rank = math.ceil(round((n + 1) * level, 9))  # 20 * .95 is 19, not 19.000000000000004
    if rank > n:
        return math.inf
    index = int(np.searchsorted(counts.cumsum(), rank))
    return float(Z_EDGES[index]) if index < len(Z_EDGES) else math.inf


def fit_temperature(state: StateDict) -> float:
    """Return the temperature of the least NLL, within .25 .. 4; 1 without any label."""
    if not state['labels'][0]:
        return 1.
    nll = state['nll']
    best = int(nll.argmin())
    if best in (0, len(nll) - 1):
        return float(TEMPERATURES[best])
    before, at, after = map(float, nll[best - 1:best + 2])
    curvature = before - 2 * at + after
    shift = (before - after) / (2 * curvature) if curvature > 0 else 0.
    step = math.log(TEMPERATURES[1] / TEMPERATURES[0])
    return float(TEMPERATURES[best] * math.exp(shift * step))


def fit_sigma_factor(error: Reals, sigma: Reals, level: float = NOMINAL_LEVEL) -> float:
    """
    Return the factor of sigma (N,) at which the central interval holds a share level of errors.

    Errors of 1 and 3 sigma in equal parts: 90 % lie within 3 sigma, the factor is 3 / 1.645.
    """
    ratios = np.abs(error) / sigma
    return float(np.quantile(ratios, level, method='higher')) / central_z(level)
