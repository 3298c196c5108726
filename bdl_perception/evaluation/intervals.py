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
from typing import Mapping, NamedTuple

from bdl_perception.evaluation.depth_intervals import BIN_NAMES
from bdl_perception.evaluation.depth_intervals import DepthIntervals
from bdl_perception.evaluation.depth_intervals import LEVELS
from bdl_perception.evaluation.depth_intervals import range_bin
from bdl_perception.evaluation.judged import Array
from bdl_perception.evaluation.judged import depth_pixels
from bdl_perception.evaluation.judged import DepthPixels
from bdl_perception.evaluation.judged import with_deviation
from bdl_perception.evaluation.tally import Sums
from bdl_perception.evaluation.view import View
import numpy as np
from scipy.special import ndtr

KINDS = ('aleatoric', 'total', 'scaled')  # scaled: total times the factor of a calibration
GRID = np.arange(1, 101) / 100  # levels at which coverage is known exactly


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


class IntervalTally:
    """Counts how deep in its interval each true depth lies."""

    def __init__(self, intervals: DepthIntervals | None = None) -> None:
        """Start with nothing; with intervals also judge what they make of the deviations."""
        self._intervals = intervals
        self._pixels = np.zeros(2)  # judged, and of them with a deviation
        self._depths = np.zeros((len(KINDS), len(BIN_NAMES), len(GRID)))
        self._scores = np.zeros((len(KINDS), 2))  # NLL, CRPS
        self._conformal = np.zeros((len(BIN_NAMES), len(LEVELS)))

    def add(self, view: View) -> None:
        """Take a frame; one without true depth adds nothing."""
        judged = depth_pixels(view)
        pixels = with_deviation(judged)
        self._pixels += len(judged.depth), len(pixels.depth)
        where = range_bin(pixels.depth)
        for kind, sigma in enumerate(self._deviations(pixels)):
            z = pixels.log_error / sigma
            u = 2 * ndtr(np.abs(z)) - 1  # in [0, 1]
            np.add.at(self._depths[kind], (where, np.searchsorted(GRID, u)), 1)
            self._scores[kind] += gaussian_nll(z, sigma).sum(), gaussian_crps(z, sigma).sum()
        if self._intervals is not None:
            inside = (np.abs(pixels.log_error)[:, None]
                      <= self._intervals.half_widths(pixels.depth, pixels.total))  # (N, levels)
            np.add.at(self._conformal, where, inside)

    def sums(self) -> Sums:
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


def interval_quality(sums: Sums) -> IntervalQuality | None:
    """Turn the sums of an IntervalTally into shares; None without any judged pixel."""
    judged, stated = map(float, sums['pixels'])
    if not judged:
        return None
    pairs = zip(sums['depths'], sums['scores'], strict=True)
    found = [_coverage(*pair)._asdict() for pair in pairs]
    per_bin = sums['depths'][1].sum(1)  # (bins,)
    after = bool(sums['depths'][2].any())
    shares = sums['conformal'] / _or_nan(per_bin)[:, None]  # (bins, levels)
    overall = sums['conformal'].sum(0) / (stated or np.nan)
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
    by_range = depths.cumsum(1)[:, at] / _or_nan(depths.sum(1))[:, None]  # (bins, levels)
    gap = np.abs(np.concatenate([[0], curve - GRID]))
    nll, crps = map(float, scores / total)
    return Coverage(_by_level(curve[at]),
                    dict(zip(BIN_NAMES, map(_by_level, by_range), strict=True)),
                    tuple(map(float, curve)), nll, crps,
                    float((gap[1:] + gap[:-1]).mean() / 2),
                    float((gap[10:91:10] ** 2).mean()))


def _by_level(shares: Array) -> dict[str, float]:
    return {f'{level:g}': float(share) for level, share in zip(LEVELS, shares, strict=True)}


def _or_nan(counts: Array) -> Array:
    return np.where(counts > 0, counts, np.nan)
