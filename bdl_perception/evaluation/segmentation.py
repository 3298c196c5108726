# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How good the classes are: intersection over union."""
from typing import Mapping, NamedTuple

from bdl_perception.evaluation.tally import Sums
from bdl_perception.evaluation.view import View
from bdl_perception.perception.classes import CLASS_NAMES
from bdl_perception.perception.classes import IGNORE
from bdl_perception.perception.values import Bytes
from bdl_perception.perception.values import Moments
import cv2
import numpy as np
from sklearn.metrics import confusion_matrix

IDS = range(len(CLASS_NAMES))


class ClassQuality(NamedTuple):
    """Over all labelled pixels of all frames."""

    mean_iou: float  # over the classes that occur in truth or prediction; NaN without any
    iou: Mapping[str, float]  # NaN: the class does not occur


class ClassTally:
    """Counts pixels by true (row) and predicted (column) class."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._confusion = np.zeros((len(IDS), len(IDS)), np.int64)

    def add(self, view: View) -> None:
        """Take a picture; what has no label is left out."""
        if view.classes is None:
            return
        labelled = view.classes != IGNORE
        if labelled.any():
            self._confusion += confusion_matrix(
                view.classes[labelled], view.prediction.classes[labelled], labels=IDS)

    def sums(self) -> Sums:
        """Give the counts (K, K)."""
        return {'confusion': self._confusion.astype(np.float64)}


def class_quality(sums: Sums) -> ClassQuality | None:
    """Give n_kk / (row_k + column_k - n_kk) of each class k; None without any label."""
    counts = sums['confusion']
    if not counts.any():
        return None
    hits = counts.diagonal()
    union = counts.sum(0) + counts.sum(1) - hits
    iou = np.where(union > 0, hits / np.maximum(union, 1), np.nan)
    return ClassQuality(float(np.nanmean(iou)),
                        dict(zip(CLASS_NAMES, map(float, iou), strict=True)))


def enlarged(classes: Bytes, shape: tuple[int, ...]) -> Bytes:
    """Bring class ids to (H, W) by the nearest pixel."""
    if classes.shape == shape:
        return classes
    resized = cv2.resize(classes, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(resized, np.uint8)


def averaged_classes(moments: Moments, shape: tuple[int, ...]) -> Bytes:
    """Give the class (H, W) that is most probable on the average of the Monte Carlo samples."""
    stack = np.ascontiguousarray(np.moveaxis(moments.probability_sum, 0, -1), np.float32)
    large = cv2.resize(stack, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)  # (H, W, K)
    return np.asarray(large.argmax(axis=-1), np.uint8)
