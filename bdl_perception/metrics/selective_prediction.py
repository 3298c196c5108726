# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Selective prediction: precision of the most certain pixels, and PAvPU of patches.

Precision against recall as uncertain pixels are rejected (Kendall & Gal 2017, fig. 2). Recall is
the share of all pixels that remain, the most certain first; precision is the share of correct
classes among them, and for depth the RMS error in m. Pixels of all frames are sorted together, by
a histogram of uncertainty with bins 1.2 % apart; between its bins the curve of sums is linear.
Errors 1, 3 m of standard deviations .1, .2 m: RMS 1 m at recall .5, sqrt(5) m at 1.

PAvPU, patch accuracy vs. patch uncertainty (Mukhoti & Gal 2018, 1811.12709): patches of 4 x 4
pixels; accurate: more than half of the labelled pixels have the correct class; certain: the mean
uncertainty of these pixels is at most a threshold. With n_ac accurate and certain, n_au, n_ic,
n_iu:  p(accurate | certain) = n_ac / (n_ac + n_ic), p(uncertain | inaccurate) = n_iu /
(n_ic + n_iu), PAvPU = (n_ac + n_iu) / all. n = 6, 1, 1, 2: 6/7, 2/3, .8. The thresholds are fixed
shares of log K, the largest entropy, since thresholds that depend on a set could not be merged.
"""
import math
from typing import Any, Iterator, Mapping, NamedTuple

from bdl_perception.metrics.pixels import (
    Array,
    depth_pixels,
    LabelledPrediction,
    StateDict,
    valid_classes,
    with_valid_std,
)
from bdl_perception.perception.data_types import CLASS_NAMES, Floats
import numpy as np
from numpy.typing import NDArray

UNCERTAINTY_EDGES = np.geomspace(1e-7, 1e3, 2001)  # m, or nat
RECALLS = (.01, *(n / 20 for n in range(1, 20)), .99, 1.)
DEPTH_UNCERTAINTIES = ('aleatoric', 'epistemic', 'total')  # standard deviations of depth, m
CLASS_UNCERTAINTIES = ('entropy', 'mutual_information')  # nat
PATCH_PX = 4  # px
THRESHOLDS = math.log(len(CLASS_NAMES)) * np.geomspace(1e-3, 1, 31)  # nat

Curves = Mapping[str, tuple[float, ...]]  # uncertainty -> at each recall


class SelectiveQuality(NamedTuple):
    """Curves over recall; NaN without any valid pixel."""

    recall: tuple[float, ...]
    rms_m: Curves
    precision: Curves


class PavpuCurve(NamedTuple):
    """PAvPU by one uncertainty, at each threshold; NaN: no such patch."""

    accurate_if_certain: tuple[float, ...]
    uncertain_if_inaccurate: tuple[float, ...]
    pavpu: tuple[float, ...]
    best: float  # the highest PAvPU on these data, so it is optimistic
    best_threshold: float  # nat


class PavpuQuality(NamedTuple):
    """PAvPU over all patches with a label."""

    patches: int
    accurate: float  # share of the patches; the PAvPU of a model that is always certain
    thresholds: tuple[float, ...]  # nat
    curves: Mapping[str, PavpuCurve]  # by uncertainty


class SelectiveMetricState:
    """Sums of errors by bin of uncertainty."""

    def __init__(self) -> None:
        """Start with empty sums."""
        bins = len(UNCERTAINTY_EDGES) + 1
        self._depth = np.zeros((len(DEPTH_UNCERTAINTIES), 2, bins))  # count, squared error
        self._classes = np.zeros((len(CLASS_UNCERTAINTIES), 2, bins))  # count, correct

    def update(self, labelled: LabelledPrediction) -> None:
        """Add a frame; one without ground truth adds nothing."""
        pixels = with_valid_std(depth_pixels(labelled))
        square = (pixels.depth - pixels.truth) ** 2  # m^2
        for row, sigma in enumerate((pixels.aleatoric, pixels.epistemic, pixels.total)):
            self._depth[row] += bin_by_uncertainty(sigma * pixels.depth, square)
        truth, predicted = labelled.classes, labelled.prediction.classes
        if truth is None or truth.shape != predicted.shape:
            return
        mask = valid_classes(truth)
        correct = predicted[mask] == truth[mask]
        for row, values in enumerate(_class_uncertainties(labelled)):
            self._classes[row] += bin_by_uncertainty(np.asarray(values[mask], np.float64), correct)

    def state(self) -> StateDict:
        """Return a copy of the sums."""
        return {'depth': self._depth.copy(), 'classes': self._classes.copy()}


class PavpuMetricState:
    """Counts of patches: accurate or not, certain or not, at each threshold."""

    def __init__(self) -> None:
        """Start with empty sums."""
        self._counts = np.zeros((len(CLASS_UNCERTAINTIES), len(THRESHOLDS), 2, 2))

    def update(self, labelled: LabelledPrediction) -> None:
        """Add a frame; one without labels of the maps' size adds nothing."""
        truth, predicted = labelled.classes, labelled.prediction.classes
        if truth is None or truth.shape != predicted.shape:
            return
        mask = split_patches(valid_classes(truth).astype(np.float64))  # (P, 16)
        correct = split_patches((predicted == truth).astype(np.float64))
        some = mask.any(1)
        accurate = (correct * mask).sum(1)[some] > mask.sum(1)[some] / 2
        for row, values in enumerate(_class_uncertainties(labelled)):
            known = np.where(mask > 0, split_patches(np.asarray(values, np.float64)), 0)
            mean = known.sum(1)[some] / mask.sum(1)[some]
            certain = mean[:, None] <= THRESHOLDS  # (P, thresholds); NaN is not
            for column, chosen in enumerate((accurate, ~accurate)):
                count = certain[chosen].sum(0)
                self._counts[row, :, column] += np.stack([count, chosen.sum() - count], 1)

    def state(self) -> StateDict:
        """Return a copy of the sums."""
        return {'counts': self._counts.copy()}


def bin_by_uncertainty(uncertainty: Array, values: NDArray[Any]) -> Array:
    """Return count and sum of values (2, bins) by uncertainty; NaN is the most uncertain."""
    index = np.searchsorted(UNCERTAINTY_EDGES, uncertainty)  # NaN comes last
    return np.array([np.bincount(index, weights, len(UNCERTAINTY_EDGES) + 1)
                     for weights in (np.ones(len(index)), values)])


def selective_quality(state: StateDict) -> SelectiveQuality | None:
    """Compute the curves of a SelectiveMetricState; None without any valid pixel."""
    if not (state['depth'].any() or state['classes'].any()):
        return None
    return SelectiveQuality(
        RECALLS, {name: tuple(np.sqrt(mean_at_recall(rows)).tolist())
                  for name, rows in zip(DEPTH_UNCERTAINTIES, state['depth'], strict=True)},
        {name: tuple(mean_at_recall(rows).tolist())
         for name, rows in zip(CLASS_UNCERTAINTIES, state['classes'], strict=True)})


def mean_at_recall(rows: Array) -> Array:
    """Return the mean value of the most certain share of pixels, at each recall."""
    count, total = (np.concatenate([[0], row.cumsum()]) for row in rows)
    if not count[-1]:
        return np.full(len(RECALLS), np.nan)
    pixels = np.array(RECALLS) * count[-1]
    return np.asarray(np.interp(pixels, count, total) / pixels)


def split_patches(values: Array) -> Array:
    """Split a map (h, w) into squares (P, 16); incomplete ones at the right and below go."""
    height, width = (size // PATCH_PX * PATCH_PX for size in values.shape)
    cut = values[:height, :width].reshape(height // PATCH_PX, PATCH_PX,
                                          width // PATCH_PX, PATCH_PX)
    return np.asarray(cut.swapaxes(1, 2).reshape(-1, PATCH_PX * PATCH_PX))


def pavpu_quality(state: StateDict) -> PavpuQuality | None:
    """Compute the curves of a PavpuMetricState; None without any patch."""
    counts = state['counts']
    total = float(counts[0, 0].sum())
    if not total:
        return None
    return PavpuQuality(int(total), float(counts[0, 0, 0].sum() / total),
                        tuple(THRESHOLDS.tolist()),
                        dict(zip(CLASS_UNCERTAINTIES, map(pavpu_curve, counts), strict=True)))


def pavpu_curve(counts: Array) -> PavpuCurve:
    """Compute shares from counts (thresholds, accurate or not, certain or not)."""
    certain, inaccurate = counts[:, :, 0], counts[:, 1]  # (thresholds, 2)
    pavpu = (counts[:, 0, 0] + counts[:, 1, 1]) / counts.sum((1, 2))
    best = int(pavpu.argmax())
    return PavpuCurve(_ratio_or_nan(certain[:, 0], certain.sum(1)),
                      _ratio_or_nan(inaccurate[:, 1], inaccurate.sum(1)),
                      tuple(pavpu.tolist()), float(pavpu[best]),
                      float(THRESHOLDS[min(best, len(THRESHOLDS) - 1)]))


def _class_uncertainties(labelled: LabelledPrediction) -> Iterator[Floats]:
    """Yield the maps (h, w) of CLASS_UNCERTAINTIES."""
    yield labelled.prediction.entropy
    yield labelled.epistemic.mutual_information


def _ratio_or_nan(part: Array, whole: Array) -> tuple[float, ...]:
    return tuple((part / np.where(whole > 0, whole, np.nan)).tolist())
