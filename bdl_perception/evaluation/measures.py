# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Every measure of quality that an evaluation makes, in one place."""
from typing import Any, Callable, Iterable, Mapping, NamedTuple

from bdl_perception.evaluation.depth import depth_quality
from bdl_perception.evaluation.depth import DepthTally
from bdl_perception.evaluation.segmentation import class_quality
from bdl_perception.evaluation.segmentation import ClassTally
from bdl_perception.evaluation.tally import Sums
from bdl_perception.evaluation.tally import Tally

AVERAGED = 'averaged'  # its views carry the classes of the mean over the Monte Carlo samples
OWN_SIZE = ('classes', AVERAGED)  # judged at the picture's own size where it is stretched


class Measure(NamedTuple):
    """How sums are begun, and what they say in the end."""

    begin: Callable[[], Tally]
    quality: Callable[[Sums], Any]  # a NamedTuple; None where nothing could be judged


MEASURES: Mapping[str, Measure] = {
    'depth': Measure(DepthTally, depth_quality),
    'classes': Measure(ClassTally, class_quality),
    AVERAGED: Measure(ClassTally, class_quality),
}


def begin_all(names: Iterable[str] = MEASURES) -> dict[str, Tally]:
    """Start the sums of every measure."""
    return {name: MEASURES[name].begin() for name in names}


def qualities(sums: Mapping[str, Sums]) -> dict[str, Any]:
    """Give what each measure says in plain values; one that judged nothing is not there."""
    found = {name: MEASURES[name].quality(part) for name, part in sums.items()}
    return {name: quality._asdict() for name, quality in found.items() if quality is not None}
