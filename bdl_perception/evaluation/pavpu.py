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
from typing import Mapping, NamedTuple

from bdl_perception.evaluation.judged import Array
from bdl_perception.evaluation.judged import labelled
from bdl_perception.evaluation.tally import Sums
from bdl_perception.evaluation.view import View
from bdl_perception.perception.classes import CLASS_NAMES
import numpy as np

PATCH = 4  # px
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


class PavpuTally:
    """Counts patches by accurate or not, certain or not."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._counts = np.zeros((len(UNCERTAINTIES), len(THRESHOLDS), 2, 2))

    def add(self, view: View) -> None:
        """Take a frame; one without labels of the maps' size adds nothing."""
        if view.classes is None or view.classes.shape != view.prediction.classes.shape:
            return
        mask = patches(labelled(view.classes).astype(np.float64))  # (P, 16)
        right = patches((view.prediction.classes == view.classes).astype(np.float64))
        some = mask.any(1)
        accurate = (right * mask).sum(1)[some] > mask.sum(1)[some] / 2
        for row, values in enumerate((view.prediction.entropy,
                                      view.epistemic.mutual_information)):
            known = np.where(mask > 0, patches(np.asarray(values, np.float64)), 0)
            mean = known.sum(1)[some] / mask.sum(1)[some]
            certain = mean[:, None] <= THRESHOLDS  # (P, thresholds); NaN is not
            for first, those in enumerate((accurate, ~accurate)):
                sure = certain[those].sum(0)
                self._counts[row, :, first] += np.stack([sure, those.sum() - sure], 1)

    def sums(self) -> Sums:
        """Give what was added up so far."""
        return {'counts': self._counts.copy()}


def patches(values: Array) -> Array:
    """Cut a map, (h, w), into squares, (P, 16); what is left at the right and below goes."""
    height, width = (size // PATCH * PATCH for size in values.shape)
    cut = values[:height, :width].reshape(height // PATCH, PATCH, width // PATCH, PATCH)
    return np.asarray(cut.swapaxes(1, 2).reshape(-1, PATCH * PATCH))


def pavpu_quality(sums: Sums) -> PavpuQuality | None:
    """Turn the counts of a PavpuTally into curves; None without any patch."""
    counts = sums['counts']
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
    return PavpuCurve(_floats(_share(certain[:, 0], certain.sum(1))),
                      _floats(_share(inaccurate[:, 1], inaccurate.sum(1))),
                      _floats(pavpu), float(pavpu[best]),
                      float(THRESHOLDS[min(best, len(THRESHOLDS) - 1)]))


def _share(part: Array, whole: Array) -> Array:
    return part / np.where(whole > 0, whole, np.nan)


def _floats(values: Array) -> tuple[float, ...]:
    return tuple(map(float, values))
