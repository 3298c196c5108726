# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Depth error and scale of single frames: medians over frames, which one bad frame does not move.

Of a frame with predicted depth d and true depth t: error = mean |d - t| / t, scale = median d / t.
Both are counted in log-spaced bins, so that drives can be added up: a median is exact to .2 %.
d = 11, 24, 60 of t = 10, 20, 30: error (.1 + .2 + 1) / 3 = .433, scale 1.2.
"""
from typing import NamedTuple

from bdl_perception.metrics.pixels import Array, depth_pixels, LabelledPrediction, StateDict
import numpy as np

EDGES = np.geomspace(1e-4, 1e4, 8001)  # neighbours are .23 % apart
CENTRES = np.sqrt(EDGES[1:] * EDGES[:-1])
MAX_ERROR = .15  # of the scale of a frame, to be right


class FrameDepthQuality(NamedTuple):
    """Depth of frames with at least one pixel of true and predicted depth."""

    frames: int
    abs_rel_median: float  # median over frames of their mean |d - t| / t
    abs_rel_worst: float  # of the worst frame
    scale_median: float  # median over frames of their median d / t; 1 is right
    scale_low: float  # a tenth of the frames has a smaller scale
    scale_high: float  # a tenth of the frames has a larger scale
    scale_right: float  # share of frames whose scale is within 15 % of 1


class FrameDepthMetricState:
    """Frames by error, and by scale."""

    def __init__(self) -> None:
        """Start without frames."""
        self._errors, self._scales = np.zeros(len(CENTRES)), np.zeros(len(CENTRES))

    def update(self, labelled: LabelledPrediction) -> None:
        """Add a frame; one without true or predicted depth adds nothing."""
        pixels = depth_pixels(labelled)
        if len(pixels.depth):
            error = (np.abs(pixels.depth - pixels.truth) / pixels.truth).mean()
            self._errors[_bin_of(error)] += 1
            self._scales[_bin_of(np.median(pixels.depth / pixels.truth))] += 1

    def state(self) -> StateDict:
        """Return a copy of the counts."""
        return {'errors': self._errors.copy(), 'scales': self._scales.copy()}


def frame_depth_quality(state: StateDict) -> FrameDepthQuality | None:
    """Compute the medians of a FrameDepthMetricState; None without any frame."""
    errors, scales = state['errors'], state['scales']
    if not errors.any():
        return None
    right = np.abs(CENTRES - 1) <= MAX_ERROR
    return FrameDepthQuality(
        int(errors.sum()), _quantile(errors, .5), _quantile(errors, 1.), _quantile(scales, .5),
        _quantile(scales, .1), _quantile(scales, .9), float(scales[right].sum() / scales.sum()))


def _bin_of(value: float) -> int:
    """Return the bin of a value; values beyond the ends are in the first or the last one."""
    return int(np.clip(np.searchsorted(EDGES, value, side='right') - 1, 0, len(CENTRES) - 1))


def _quantile(counts: Array, level: float) -> float:
    """Return the centre of the bin with the ceil(level n)-th smallest frame."""
    rank = max(1, int(np.ceil(round(level * counts.sum(), 9))))
    return float(CENTRES[np.searchsorted(counts.cumsum(), rank)])
