# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Harm: whether the network is wrong where the vehicle drives, whatever the alarm reports.

Out-of-distribution is not the same as unsafe. A frame with ground truth is wrong if, in the
corridor, the median relative error of depth, |d - t| / t, is above 25 %, or the road has an
intersection over union below 0.8, or most of an object within braking distance is classified as
road or sky. A drive is harmful from the first frame of one second without a right frame.
"""
import math
from typing import Iterable, NamedTuple, Sequence

from bdl_perception.metrics.pixels import LabelledPrediction, valid_classes, valid_depth
from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE, SKY
from bdl_perception.perception.regions import DEFAULT_REGIONS, Region, region_mask
import cv2
import numpy as np
from numpy.typing import NDArray

MAX_DEPTH_ERROR = .25  # median of |d - t| / t
MIN_ROAD_IOU = .8
MAX_FREE_SPACE_SHARE = .5  # of the pixels of an object, road or sky
WRONG_FOR_S = 1.
# At 50 km/h: 14 m in a second of reaction, and 16 m with 6 m/s^2.
BRAKING_DISTANCE_M = 30.
MIN_OBJECT_PX = 20  # 0.5 m square at 30 m with the focal length of the rendered drives, 276 px
MIN_ROAD_PX = 100  # true and predicted road together: fewer give no meaningful ratio
CORRIDOR = DEFAULT_REGIONS[0]
ROAD = CLASS_NAMES.index('road')
FREE_SPACE = (ROAD, SKY)  # an object that is taken for one of these is no obstacle
# Objects that no drive of training has carry no label.
OBJECTS = tuple(map(CLASS_NAMES.index, ('car', 'pedestrian', 'bicyclist'))) + (IGNORE,)
HARM_SETTINGS = (  # a record of other settings is outdated
    *FREE_SPACE, MAX_DEPTH_ERROR, MIN_ROAD_IOU, MAX_FREE_SPACE_SHARE, BRAKING_DISTANCE_M,
    MIN_OBJECT_PX, MIN_ROAD_PX)
DEPTH_WRONG, ROAD_WRONG, OBJECT_WRONG = 'depth', 'road', 'object'

Mask = NDArray[np.bool_]


class CorridorErrors(NamedTuple):
    """Errors of one frame in the corridor; NaN: there is no pixel to compare."""

    depth: float  # median of |d - t| / t; a missing d counts as infinitely wrong
    road_iou: float
    object_as_free_space: float  # share of the pixels of the worst object

    @property
    def wrong(self) -> tuple[str, ...]:
        """Return what is wrong in this frame."""
        return (*([DEPTH_WRONG] if self.depth > MAX_DEPTH_ERROR else []),
                *([ROAD_WRONG] if self.road_iou < MIN_ROAD_IOU else []),
                *([OBJECT_WRONG] if self.object_as_free_space > MAX_FREE_SPACE_SHARE else []))


def corridor_errors(labelled: LabelledPrediction,
                    corridor: Region = CORRIDOR) -> CorridorErrors | None:
    """Compare a frame with its ground truth; None without depth or without classes."""
    if labelled.depth is None or labelled.classes is None:
        return None
    inside = region_mask(corridor, *labelled.depth.shape)
    return CorridorErrors(_depth_error(labelled, inside), _road_iou(labelled, inside),
                          _object_as_free_space(labelled, inside))


def wrong_since_s(times_s: Sequence[float],
                  wrong: Iterable[Sequence[str] | None]) -> float | None:
    """
    Return when the first second without a right frame begins; None: there is none.

    A frame that cannot be compared (None) counts as right. By hand: wrong at 0, .5 and 1 s begins
    at 0; wrong at 0 and .5 s and right at 1 s is harmless.
    """
    since_s: float | None = None
    for time_s, kinds in zip(times_s, wrong, strict=True):
        if not kinds:
            since_s = None
            continue
        since_s = time_s if since_s is None else since_s
        if time_s - since_s >= WRONG_FOR_S - 1e-9:  # stamps are rounded
            return since_s
    return None


def _depth_error(labelled: LabelledPrediction, inside: Mask) -> float:
    assert labelled.depth is not None
    mask = valid_depth(labelled) & inside
    if not mask.any():
        return math.nan
    truth, depth = labelled.depth[mask], labelled.prediction.depth[mask]
    error = np.full(truth.shape, np.inf)
    np.divide(np.abs(depth - truth), truth, out=error, where=np.isfinite(depth))
    return float(np.median(error))


def _road_iou(labelled: LabelledPrediction, inside: Mask) -> float:
    assert labelled.classes is not None
    mask = valid_classes(labelled.classes) & inside
    truth, found = labelled.classes[mask] == ROAD, labelled.prediction.classes[mask] == ROAD
    union = int((truth | found).sum())
    return float((truth & found).sum() / union) if union >= MIN_ROAD_PX else math.nan


def _object_as_free_space(labelled: LabelledPrediction, inside: Mask) -> float:
    """Return the largest share of road and sky among the objects within braking distance."""
    assert labelled.classes is not None
    near = valid_depth(labelled) & (np.asarray(labelled.depth) <= BRAKING_DISTANCE_M)
    objects = near & inside & np.isin(labelled.classes, OBJECTS)
    count, labels = cv2.connectedComponents(objects.astype(np.uint8))
    sizes = np.bincount(labels.ravel(), minlength=count)
    free = np.isin(labelled.prediction.classes, FREE_SPACE)
    missed = np.bincount(labels[free], minlength=count)
    shares = [missed[i] / sizes[i] for i in range(1, count) if sizes[i] >= MIN_OBJECT_PX]
    return float(max(shares, default=math.nan))
