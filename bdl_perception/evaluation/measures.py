# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Every measure of quality that an evaluation makes, in one place."""
from typing import Any, Callable, Iterator, Mapping, NamedTuple

from bdl_perception.evaluation.depth import depth_quality
from bdl_perception.evaluation.depth import DepthTally
from bdl_perception.evaluation.depth_intervals import DepthIntervals
from bdl_perception.evaluation.intervals import interval_quality
from bdl_perception.evaluation.intervals import IntervalTally
from bdl_perception.evaluation.pavpu import pavpu_quality
from bdl_perception.evaluation.pavpu import PavpuTally
from bdl_perception.evaluation.recall import recall_quality
from bdl_perception.evaluation.recall import RecallTally
from bdl_perception.evaluation.reliability import reliability_quality
from bdl_perception.evaluation.reliability import ReliabilityTally
from bdl_perception.evaluation.segmentation import class_quality
from bdl_perception.evaluation.segmentation import ClassTally
from bdl_perception.evaluation.sparsification import sparsification_quality
from bdl_perception.evaluation.sparsification import SparsificationTally
from bdl_perception.evaluation.tally import Sums
from bdl_perception.evaluation.tally import Tally
from bdl_perception.evaluation.view import View
from bdl_perception.perception.values import Bytes

OWN_SIZE = ('classes', 'averaged')  # judged at the picture's own size where it is stretched


class Measure(NamedTuple):
    """How sums are begun, and what they say in the end."""

    begin: Callable[[DepthIntervals | None], Tally | None]  # None: only with a calibration
    quality: Callable[[Sums], Any]  # a NamedTuple; None where nothing could be judged


MEASURES: Mapping[str, Measure] = {
    'depth': Measure(lambda _: DepthTally(), depth_quality),
    'classes': Measure(lambda _: ClassTally(), class_quality),
    'averaged': Measure(lambda _: ClassTally(averaged=True), class_quality),
    'intervals': Measure(IntervalTally, interval_quality),
    'reliability': Measure(lambda _: ReliabilityTally(), reliability_quality),
    'tempered': Measure(
        lambda known: ReliabilityTally(known.temperature) if known else None,
        reliability_quality),
    'sparsification': Measure(lambda _: SparsificationTally(), sparsification_quality),
    'pavpu': Measure(lambda _: PavpuTally(), pavpu_quality),
    'recall': Measure(lambda _: RecallTally(), recall_quality),
}


def begin_all(intervals: DepthIntervals | None = None) -> dict[str, Tally]:
    """Start the sums of every measure, with what a calibration says of depth if it does."""
    begun = {name: measure.begin(intervals) for name, measure in MEASURES.items()}
    return {name: tally for name, tally in begun.items() if tally is not None}


def views(view: View, classes: Bytes | None, fit_mode: str) -> Iterator[tuple[str, View]]:
    """Give each measure the view that it judges; classes (H, W) are at the picture's size."""
    for name in MEASURES:
        stretched = fit_mode == 'stretch' and name in OWN_SIZE
        yield name, view._replace(classes=classes) if stretched else view


def qualities(sums: Mapping[str, Sums]) -> dict[str, Any]:
    """Give what each measure says in plain values; one that judged nothing is not there."""
    found = {name: MEASURES[name].quality(part) for name, part in sums.items()}
    return {name: quality._asdict() for name, quality in found.items() if quality is not None}
