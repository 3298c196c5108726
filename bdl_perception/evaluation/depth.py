# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How good depth is, and whether its stated intervals hold."""
from statistics import NormalDist
from typing import NamedTuple

from bdl_perception.evaluation.tally import Sums
from bdl_perception.evaluation.view import View
from bdl_perception.perception.values import Floats
import numpy as np

FARTHEST_M = 80.  # truth beyond is not judged, as is the custom (KITTI; Eigen et al. 2014)
INSIDE_90 = NormalDist().inv_cdf(.95)  # 1.645 standard deviations to each side hold 90 %
CLOSE = 1.25  # the delta of Eigen et al. 2014


class DepthQuality(NamedTuple):
    """Over all judged pixels of all frames; NaN without any."""

    answered: float  # share of the pixels with a true depth for which one was predicted
    abs_rel: float  # mean |d - t| / t
    rms_m: float  # root of the mean (d - t)^2, m
    delta_125: float  # share of max(d / t, t / d) < 1.25
    inside_90_aleatoric: float  # share of log-depths within their 90 % interval
    inside_90_total: float  # the same with aleatoric + epistemic variance


class DepthTally:
    """Sums over frames; a pixel that the model calls sky or too far is counted, not judged."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._known = self._judged = 0
        self._sums = np.zeros(5)

    def add(self, view: View) -> None:
        """Take a frame; one without true depth adds nothing."""
        if view.depth is None:
            return
        known = view.depth <= FARTHEST_M  # (h, w); NaN and +Inf are not
        judged = known & np.isfinite(view.prediction.depth)
        self._known += int(known.sum())
        self._judged += int(judged.sum())
        depth, truth = view.prediction.depth[judged], view.depth[judged]  # (N,) m
        aleatoric = view.prediction.aleatoric_std[judged] / depth  # of log-depth
        self._sums += _sums(depth, truth, aleatoric, view.epistemic.log_depth_std[judged])

    def sums(self) -> Sums:
        """Give the counts of pixels and the sums of the five measures."""
        return {'pixels': np.array([self._known, self._judged], np.float64), 'sums': self._sums}


def depth_quality(sums: Sums) -> DepthQuality | None:
    """Give the averages; None when no depth was true anywhere."""
    known, judged = sums['pixels']
    if not known:
        return None
    abs_rel, square, close, inside, inside_total = map(float, sums['sums'] / (judged or np.nan))
    return DepthQuality(float(judged / known), abs_rel, square ** .5, close, inside, inside_total)


def _sums(depth: Floats, truth: Floats, aleatoric: Floats, epistemic: Floats) -> Floats:
    """Add up the five measures over pixels (N,); deviations are of log-depth."""
    error = depth.astype(np.float64) - truth  # m
    log_error = np.abs(np.log(depth) - np.log(truth))
    total = np.hypot(aleatoric, epistemic)
    return np.array([
        (np.abs(error) / truth).sum(), (error ** 2).sum(), (log_error < np.log(CLOSE)).sum(),
        (log_error <= INSIDE_90 * aleatoric).sum(), (log_error <= INSIDE_90 * total).sum()])
