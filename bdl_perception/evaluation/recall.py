# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Precision against recall as uncertain pixels are left out (Kendall & Gal 2017, fig. 2).

Recall is the share of all pixels that are kept, the most certain first; precision is the share of
right classes among them, and for depth the RMS error in m. Pixels of all pictures are sorted
together, by a histogram of uncertainty with bins 1.2 % apart, and between its bins the curve of
sums is linear. Errors 1, 3 m of deviations .1, .2 m: RMS 1 m at recall .5, sqrt(5) m at 1.
"""
from typing import Any, Mapping, NamedTuple

from bdl_perception.evaluation.judged import Array
from bdl_perception.evaluation.judged import depth_pixels
from bdl_perception.evaluation.judged import labelled
from bdl_perception.evaluation.judged import with_deviation
from bdl_perception.evaluation.tally import Sums
from bdl_perception.evaluation.view import View
import numpy as np
from numpy.typing import NDArray

EDGES = np.geomspace(1e-7, 1e3, 2001)  # m, or nat
RECALLS = (.01, *(n / 20 for n in range(1, 20)), .99, 1.)
DEPTH = ('aleatoric', 'epistemic', 'total')  # standard deviations of depth, m
CLASSES = ('entropy', 'mutual_information')  # nat

Curves = Mapping[str, tuple[float, ...]]  # uncertainty -> at each recall


class RecallQuality(NamedTuple):
    """NaN where no pixel was judged."""

    recall: tuple[float, ...]
    rms_m: Curves
    precision: Curves


class RecallTally:
    """Adds up errors by uncertainty."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._depth = np.zeros((len(DEPTH), 2, len(EDGES) + 1))  # count, squared error
        self._classes = np.zeros((len(CLASSES), 2, len(EDGES) + 1))  # count, right

    def add(self, view: View) -> None:
        """Take a frame; one without truth adds nothing."""
        pixels = with_deviation(depth_pixels(view))
        square = (pixels.depth - pixels.truth) ** 2  # m^2
        for row, deviation in enumerate((pixels.aleatoric, pixels.epistemic, pixels.total)):
            self._depth[row] += by_uncertainty(deviation * pixels.depth, square)
        if view.classes is None or view.classes.shape != view.prediction.classes.shape:
            return
        mask = labelled(view.classes)
        right = view.prediction.classes[mask] == view.classes[mask]
        for row, values in enumerate((view.prediction.entropy,
                                      view.epistemic.mutual_information)):
            self._classes[row] += by_uncertainty(np.asarray(values[mask], np.float64), right)

    def sums(self) -> Sums:
        """Give what was added up so far."""
        return {'depth': self._depth.copy(), 'classes': self._classes.copy()}


def by_uncertainty(uncertainty: Array, values: NDArray[Any]) -> Array:
    """Give count and sum of values (2, bins) by size of uncertainty; NaN is the most uncertain."""
    where = np.searchsorted(EDGES, uncertainty)  # NaN comes last
    return np.array([np.bincount(where, weights, len(EDGES) + 1)
                     for weights in (np.ones(len(where)), values)])


def recall_quality(sums: Sums) -> RecallQuality | None:
    """Turn the sums of a RecallTally into curves; None without any judged pixel."""
    if not (sums['depth'].any() or sums['classes'].any()):
        return None
    return RecallQuality(
        RECALLS, {name: _floats(np.sqrt(mean_at_recall(rows)))
                  for name, rows in zip(DEPTH, sums['depth'], strict=True)},
        {name: _floats(mean_at_recall(rows))
         for name, rows in zip(CLASSES, sums['classes'], strict=True)})


def mean_at_recall(rows: Array) -> Array:
    """Give the mean value of the most certain share of pixels, at each recall."""
    count, total = (np.concatenate([[0], row.cumsum()]) for row in rows)
    if not count[-1]:
        return np.full(len(RECALLS), np.nan)
    wanted = np.array(RECALLS) * count[-1]
    return np.asarray(np.interp(wanted, count, total) / wanted)


def _floats(values: Array) -> tuple[float, ...]:
    return tuple(map(float, values))
