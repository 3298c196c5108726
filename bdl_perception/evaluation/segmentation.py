# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How good the classes are: intersection over union and accuracy."""
from typing import Any, Mapping, NamedTuple

from bdl_perception.evaluation.judged import class_pixels
from bdl_perception.evaluation.judged import labelled
from bdl_perception.evaluation.tally import Sums
from bdl_perception.evaluation.view import View
from bdl_perception.perception.classes import CLASS_NAMES
from bdl_perception.perception.values import Bytes
import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

IDS = range(len(CLASS_NAMES))


class ClassQuality(NamedTuple):
    """Over all labelled pixels of all frames."""

    mean_iou: float  # over the classes that occur in truth or prediction; NaN without any
    iou: Mapping[str, float]  # NaN: the class does not occur
    pixel_accuracy: float  # share of the labelled pixels with the right class
    mean_accuracy: float  # of the right share of each class that is true somewhere


class ClassTally:
    """Counts pixels by true (row) and predicted (column) class."""

    def __init__(self, averaged: bool = False) -> None:
        """Judge the single pass, or what is most probable on the average of the samples."""
        self._averaged = averaged
        self._confusion = np.zeros((len(IDS), len(IDS)))

    def add(self, view: View) -> None:
        """Take a frame; what has no label is left out, and classes take the truth's size."""
        predicted, truth = self._pairs(view)
        if truth.size:
            self._confusion += confusion_matrix(truth, predicted, labels=IDS)

    def sums(self) -> Sums:
        """Give what was added up so far."""
        return {'confusion': self._confusion.copy()}

    @property
    def quality(self) -> ClassQuality | None:
        """Give the quality of what was added so far; None without any label."""
        return class_quality(self.sums())

    def _pairs(self, view: View) -> tuple[NDArray[Any], NDArray[Any]]:
        if self._averaged:
            pixels = class_pixels(view)
            return pixels.probability.argmax(1), pixels.truth
        if view.classes is None:
            return np.zeros(0), np.zeros(0)
        mask = labelled(view.classes)
        return enlarged(view.prediction.classes, view.classes.shape)[mask], view.classes[mask]


def class_quality(sums: Sums) -> ClassQuality | None:
    """
    Turn a confusion matrix n into shares of each class k; None without any label.

    IoU = n_kk / (row_k + column_k - n_kk), accuracy of a class = n_kk / row_k, of pixels =
    trace / sum (Long et al. 2015). n = [[3, 1], [0, 4]]: IoU 3/4 and 4/5, mean accuracy
    (3/4 + 1) / 2 = .875, pixel accuracy 7/8 = .875.
    """
    counts = sums['confusion']
    if not counts.any():
        return None
    hits, true = counts.diagonal(), counts.sum(1)
    union = counts.sum(0) + true - hits
    iou = np.where(union > 0, hits / np.maximum(union, 1), np.nan)
    return ClassQuality(float(np.nanmean(iou)),
                        dict(zip(CLASS_NAMES, map(float, iou), strict=True)),
                        float(hits.sum() / counts.sum()),
                        float((hits[true > 0] / true[true > 0]).mean()))


def enlarged(classes: Bytes, shape: tuple[int, ...]) -> Bytes:
    """Bring class ids to (H, W) by the nearest pixel."""
    if classes.shape == shape:
        return classes
    resized = cv2.resize(classes, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(resized, np.uint8)
