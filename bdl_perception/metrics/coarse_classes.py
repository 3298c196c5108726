# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Accuracy in the seven level-1 classes of IDD (Varma et al. 2019, table 2).

Each of the eleven classes belongs to one of the seven, so predictions can be compared with coarse
ground truth as it is. Two classes of the package are less exact than theirs: a bicyclist and the
bicycle are one, and all of it counts as living; animals and riders have no class here.
"""
from typing import Mapping, NamedTuple

from bdl_perception.metrics.accuracy import class_iou, confusion_matrix, mean_iou
from bdl_perception.metrics.pixels import LabelledPrediction, resize_classes, StateDict
from bdl_perception.perception.data_types import CLASS_NAMES
import numpy as np

COARSE_NAMES = ('drivable', 'non_drivable', 'living_things', 'vehicles', 'roadside_objects',
                'far_objects', 'sky')  # in the order of IDD's ids
COARSE_NAME_OF = {
    'sky': 'sky', 'building': 'far_objects', 'pole': 'roadside_objects', 'road': 'drivable',
    'pavement': 'non_drivable', 'tree': 'far_objects', 'sign_symbol': 'roadside_objects',
    'fence': 'roadside_objects', 'car': 'vehicles', 'pedestrian': 'living_things',
    'bicyclist': 'living_things'}
COARSE_ID_OF = np.array([COARSE_NAMES.index(COARSE_NAME_OF[name]) for name in CLASS_NAMES],
                        np.uint8)  # (11,)
COUNT = len(COARSE_NAMES)


class CoarseQuality(NamedTuple):
    """Accuracy over all labelled pixels of all frames."""

    mean_iou: float  # over the classes that occur in truth or prediction
    iou: Mapping[str, float]  # NaN: the class does not occur
    pixel_accuracy: float


class CoarseMetricState:
    """Confusion matrix of the seven classes: pixels by true (row) and predicted (column) one."""

    def __init__(self) -> None:
        """Start with empty counts."""
        self._confusion = np.zeros((COUNT, COUNT))

    def update(self, labelled: LabelledPrediction) -> None:
        """Add the labelled pixels of a frame, at the size of the ground truth."""
        if labelled.coarse is None:
            return
        valid = labelled.coarse < COUNT
        predicted = COARSE_ID_OF[resize_classes(labelled.prediction.classes, valid.shape)[valid]]
        self._confusion += confusion_matrix(predicted, labelled.coarse[valid], COUNT)

    def state(self) -> StateDict:
        """Return a copy of the counts."""
        return {'confusion': self._confusion.copy()}


def coarse_quality(state: StateDict) -> CoarseQuality | None:
    """Compute IoU and accuracy of a CoarseMetricState; None without any label."""
    counts = state['confusion']
    if not counts.any():
        return None
    return CoarseQuality(mean_iou(counts),
                         dict(zip(COARSE_NAMES, map(float, class_iou(counts)), strict=True)),
                         float(counts.trace() / counts.sum()))
