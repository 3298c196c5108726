# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From records and a calibration to what the alarm did."""
from dataclasses import asdict
from typing import Any, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_warnings import calibration_warnings
from bdl_perception.alarm.detection_delay import min_detection_delay, min_slow_detection_delay
from bdl_perception.evaluation.alarm_metrics import (
    ABRUPT_S,
    alert_shares,
    AlertShares,
    count_causes,
    count_drives_with_onset,
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
from bdl_perception.perception.status import Identity

NS_PER_HOUR = 3.6e12
NO_NOMINAL_DRIVE = 'no drive with a time is nominal'


def alarm_result(records: Sequence[DriveRecord], nominal: str | None, calibration: Calibration,
                 identity: Identity) -> dict[str, Any]:
    """Play every drive that has a time; a reason takes the place of what could not be judged."""
    played = [(record, replay(record, calibration, identity))
              for record in records if record.origin.timed]
    plain = [record for record, _ in played if record.origin.part_of == nominal]
    return {'calibration': _calibration_results(calibration),
            'seen_in_calibration': drives_in_calibration(plain, nominal, calibration),
            'false_alarms': _false_alarm_results(plain, played, calibration, identity),
            'conditions': _condition_results(played), **_alert_shares_by_group(played),
            'timelines': _timelines(played, nominal, calibration)}


def drives_in_calibration(records: Sequence[DriveRecord], nominal: str | None,
                        calibration: Calibration) -> list[str]:
    """Name the nominal drives that the calibration knows by name: they may be no news to it."""
    names = {name.rpartition('/')[2] for name in calibration.drives}  # of several folders
    return sorted(names & {record.origin.name for record in records
                           if record.origin.part_of == nominal})


def _calibration_results(calibration: Calibration) -> dict[str, Any]:
    fast, slow = min_detection_delay(calibration), min_slow_detection_delay(calibration)
    return {'watched': list(calibration.watched), 'alpha': calibration.alpha,
            'drives': len(calibration.drives), 'frames': calibration.frames,
            'camera': calibration.camera, 'by_all_cameras': calibration.group_by == 'camera',
            'soonest_s': fast and fast.seconds, 'soonest_slow_s': slow and slow.seconds,
            'warnings': list(calibration_warnings(calibration)),
            'step_s': calibration.step_s, 'cusum_limit': calibration.cusum_limit,
            'slow_limit': calibration.slow_limit,
            'false_alarms_per_hour': calibration.false_alarms_per_hour}


def _false_alarm_results(plain: Sequence[DriveRecord], played: Sequence[tuple[DriveRecord, list[AlertStep]]],
                  calibration: Calibration, identity: Identity) -> dict[str, Any]:
    hours = sum(monitored_times_ns(record)[-1] for record in plain) / NS_PER_HOUR
    if not hours:
        return {'not_measured': NO_NOMINAL_DRIVE}
    steps = [steps for record, steps in played if record.origin.part_of == plain[0].origin.part_of]
    joined = replay_concatenated(plain, calibration, identity)
    came_from = {'apart': sum(bool(error_onsets(one)) for one in steps),
                 'in_a_row': count_drives_with_onset(joined, map(len, steps))}
    return {**{how: {**false_alarm_rate(drives, hours)._asdict(), 'in_drives': came_from[how],
                     'causes': count_causes(drives, calibration)}
               for how, drives in (('apart', steps), ('in_a_row', [joined]))},
            'paused_hours': sum(map(pause_duration_ns, plain)) / NS_PER_HOUR, 'drives': len(plain),
            'drives_with_error': [record.origin.name for record, one
                                  in zip(plain, steps, strict=True)
                                  if any(step.error for step in one)]}


def _condition_results(played: Sequence[tuple[DriveRecord, list[AlertStep]]]) -> dict[str, Any]:
    found: dict[str, list[Detection]] = {}
    for record, steps in played:
        for segment, detection in detections(record, steps):
            name = _condition_name(segment_group(record.origin, segment), segment.fade_s)
            found.setdefault(name, []).append(detection)
    return {group: {**summarise_delays(ones)._asdict(), 'found': [one._asdict() for one in ones]}
            for group, ones in found.items()}


def _condition_name(group: str, fade_s: float) -> str:
    """Name what delays are summed up over: slow fades apart, each length by itself."""
    return group if fade_s <= ABRUPT_S else f'{group}, fading in over {fade_s:g} s'


def _alert_shares_by_group(played: Sequence[tuple[DriveRecord, list[AlertStep]]]) -> dict[str, dict[str, float]]:
    """Give for each group the share of frames above a threshold, and of those with a WARN."""
    by_group: dict[str, list[AlertStep]] = {}
    for record, steps in played:
        for group, step in zip(record.groups, steps, strict=True):
            by_group.setdefault(group, []).append(step)
    found = {group: alert_shares(steps) for group, steps in by_group.items()}
    return {name: {group: getattr(one, name) for group, one in found.items()}
            for name in AlertShares._fields}


def _timelines(played: Sequence[tuple[DriveRecord, list[AlertStep]]], nominal: str | None,
               calibration: Calibration) -> dict[str, Any]:
    """Keep the first drive of each set, and of nominal ones the one with the most evidence."""
    chosen: dict[str, tuple[DriveRecord, list[AlertStep]]] = {}
    for record, steps in played:
        name = record.origin.part_of
        if name not in chosen or (name == nominal and _peak_evidence(steps, calibration)
                                  > _peak_evidence(chosen[name][1], calibration)):
            chosen[name] = record, steps
    return {name: _timeline(*one, calibration) for name, one in chosen.items()}


def _timeline(record: DriveRecord, steps: Sequence[AlertStep],
              calibration: Calibration) -> dict[str, Any]:
    first = steps[0].stamp_ns
    return {'drive': record.origin.name,
            'seconds': [(step.stamp_ns - first) / 1e9 for step in steps],
            'cusum': [step.cusum for step in steps], 'slow': [step.slow for step in steps],
            'error': [step.error for step in steps],
            'raised_by': [error_cause(step, calibration) for step in error_onsets(steps)],
            'exceeds': [step.exceeds for step in steps],
            'segments': [asdict(segment) for segment in record.origin.segments]}


def _peak_evidence(steps: Sequence[AlertStep], calibration: Calibration) -> float:
    return max(relative_evidence(step, calibration) for step in steps)
