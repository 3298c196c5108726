# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Which pixels of a view can be judged: the one place where the truth's mask is applied."""
from typing import NamedTuple

from bdl_perception.evaluation.view import View
from bdl_perception.perception.classes import CLASS_NAMES
from bdl_perception.perception.values import Bytes
import cv2
import numpy as np
from numpy.typing import NDArray

FARTHEST_M = 80.  # truth beyond is not judged, as is the custom (KITTI; Eigen et al. 2014)

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


class DepthPixels(NamedTuple):
    """Depth and truth, m, and deviations of log-depth of the judged pixels; all (N,)."""

    depth: Array
    truth: Array
    aleatoric: Array
    epistemic: Array

    @property
    def total(self) -> Array:
        """Give the root of aleatoric + epistemic variance of log-depth; .3 and .4 make .5."""
        return np.hypot(self.aleatoric, self.epistemic)

    @property
    def log_error(self) -> Array:
        """Give log depth - log truth; .095 where 11 m are said of 10 m."""
        return np.log(self.depth) - np.log(self.truth)


class ClassPixels(NamedTuple):
    """Probabilities (N, K) that belong to labels (N,)."""

    probability: Array
    truth: NDArray[np.intp]


def known_depth(view: View) -> Mask:
    """Tell where (h, w) a true depth of at most 80 m is known; NaN and +Inf are not."""
    if view.depth is None:
        return np.zeros(view.prediction.depth.shape, np.bool_)
    return (view.depth > 0) & (view.depth <= FARTHEST_M)


def depth_pixels(view: View) -> DepthPixels:
    """Give the pixels with a known true depth and a predicted one; none without truth."""
    mask = known_depth(view)
    mask[mask] = np.isfinite(view.prediction.depth[mask]) & (view.prediction.depth[mask] > 0)
    truth = view.prediction.depth if view.depth is None else view.depth
    maps = (view.prediction.depth, truth, view.prediction.aleatoric_std,
            view.epistemic.log_depth_std)
    depth, true, aleatoric_m, epistemic = (np.asarray(each[mask], np.float64) for each in maps)
    return DepthPixels(depth, true, aleatoric_m / depth, epistemic)  # std(log d) = std(d) / d


def with_deviation(pixels: DepthPixels) -> DepthPixels:
    """Keep the pixels whose deviations are finite and whose aleatoric one is positive."""
    with_one = (pixels.aleatoric > 0) & np.isfinite(pixels.total)
    return DepthPixels(*(each[with_one] for each in pixels))


def labelled(truth: Bytes) -> Mask:
    """Tell where there is a label; IGNORE, and any other number without a class, is none."""
    return truth < len(CLASS_NAMES)


def class_pixels(view: View, step: int = 1) -> ClassPixels:
    """
    Give labelled pixels with the mean probability of the samples, enlarged bilinearly.

    Every step-th row and column; no pixel without labels or samples. Probabilities that are not
    finite are left out.
    """
    if view.classes is None or view.probability is None:
        return ClassPixels(np.zeros((0, len(CLASS_NAMES))), np.zeros(0, np.intp))
    truth = view.classes[::step, ::step]
    large = _enlarged(view.probability, view.classes.shape)[::step, ::step]  # (H, W, K)
    mask = labelled(truth)
    probability = np.asarray(large[mask], np.float64)
    finite = np.isfinite(probability).all(1)
    return ClassPixels(probability[finite], truth[mask][finite].astype(np.intp))


def _enlarged(probability: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    stack = np.ascontiguousarray(np.moveaxis(probability, 0, -1), np.float32)
    if stack.shape[:2] == shape:
        return stack
    large = cv2.resize(stack, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.float32)


def enlarged_to(values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Bring a map (h, w) to (H, W) bilinearly; networks may give some at a coarser size."""
    if values.shape == shape:
        return values
    return np.asarray(cv2.resize(values, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR),
                      np.float32)
