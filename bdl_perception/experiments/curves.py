# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Curves of uncertain predictions: quality of the most certain pixels, and calibration.

Quality against recall (Kendall & Gal 2017, fig. 2): pixels are sorted by uncertainty, recall is
the share of them that remains. Errors 1, 3 of uncertainties .1, .2: mean 1 at recall .5, 2 at 1.
Calibration (fig. 3): the coverage of depth intervals over their level, and the share of correct
classes over their probability; the MSE is the mean square distance of a curve from the diagonal.
Levels .5, .9 with coverage .6, .9: MSE .005.
"""
from typing import Any, NamedTuple, Sequence

from bdl_perception.metrics.reliability import bin_confidence, CURVE_BINS
import numpy as np
from numpy.typing import NDArray

RECALLS = tuple(n / 20 for n in range(1, 21))

Reals = NDArray[Any]


class CalibrationCurve(NamedTuple):
    """Mean probability and share correct in each bin that is not empty, and their MSE."""

    probability: tuple[float, ...]
    correct: tuple[float, ...]
    mse: float


def mean_over_recall(uncertainty: Reals, quality: Reals) -> list[float]:
    """Average quality (N,) over the most certain pixels, at each of RECALLS."""
    ordered = quality[np.argsort(uncertainty, kind='stable')].astype(np.float64)
    means = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    last = [max(0, round(recall * len(ordered)) - 1) for recall in RECALLS]
    return [float(mean) for mean in means[last]]


def coverage_mse(levels: Sequence[float], coverages: Sequence[float]) -> float:
    """Return the mean square distance of coverage from the level of its interval."""
    return float(np.mean(np.square(np.subtract(coverages, levels))))


class ClassCalibration:
    """Bins of all classes' probabilities, accumulated over batches."""

    def __init__(self) -> None:
        """Start with empty bins."""
        self._bins = np.zeros((3, CURVE_BINS))

    def update(self, probabilities: Reals, truth: Reals) -> None:
        """probabilities: (N, K); truth: (N,) ids."""
        true = np.zeros(probabilities.shape, np.bool_)
        true[np.arange(len(truth)), truth] = True
        self._bins += bin_confidence(probabilities.ravel(), true.ravel(), CURVE_BINS)

    def compute(self) -> CalibrationCurve:
        """Return the curve; each filled bin counts the same in the MSE."""
        count, confidence, hits = self._bins[:, self._bins[0] > 0]
        probability, correct = confidence / count, hits / count
        return CalibrationCurve(tuple(probability.tolist()), tuple(correct.tolist()),
                                coverage_mse(probability.tolist(), correct.tolist()))
