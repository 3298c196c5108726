# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
What is kept of one drive: scores of every frame, and sums of every measure.

A record is plain values, so it may be made in another process and kept as JSON. A frame belongs to
one group: its set, or a part of it where a drive of the set changes from nominal to strange. While
one fades into the other a frame is neither, and those are a part of their own.
"""
from dataclasses import dataclass
from dataclasses import field
import math
from typing import Any, Iterable, Mapping, NamedTuple

from bdl_perception.evaluation.tally import added
from bdl_perception.evaluation.tally import Sums
import numpy as np

NOMINAL_PART, FADING_PART = 'nominal', 'fading'  # of a set whose drives change
LATE_S = 1e-9  # stamps are rounded


class Segment(NamedTuple):
    """A stretch of a drive under one condition."""

    name: str
    start_s: float  # after the drive's first frame
    end_s: float
    held_out: bool  # the model was never taught it
    fade_s: float = 0.  # it fades in over the one before from start_s on; a drive's first does not


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
    sums: Mapping[str, Mapping[str, Sums]]
    of_cycle: tuple[str, ...] = ()  # scores of Monte Carlo cycles; the others are of the frame
    faults: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # frame -> of the camera

    def of_group(self, group: str) -> dict[str, list[float]]:
        """Give the scores of the frames of a group."""
        return {name: [value for value, own in zip(values, self.groups, strict=True)
                       if own == group] for name, values in self.scores.items()}

    def values(self, index: int) -> dict[str, float]:
        """Give every score of one frame."""
        return {name: values[index] for name, values in self.scores.items()}


def group_of(origin: Origin, time_s: float) -> str:
    """Name the group of a frame that comes time_s after the first one."""
    if not origin.segments:
        return origin.part_of
    if fading(origin.segments, time_s):
        return f'{origin.part_of}: {FADING_PART}'
    return group_under(origin, segment_at(origin.segments, time_s))


def group_under(origin: Origin, segment: Segment) -> str:
    """Name the group of the frames that are wholly under one segment."""
    if len({one.held_out for one in origin.segments}) < 2:
        return origin.part_of
    return f'{origin.part_of}: {segment.name if segment.held_out else NOMINAL_PART}'


def segment_at(segments: Iterable[Segment], time_s: float) -> Segment:
    """Give the last segment that has begun, else the first."""
    known = list(segments)
    begun = [segment for segment in known if segment.start_s <= time_s + LATE_S]
    return begun[-1] if begun else known[0]


def fading(segments: Iterable[Segment], time_s: float) -> bool:
    """Tell whether something nominal and something strange are mixed."""
    begun = [one for one in segments if one.start_s <= time_s + LATE_S][-2:]
    return len({one.held_out for one in begun}) > 1 and share_of(begun[-1], time_s) < 1


def share_of(segment: Segment, time_s: float) -> float:
    """Give how much of a segment that has begun is there, 0 to 1: .5 after half its fade_s."""
    since_s = time_s - segment.start_s
    return 1. if since_s >= segment.fade_s - LATE_S else max(0., since_s / segment.fade_s)


def group_sums(records: Iterable[DriveRecord], group: str) -> dict[str, Sums]:
    """Add up every measure over all drives that have frames of a group."""
    total: dict[str, Sums] = {}
    for record in records:
        for name, sums in record.sums.get(group, {}).items():
            total[name] = added(total[name], sums) if name in total else sums
    return total


def record_to_dict(record: DriveRecord) -> dict[str, Any]:
    """Turn a record into what JSON can hold; a score that is not finite is null."""
    return {
        'origin': {**record.origin._asdict(),
                   'segments': [segment._asdict() for segment in record.origin.segments]},
        'stamps_ns': list(record.stamps_ns), 'groups': list(record.groups),
        'of_cycle': list(record.of_cycle),
        'faults': {str(index): list(found) for index, found in record.faults.items()},
        'scores': {name: [value if math.isfinite(value) else None for value in values]
                   for name, values in record.scores.items()},
        'sums': {group: {name: {key: np.asarray(value).tolist() for key, value in sums.items()}
                         for name, sums in measures.items()}
                 for group, measures in record.sums.items()}}


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
