# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Sparsification of depth: whether the uncertain pixels are the wrong ones (AUSE and AURG).

The convention of Poggi et al. 2020 (and their evaluate.py): in each frame the most uncertain
0, 2, ... 98 % of the pixels are dropped, the error of the rest makes a curve, and 0 is appended at
100 %. A pixel stays when it is not above the percentile, so equally uncertain pixels stay or go
together. The oracle drops by the error itself. AUSE = area of the curve - area of the oracle's
(trapezoid); AURG = error of all - area of the curve; both are means over frames. Errors: abs_rel
|d - t| / t, rmse, m, and a1, the share of max(d / t, t / d) >= 1.25. Here rmse is dropped by the
standard deviation of depth, m, and the relative errors by that of log-depth, so that units agree.

Two pixels of abs_rel 0 and .2, the first more certain: all make .1 at 0 %, then 0 from 2 % on,
so the area is .02 * .1 / 2 = .001, as is the oracle's: AUSE 0, AURG .099.
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
    """Means over frames; curves are at 0, 2 ... 98 and 100 % dropped."""

    frames: int
    ause: ByUncertaintyAndError  # 0 is the best
    aurg: ByUncertaintyAndError  # 0 is chance, higher is better
    curves: Mapping[str, Mapping[str, tuple[float, ...]]]
    oracle: Mapping[str, tuple[float, ...]]  # error -> curve


class SparsificationMetricState:
    """Sums of the curves of frames; areas are linear in them."""

    def __init__(self) -> None:
        """Start with empty sums."""
        points = len(DROPPED_SHARES) + 1
        self._frames = np.zeros(1)
        self._curves = np.zeros((len(UNCERTAINTIES), len(ERRORS), points))
        self._oracle = np.zeros((len(ERRORS), points))

    def update(self, labelled: LabelledPrediction) -> None:
        """Add a frame; one without a valid pixel adds nothing."""
        pixels = with_valid_std(depth_pixels(labelled))
        if not len(pixels.depth):
            return
        self._frames += 1
        sigmas = (pixels.aleatoric, pixels.epistemic, pixels.total)
        for column, name in enumerate(ERRORS):
            error, own = pixel_errors(pixels, name)
            self._oracle[column] += sparsification_curve(own, error, name)
            for row, sigma in enumerate(sigmas):
                uncertainty = sigma * pixels.depth if name == 'rmse' else sigma
                self._curves[row, column] += sparsification_curve(uncertainty, error, name)

    def state(self) -> StateDict:
        """Return a copy of the sums."""
        return {'frames': self._frames.copy(), 'curves': self._curves.copy(),
                'oracle': self._oracle.copy()}


def pixel_errors(pixels: DepthPixels, name: str) -> tuple[Array, Array]:
    """Return the error that is averaged, and the one by which the oracle sorts; both (N,)."""
    depth, truth = pixels.depth, pixels.truth
    if name == 'abs_rel':
        error = np.abs(depth - truth) / truth
        return error, error
    if name == 'rmse':
        return (depth - truth) ** 2, (depth - truth) ** 2
    ratio = np.maximum(depth / truth, truth / depth)
    return (ratio >= A1_THRESHOLD).astype(np.float64), ratio


def sparsification_curve(uncertainty: Array, error: Array, name: str) -> Array:
    """Return the error (51,) of the remaining pixels as the most uncertain ones are dropped."""
    order = np.argsort(uncertainty)
    ascending, sums = uncertainty[order], error[order].cumsum()
    limits = np.percentile(ascending, 100 * (1 - DROPPED_SHARES))
    remaining = np.maximum(np.searchsorted(ascending, limits, 'right'), 1)
    means = sums[remaining - 1] / remaining
    return np.append(np.sqrt(means) if name == 'rmse' else means, 0.)


def curve_area(curves: Array) -> Array:
    """Return the trapezoidal area over [0, 1] of curves (..., 51)."""
    return np.asarray((curves[..., 1:] + curves[..., :-1]).mean(-1) / 2)


def sparsification_quality(state: StateDict) -> SparsificationQuality | None:
    """Compute means over frames of a SparsificationMetricState; None without any frame."""
    frames = int(state['frames'][0])
    if not frames:
        return None
    curves, oracle = state['curves'] / frames, state['oracle'] / frames
    areas = curve_area(curves)
    return SparsificationQuality(
        frames, _by_uncertainty_and_error(areas - curve_area(oracle)),
        _by_uncertainty_and_error(curves[..., 0] - areas),
        {name: _by_error(rows) for name, rows in zip(UNCERTAINTIES, curves, strict=True)},
        _by_error(oracle))


def _by_uncertainty_and_error(values: Array) -> ByUncertaintyAndError:
    return {name: dict(zip(ERRORS, row.tolist(), strict=True))
            for name, row in zip(UNCERTAINTIES, values, strict=True)}


def _by_error(rows: Array) -> dict[str, tuple[float, ...]]:
    return {name: tuple(row.tolist()) for name, row in zip(ERRORS, rows, strict=True)}
