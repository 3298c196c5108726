# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Coverage, likelihood and CRPS of the predicted intervals of log-depth, at each range.

z = (log d - log t) / sigma. A central Gaussian interval of level p holds t when
u = 2 Phi(|z|) - 1 <= p, so coverage is a histogram of u: |z| = 1.645 has u = .90.
NLL as in gaussian.py. CRPS = sigma (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)) (Gneiting &
Raftery 2007, eq. 21): sigma = 1, z = 0 costs .2337. AUCE = area between coverage and level over
all levels (Gustafsson et al. 2020): an interval that always holds has .5. Calibration MSE = mean
squared distance at levels .1, .2 ... .9 (the curve of Kendall & Gal 2017, fig. 3).
Cross-validation: the intervals of a recording are fitted to the others (recalibration.py).
"""
from typing import Mapping, NamedTuple

from bdl_perception.metrics.depth_intervals import BIN_NAMES, DepthIntervals, LEVELS, range_bin
from bdl_perception.metrics.gaussian import gaussian_nll, NOMINAL_LEVEL
from bdl_perception.metrics.pixels import (
    Array,
    depth_pixels,
    DepthPixels,
    LabelledPrediction,
    StateDict,
    with_valid_std,
)
from bdl_perception.metrics.recalibration import (
    fit_multipliers,
    MIN_PIXELS,
    Z_EDGES,
    z_histogram,
    Z_SHAPE,
)
import numpy as np

SIGMA_KINDS = ('aleatoric', 'total', 'scaled')  # scaled: total times the factor of a calibration
LEVEL_GRID = np.arange(1, 101) / 100  # levels at which coverage is exact


class Coverage(NamedTuple):
    """Coverage of one kind of sigma over all pixels; NaN without any."""

    coverage: Mapping[str, float]  # level -> share inside
    by_range: Mapping[str, Mapping[str, float]]  # range bin -> level -> share inside
    curve: tuple[float, ...]  # share inside at .01, .02 ... 1
    nll: float  # nat, of log-depth
    crps: float  # of log-depth
    auce: float
    calibration_mse: float


class IntervalQuality(NamedTuple):
    """Coverage as predicted and, with a calibration, as calibrated."""

    usable_sigma: float  # share of the valid pixels whose sigma is positive and finite
    pixels: Mapping[str, int]  # range bin of *predicted* depth -> pixels
    aleatoric: Coverage
    total: Coverage
    scaled: Coverage | None
    conformal: Mapping[str, float] | None  # level -> share inside
    conformal_by_range: Mapping[str, Mapping[str, float]] | None


class CrossValidatedCoverage(NamedTuple):
    """Coverage of intervals of each recording that are fitted to the other recordings."""

    coverage: Mapping[str, float]  # level -> share inside, of the pixels of all recordings
    by_range: Mapping[str, Mapping[str, float]]  # range bin -> level -> share inside
    by_recording: Mapping[str, float]  # share inside the 90 % intervals


class IntervalMetricState:
    """Histograms of u and of |z| by range bin, and sums of NLL and CRPS."""

    def __init__(self, intervals: DepthIntervals | None = None) -> None:
        """Start with empty sums; with intervals evaluate the calibrated intervals too."""
        self._intervals = intervals
        self._pixels = np.zeros(2)  # valid; of these with a usable sigma
        self._depths = np.zeros((len(SIGMA_KINDS), len(BIN_NAMES), len(LEVEL_GRID)))
        self._scores = np.zeros((len(SIGMA_KINDS), 2))  # NLL, CRPS
        self._conformal = np.zeros((len(BIN_NAMES), len(LEVELS)))
        self._z = np.zeros(Z_SHAPE)

    def update(self, labelled: LabelledPrediction) -> None:
        """Add a frame; one without true depth adds nothing."""
        valid = depth_pixels(labelled)
        pixels = with_valid_std(valid)
        self._pixels += len(valid.depth), len(pixels.depth)
        self._z += z_histogram(pixels)
        bins = range_bin(pixels.depth)
        for kind, sigma in enumerate(self._sigmas(pixels)):
            z = pixels.log_error / sigma
            u = 2 * normal_cdf(np.abs(z)) - 1  # in [0, 1]
            np.add.at(self._depths[kind], (bins, np.searchsorted(LEVEL_GRID, u)), 1)
            self._scores[kind] += gaussian_nll(z, sigma).sum(), gaussian_crps(z, sigma).sum()
        if self._intervals is not None:
            inside = (np.abs(pixels.log_error)[:, None]
                      <= self._intervals.half_widths(pixels.depth, pixels.total))  # (N, levels)
            np.add.at(self._conformal, bins, inside)

    def state(self) -> StateDict:
        """Return a copy of the sums."""
        return {'pixels': self._pixels.copy(), 'depths': self._depths.copy(),
                'scores': self._scores.copy(), 'conformal': self._conformal.copy(),
                'z': self._z.copy()}

    def _sigmas(self, pixels: DepthPixels) -> tuple[Array, ...]:
        if self._intervals is None:
            return pixels.aleatoric, pixels.total
        return pixels.aleatoric, pixels.total, self._intervals.factor * pixels.total


def normal_cdf(z: Array) -> Array:
    """Return the probability that a standard normal value is below z."""
    from scipy.special import ndtr  # of the extra evaluate; replay and calibrate run without it
    return np.asarray(ndtr(z))


def gaussian_crps(z: Array, sigma: Array) -> Array:
    """Return the continuous ranked probability score of a Gaussian, in the unit of sigma."""
    density = np.exp(-z ** 2 / 2) / np.sqrt(2 * np.pi)
    return np.asarray(sigma * (z * (2 * normal_cdf(z) - 1) + 2 * density - 1 / np.sqrt(np.pi)))


def interval_quality(state: StateDict) -> IntervalQuality | None:
    """Compute the shares of an IntervalMetricState; None without any valid pixel."""
    valid, usable = map(float, state['pixels'])
    if not valid:
        return None
    aleatoric, total, scaled = map(_coverage, state['depths'], state['scores'])
    per_bin = state['depths'][1].sum(1)  # (bins,)
    pixels = {name: int(n) for name, n in zip(BIN_NAMES, per_bin, strict=True)}
    if not state['depths'][2].any():
        return IntervalQuality(usable / valid, pixels, aleatoric, total, None, None, None)
    shares = state['conformal'] / _positive_or_nan(per_bin)[:, None]  # (bins, levels)
    overall = state['conformal'].sum(0) / (usable or np.nan)
    return IntervalQuality(usable / valid, pixels, aleatoric, total, scaled, _by_level(overall),
                           dict(zip(BIN_NAMES, map(_by_level, shares), strict=True)))


def cross_validated_coverage(states: Mapping[str, StateDict]) -> CrossValidatedCoverage | None:
    """
    Fit the intervals of each recording to all others, as a calibration does, and count coverage.

    states: an IntervalMetricState of each recording, by name. Recordings with fewer than
    MIN_PIXELS pixels are left out. None with fewer than two, or where a fit would be infinite.
    Recordings of the same streets are no test of each other.
    """
    counts = {name: state['z'] for name, state in states.items()
              if state['z'].sum() >= MIN_PIXELS}
    total = sum(counts.values(), np.zeros(Z_SHAPE))
    fits = {name: fit_multipliers(total - own) for name, own in counts.items()}
    if len(counts) < 2 or not all(np.isfinite(fit).all() for fit in fits.values()):
        return None
    inside = {name: _counts_within(own, fits[name]) for name, own in counts.items()}
    pixels, within = total.sum(1), sum(inside.values(), np.zeros((len(BIN_NAMES), len(LEVELS))))
    at = LEVELS.index(NOMINAL_LEVEL)
    return CrossValidatedCoverage(
        _by_level(within.sum(0) / pixels.sum()),
        dict(zip(BIN_NAMES, map(_by_level, within / _positive_or_nan(pixels)[:, None]),
                 strict=True)),
        {name: float(inside[name][:, at].sum() / own.sum()) for name, own in counts.items()})


def _counts_within(counts: Array, multipliers: Array) -> Array:
    """Count the pixels with |z| up to each multiplier, an edge of Z_EDGES; (bins, levels)."""
    return np.take_along_axis(counts.cumsum(1), np.searchsorted(Z_EDGES, multipliers), 1)


def _coverage(depths: Array, scores: Array) -> Coverage:
    """Compute the coverage of one kind of sigma from its histogram (bins, 100)."""
    counts = depths.sum(0)
    total = float(counts.sum()) or np.nan
    curve = counts.cumsum() / total  # (100,) at LEVEL_GRID
    at = [round(100 * level) - 1 for level in LEVELS]
    by_range = depths.cumsum(1)[:, at] / _positive_or_nan(depths.sum(1))[:, None]  # (bins, levels)
    gap = np.abs(np.concatenate([[0], curve - LEVEL_GRID]))
    nll, crps = map(float, scores / total)
    return Coverage(_by_level(curve[at]),
                    dict(zip(BIN_NAMES, map(_by_level, by_range), strict=True)),
                    tuple(curve.tolist()), nll, crps,
                    float((gap[1:] + gap[:-1]).mean() / 2),
                    float((gap[10:91:10] ** 2).mean()))


def _by_level(shares: Array) -> dict[str, float]:
    return {f'{level:g}': float(share) for level, share in zip(LEVELS, shares, strict=True)}


def _positive_or_nan(counts: Array) -> Array:
    return np.where(counts > 0, counts, np.nan)
