# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
What is kept of one drive: scores of every frame, and sums of every measure.

A record is plain values, so it may be made in another process and kept as JSON. A frame belongs to
one group: its set, or a part of it where a drive of the set changes from nominal to strange. While
one fades into the other a frame is neither, and those are a part of their own.
"""
from dataclasses import dataclass, field
import math
from typing import Any, Iterable, Mapping, NamedTuple

from bdl_perception.drives.description import is_fading, Segment, segment_at
from bdl_perception.metrics.pixels import merge_states, StateDict
import numpy as np

NOMINAL_PART, FADING_PART = 'nominal', 'fading'  # of a set whose drives change


class Origin(NamedTuple):
    """Which drive a record is of."""

    name: str
    part_of: str  # the set
    segments: tuple[Segment, ...] = ()  # empty: nobody knows
    timed: bool = True  # False: pictures without time, of which no alarm can be judged


@dataclass(frozen=True)
class DriveRecord:
    """All lists have one entry for each frame; sums are by group and measure."""

    origin: Origin
    stamps_ns: tuple[int, ...]
    groups: tuple[str, ...]
    scores: Mapping[str, tuple[float, ...]]
    metric_states: Mapping[str, Mapping[str, StateDict]]
    cycle_score_names: tuple[str, ...] = ()  # scores of Monte Carlo cycles; the others are of the frame
    faults: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # frame -> of the camera

    def group_scores(self, group: str) -> dict[str, list[float]]:
        """Give the scores of the frames of a group."""
        return {name: [value for value, own in zip(values, self.groups, strict=True)
                       if own == group] for name, values in self.scores.items()}

    def values(self, index: int) -> dict[str, float]:
        """Give every score of one frame."""
        return {name: values[index] for name, values in self.scores.items()}


def frame_group(origin: Origin, time_s: float) -> str:
    """Name the group of a frame that comes time_s after the first one."""
    if not origin.segments:
        return origin.part_of
    if is_fading(origin.segments, time_s):
        return f'{origin.part_of}: {FADING_PART}'
    return segment_group(origin, segment_at(origin.segments, time_s))


def segment_group(origin: Origin, segment: Segment) -> str:
    """Name the group of the frames that are wholly under one segment."""
    if len({one.held_out for one in origin.segments}) < 2:
        return origin.part_of
    return f'{origin.part_of}: {segment.name if segment.held_out else NOMINAL_PART}'


def merge_group_states(records: Iterable[DriveRecord], group: str) -> dict[str, StateDict]:
    """Add up every measure over all drives that have frames of a group."""
    total: dict[str, StateDict] = {}
    for record in records:
        for name, sums in record.metric_states.get(group, {}).items():
            total[name] = merge_states(total[name], sums) if name in total else sums
    return total


def record_to_dict(record: DriveRecord) -> dict[str, Any]:
    """Turn a record into what JSON can hold; a score that is not finite is null."""
    return {
        'origin': {**record.origin._asdict(),
                   'segments': [segment._asdict() for segment in record.origin.segments]},
        'stamps_ns': list(record.stamps_ns), 'groups': list(record.groups),
        'of_cycle': list(record.cycle_score_names),
        'faults': {str(index): list(found) for index, found in record.faults.items()},
        'scores': {name: [value if math.isfinite(value) else None for value in values]
                   for name, values in record.scores.items()},
        'sums': {group: {name: {key: np.asarray(value).tolist() for key, value in sums.items()}
                         for name, sums in measures.items()}
                 for group, measures in record.metric_states.items()}}


def record_from_dict(values: Mapping[str, Any]) -> DriveRecord:
    """Read it again; null is NaN."""
    origin = {**values['origin'],
              'segments': tuple(Segment(**one) for one in values['origin']['segments'])}
    return DriveRecord(
        Origin(**origin), tuple(values['stamps_ns']), tuple(values['groups']),
        {name: tuple(math.nan if value is None else value for value in row)
         for name, row in values['scores'].items()},
        {group: {name: {key: np.asarray(value, np.float64) for key, value in sums.items()}
                 for name, sums in measures.items()}
         for group, measures in values['sums'].items()}, tuple(values['of_cycle']),
        {int(index): tuple(found) for index, found in values['faults'].items()})
