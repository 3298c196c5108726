# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Results of an evaluation: sets, OOD detection, alarm and goals, from the records of drives."""
from dataclasses import dataclass
from typing import Any, Mapping, NamedTuple, Sequence

from bdl_perception.alarm.arming import rejection_reasons
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.evaluation.alarm_results import (
    alarm_results,
    AlarmResults,
    drives_in_calibration,
)
from bdl_perception.evaluation.data_set_goals import data_set_goals
from bdl_perception.evaluation.drive_record import DriveRecord
from bdl_perception.evaluation.goals import assess_goals
from bdl_perception.evaluation.ood_results import ood_results, OodResults, with_alarm_set_score
from bdl_perception.evaluation.quality_goals import Goal
from bdl_perception.evaluation.set_results import NotMeasured, set_results, SetResults, to_plain
from bdl_perception.perception.status import Identity

NO_CALIBRATION = 'no calibration was given, and the model folder has none'
FRAMES_SKIPPED = 'frames were left out (--stride), but the alarm needs all of them'
NO_INTERVALS = 'no drive of the calibration had a true depth'


class EvaluationContext(NamedTuple):
    """The calibration, the model and the sets that records are evaluated with."""

    nominal: str | None  # name of the set that others are compared with
    calibration: Calibration | None
    identity: Identity  # of the model as it was run
    all_frames: bool = True  # every frame of every drive was evaluated
    outdated_reason: str | None = None  # why the calibration is of other software; None: it is not
    required_conditions: tuple[str, ...] = ()  # held out; see goals.assess_goals

    @property
    def rejection_reasons(self) -> tuple[str, ...]:
        """Reasons why the calibration would not arm an alarm; empty: none, or no calibration."""
        if self.calibration is None:
            return ()
        found = rejection_reasons(self.calibration, self.identity)
        return (self.outdated_reason, *found) if self.outdated_reason else found

    @property
    def alarm_rejection(self) -> str | None:
        """Reason why no alarm can be evaluated; None: it can."""
        if self.calibration is None:
            return NO_CALIBRATION
        if not self.rejection_reasons:
            return None
        return f'the alarm would not be armed: {"; ".join(self.rejection_reasons)}'

    @property
    def armed_calibration(self) -> Calibration | None:
        """Return the calibration, if it would arm an alarm."""
        return None if self.rejection_reasons else self.calibration

    @property
    def intervals(self) -> Mapping[str, Any] | None:
        """Return the depth intervals of the calibration as plain values; None: it has none."""
        return self.armed_calibration.intervals if self.armed_calibration else None


@dataclass(frozen=True)
class IntervalCalibration:
    """The calibration of depth intervals."""

    drives: int
    factor: float
    temperature: float
    drives_in_calibration: tuple[str, ...]  # nominal drives; coverage on them proves nothing


class DriveEntry(NamedTuple):
    """One evaluated drive."""

    name: str
    set: str  # noqa: A003  # a key of evaluation.json
    frames: int


@dataclass(frozen=True)
class EvaluationResults:
    """Everything that is measured on a model."""

    nominal: str | None
    required_conditions: tuple[str, ...]
    sets: Mapping[str, SetResults]
    ood: OodResults | NotMeasured
    alarm: AlarmResults | NotMeasured
    calibrated_intervals: IntervalCalibration | NotMeasured
    drives: tuple[DriveEntry, ...]
    goals: tuple[Goal, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the plain values of evaluation.json; numbers may be NaN or infinite."""
        return {**to_plain(self), 'sets': {name: one.to_dict() for name, one in self.sets.items()}}


def evaluation_results(records: Sequence[DriveRecord],
                       context: EvaluationContext) -> EvaluationResults:
    """Compute all results; what was not measured has a reason instead."""
    calibration = context.armed_calibration
    if calibration:
        records = [with_alarm_set_score(record, calibration) for record in records]
    sets = set_results(records, context.nominal)
    ood = ood_results(records, context.nominal, calibration)
    alarm = _alarm_results(records, context)
    intervals = _interval_calibration(records, context)
    goals = assess_goals(
        sets, ood, alarm, context.nominal, context.required_conditions,
        isinstance(intervals, IntervalCalibration) and bool(intervals.drives_in_calibration))
    return EvaluationResults(
        context.nominal, context.required_conditions, sets, ood, alarm, intervals,
        tuple(DriveEntry(record.origin.name, record.origin.part_of, len(record.stamps_ns))
              for record in records), (*goals, *data_set_goals(sets)))


def _alarm_results(records: Sequence[DriveRecord],
                   context: EvaluationContext) -> AlarmResults | NotMeasured:
    if context.calibration is None or context.alarm_rejection:
        return NotMeasured(context.alarm_rejection or NO_CALIBRATION)
    if not context.all_frames:
        return NotMeasured(FRAMES_SKIPPED)
    return alarm_results(records, context.nominal, context.calibration, context.identity)


def _interval_calibration(records: Sequence[DriveRecord],
                          context: EvaluationContext) -> IntervalCalibration | NotMeasured:
    if context.calibration is None or context.intervals is None:
        return NotMeasured(context.alarm_rejection or NO_INTERVALS)
    known = drives_in_calibration(records, context.nominal, context.calibration)
    values = context.intervals
    return IntervalCalibration(values['drives'], values['factor'], values['temperature'], known)
