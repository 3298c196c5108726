# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Whether the stated intervals of log-depth hold, as often as they say and at every range.

z = (log d - log t) / sigma. A central Gaussian interval of level p holds t when
u = 2 Phi(|z|) - 1 <= p, so that coverage is a histogram of u: |z| = 1.645 has u = .90.
NLL = log sigma + z^2 / 2 + log(2 pi) / 2: sigma = 1, z = 1 costs 1.419.
CRPS = sigma (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)) (Gneiting & Raftery 2007, eq. 21):
sigma = 1, z = 0 costs .2337. AUCE = area between coverage and level over all levels (Gustafsson
et al. 2020); an interval that always holds has .5. Calibration MSE = mean squared distance at
levels .1, .2 ... .9 (the curve of Kendall & Gal 2017, fig. 3).
"""
import math
from statistics import NormalDist
from typing import Mapping, NamedTuple

from bdl_perception.metrics.depth_intervals import BIN_NAMES, DepthIntervals, LEVELS, range_bin
from bdl_perception.metrics.pixels import (
    Array,
    depth_pixels,
    DepthPixels,
    LabelledPrediction,
    StateDict,
    with_valid_std,
)
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

DEVIATION_KINDS = ('aleatoric', 'total', 'scaled')  # scaled: total times the factor of a calibration
LEVEL_GRID = np.arange(1, 101) / 100  # levels at which coverage is known exactly


class Coverage(NamedTuple):
    """Of one kind of deviation, over all pixels; NaN without any."""

    coverage: Mapping[str, float]  # level -> share inside
    by_range: Mapping[str, Mapping[str, float]]  # range bin -> level -> share inside
    curve: tuple[float, ...]  # share inside at .01, .02 ... 1
    nll: float  # nat, of log-depth
    crps: float  # of log-depth
    auce: float
    calibration_mse: float


class IntervalQuality(NamedTuple):
    """Before and, where a calibration was given, after it."""

    stated: float  # share of the judged pixels with a usable deviation; the rest is left out
    pixels: Mapping[str, int]  # range bin of *predicted* depth -> pixels
    aleatoric: Mapping[str, object]
    total: Mapping[str, object]
    scaled: Mapping[str, object] | None
    conformal: Mapping[str, float] | None  # level -> share inside
    conformal_by_range: Mapping[str, Mapping[str, float]] | None


class IntervalMetricState:
    """Counts how deep in its interval each true depth lies."""

    def __init__(self, intervals: DepthIntervals | None = None) -> None:
        """Start with nothing; with intervals also judge what they make of the deviations."""
        self._intervals = intervals
        self._pixels = np.zeros(2)  # judged, and of them with a deviation
        self._depths = np.zeros((len(DEVIATION_KINDS), len(BIN_NAMES), len(LEVEL_GRID)))
        self._scores = np.zeros((len(DEVIATION_KINDS), 2))  # NLL, CRPS
        self._conformal = np.zeros((len(BIN_NAMES), len(LEVELS)))

    def update(self, view: LabelledPrediction) -> None:
        """Take a frame; one without true depth adds nothing."""
        judged = depth_pixels(view)
        pixels = with_valid_std(judged)
        self._pixels += len(judged.depth), len(pixels.depth)
        where = range_bin(pixels.depth)
        for kind, sigma in enumerate(self._deviations(pixels)):
            z = pixels.log_error / sigma
            u = 2 * ndtr(np.abs(z)) - 1  # in [0, 1]
            np.add.at(self._depths[kind], (where, np.searchsorted(LEVEL_GRID, u)), 1)
            self._scores[kind] += gaussian_nll(z, sigma).sum(), gaussian_crps(z, sigma).sum()
        if self._intervals is not None:
            inside = (np.abs(pixels.log_error)[:, None]
                      <= self._intervals.half_widths(pixels.depth, pixels.total))  # (N, levels)
            np.add.at(self._conformal, where, inside)

    def state(self) -> StateDict:
        """Give what was added up so far."""
        return {'pixels': self._pixels.copy(), 'depths': self._depths.copy(),
                'scores': self._scores.copy(), 'conformal': self._conformal.copy()}

    def _deviations(self, pixels: DepthPixels) -> tuple[Array, ...]:
        if self._intervals is None:
            return pixels.aleatoric, pixels.total
        return pixels.aleatoric, pixels.total, self._intervals.factor * pixels.total


def gaussian_nll(z: Array, sigma: Array) -> Array:
    """Give -log N(t; mean, sigma^2), nat."""
    return np.asarray(np.log(sigma) + z ** 2 / 2 + np.log(2 * np.pi) / 2)


def gaussian_crps(z: Array, sigma: Array) -> Array:
    """Give the continuous ranked probability score of a Gaussian, in the unit of sigma."""
    density = np.exp(-z ** 2 / 2) / np.sqrt(2 * np.pi)
    return np.asarray(sigma * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi)))


def interval_quality(state: StateDict) -> IntervalQuality | None:
    """Turn the sums of an IntervalTally into shares; None without any judged pixel."""
    judged, stated = map(float, state['pixels'])
    if not judged:
        return None
    pairs = zip(state['depths'], state['scores'], strict=True)
    found = [_coverage(*pair)._asdict() for pair in pairs]
    per_bin = state['depths'][1].sum(1)  # (bins,)
    after = bool(state['depths'][2].any())
    shares = state['conformal'] / _positive_or_nan(per_bin)[:, None]  # (bins, levels)
    overall = state['conformal'].sum(0) / (stated or np.nan)
    return IntervalQuality(
        stated / judged, {name: int(n) for name, n in zip(BIN_NAMES, per_bin, strict=True)},
        found[0], found[1], found[2] if after else None,
        _by_level(overall) if after else None,
        dict(zip(BIN_NAMES, map(_by_level, shares), strict=True)) if after else None)


def _coverage(depths: Array, scores: Array) -> Coverage:
    """Judge one kind of deviation from its histogram (bins, 100)."""
    counts = depths.sum(0)
    total = float(counts.sum()) or np.nan
    curve = counts.cumsum() / total  # (100,) at GRID
    at = [round(100 * level) - 1 for level in LEVELS]
    by_range = depths.cumsum(1)[:, at] / _positive_or_nan(depths.sum(1))[:, None]  # (bins, levels)
    gap = np.abs(np.concatenate([[0], curve - LEVEL_GRID]))
    nll, crps = map(float, scores / total)
    return Coverage(_by_level(curve[at]),
                    dict(zip(BIN_NAMES, map(_by_level, by_range), strict=True)),
                    tuple(map(float, curve)), nll, crps,
                    float((gap[1:] + gap[:-1]).mean() / 2),
                    float((gap[10:91:10] ** 2).mean()))


def _by_level(shares: Array) -> dict[str, float]:
    return {f'{level:g}': float(share) for level, share in zip(LEVELS, shares, strict=True)}


def _positive_or_nan(counts: Array) -> Array:
    return np.where(counts > 0, counts, np.nan)


DEFAULT_LEVEL = 0.9
RELIABILITY_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
MIN_VARIANCE = 1e-12  # a variance of zero would be certain

Floats = NDArray[np.float32]


class PixelErrors(NamedTuple):
    """Every pixel with known depth of a split."""

    error: Floats  # (N,) predicted minus true log-depth
    aleatoric: Floats | None  # (N,) variance of log-depth
    epistemic: Floats | None  # (N,)

    def variances(self) -> dict[str, Floats]:
        """Give the variances that this network has, and their sum."""
        found = {name: np.maximum(values, np.float32(MIN_VARIANCE))
                 for name, values in (('aleatoric', self.aleatoric), ('epistemic', self.epistemic))
                 if values is not None}
        if found:
            found['total'] = sum(list(found.values())[1:], next(iter(found.values())))
        return found


def central_z(level: float) -> float:
    """Give z of a central Gaussian interval: 1.645 for .9."""
    return NormalDist().inv_cdf((1 + level) / 2)


def interval_coverage(error: Floats, variance: Floats, level: float = DEFAULT_LEVEL, scale: float = 1.0) -> float:
    """
    Give the share of errors within z * scale * sigma.

    By hand: errors 1 and 2, sigma 1, level .9 (z = 1.645): 1/2.
    """
    return float(np.mean(np.abs(error) <= central_z(level) * scale * np.sqrt(variance)))


def fit_sigma_scale(error: Floats, variance: Floats, level: float = DEFAULT_LEVEL) -> float:
    """Give the factor of sigma with which the interval holds as often as its level says."""
    ratios = np.abs(error) / np.sqrt(variance)
    return float(np.quantile(ratios, level, method='higher')) / central_z(level)


def mean_gaussian_nll(error: Floats, variance: Floats, scale: float = 1.0) -> float:
    """Give the mean of 1/2 (log 2 pi v + e^2 / v), v = scale^2 variance; e = 0, v = 1: .919."""
    scaled = variance.astype(np.float64) * scale**2
    return float(np.mean(0.5 * (np.log(2 * math.pi * scaled) + error**2 / scaled)))


def interval_report(fitting: PixelErrors, held_out: PixelErrors) -> dict[str, dict[str, object]]:
    """Fit a scale for each kind of variance on one split, and say how it does on another."""
    others = held_out.variances()
    report: dict[str, dict[str, object]] = {}
    for name, variance in fitting.variances().items():
        scale = fit_sigma_scale(fitting.error, variance)
        error, other = held_out.error, others[name]
        report[name] = {
            'scale': scale,
            'coverage_before': interval_coverage(error, other),
            'coverage_after': interval_coverage(error, other, scale=scale),
            'nll_before': mean_gaussian_nll(error, other),
            'nll_after': mean_gaussian_nll(error, other, scale),
            'reliability_before': [interval_coverage(error, other, level) for level in RELIABILITY_LEVELS],
            'reliability_after': [interval_coverage(error, other, level, scale) for level in RELIABILITY_LEVELS]}
    return report
