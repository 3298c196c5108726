# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Detection of unknown objects by pixel, for each map behind an anomaly score.

AP, FPR at 95 % recall and AUROC over the pixels of all frames together, void pixels left out, as
in SegmentMeIfYouCan (Chan et al. 2021). A map is enlarged bilinearly to the size of the mask.
Values are compared by their float16 number, of which there are 65,536: counts of pixels in these
bins are exact sums over frames, and two values that differ by less than .1 % are a tie.

Objects 2, 4 and other pixels 1, 3: from the top 4 (precision 1), 3, 2 (precision 2/3): AP 5/6.
95 % of the objects need 2, which 3 exceeds too: FPR 1/2. Of four pairs three are in order: 3/4.
"""
from typing import Any, cast, Mapping, NamedTuple, Sequence

from bdl_perception.metrics.pixels import Array, LabelledPrediction, Mask, StateDict
from bdl_perception.perception.data_types import Floats
from bdl_perception.perception.image_geometry import resize_map
from bdl_perception.perception.scores import (
    CYCLE_SCORES,
    FRAME_SCORES,
    MEAN_WITH_DEPTH,
    NO_POOLING,
    Score,
)
import numpy as np
from numpy.typing import NDArray

BINS = 2**16  # of float16 numbers
LARGEST = np.float32(np.finfo(np.float16).max)
TARGET_RECALL = .95  # share of the pixels of objects that must be found
MAP_NAMES = tuple(score.name for scores in (FRAME_SCORES, CYCLE_SCORES)
                  for score in cast(Sequence[Score[Any]], scores)
                  if score.pooling is not NO_POOLING)


class MapDetection(NamedTuple):
    """Detection by one map."""

    average_precision: float  # chance is the share of anomalous pixels
    fpr_95: float  # share of the other pixels above a threshold that finds 95 % of the objects
    auroc: float


class AnomalyQuality(NamedTuple):
    """Detection of unknown objects over all pixels of all frames."""

    pixels: int  # without void ones
    anomalous: float  # share of these that shows an unknown object
    maps: Mapping[str, MapDetection]  # by score


class AnomalyMetricState:
    """Pixels by map, truth and float16 number."""

    def __init__(self) -> None:
        """Start with empty counts."""
        self._counts = np.zeros((len(MAP_NAMES), 2, BINS))

    def update(self, labelled: LabelledPrediction) -> None:
        """Add the pixels of a frame that are not void; one without a mask adds nothing."""
        if labelled.anomalies is None:
            return
        valid = labelled.anomalies <= 1  # (H, W)
        row = labelled.anomalies[valid].astype(np.intp) * BINS  # (N,)
        for counts, values in zip(self._counts, anomaly_maps(labelled).values(), strict=True):
            bins = float16_rank(resize_map(values, valid.shape)[valid])
            counts += np.bincount(row + bins, minlength=2 * BINS).reshape(2, BINS)

    def state(self) -> StateDict:
        """Return a copy of the counts."""
        return {'counts': self._counts.copy()}


def anomaly_maps(labelled: LabelledPrediction) -> dict[str, Floats]:
    """
    Return the map of each score, of different sizes.

    A value that is not finite is the largest one. Where a depth score has no depth, which is in
    the sky, it is 0.
    """
    has_depth = np.isfinite(labelled.prediction.depth)
    return {**_maps_of(FRAME_SCORES, labelled.prediction, has_depth),
            **_maps_of(CYCLE_SCORES, labelled.epistemic, has_depth)}


def _maps_of(scores: Sequence[Score[Any]], result: Any, has_depth: Mask) -> dict[str, Floats]:
    maps = {}
    for score in scores:
        if score.pooling is NO_POOLING:
            continue
        values = np.asarray(score.values(result), np.float32)
        if score.pooling is MEAN_WITH_DEPTH:
            values = np.where(has_depth, values, np.float32(0))
        maps[score.name] = np.where(np.isfinite(values), values, LARGEST)
    return maps


def float16_rank(values: Floats) -> NDArray[np.intp]:
    """Return the rank of each value (N,) among the float16 numbers; -1 < 0 < 1 keep order."""
    limited = np.clip(values, -LARGEST, LARGEST) + np.float32(0)  # -0 becomes 0
    bits = limited.astype(np.float16).view(np.uint16).astype(np.intp)
    return np.asarray(np.where(bits >= BINS // 2, BINS - 1 - bits, bits + BINS // 2), np.intp)


def anomaly_quality(state: StateDict) -> AnomalyQuality | None:
    """Compute the detection of each map; None unless there are pixels of both kinds."""
    counts = state['counts']
    normal, anomalous = map(float, counts[0].sum(1))
    if not (normal and anomalous):
        return None
    return AnomalyQuality(int(normal + anomalous), anomalous / (normal + anomalous), {
        name: map_detection(*one) for name, one in zip(MAP_NAMES, counts, strict=True)})


def map_detection(normal: Array, anomalous: Array) -> MapDetection:
    """Compute the detection from counts (B,) by ascending value, neither of which is empty."""
    occurs = (normal + anomalous > 0)[::-1]
    hits = anomalous[::-1].cumsum()[occurs]  # (M,) from the highest value down
    false = normal[::-1].cumsum()[occurs]
    recall, false_rate = hits / hits[-1], false / false[-1]
    gained = np.diff(recall, prepend=0)
    area = (np.diff(false_rate, prepend=0) * (recall + recall - gained) / 2).sum()
    return MapDetection(float((gained * hits / (hits + false)).sum()),
                        float(false_rate[np.argmax(recall >= TARGET_RECALL)]), float(area))
