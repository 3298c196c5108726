# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The record of one drive: scores of every frame, and metric states by group of frames.

A record holds plain values, so another process can make it and JSON can store it. A frame belongs
to one group: its set, or a part of it where a drive of the set changes between a nominal and an
OOD condition. Frames within the fade between the two are a group of their own.
"""
from dataclasses import asdict, dataclass, field
import math
import re
from typing import Any, Iterable, Mapping, NamedTuple

from bdl_perception.drives.description import is_fading, Segment, segment_at
from bdl_perception.metrics.pixels import merge_states, StateDict
import numpy as np

ALARM_SET = 'alarm set'  # name of the joint score of all watched scores
NOMINAL_PART, FADING_PART = 'nominal', 'fading'  # of a set whose drives change
CAMERA_SUFFIX = re.compile('_image_0[0-9]$')


class Origin(NamedTuple):
    """The drive of a record."""

    name: str
    part_of: str  # the set
    segments: tuple[Segment, ...] = ()  # empty: the conditions are unknown
    timed: bool = True  # False: images without stamps, on which no alarm is evaluated

    @property
    def recording(self) -> str:
        """Name without the camera of KITTI: image_02 and image_03 of a drive see the same."""
        return CAMERA_SUFFIX.sub('', self.name)


@dataclass(frozen=True)
class DriveRecord:
    """Sequences with one entry for each frame; metric states by group and metric."""

    origin: Origin
    stamps_ns: tuple[int, ...]
    groups: tuple[str, ...]
    scores: Mapping[str, tuple[float, ...]]
    metric_states: Mapping[str, Mapping[str, StateDict]]
    cycle_score_names: tuple[str, ...] = ()  # of Monte Carlo cycles; others: of the single pass
    faults: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # frame -> camera faults
    wrong: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # compared frame -> harm

    def group_scores(self, group: str) -> dict[str, list[float]]:
        """Return the scores of the frames of a group."""
        return {name: [value for value, own in zip(values, self.groups, strict=True)
                       if own == group] for name, values in self.scores.items()}

    def values(self, index: int) -> dict[str, float]:
        """Return every score of one frame."""
        return {name: values[index] for name, values in self.scores.items()}

    def times_s(self) -> list[float]:
        """Return the time of each frame after the first one, s."""
        return [(stamp_ns - self.stamps_ns[0]) / 1e9 for stamp_ns in self.stamps_ns]


def frame_group(origin: Origin, time_s: float) -> str:
    """Return the group of a frame that comes time_s after the first one."""
    if not origin.segments:
        return origin.part_of
    if is_fading(origin.segments, time_s):
        return f'{origin.part_of}: {FADING_PART}'
    return segment_group(origin, segment_at(origin.segments, time_s))


def segment_group(origin: Origin, segment: Segment) -> str:
    """Return the group of the frames that are entirely under one segment."""
    if len({one.held_out for one in origin.segments}) < 2:
        return origin.part_of
    return f'{origin.part_of}: {segment.name if segment.held_out else NOMINAL_PART}'


def merge_group_states(records: Iterable[DriveRecord], group: str) -> dict[str, StateDict]:
    """Merge the metric states of a group over all drives."""
    total: dict[str, StateDict] = {}
    for record in records:
        for name, state in record.metric_states.get(group, {}).items():
            total[name] = merge_states(total[name], state) if name in total else state
    return total


def record_to_dict(record: DriveRecord) -> dict[str, Any]:
    """Convert a record to JSON values; a score that is not finite is null."""
    return {
        'origin': {**record.origin._asdict(),
                   'segments': [asdict(segment) for segment in record.origin.segments]},
        'stamps_ns': list(record.stamps_ns), 'groups': list(record.groups),
        'of_cycle': list(record.cycle_score_names),
        'faults': {str(index): list(found) for index, found in record.faults.items()},
        'wrong': {str(index): list(found) for index, found in record.wrong.items()},
        'scores': {name: [value if math.isfinite(value) else None for value in values]
                   for name, values in record.scores.items()},
        'sums': {group: {name: {key: np.asarray(value).tolist() for key, value in state.items()}
                         for name, state in states.items()}
                 for group, states in record.metric_states.items()}}


def record_from_dict(values: Mapping[str, Any]) -> DriveRecord:
    """Read the output of record_to_dict; null is NaN."""
    origin = {**values['origin'],
              'segments': tuple(Segment(**one) for one in values['origin']['segments'])}
    return DriveRecord(
        Origin(**origin), tuple(values['stamps_ns']), tuple(values['groups']),
        {name: tuple(math.nan if value is None else value for value in row)
         for name, row in values['scores'].items()},
        {group: {name: {key: np.asarray(value, np.float64) for key, value in state.items()}
                 for name, state in states.items()}
         for group, states in values['sums'].items()}, tuple(values['of_cycle']),
        *({int(index): tuple(found) for index, found in values[key].items()}
          for key in ('faults', 'wrong')))
