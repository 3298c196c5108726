# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Whether patches are right where the model is certain: PAvPU (Mukhoti & Gal 2018, 1811.12709).

Patches of 4 x 4 pixels; accurate: more than half of the labelled pixels have the right class;
certain: the mean uncertainty of the same pixels is at most a threshold. With n_ac accurate and
certain, n_au, n_ic, n_iu:  p(accurate | certain) = n_ac / (n_ac + n_ic), p(uncertain |
inaccurate) = n_iu / (n_ic + n_iu), PAvPU = (n_ac + n_iu) / all. n = 6, 1, 1, 2: 6/7, 2/3, .8.
The thresholds are fixed shares of log K, the largest entropy, as a mean of one set would not add.
"""
import math
from typing import Any, Mapping, NamedTuple

from bdl_perception.metrics.pixels import (
    Array,
    depth_pixels,
    LabelledPrediction,
    StateDict,
    valid_classes,
    with_valid_std,
)
from bdl_perception.perception.types import CLASS_NAMES
import numpy as np
from numpy.typing import NDArray

PATCH_PX = 4  # px
UNCERTAINTIES = ('entropy', 'mutual_information')
THRESHOLDS = math.log(len(CLASS_NAMES)) * np.geomspace(1e-3, 1, 31)  # nat


class PavpuCurve(NamedTuple):
    """Of one uncertainty, at each threshold; NaN: no such patch."""

    accurate_if_certain: tuple[float, ...]
    uncertain_if_inaccurate: tuple[float, ...]
    pavpu: tuple[float, ...]
    best: float  # the highest PAvPU, on these data: look at the curve before trusting it
    best_threshold: float  # nat


class PavpuQuality(NamedTuple):
    """Of all patches with a label."""

    patches: int
    accurate: float  # share of them, which is the PAvPU of a model that is always certain
    thresholds: tuple[float, ...]  # nat
    curves: Mapping[str, Mapping[str, object]]  # uncertainty -> PavpuCurve


class PavpuMetricState:
    """Counts patches by accurate or not, certain or not."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._counts = np.zeros((len(UNCERTAINTIES), len(THRESHOLDS), 2, 2))

    def update(self, view: LabelledPrediction) -> None:
        """Take a frame; one without labels of the maps' size adds nothing."""
        if view.classes is None or view.classes.shape != view.prediction.classes.shape:
            return
        mask = split_patches(valid_classes(view.classes).astype(np.float64))  # (P, 16)
        right = split_patches((view.prediction.classes == view.classes).astype(np.float64))
        some = mask.any(1)
        accurate = (right * mask).sum(1)[some] > mask.sum(1)[some] / 2
        for row, values in enumerate((view.prediction.entropy,
                                      view.epistemic.mutual_information)):
            known = np.where(mask > 0, split_patches(np.asarray(values, np.float64)), 0)
            mean = known.sum(1)[some] / mask.sum(1)[some]
            certain = mean[:, None] <= THRESHOLDS  # (P, thresholds); NaN is not
            for first, those in enumerate((accurate, ~accurate)):
                sure = certain[those].sum(0)
                self._counts[row, :, first] += np.stack([sure, those.sum() - sure], 1)

    def state(self) -> StateDict:
        """Give what was added up so far."""
        return {'counts': self._counts.copy()}


def split_patches(values: Array) -> Array:
    """Cut a map, (h, w), into squares, (P, 16); what is left at the right and below goes."""
    height, width = (size // PATCH_PX * PATCH_PX for size in values.shape)
    cut = values[:height, :width].reshape(height // PATCH_PX, PATCH_PX, width // PATCH_PX, PATCH_PX)
    return np.asarray(cut.swapaxes(1, 2).reshape(-1, PATCH_PX * PATCH_PX))


def pavpu_quality(state: StateDict) -> PavpuQuality | None:
    """Turn the counts of a PavpuTally into curves; None without any patch."""
    counts = state['counts']
    total = float(counts[0, 0].sum())
    if not total:
        return None
    return PavpuQuality(int(total), float(counts[0, 0, 0].sum() / total), _floats(THRESHOLDS),
                        {name: pavpu_curve(each)._asdict()
                         for name, each in zip(UNCERTAINTIES, counts, strict=True)})


def pavpu_curve(counts: Array) -> PavpuCurve:
    """Turn counts (thresholds, accurate or not, certain or not) into shares."""
    certain, inaccurate = counts[:, :, 0], counts[:, 1]  # (thresholds, 2)
    pavpu = (counts[:, 0, 0] + counts[:, 1, 1]) / counts.sum((1, 2))
    best = int(pavpu.argmax())
    return PavpuCurve(_floats(_ratio_or_nan(certain[:, 0], certain.sum(1))),
                      _floats(_ratio_or_nan(inaccurate[:, 1], inaccurate.sum(1))),
                      _floats(pavpu), float(pavpu[best]),
                      float(THRESHOLDS[min(best, len(THRESHOLDS) - 1)]))


def _ratio_or_nan(part: Array, whole: Array) -> Array:
    return part / np.where(whole > 0, whole, np.nan)


def _floats(values: Array) -> tuple[float, ...]:
    return tuple(map(float, values))


UNCERTAINTY_EDGES = np.geomspace(1e-7, 1e3, 2001)  # m, or nat
RECALLS = (.01, *(n / 20 for n in range(1, 20)), .99, 1.)
DEPTH_UNCERTAINTIES = ('aleatoric', 'epistemic', 'total')  # standard deviations of depth, m
CLASS_UNCERTAINTIES = ('entropy', 'mutual_information')  # nat

Curves = Mapping[str, tuple[float, ...]]  # uncertainty -> at each recall


class SelectiveQuality(NamedTuple):
    """NaN where no pixel was judged."""

    recall: tuple[float, ...]
    rms_m: Curves
    precision: Curves


class SelectiveMetricState:
    """Adds up errors by uncertainty."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._depth = np.zeros((len(DEPTH_UNCERTAINTIES), 2, len(UNCERTAINTY_EDGES) + 1))  # count, squared error
        self._classes = np.zeros((len(CLASS_UNCERTAINTIES), 2, len(UNCERTAINTY_EDGES) + 1))  # count, right

    def update(self, view: LabelledPrediction) -> None:
        """Take a frame; one without truth adds nothing."""
        pixels = with_valid_std(depth_pixels(view))
        square = (pixels.depth - pixels.truth) ** 2  # m^2
        for row, deviation in enumerate((pixels.aleatoric, pixels.epistemic, pixels.total)):
            self._depth[row] += bin_by_uncertainty(deviation * pixels.depth, square)
        if view.classes is None or view.classes.shape != view.prediction.classes.shape:
            return
        mask = valid_classes(view.classes)
        right = view.prediction.classes[mask] == view.classes[mask]
        for row, values in enumerate((view.prediction.entropy,
                                      view.epistemic.mutual_information)):
            self._classes[row] += bin_by_uncertainty(np.asarray(values[mask], np.float64), right)

    def state(self) -> StateDict:
        """Give what was added up so far."""
        return {'depth': self._depth.copy(), 'classes': self._classes.copy()}


def bin_by_uncertainty(uncertainty: Array, values: NDArray[Any]) -> Array:
    """Give count and sum of values (2, bins) by size of uncertainty; NaN is the most uncertain."""
    where = np.searchsorted(UNCERTAINTY_EDGES, uncertainty)  # NaN comes last
    return np.array([np.bincount(where, weights, len(UNCERTAINTY_EDGES) + 1)
                     for weights in (np.ones(len(where)), values)])


def selective_quality(state: StateDict) -> SelectiveQuality | None:
    """Turn the sums of a RecallTally into curves; None without any judged pixel."""
    if not (state['depth'].any() or state['classes'].any()):
        return None
    return SelectiveQuality(
        RECALLS, {name: _floats(np.sqrt(mean_at_recall(rows)))
                  for name, rows in zip(DEPTH_UNCERTAINTIES, state['depth'], strict=True)},
        {name: _floats(mean_at_recall(rows))
         for name, rows in zip(CLASS_UNCERTAINTIES, state['classes'], strict=True)})


def mean_at_recall(rows: Array) -> Array:
    """Give the mean value of the most certain share of pixels, at each recall."""
    count, total = (np.concatenate([[0], row.cumsum()]) for row in rows)
    if not count[-1]:
        return np.full(len(RECALLS), np.nan)
    wanted = np.array(RECALLS) * count[-1]
    return np.asarray(np.interp(wanted, count, total) / wanted)
