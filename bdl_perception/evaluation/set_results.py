# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Results of each group of frames: counts, conditions and metrics."""
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from bdl_perception.drives.description import is_fading, segment_at
from bdl_perception.evaluation.drive_record import DriveRecord, merge_group_states
from bdl_perception.metrics.interval_coverage import (
    cross_validated_coverage,
    CrossValidatedCoverage,
)
from bdl_perception.metrics.pixels import merge_states, StateDict
from bdl_perception.metrics.registry import compute_metrics, MetricResults


@dataclass(frozen=True)
class NotMeasured:
    """The reason why a result is missing."""

    not_measured: str


class SetResults(NamedTuple):
    """Results of one group of frames: a set of drives, or a part of one that changes."""

    drives: int
    frames: int
    held_out: bool | None  # of a condition in no training drive; None: unknown, or fading
    conditions: tuple[str, ...]
    metrics: MetricResults = MetricResults()
    confusion: tuple[tuple[float, ...], ...] | None = None  # pixels by true and predicted class
    cross_validated_coverage: CrossValidatedCoverage | None = None  # of depth intervals

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, the metrics among them; missing metrics have no key."""
        values = {**self._asdict(), **self.metrics._asdict()}
        del values['metrics']
        optional = {*MetricResults._fields, 'confusion', 'cross_validated_coverage'}
        return {name: to_plain(value) for name, value in values.items()
                if value is not None or name not in optional}


def set_results(records: Sequence[DriveRecord], nominal: str | None) -> dict[str, SetResults]:
    """Compute the results of each group, the nominal set first."""
    return {group: _group_results(records, group) for group in group_names(records, nominal)}


def group_names(records: Iterable[DriveRecord], nominal: str | None) -> list[str]:
    """List the groups in the order of the records, the nominal set first."""
    names = dict.fromkeys(group for record in records for group in record.groups)
    return sorted(names, key=lambda name: name != nominal)


def is_held_out(records: Iterable[DriveRecord], group: str) -> bool | None:
    """Return whether a group is of a held-out condition; None: unknown, or within a fade."""
    for record in records:
        if group in record.groups and record.origin.segments:
            time_s = record.times_s()[record.groups.index(group)]
            segments = record.origin.segments
            return None if is_fading(segments, time_s) else segment_at(segments, time_s).held_out
    return None


def to_plain(value: Any) -> Any:
    """Convert typed results to dictionaries, lists and numbers."""
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, '_asdict'):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {key: to_plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(one) for one in value]
    return value


def _group_results(records: Sequence[DriveRecord], group: str) -> SetResults:
    states = merge_group_states(records, group)
    metrics = compute_metrics(states)
    confusion = states['classes']['confusion'].tolist() if metrics.classes else None
    return SetResults(
        sum(group in record.groups for record in records),
        sum(record.groups.count(group) for record in records), is_held_out(records, group),
        _conditions(records, group), metrics, confusion and tuple(map(tuple, confusion)),
        cross_validated_coverage(_interval_states(records, group)))


def _interval_states(records: Sequence[DriveRecord], group: str) -> dict[str, StateDict]:
    """Merge the states of each recording: its cameras are no test of each other."""
    merged: dict[str, StateDict] = {}
    for record in records:
        name = record.origin.recording
        if state := record.metric_states.get(group, {}).get('intervals'):
            merged[name] = merge_states(merged[name], state) if name in merged else state
    return merged


def _conditions(records: Iterable[DriveRecord], group: str) -> tuple[str, ...]:
    """List the conditions of the frames of a group; within a fade, the one that begins."""
    return tuple(sorted({segment_at(record.origin.segments, time_s).name
                         for record in records if record.origin.segments
                         for own, time_s in zip(record.groups, record.times_s(), strict=True)
                         if own == group}))
