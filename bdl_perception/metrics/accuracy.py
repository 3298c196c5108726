# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Accuracy of depth and classes.

Depth, with d the prediction, t the truth, g = log d - log t: abs_rel = mean |d - t| / t; delta =
share of max(d / t, t / d) below a power of 1.25; log10 = mean |log10 d - log10 t|; SILog =
100 sqrt(mean g^2 - (mean g)^2) of one frame (Eigen et al. 2014, eq. 1; root and factor as in the
KITTI benchmark), averaged over frames, since each frame may have its own scale.
d = 10, 20 of t = 10, 10: g = 0, .693; SILog = 100 * .347 = 34.7, log10 = .151.

Classes, with n the confusion matrix (Long et al. 2015): IoU_k = n_kk / (row_k + column_k - n_kk),
accuracy of a class = n_kk / row_k, of pixels = trace / sum. n = [[3, 1], [0, 4]]: IoU 3/4 and 4/5,
mean accuracy (3/4 + 1) / 2 = .875, pixel accuracy 7/8 = .875.
"""
from typing import Any, Mapping, NamedTuple

from bdl_perception.metrics.gaussian import inside_interval
from bdl_perception.metrics.pixels import (
    Array,
    class_pixels,
    depth_pixels,
    DepthPixels,
    LabelledPrediction,
    resize_classes,
    StateDict,
    valid_classes,
    valid_depth,
)
from bdl_perception.perception.data_types import CLASS_NAMES
import numpy as np
from numpy.typing import NDArray

DELTA_THRESHOLD = 1.25  # the delta of Eigen et al. 2014
CLASS_COUNT = len(CLASS_NAMES)


class DepthQuality(NamedTuple):
    """Depth accuracy over all valid pixels of all frames; NaN without any."""

    answered: float  # share of the pixels with a true depth that have a predicted one
    abs_rel: float  # mean |d - t| / t
    rms_m: float  # root of the mean (d - t)^2, m
    delta_125: float  # share of max(d / t, t / d) < 1.25
    inside_90_aleatoric: float  # share of log-depths within their 90 % interval
    inside_90_total: float  # the same with aleatoric + epistemic variance
    delta_125_2: float  # share below 1.25^2
    delta_125_3: float  # share below 1.25^3
    log10: float  # mean |log10 d - log10 t|
    silog: float  # mean over frames


class ClassQuality(NamedTuple):
    """Class accuracy over all labelled pixels of all frames."""

    mean_iou: float  # over the classes that occur in truth or prediction; NaN without any
    iou: Mapping[str, float]  # NaN: the class does not occur
    pixel_accuracy: float  # share of the labelled pixels with the correct class
    mean_accuracy: float  # mean over the classes that occur in the truth


class DepthMetricState:
    """Sums of depth errors; a pixel predicted as sky or too far is counted as not answered."""

    def __init__(self) -> None:
        """Start with empty sums."""
        self._pixels = np.zeros(2)  # with a true depth; of these with a predicted one
        self._errors = np.zeros(8)
        self._silog = np.zeros(2)  # sum over frames, number of frames

    def update(self, labelled: LabelledPrediction) -> None:
        """Add a frame; one without true depth adds nothing."""
        pixels = depth_pixels(labelled)
        count = len(pixels.depth)
        self._pixels += valid_depth(labelled).sum(), count
        if count:
            self._errors += _error_sums(pixels)
            self._silog += 100 * pixels.log_error.std(), 1

    def state(self) -> StateDict:
        """Return a copy of the sums."""
        return {'pixels': self._pixels.copy(), 'errors': self._errors.copy(),
                'silog': self._silog.copy()}


class ClassMetricState:
    """Confusion matrix: pixels by true (row) and predicted (column) class."""

    def __init__(self, averaged: bool = False) -> None:
        """Evaluate the single pass, or the most probable class of the samples' mean."""
        self._averaged = averaged
        self._confusion = np.zeros((CLASS_COUNT, CLASS_COUNT))

    def update(self, labelled: LabelledPrediction) -> None:
        """Add the labelled pixels of a frame, at the size of the ground truth."""
        predicted, truth = self._pairs(labelled)
        self._confusion += confusion_matrix(predicted, truth, CLASS_COUNT)

    def state(self) -> StateDict:
        """Return a copy of the sums."""
        return {'confusion': self._confusion.copy()}

    def _pairs(self, labelled: LabelledPrediction) -> tuple[NDArray[Any], NDArray[Any]]:
        if self._averaged:
            pixels = class_pixels(labelled)
            return pixels.probability.argmax(1), pixels.truth
        if labelled.classes is None:
            return np.zeros(0, np.uint8), np.zeros(0, np.uint8)
        mask = valid_classes(labelled.classes)
        predicted = resize_classes(labelled.prediction.classes, labelled.classes.shape)
        return predicted[mask], labelled.classes[mask]


def depth_quality(state: StateDict) -> DepthQuality | None:
    """Compute the averages of a DepthMetricState; None without any true depth."""
    known, answered = map(float, state['pixels'])
    if not known:
        return None
    means = map(float, state['errors'] / (answered or np.nan))
    abs_rel, square, delta, delta_2, delta_3, log10, inside, inside_total = means
    total, frames = map(float, state['silog'])
    return DepthQuality(answered / known, abs_rel, square ** .5, delta, inside, inside_total,
                        delta_2, delta_3, log10, total / (frames or np.nan))


def class_quality(state: StateDict) -> ClassQuality | None:
    """Compute IoU and accuracy of a ClassMetricState; None without any label."""
    counts = state['confusion']
    if not counts.any():
        return None
    hits, true = counts.diagonal(), counts.sum(1)
    return ClassQuality(mean_iou(counts),
                        dict(zip(CLASS_NAMES, map(float, class_iou(counts)), strict=True)),
                        float(hits.sum() / counts.sum()),
                        float((hits[true > 0] / true[true > 0]).mean()))


def confusion_matrix(predicted: NDArray[Any], truth: NDArray[Any], classes: int) -> Array:
    """Count pairs of ids (N,) by true (row) and predicted (column) class; (K, K)."""
    pairs = truth.astype(np.intp) * classes + predicted
    return np.bincount(pairs, minlength=classes ** 2).reshape(classes, classes).astype(np.float64)


def class_iou(confusion: Array) -> Array:
    """Return the intersection over union (K,) of each class; NaN where it does not occur."""
    hits = confusion.diagonal()
    union = confusion.sum(0) + confusion.sum(1) - hits
    return np.where(union > 0, hits / np.maximum(union, 1), np.nan)


def mean_iou(confusion: Array) -> float:
    """Return the mean IoU of the classes that occur; NaN without any. [[3, 1], [0, 4]]: .775."""
    return float(np.nanmean(class_iou(confusion))) if confusion.any() else float('nan')


def _error_sums(pixels: DepthPixels) -> Array:
    error = pixels.depth - pixels.truth  # m
    log_error = np.abs(pixels.log_error)
    return np.array([
        (np.abs(error) / pixels.truth).sum(), (error ** 2).sum(),
        *((log_error < power * np.log(DELTA_THRESHOLD)).sum() for power in (1, 2, 3)),
        log_error.sum() / np.log(10), inside_interval(log_error, pixels.aleatoric).sum(),
        inside_interval(log_error, pixels.total).sum()])
