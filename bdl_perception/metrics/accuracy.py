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
from typing import Any, Mapping, NamedTuple

from bdl_perception.metrics.pixels import (
    Array,
    class_pixels,
    depth_pixels,
    DepthPixels,
    LabelledPrediction,
    StateDict,
    valid_classes,
    valid_depth,
)
from bdl_perception.perception.types import Bytes, CLASS_NAMES
import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

Z_90 = NormalDist().inv_cdf(.95)  # 1.645 standard deviations to each side hold 90 %
DELTA_THRESHOLD = 1.25  # the delta of Eigen et al. 2014


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


class DepthMetricState:
    """Sums over frames; a pixel that the model calls sky or too far is counted, not judged."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._pixels = np.zeros(2)  # with a true depth, and of them judged
        self._errors = np.zeros(8)
        self._silog = np.zeros(2)  # sum over pictures, and their number

    def update(self, view: LabelledPrediction) -> None:
        """Take a frame; one without true depth adds nothing."""
        pixels = depth_pixels(view)
        count = len(pixels.depth)
        self._pixels += valid_depth(view).sum(), count
        if count:
            self._errors += _error_sums(pixels)
            self._silog += 100 * pixels.log_error.std(), 1

    def state(self) -> StateDict:
        """Give what was added up so far."""
        return {'pixels': self._pixels.copy(), 'errors': self._errors.copy(),
                'silog': self._silog.copy()}

    @property
    def quality(self) -> DepthQuality | None:
        """Give the averages; None when no depth was true anywhere."""
        return depth_quality(self.state())


def depth_quality(state: StateDict) -> DepthQuality | None:
    """Turn the sums of a DepthTally into averages; None when no depth was true anywhere."""
    known, judged = map(float, state['pixels'])
    if not known:
        return None
    means = map(float, state['errors'] / (judged or np.nan))
    abs_rel, square, close, close_2, close_3, log10, inside, inside_total = means
    total, pictures = map(float, state['silog'])
    return DepthQuality(judged / known, abs_rel, square ** .5, close, inside, inside_total,
                        close_2, close_3, log10, total / (pictures or np.nan))


def _error_sums(pixels: DepthPixels) -> Array:
    error = pixels.depth - pixels.truth  # m
    log_error = np.abs(pixels.log_error)
    return np.array([
        (np.abs(error) / pixels.truth).sum(), (error ** 2).sum(),
        *((log_error < power * np.log(DELTA_THRESHOLD)).sum() for power in (1, 2, 3)),
        log_error.sum() / np.log(10), (log_error <= Z_90 * pixels.aleatoric).sum(),
        (log_error <= Z_90 * pixels.total).sum()])


CLASS_IDS = range(len(CLASS_NAMES))


class ClassQuality(NamedTuple):
    """Over all labelled pixels of all frames."""

    mean_iou: float  # over the classes that occur in truth or prediction; NaN without any
    iou: Mapping[str, float]  # NaN: the class does not occur
    pixel_accuracy: float  # share of the labelled pixels with the right class
    mean_accuracy: float  # of the right share of each class that is true somewhere


class ClassMetricState:
    """Counts pixels by true (row) and predicted (column) class."""

    def __init__(self, averaged: bool = False) -> None:
        """Judge the single pass, or what is most probable on the average of the samples."""
        self._averaged = averaged
        self._confusion = np.zeros((len(CLASS_IDS), len(CLASS_IDS)))

    def update(self, view: LabelledPrediction) -> None:
        """Take a frame; what has no label is left out, and classes take the truth's size."""
        predicted, truth = self._pairs(view)
        if truth.size:
            self._confusion += confusion_matrix(truth, predicted, labels=CLASS_IDS)

    def state(self) -> StateDict:
        """Give what was added up so far."""
        return {'confusion': self._confusion.copy()}

    @property
    def quality(self) -> ClassQuality | None:
        """Give the quality of what was added so far; None without any label."""
        return class_quality(self.state())

    def _pairs(self, view: LabelledPrediction) -> tuple[NDArray[Any], NDArray[Any]]:
        if self._averaged:
            pixels = class_pixels(view)
            return pixels.probability.argmax(1), pixels.truth
        if view.classes is None:
            return np.zeros(0), np.zeros(0)
        mask = valid_classes(view.classes)
        return resize_classes(view.prediction.classes, view.classes.shape)[mask], view.classes[mask]


def class_quality(state: StateDict) -> ClassQuality | None:
    """
    Turn a confusion matrix n into shares of each class k; None without any label.

    IoU = n_kk / (row_k + column_k - n_kk), accuracy of a class = n_kk / row_k, of pixels =
    trace / sum (Long et al. 2015). n = [[3, 1], [0, 4]]: IoU 3/4 and 4/5, mean accuracy
    (3/4 + 1) / 2 = .875, pixel accuracy 7/8 = .875.
    """
    counts = state['confusion']
    if not counts.any():
        return None
    hits, true = counts.diagonal(), counts.sum(1)
    union = counts.sum(0) + true - hits
    iou = np.where(union > 0, hits / np.maximum(union, 1), np.nan)
    return ClassQuality(float(np.nanmean(iou)),
                        dict(zip(CLASS_NAMES, map(float, iou), strict=True)),
                        float(hits.sum() / counts.sum()),
                        float((hits[true > 0] / true[true > 0]).mean()))


def resize_classes(classes: Bytes, shape: tuple[int, ...]) -> Bytes:
    """Bring class ids to (H, W) by the nearest pixel."""
    if classes.shape == shape:
        return classes
    resized = cv2.resize(classes, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(resized, np.uint8)
