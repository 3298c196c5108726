# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Selection of valid pixels, and the interface of a mergeable metric state.

This is the only module that applies the masks of the ground truth. Depth is valid from 0 m to
80 m; a class is valid where it is one of CLASS_NAMES. A state adds up frames: the sum of the
states of two halves is the state of the whole.
"""
from typing import Mapping, NamedTuple, Protocol

from bdl_perception.perception.data_types import Bytes, CLASS_NAMES, Epistemic, Floats, Prediction
import cv2
import numpy as np
from numpy.typing import NDArray

MAX_DEPTH_M = 80.  # customary limit of ground truth (KITTI; Eigen et al. 2014)

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
StateDict = Mapping[str, Array]  # name -> counts or sums, of a constant shape


class LabelledPrediction(NamedTuple):
    """The prediction of one frame and its ground truth; all (h, w) of the network's input."""

    title: str
    rgb: Bytes  # (h, w, 3)
    prediction: Prediction
    epistemic: Epistemic
    depth: Floats | None  # m, ground truth
    classes: Bytes | None  # ground truth
    coarse: Bytes | None = None  # ground truth in coarse classes; IGNORE void
    anomalies: Bytes | None = None  # 1 unknown object, 0 none, IGNORE void


class DepthPixels(NamedTuple):
    """Valid pixels: depth and truth in m, standard deviations of log-depth; all (N,)."""

    depth: Array
    truth: Array
    aleatoric: Array
    epistemic: Array

    @property
    def total(self) -> Array:
        """Return the root of aleatoric + epistemic variance of log-depth; .3 and .4 make .5."""
        return np.hypot(self.aleatoric, self.epistemic)

    @property
    def log_error(self) -> Array:
        """Return log depth - log truth; .095 for a predicted 11 m of 10 m."""
        return np.log(self.depth) - np.log(self.truth)


class ClassPixels(NamedTuple):
    """Class probabilities (N, K) and their labels (N,)."""

    probability: Array
    truth: NDArray[np.intp]


class MetricState(Protocol):
    """Sums over frames."""

    def update(self, labelled: LabelledPrediction) -> None:
        """Add a frame; one without the required ground truth adds nothing."""

    def state(self) -> StateDict:
        """Return a copy of the sums."""


def merge_states(first: StateDict, second: StateDict) -> dict[str, Array]:
    """Add two states; ValueError when they belong to different metrics."""
    if first.keys() != second.keys():
        raise ValueError(f'states of {sorted(first)} and of {sorted(second)} cannot be merged')
    return {name: first[name] + second[name] for name in first}


def valid_depth(labelled: LabelledPrediction) -> Mask:
    """Return where (h, w) the true depth is known and at most 80 m; NaN and +Inf are invalid."""
    if labelled.depth is None:
        return np.zeros(labelled.prediction.depth.shape, np.bool_)
    return (labelled.depth > 0) & (labelled.depth <= MAX_DEPTH_M)


def depth_pixels(labelled: LabelledPrediction) -> DepthPixels:
    """Return the pixels with valid true depth and finite predicted depth; none without truth."""
    predicted = labelled.prediction.depth
    mask = valid_depth(labelled)
    mask[mask] = np.isfinite(predicted[mask]) & (predicted[mask] > 0)
    maps = (predicted, predicted if labelled.depth is None else labelled.depth,
            labelled.prediction.aleatoric_std, labelled.epistemic.log_depth_std)
    depth, truth, aleatoric_m, epistemic = (np.asarray(each[mask], np.float64) for each in maps)
    return DepthPixels(depth, truth, aleatoric_m / depth, epistemic)  # std(log d) = std(d) / d


def with_valid_std(pixels: DepthPixels) -> DepthPixels:
    """Return the pixels with finite standard deviations and a positive aleatoric one."""
    valid = (pixels.aleatoric > 0) & np.isfinite(pixels.total)
    return DepthPixels(*(each[valid] for each in pixels))


def valid_classes(truth: Bytes) -> Mask:
    """Return where there is a label; IGNORE and any other id without a class are invalid."""
    return truth < len(CLASS_NAMES)


def class_pixels(labelled: LabelledPrediction, step: int = 1) -> ClassPixels:
    """
    Return labelled pixels with the mean probability of the samples, enlarged bilinearly.

    Every step-th row and column is used. Pixels without finite probabilities are left out; there
    are none without labels or samples.
    """
    samples = labelled.epistemic.probability
    if labelled.classes is None or samples is None:
        return ClassPixels(np.zeros((0, len(CLASS_NAMES))), np.zeros(0, np.intp))
    truth = labelled.classes[::step, ::step]
    enlarged = _resize_probability(samples, labelled.classes.shape)
    mask = valid_classes(truth)
    probability = np.asarray(enlarged[::step, ::step][mask], np.float64)  # (N, K)
    finite = np.isfinite(probability).all(1)
    return ClassPixels(probability[finite], truth[mask][finite].astype(np.intp))


def resize_classes(classes: Bytes, shape: tuple[int, ...]) -> Bytes:
    """Resize class ids (h, w) to (H, W) by the nearest pixel."""
    if classes.shape == shape:
        return classes
    resized = cv2.resize(classes, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(resized, np.uint8)


def _resize_probability(probability: Floats, shape: tuple[int, ...]) -> Floats:
    stack = np.ascontiguousarray(np.moveaxis(probability, 0, -1), np.float32)  # (h, w, K)
    if stack.shape[:2] == shape:
        return stack
    enlarged = cv2.resize(stack, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged, np.float32)
