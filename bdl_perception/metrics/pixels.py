# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Which pixels of a view can be judged: the one place where the truth's mask is applied."""
from typing import Mapping, NamedTuple, Protocol

from bdl_perception.perception.types import Bytes, CLASS_NAMES, Epistemic, Floats, Prediction
import cv2
import numpy as np
from numpy.typing import NDArray


class LabelledPrediction(NamedTuple):
    """A model's maps and the truth of one picture; all (h, w) of the network's input."""

    title: str
    rgb: Bytes  # (h, w, 3)
    prediction: Prediction
    epistemic: Epistemic
    depth: Floats | None  # m, true
    classes: Bytes | None  # true
    probability: Floats | None = None  # (K, h', w') of the classes, mean of the samples


MAX_DEPTH_M = 80.  # truth beyond is not judged, as is the custom (KITTI; Eigen et al. 2014)

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


def valid_depth(view: LabelledPrediction) -> Mask:
    """Tell where (h, w) a true depth of at most 80 m is known; NaN and +Inf are not."""
    if view.depth is None:
        return np.zeros(view.prediction.depth.shape, np.bool_)
    return (view.depth > 0) & (view.depth <= MAX_DEPTH_M)


def depth_pixels(view: LabelledPrediction) -> DepthPixels:
    """Give the pixels with a known true depth and a predicted one; none without truth."""
    mask = valid_depth(view)
    mask[mask] = np.isfinite(view.prediction.depth[mask]) & (view.prediction.depth[mask] > 0)
    truth = view.prediction.depth if view.depth is None else view.depth
    maps = (view.prediction.depth, truth, view.prediction.aleatoric_std,
            view.epistemic.log_depth_std)
    depth, true, aleatoric_m, epistemic = (np.asarray(each[mask], np.float64) for each in maps)
    return DepthPixels(depth, true, aleatoric_m / depth, epistemic)  # std(log d) = std(d) / d


def with_valid_std(pixels: DepthPixels) -> DepthPixels:
    """Keep the pixels whose deviations are finite and whose aleatoric one is positive."""
    with_one = (pixels.aleatoric > 0) & np.isfinite(pixels.total)
    return DepthPixels(*(each[with_one] for each in pixels))


def valid_classes(truth: Bytes) -> Mask:
    """Tell where there is a label; IGNORE, and any other number without a class, is none."""
    return truth < len(CLASS_NAMES)


def class_pixels(view: LabelledPrediction, step: int = 1) -> ClassPixels:
    """
    Give labelled pixels with the mean probability of the samples, enlarged bilinearly.

    Every step-th row and column; no pixel without labels or samples. Probabilities that are not
    finite are left out.
    """
    if view.classes is None or view.probability is None:
        return ClassPixels(np.zeros((0, len(CLASS_NAMES))), np.zeros(0, np.intp))
    truth = view.classes[::step, ::step]
    large = _resize_probability(view.probability, view.classes.shape)[::step, ::step]  # (H, W, K)
    mask = valid_classes(truth)
    probability = np.asarray(large[mask], np.float64)
    finite = np.isfinite(probability).all(1)
    return ClassPixels(probability[finite], truth[mask][finite].astype(np.intp))


def _resize_probability(probability: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    stack = np.ascontiguousarray(np.moveaxis(probability, 0, -1), np.float32)
    if stack.shape[:2] == shape:
        return stack
    large = cv2.resize(stack, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.float32)


def resize_map(values: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Bring a map (h, w) to (H, W) bilinearly; networks may give some at a coarser size."""
    if values.shape == shape:
        return values
    return np.asarray(cv2.resize(values, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR),
                      np.float32)


StateDict = Mapping[str, NDArray[np.float64]]  # name -> counts or sums, of a shape that never changes


class MetricState(Protocol):
    """Adds up pictures; the sums of two halves, added, are those of the whole."""

    def update(self, view: LabelledPrediction) -> None:
        """Take a picture; one without the truth that is asked for adds nothing."""

    def state(self) -> StateDict:
        """Give what was added up so far."""


def merge_states(first: StateDict, second: StateDict) -> dict[str, NDArray[np.float64]]:
    """Join the sums of two parts; ValueError when they are not of the same measure."""
    if first.keys() != second.keys():
        raise ValueError(f'sums of {sorted(first)} and of {sorted(second)} cannot be added')
    return {name: first[name] + second[name] for name in first}
