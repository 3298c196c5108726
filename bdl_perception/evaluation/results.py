# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From the records of all drives to everything that is told of a model."""
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from bdl_perception.alarm.arming import refusals
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.status import Identity
from bdl_perception.evaluation.alarm_result import alarm_result
from bdl_perception.evaluation.alarm_result import seen_in_calibration
from bdl_perception.evaluation.distributions import histograms
from bdl_perception.evaluation.distributions import roc
from bdl_perception.evaluation.drive_record import DriveRecord
from bdl_perception.evaluation.drive_record import fading
from bdl_perception.evaluation.drive_record import group_sums
from bdl_perception.evaluation.drive_record import segment_at
from bdl_perception.evaluation.goals import judge
from bdl_perception.evaluation.measures import qualities
from bdl_perception.evaluation.sides import ALARM_SET
from bdl_perception.evaluation.strangeness import by_drive
from bdl_perception.evaluation.strangeness import separations
from bdl_perception.evaluation.strangeness import sides
from bdl_perception.evaluation.strangeness import with_alarm_set
from bdl_perception.evaluation.tally import Sums

PLOTTED = 9  # scores; more lines than that cannot be told apart
NO_CALIBRATION = 'no calibration was given, and the model folder has none'
NO_NOMINAL = 'no set of nominal drives was given to compare with'
NOT_WHOLE = 'frames were left out (--stride), and the alarm counts them all'
NO_STRANGE = 'only nominal drives were given'
LOST_NOMINAL = 'no drive of {} could be measured, and all others would be compared with it'
NO_INTERVALS = 'no drive of the calibration had a true depth'


class Setting(NamedTuple):
    """What the records are judged by."""

    nominal: str | None  # name of the set that others are compared with
    calibration: Calibration | None
    identity: Identity  # of the model as it was run
    whole: bool = True  # every frame of every drive was taken
    outdated: str | None = None  # why the calibration is not of this software; None: it is
    asked_conditions: tuple[str, ...] = ()  # held out; no goal over such is met without each

    @property
    def refusals(self) -> tuple[str, ...]:
        """Say why the calibration must not arm an alarm; empty: it may, or there is none."""
        if self.calibration is None:
            return ()
        found = refusals(self.calibration, self.identity)
        return (self.outdated, *found) if self.outdated else found

    @property
    def no_alarm(self) -> str | None:
        """Say why the calibration cannot be judged at all; None: it can."""
        if self.calibration is None:
            return NO_CALIBRATION
        return (f'the alarm would not be armed: {"; ".join(self.refusals)}' if self.refusals
                else None)

    @property
    def intervals(self) -> Mapping[str, Any] | None:
        """Give what the calibration says of depth, as DepthIntervals.to_dict; None: nothing."""
        return (None if self.calibration is None or self.refusals
                else self.calibration.intervals)


def results(records: Sequence[DriveRecord], setting: Setting) -> dict[str, Any]:
    """Give all results in plain values; what was not measured has a reason instead."""
    # The ranks of another model say nothing; _alarm tells why.
    armed = None if setting.refusals else setting.calibration
    if armed:
        records = [with_alarm_set(record, armed) for record in records]
    made: dict[str, Any] = {
        'nominal': setting.nominal, 'asked_conditions': list(setting.asked_conditions),
        'sets': _sets(records, setting.nominal),
        'strange': _strange(records, setting.nominal, armed),
        'alarm': _alarm(records, setting), 'calibrated_intervals': _intervals(records, setting),
        'drives': [_drive(record) for record in records]}
    return {**made, 'goals': [goal._asdict() for goal in judge(made)]}


def _alarm(records: Sequence[DriveRecord], setting: Setting) -> dict[str, Any]:
    if setting.calibration is None or setting.no_alarm:
        return {'not_measured': setting.no_alarm}
    if not setting.whole:
        return {'not_measured': NOT_WHOLE}
    return alarm_result(records, setting.nominal, setting.calibration, setting.identity)


def _intervals(records: Sequence[DriveRecord], setting: Setting) -> dict[str, Any]:
    """Say what intervals of depth were corrected by, else why they are judged as stated only."""
    if setting.calibration is None or setting.intervals is None:
        return {'not_measured': setting.no_alarm or NO_INTERVALS}
    seen = seen_in_calibration(records, setting.nominal, setting.calibration)
    return {**{name: setting.intervals[name] for name in ('drives', 'factor', 'temperature')},
            'seen_in_calibration': seen}


def group_names(records: Iterable[DriveRecord], nominal: str | None) -> list[str]:
    """List the groups in the order they come in, the nominal set first."""
    names = dict.fromkeys(group for record in records for group in record.groups)
    return sorted(names, key=lambda name: name != nominal)


def held_out(records: Iterable[DriveRecord], group: str) -> bool | None:
    """Tell whether the frames of a group are of a condition never taught; None: unknown, half."""
    for record in records:
        if group in record.groups and record.origin.segments:
            at_s = (record.stamps_ns[record.groups.index(group)] - record.stamps_ns[0]) / 1e9
            segments = record.origin.segments
            return None if fading(segments, at_s) else segment_at(segments, at_s).held_out
    return None


def _conditions(records: Iterable[DriveRecord], group: str) -> list[str]:
    """Name the conditions of the frames of a group; of those within a fade, what fades in."""
    return sorted({segment_at(record.origin.segments, (stamp - record.stamps_ns[0]) / 1e9).name
                   for record in records if record.origin.segments
                   for own, stamp in zip(record.groups, record.stamps_ns, strict=True)
                   if own == group})


def _half_strange(records: Iterable[DriveRecord]) -> int:
    """Count the frames that are neither nominal nor strange."""
    return sum(fading(record.origin.segments, (stamp - record.stamps_ns[0]) / 1e9)
               for record in records for stamp in record.stamps_ns)


def _sets(records: Sequence[DriveRecord], nominal: str | None) -> dict[str, Any]:
    return {group: {
        'drives': sum(group in record.groups for record in records),
        'frames': sum(record.groups.count(group) for record in records),
        'held_out': held_out(records, group), 'conditions': _conditions(records, group),
        **_quality(group_sums(records, group))} for group in group_names(records, nominal)}


def _quality(sums: Mapping[str, Sums]) -> dict[str, Any]:
    found = qualities(sums)
    if 'classes' in found:
        found['confusion'] = sums['classes']['confusion'].tolist()  # true, predicted
    return found


def _strange(records: Sequence[DriveRecord], nominal: str | None,
             calibration: Calibration | None) -> dict[str, Any]:
    """Compare every other group with the nominal set."""
    names = group_names(records, nominal)
    groups = [name for name in names if name != nominal]
    if nominal is None or nominal not in names:
        return {'not_measured': LOST_NOMINAL.format(nominal) if nominal else NO_NOMINAL}
    if not groups:
        return {'not_measured': NO_STRANGE}
    conditions = [name for name in groups if held_out(records, name)]
    found, mean = separations(records, nominal, groups, conditions)
    return {'groups': found, 'mean': mean, 'mean_over': conditions,
            'half_strange': _half_strange(records),
            'sides': sides(records, nominal, groups, calibration) if calibration else None,
            **_curves(records, nominal, groups, calibration.watched if calibration else ())}


def _curves(records: Sequence[DriveRecord], nominal: str,
            groups: Sequence[str], watched: Sequence[str]) -> Mapping[str, Any]:
    """Draw the alarm set, what it watches, and others while there is room."""
    scores = {name: {key: [value for drive in drives for value in drive]
                     for key, drives in by_drive(records, name).items()}
              for name in (nominal, *groups)}
    wished = dict.fromkeys([ALARM_SET, *watched, *scores[nominal]])
    keys = [key for key in wished if key in scores[nominal]][:PLOTTED]
    return {'histograms': {key: histograms({name: own[key] for name, own in scores.items()})
                           for key in keys},
            'roc': {name: {key: roc(scores[nominal][key], scores[name][key]) for key in keys}
                    for name in groups}}


def _drive(record: DriveRecord) -> dict[str, Any]:
    return {'name': record.origin.name, 'set': record.origin.part_of,
            'frames': len(record.stamps_ns)}
