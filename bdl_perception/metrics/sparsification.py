# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Whether the uncertain pixels are the wrong ones: AUSE and AURG of depth.

The convention of Poggi et al. 2020 (and their evaluate.py): of each picture the most uncertain
0, 2, ... 98 % are dropped, the error of the rest makes a curve, and 0 is appended at 100 %. A
pixel stays when it is not above the percentile, so that equally uncertain ones stay or go
together. The oracle drops by the error itself. AUSE = area of the curve - area of the oracle's
(trapezoid); AURG = error of all - area of the curve; means over pictures. Errors: abs_rel
|d - t| / t, rmse, m, and a1, the share of max(d / t, t / d) >= 1.25. Here rmse is dropped by the
deviation of depth, m, and the relative errors by that of log-depth, as each has its unit.

Two pixels of abs_rel 0 and .2, the first more certain: all make .1 at 0 %, then 0 from 2 % on,
so that the area is .02 * .1 / 2 = .001, as is the oracle's: AUSE 0, AURG .099.
"""
from typing import Mapping, NamedTuple

from bdl_perception.metrics.pixels import (
    Array,
    depth_pixels,
    DepthPixels,
    LabelledPrediction,
    StateDict,
    with_valid_std,
)
import numpy as np

UNCERTAINTIES = ('aleatoric', 'epistemic', 'total')
ERRORS = ('abs_rel', 'rmse', 'a1')
DROPPED_SHARES = np.arange(50) / 50  # shares of the pixels
A1_THRESHOLD = 1.25

ByUncertaintyAndError = Mapping[str, Mapping[str, float]]  # uncertainty -> error -> number


class SparsificationQuality(NamedTuple):
    """Means over pictures; curves are at 0, 2 ... 98 and 100 % dropped."""

    pictures: int
    ause: ByUncertaintyAndError  # 0 is the best
    aurg: ByUncertaintyAndError  # 0 is a coin, above is better
    curves: Mapping[str, Mapping[str, tuple[float, ...]]]
    oracle: Mapping[str, tuple[float, ...]]  # error -> curve


class SparsificationMetricState:
    """Adds up the curves of pictures, of which areas are linear."""

    def __init__(self) -> None:
        """Start with nothing."""
        points = len(DROPPED_SHARES) + 1
        self._pictures = np.zeros(1)
        self._curves = np.zeros((len(UNCERTAINTIES), len(ERRORS), points))
        self._oracle = np.zeros((len(ERRORS), points))

    def update(self, view: LabelledPrediction) -> None:
        """Take a frame; one without a judged pixel adds nothing."""
        pixels = with_valid_std(depth_pixels(view))
        if not len(pixels.depth):
            return
        self._pictures += 1
        deviations = (pixels.aleatoric, pixels.epistemic, pixels.total)
        for column, name in enumerate(ERRORS):
            error, own = pixel_errors(pixels, name)
            self._oracle[column] += sparsification_curve(own, error, name)
            for row, deviation in enumerate(deviations):
                drop_by = deviation * pixels.depth if name == 'rmse' else deviation
                self._curves[row, column] += sparsification_curve(drop_by, error, name)

    def state(self) -> StateDict:
        """Give what was added up so far."""
        return {'pictures': self._pictures.copy(), 'curves': self._curves.copy(),
                'oracle': self._oracle.copy()}


def pixel_errors(pixels: DepthPixels, name: str) -> tuple[Array, Array]:
    """Give what is averaged, and what the oracle sorts by; both (N,)."""
    depth, truth = pixels.depth, pixels.truth
    if name == 'abs_rel':
        error = np.abs(depth - truth) / truth
        return error, error
    if name == 'rmse':
        return (depth - truth) ** 2, (depth - truth) ** 2
    ratio = np.maximum(depth / truth, truth / depth)
    return (ratio >= A1_THRESHOLD).astype(np.float64), ratio


def sparsification_curve(uncertainty: Array, error: Array, name: str) -> Array:
    """Give the error (51,) of what stays as ever more of the highest drop_by go."""
    order = np.argsort(uncertainty)
    ascending, sums = uncertainty[order], error[order].cumsum()
    limits = np.percentile(ascending, 100 * (1 - DROPPED_SHARES))
    kept = np.searchsorted(ascending, limits, 'right')
    means = sums[np.maximum(kept, 1) - 1] / np.maximum(kept, 1)
    return np.append(np.sqrt(means) if name == 'rmse' else means, 0.)


def curve_area(curves: Array) -> Array:
    """Give the trapezoidal area over [0, 1] of curves (..., 51)."""
    return np.asarray((curves[..., 1:] + curves[..., :-1]).mean(-1) / 2)


def sparsification_quality(state: StateDict) -> SparsificationQuality | None:
    """Turn the sums of a SparsificationTally into means over pictures; None without any."""
    pictures = int(state['pictures'][0])
    if not pictures:
        return None
    curves, oracle = state['curves'] / pictures, state['oracle'] / pictures
    return SparsificationQuality(
        pictures, _by_uncertainty_and_error(curve_area(curves) - curve_area(oracle)), _by_uncertainty_and_error(curves[..., 0] - curve_area(curves)),
        {name: dict(zip(ERRORS, map(_floats, rows), strict=True))
         for name, rows in zip(UNCERTAINTIES, curves, strict=True)},
        dict(zip(ERRORS, map(_floats, oracle), strict=True)))


def _by_uncertainty_and_error(values: Array) -> ByUncertaintyAndError:
    return {name: dict(zip(ERRORS, _floats(row), strict=True))
            for name, row in zip(UNCERTAINTIES, values, strict=True)}


def _floats(values: Array) -> tuple[float, ...]:
    return tuple(map(float, values))
