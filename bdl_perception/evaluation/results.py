# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From the records of all drives to everything that is told of a model."""
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from bdl_perception.alarm.arming import rejection_reasons
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.drives.description import is_fading, segment_at
from bdl_perception.evaluation.alarm_results import alarm_result, drives_in_calibration
from bdl_perception.evaluation.drive_record import DriveRecord, merge_group_states
from bdl_perception.evaluation.goals import assess_goals
from bdl_perception.evaluation.ood_results import (
    ALARM_SET,
    scores_by_drive,
    separations,
    tail_aurocs,
    with_alarm_set_score,
)
from bdl_perception.metrics.ood import histograms, roc_curve_points
from bdl_perception.metrics.pixels import StateDict
from bdl_perception.metrics.registry import compute_metrics
from bdl_perception.perception.status import Identity

MAX_PLOTTED_SCORES = 9  # scores; more lines than that cannot be told apart
NO_CALIBRATION = 'no calibration was given, and the model folder has none'
NO_NOMINAL = 'no set of nominal drives was given to compare with'
FRAMES_SKIPPED = 'frames were left out (--stride), and the alarm counts them all'
NO_OOD_DRIVES = 'only nominal drives were given'
NOMINAL_NOT_MEASURED = 'no drive of {} could be measured, and all others would be compared with it'
NO_INTERVALS = 'no drive of the calibration had a true depth'


class EvaluationContext(NamedTuple):
    """What the records are judged by."""

    nominal: str | None  # name of the set that others are compared with
    calibration: Calibration | None
    identity: Identity  # of the model as it was run
    all_frames: bool = True  # every frame of every drive was taken
    outdated_reason: str | None = None  # why the calibration is not of this software; None: it is
    required_conditions: tuple[str, ...] = ()  # held out; no goal over such is met without each

    @property
    def rejection_reasons(self) -> tuple[str, ...]:
        """Say why the calibration must not arm an alarm; empty: it may, or there is none."""
        if self.calibration is None:
            return ()
        found = rejection_reasons(self.calibration, self.identity)
        return (self.outdated_reason, *found) if self.outdated_reason else found

    @property
    def alarm_rejection(self) -> str | None:
        """Say why the calibration cannot be judged at all; None: it can."""
        if self.calibration is None:
            return NO_CALIBRATION
        return (f'the alarm would not be armed: {"; ".join(self.rejection_reasons)}' if self.rejection_reasons
                else None)

    @property
    def intervals(self) -> Mapping[str, Any] | None:
        """Give what the calibration says of depth, as DepthIntervals.to_dict; None: nothing."""
        return (None if self.calibration is None or self.rejection_reasons
                else self.calibration.intervals)


def evaluation_results(records: Sequence[DriveRecord], context: EvaluationContext) -> dict[str, Any]:
    """Give all results in plain values; what was not measured has a reason instead."""
    # The ranks of another model say nothing; _alarm tells why.
    armed = None if context.rejection_reasons else context.calibration
    if armed:
        records = [with_alarm_set_score(record, armed) for record in records]
    made: dict[str, Any] = {
        'nominal': context.nominal, 'asked_conditions': list(context.required_conditions),
        'sets': _set_results(records, context.nominal),
        'strange': _ood_results(records, context.nominal, armed),
        'alarm': _alarm_results(records, context), 'calibrated_intervals': _interval_calibration(records, context),
        'drives': [_drive_entry(record) for record in records]}
    return {**made, 'goals': [goal._asdict() for goal in assess_goals(made)]}


def to_plain(value: Any) -> Any:
    """Convert results to dictionaries, lists and numbers."""
    if isinstance(value, tuple) and hasattr(value, '_asdict'):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {key: to_plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(one) for one in value]
    return value


def _alarm_results(records: Sequence[DriveRecord], setting: EvaluationContext) -> dict[str, Any]:
    if setting.calibration is None or setting.alarm_rejection:
        return {'not_measured': setting.alarm_rejection}
    if not setting.all_frames:
        return {'not_measured': FRAMES_SKIPPED}
    return alarm_result(records, setting.nominal, setting.calibration, setting.identity)


def _interval_calibration(records: Sequence[DriveRecord], setting: EvaluationContext) -> dict[str, Any]:
    """Say what intervals of depth were corrected by, else why they are judged as stated only."""
    if setting.calibration is None or setting.intervals is None:
        return {'not_measured': setting.alarm_rejection or NO_INTERVALS}
    seen = drives_in_calibration(records, setting.nominal, setting.calibration)
    return {**{name: setting.intervals[name] for name in ('drives', 'factor', 'temperature')},
            'seen_in_calibration': seen}


def group_names(records: Iterable[DriveRecord], nominal: str | None) -> list[str]:
    """List the groups in the order they come in, the nominal set first."""
    names = dict.fromkeys(group for record in records for group in record.groups)
    return sorted(names, key=lambda name: name != nominal)


def is_held_out(records: Iterable[DriveRecord], group: str) -> bool | None:
    """Tell whether the frames of a group are of a condition never taught; None: unknown, half."""
    for record in records:
        if group in record.groups and record.origin.segments:
            at_s = (record.stamps_ns[record.groups.index(group)] - record.stamps_ns[0]) / 1e9
            segments = record.origin.segments
            return None if is_fading(segments, at_s) else segment_at(segments, at_s).held_out
    return None


def _condition_names(records: Iterable[DriveRecord], group: str) -> list[str]:
    """Name the conditions of the frames of a group; of those within a fade, what fades in."""
    return sorted({segment_at(record.origin.segments, (stamp - record.stamps_ns[0]) / 1e9).name
                   for record in records if record.origin.segments
                   for own, stamp in zip(record.groups, record.stamps_ns, strict=True)
                   if own == group})


def _count_fading_frames(records: Iterable[DriveRecord]) -> int:
    """Count the frames that are neither nominal nor strange."""
    return sum(is_fading(record.origin.segments, (stamp - record.stamps_ns[0]) / 1e9)
               for record in records for stamp in record.stamps_ns)


def _set_results(records: Sequence[DriveRecord], nominal: str | None) -> dict[str, Any]:
    return {group: {
        'drives': sum(group in record.groups for record in records),
        'frames': sum(record.groups.count(group) for record in records),
        'held_out': is_held_out(records, group), 'conditions': _condition_names(records, group),
        **_metric_results(merge_group_states(records, group))} for group in group_names(records, nominal)}


def _metric_results(sums: Mapping[str, StateDict]) -> dict[str, Any]:
    found = {name: to_plain(one) for name, one in compute_metrics(sums)._asdict().items()
             if one is not None}
    if 'classes' in found:
        found['confusion'] = sums['classes']['confusion'].tolist()  # true, predicted
    return found


def _ood_results(records: Sequence[DriveRecord], nominal: str | None,
             calibration: Calibration | None) -> dict[str, Any]:
    """Compare every other group with the nominal set."""
    names = group_names(records, nominal)
    groups = [name for name in names if name != nominal]
    if nominal is None or nominal not in names:
        return {'not_measured': NOMINAL_NOT_MEASURED.format(nominal) if nominal else NO_NOMINAL}
    if not groups:
        return {'not_measured': NO_OOD_DRIVES}
    conditions = [name for name in groups if is_held_out(records, name)]
    found, mean = separations(records, nominal, groups, conditions)
    return {'groups': found, 'mean': mean, 'mean_over': conditions,
            'half_strange': _count_fading_frames(records),
            'sides': tail_aurocs(records, nominal, groups, calibration) if calibration else None,
            **_ood_curves(records, nominal, groups, calibration.watched if calibration else ())}


def _ood_curves(records: Sequence[DriveRecord], nominal: str,
            groups: Sequence[str], watched: Sequence[str]) -> Mapping[str, Any]:
    """Draw the alarm set, what it watches, and others while there is room."""
    scores = {name: {key: [value for drive in drives for value in drive]
                     for key, drives in scores_by_drive(records, name).items()}
              for name in (nominal, *groups)}
    wished = dict.fromkeys([ALARM_SET, *watched, *scores[nominal]])
    keys = [key for key in wished if key in scores[nominal]][:MAX_PLOTTED_SCORES]
    return {'histograms': {key: histograms({name: own[key] for name, own in scores.items()})
                           for key in keys},
            'roc': {name: {key: roc_curve_points(scores[nominal][key], scores[name][key]) for key in keys}
                    for name in groups}}


def _drive_entry(record: DriveRecord) -> dict[str, Any]:
    return {'name': record.origin.name, 'set': record.origin.part_of,
            'frames': len(record.stamps_ns)}
