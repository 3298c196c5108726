# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Alarm results: false alarms, detection delays and evidence over time of replayed drives."""
from dataclasses import dataclass
from typing import Mapping, NamedTuple, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_warnings import calibration_warnings
from bdl_perception.alarm.detection_delay import min_detection_delay, min_slow_detection_delay
from bdl_perception.drives.description import Segment
from bdl_perception.evaluation.alarm_metrics import (
    ABRUPT_S,
    alert_shares,
    AlertShares,
    count_causes,
    count_drives_with_onset,
    DelaySummary,
    Detection,
    detections,
    error_cause,
    error_onsets,
    false_alarm_rate,
    relative_evidence,
    summarise_delays,
)
from bdl_perception.evaluation.alarm_replay import (
    AlertStep,
    monitored_times_ns,
    pause_duration_ns,
    replay,
    replay_concatenated,
)
from bdl_perception.evaluation.drive_record import DriveRecord, segment_group
from bdl_perception.evaluation.harm_results import harm_results, HarmResults, NO_TRUTH
from bdl_perception.evaluation.set_results import NotMeasured
from bdl_perception.perception.status import Identity

NS_PER_HOUR = 3.6e12
NO_NOMINAL_DRIVE = 'no drive with a time is nominal'


@dataclass(frozen=True)
class CalibrationSummary:
    """The parameters of the calibration that matter for its results."""

    watched: tuple[str, ...]
    alpha: float
    drives: int
    frames: int
    camera: str | None
    all_cameras: bool  # of several cameras, and used without choosing one
    min_delay_s: float | None  # of fast evidence; None: its limit cannot be reached
    min_slow_delay_s: float | None
    warnings: tuple[str, ...]
    step_s: float
    cusum_limit: float
    slow_limit: float | None
    false_alarms_per_hour: float  # target


class FalseAlarmRate(NamedTuple):
    """ERRORs on nominal drives: a PoissonRate and the origin of its events."""

    events: int
    hours: float
    per_hour: float
    low: float
    high: float
    in_drives: int  # drives in which ERROR was raised
    causes: Mapping[str, int]


@dataclass(frozen=True)
class FalseAlarms:
    """False alarms of the nominal drives, replayed in both ways."""

    separate: FalseAlarmRate  # each drive starts without evidence
    concatenated: FalseAlarmRate  # evidence is carried into the next drive
    paused_hours: float  # not monitored
    drives: int
    drives_with_error: tuple[str, ...]


@dataclass(frozen=True)
class Timeline:
    """Evidence over time in one drive."""

    drive: str
    seconds: tuple[float, ...]
    cusum: tuple[float, ...]
    slow: tuple[float | None, ...]
    error: tuple[bool, ...]
    causes: tuple[str, ...]  # of each ERROR
    exceeds: tuple[bool, ...]
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class AlarmResults:
    """Results of the alarm on all drives with a time."""

    calibration: CalibrationSummary
    drives_in_calibration: tuple[str, ...]  # nominal drives; false alarms on them prove nothing
    false_alarms: FalseAlarms | NotMeasured
    conditions: Mapping[str, DelaySummary]
    exceeded: Mapping[str, float]  # group -> share of frames with a score above its threshold
    warned: Mapping[str, float]  # group -> share of frames at WARN or worse
    timelines: Mapping[str, Timeline]  # by set
    harm: HarmResults | NotMeasured = NotMeasured(NO_TRUTH)


class ReplayedDrive(NamedTuple):
    """A record and its alerts."""

    record: DriveRecord
    steps: list[AlertStep]


def alarm_results(records: Sequence[DriveRecord], nominal: str | None, calibration: Calibration,
                  identity: Identity) -> AlarmResults:
    """Replay every drive that has a time, and evaluate the alerts."""
    replayed = [ReplayedDrive(record, replay(record, calibration, identity))
                for record in records if record.origin.timed]
    nominal_drives = [one for one in replayed if one.record.origin.part_of == nominal]
    shares = _alert_shares_by_group(replayed)
    return AlarmResults(
        calibration_summary(calibration),
        drives_in_calibration([one.record for one in nominal_drives], nominal, calibration),
        _false_alarms(nominal_drives, calibration, identity), _detection_by_condition(replayed),
        {group: one.exceeded for group, one in shares.items()},
        {group: one.warned for group, one in shares.items()},
        _timelines(replayed, nominal, calibration), harm_results(replayed))


def drives_in_calibration(records: Sequence[DriveRecord], nominal: str | None,
                          calibration: Calibration) -> tuple[str, ...]:
    """List the nominal drives that have the name of a drive of the calibration."""
    names = {name.rpartition('/')[2] for name in calibration.provenance.drives}  # without folders
    return tuple(sorted(names & {record.origin.name for record in records
                                 if record.origin.part_of == nominal}))


def calibration_summary(calibration: Calibration) -> CalibrationSummary:
    """Summarise a calibration."""
    distribution, limits = calibration.distribution, calibration.limits
    fast = min_detection_delay(distribution, limits)
    slow = min_slow_detection_delay(distribution, limits)
    return CalibrationSummary(
        watched=distribution.watched, alpha=distribution.alpha,
        drives=len(calibration.provenance.drives), frames=calibration.provenance.frames,
        camera=calibration.camera,
        all_cameras=calibration.group_by == 'camera', min_delay_s=fast and fast.seconds,
        min_slow_delay_s=slow and slow.seconds, warnings=calibration_warnings(calibration),
        step_s=limits.step_s, cusum_limit=limits.cusum, slow_limit=limits.slow,
        false_alarms_per_hour=limits.false_alarms_per_hour)


def _false_alarms(drives: Sequence[ReplayedDrive], calibration: Calibration,
                  identity: Identity) -> FalseAlarms | NotMeasured:
    records = [one.record for one in drives]
    hours = sum(monitored_times_ns(record)[-1] for record in records) / NS_PER_HOUR
    if not hours:
        return NotMeasured(NO_NOMINAL_DRIVE)
    separate = [one.steps for one in drives]
    concatenated = replay_concatenated(records, calibration, identity)
    return FalseAlarms(
        FalseAlarmRate(*false_alarm_rate(separate, hours),
                       sum(bool(error_onsets(steps)) for steps in separate),
                       count_causes(separate, calibration)),
        FalseAlarmRate(*false_alarm_rate([concatenated], hours),
                       count_drives_with_onset(concatenated, map(len, separate)),
                       count_causes([concatenated], calibration)),
        sum(map(pause_duration_ns, records)) / NS_PER_HOUR, len(records),
        tuple(one.record.origin.name for one in drives if any(step.error for step in one.steps)))


def _detection_by_condition(replayed: Sequence[ReplayedDrive]) -> dict[str, DelaySummary]:
    found: dict[str, list[Detection]] = {}
    for record, steps in replayed:
        for segment, detection in detections(record, steps):
            name = _condition_name(segment_group(record.origin, segment), segment.fade_s)
            found.setdefault(name, []).append(detection)
    return {name: summarise_delays(ones) for name, ones in found.items()}


def _condition_name(group: str, fade_s: float) -> str:
    """Name the condition of a summary; slow fades are separate, each duration by itself."""
    return group if fade_s <= ABRUPT_S else f'{group}, fading in over {fade_s:g} s'


def _alert_shares_by_group(replayed: Sequence[ReplayedDrive]) -> dict[str, AlertShares]:
    by_group: dict[str, list[AlertStep]] = {}
    for record, steps in replayed:
        for group, step in zip(record.groups, steps, strict=True):
            by_group.setdefault(group, []).append(step)
    return {group: alert_shares(steps) for group, steps in by_group.items()}


def _timelines(replayed: Sequence[ReplayedDrive], nominal: str | None,
               calibration: Calibration) -> dict[str, Timeline]:
    """Choose the first drive of each set; of nominal ones the one with the highest evidence."""
    chosen: dict[str, ReplayedDrive] = {}
    for one in replayed:
        name = one.record.origin.part_of
        if name not in chosen or (name == nominal and _peak_evidence(one.steps, calibration)
                                  > _peak_evidence(chosen[name].steps, calibration)):
            chosen[name] = one
    return {name: _timeline(*one, calibration) for name, one in chosen.items()}


def _timeline(record: DriveRecord, steps: Sequence[AlertStep],
              calibration: Calibration) -> Timeline:
    return Timeline(
        drive=record.origin.name, seconds=tuple(record.times_s()),
        cusum=tuple(step.cusum for step in steps), slow=tuple(step.slow for step in steps),
        error=tuple(step.error for step in steps),
        causes=tuple(error_cause(step, calibration) for step in error_onsets(steps)),
        exceeds=tuple(step.exceeds for step in steps), segments=record.origin.segments)


def _peak_evidence(steps: Sequence[AlertStep], calibration: Calibration) -> float:
    return max(relative_evidence(step, calibration) for step in steps)
