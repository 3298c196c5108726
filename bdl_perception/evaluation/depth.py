# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
How good depth is, and whether its stated intervals hold.

With d the depth, t the truth, g = log d - log t:  abs_rel = mean |g'| with g' = (d - t) / t,
delta = share of max(d / t, t / d) below a power of 1.25, log10 = mean |log10 d - log10 t|, and
SILog = 100 sqrt(mean g^2 - (mean g)^2) of a picture (Eigen et al. 2014, eq. 1; the KITTI
benchmark's root and factor), averaged over pictures as a scale is one picture's.
d = 10, 20 of t = 10, 10: g = 0, .693; SILog = 100 * .347 = 34.7, log10 = .151.
"""
from statistics import NormalDist
from typing import NamedTuple

from bdl_perception.evaluation.judged import Array
from bdl_perception.evaluation.judged import depth_pixels
from bdl_perception.evaluation.judged import DepthPixels
from bdl_perception.evaluation.judged import known_depth
from bdl_perception.evaluation.tally import Sums
from bdl_perception.evaluation.view import View
import numpy as np

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
    delta_125_2: float  # share below 1.25^2
    delta_125_3: float  # share below 1.25^3
    log10: float  # mean |log10 d - log10 t|
    silog: float  # mean over pictures


class DepthTally:
    """Sums over frames; a pixel that the model calls sky or too far is counted, not judged."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._pixels = np.zeros(2)  # with a true depth, and of them judged
        self._errors = np.zeros(8)
        self._silog = np.zeros(2)  # sum over pictures, and their number

    def add(self, view: View) -> None:
        """Take a frame; one without true depth adds nothing."""
        pixels = depth_pixels(view)
        count = len(pixels.depth)
        self._pixels += known_depth(view).sum(), count
        if count:
            self._errors += _sums(pixels)
            self._silog += 100 * pixels.log_error.std(), 1

    def sums(self) -> Sums:
        """Give what was added up so far."""
        return {'pixels': self._pixels.copy(), 'errors': self._errors.copy(),
                'silog': self._silog.copy()}

    @property
    def quality(self) -> DepthQuality | None:
        """Give the averages; None when no depth was true anywhere."""
        return depth_quality(self.sums())


def depth_quality(sums: Sums) -> DepthQuality | None:
    """Turn the sums of a DepthTally into averages; None when no depth was true anywhere."""
    known, judged = map(float, sums['pixels'])
    if not known:
        return None
    means = map(float, sums['errors'] / (judged or np.nan))
    abs_rel, square, close, close_2, close_3, log10, inside, inside_total = means
    total, pictures = map(float, sums['silog'])
    return DepthQuality(judged / known, abs_rel, square ** .5, close, inside, inside_total,
                        close_2, close_3, log10, total / (pictures or np.nan))


def _sums(pixels: DepthPixels) -> Array:
    error = pixels.depth - pixels.truth  # m
    log_error = np.abs(pixels.log_error)
    return np.array([
        (np.abs(error) / pixels.truth).sum(), (error ** 2).sum(),
        *((log_error < power * np.log(CLOSE)).sum() for power in (1, 2, 3)),
        log_error.sum() / np.log(10), (log_error <= INSIDE_90 * pixels.aleatoric).sum(),
        (log_error <= INSIDE_90 * pixels.total).sum()])
