# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Numbers of a recorded drive, and the check of the expected alerts."""
from typing import Any, Sequence

from bdl_perception.alarm.uncalibrated_camera import NOT_CALIBRATED
from bdl_perception.demo.record import AlertEvent, Record
from bdl_perception.drives.description import Segment
import numpy as np

LEVELS = ('OK', 'WARN', 'ERROR', 'STALE')
ERROR = LEVELS.index('ERROR')
OK = LEVELS.index('OK')
STALE = LEVELS.index('STALE')


def transitions(record: Record) -> list[tuple[float, AlertEvent]]:
    """List the changes of level with their time in the drive, s."""
    changes: list[tuple[float, AlertEvent]] = []
    for alert in record.alerts:
        if not changes or changes[-1][1].level != alert.level:
            changes.append((record.drive_time_s(alert.received_ns), alert))
    return changes


def summarise(record: Record, segments: Sequence[Segment]) -> dict[str, Any]:
    """Give the values of summary.json; `failures` is empty when the drive met all checks."""
    duration_s = record.drive_time_s(record.frame_stamps_ns[-1]) if record.frame_stamps_ns else 0.0
    latencies_ms = np.array(sorted(record.depth_latency_s.values())) * 1e3
    return {
        'frames_in': len(record.frame_stamps_ns),
        'frames_out': len(record.depth_latency_s),
        'dropped': record.dropped,
        'lost': len(set(record.frame_stamps_ns) - set(record.depth_latency_s)),
        'duration_s': round(duration_s, 2),
        'monte_carlo_cycles': record.cycles,
        'monte_carlo_hz': round(record.cycles / duration_s, 2) if duration_s else 0.0,
        'latency_ms': _percentiles(latencies_ms),
        'alert_transitions': [
            {'at_s': round(at_s, 2), 'level': LEVELS[alert.level], 'message': alert.message}
            for at_s, alert in transitions(record)],
        'not_calibrated': calibration_hint(record),
        'must_alarm': [_segment_result(record, segment) for segment in segments],
        'failures': failures(record, segments),
    }


def calibration_hint(record: Record) -> str | None:
    """Give the reason of the last alert that takes the camera for one without calibration."""
    for alert in reversed(record.alerts):
        if (start := alert.message.find(NOT_CALIBRATED)) >= 0:
            return alert.message[start:].split('; ')[0]
    return None


def _percentiles(latencies_ms: Any) -> dict[str, float]:
    if not len(latencies_ms):
        return {}
    return {f'p{q}': round(float(np.percentile(latencies_ms, q)), 1) for q in (50, 99)}


def _segment_result(record: Record, segment: Segment) -> dict[str, Any]:
    raised_s = [at_s for at_s, alert in transitions(record)
                if alert.level == ERROR and segment.start_s <= at_s < segment.end_s]
    delay_s = round(raised_s[0] - segment.start_s, 2) if raised_s else None
    return {'name': segment.name, 'start_s': segment.start_s, 'end_s': segment.end_s,
            'seconds_to_error': delay_s}


def failures(record: Record, segments: Sequence[Segment]) -> list[str]:
    """List the failed checks, a sentence each."""
    found = []
    lost = len(set(record.frame_stamps_ns) - set(record.depth_latency_s))
    if not record.frame_stamps_ns:
        found.append('the camera published no frame')
    if lost or record.dropped:
        interval_s = record.frame_interval_s  # 0: only one frame is known
        found.append(f'{lost} of {len(record.frame_stamps_ns)} frames have no depth, '
                     f'perception_node replaced {record.dropped} by newer ones; play with a '
                     f'lower --rate-hz (make: RATE_HZ)'
                     + (f' than {1 / interval_s:.3g}' if interval_s else ''))
    if not any(alert.level == OK for alert in record.alerts) and segments:
        found.append('the alert was never OK, so the absence of ERROR has no meaning')
    for segment in segments:
        found += _segment_failures(record, segment)
    return found + _false_alarms(record, segments)


def _segment_failures(record: Record, segment: Segment) -> list[str]:
    """Check that ERROR is raised in a part and that the alert clears after it."""
    if _max_level_during(record, segment.start_s, segment.end_s) < ERROR:
        return [f'no ERROR during {segment.name} ({segment.start_s} to {segment.end_s} s)']
    after = [alert.level for at_s, alert in _timed_alerts(record) if at_s >= segment.end_s]
    return [] if OK in after else [f'the alert did not clear after {segment.name}']


def _false_alarms(record: Record, segments: Sequence[Segment]) -> list[str]:
    """Find each ERROR that is raised outside the parts where it is expected."""
    found, last = [], OK  # last level except STALE: an ERROR that is held counts once
    for at_s, alert in transitions(record):
        inside = any(part.start_s <= at_s < part.end_s for part in segments)
        if alert.level == ERROR and last != ERROR and at_s >= 0 and not inside:
            found.append(f'ERROR at {at_s:.1f} s in a nominal part: {alert.message}')
        last = last if alert.level == STALE else alert.level
    return found if segments else []


def _timed_alerts(record: Record) -> list[tuple[float, AlertEvent]]:
    return [(record.drive_time_s(alert.received_ns), alert) for alert in record.alerts]


def _max_level_during(record: Record, start_s: float, end_s: float) -> int:
    levels = [alert.level for at_s, alert in _timed_alerts(record) if start_s <= at_s < end_s]
    return max((level for level in levels if level <= ERROR), default=OK)
