# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What a recorded drive amounts to in numbers, and whether the demonstration kept its promise."""
from dataclasses import dataclass
from typing import Any, Sequence

from bdl_perception.demo.record import AlertEvent, Record
import numpy as np

LEVELS = ('OK', 'WARN', 'ERROR', 'STALE')
ERROR = LEVELS.index('ERROR')
OK = LEVELS.index('OK')
STALE = LEVELS.index('STALE')


@dataclass(frozen=True)
class Segment:
    """A part of the drive that must alarm; s from its first frame."""

    name: str
    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        """Refuse a part that ends before it begins."""
        if not 0 <= self.start_s < self.end_s:
            raise ValueError(f'segment {self.name!r} is {self.start_s} to {self.end_s} s, '
                             f'must begin at 0 or later and end after it begins')


def transitions(record: Record) -> list[tuple[float, AlertEvent]]:
    """List the changes of level, each with s of the drive."""
    changes: list[tuple[float, AlertEvent]] = []
    for alert in record.alerts:
        if not changes or changes[-1][1].level != alert.level:
            changes.append((record.drive_time_s(alert.received_ns), alert))
    return changes


def summarise(record: Record, segments: Sequence[Segment]) -> dict[str, Any]:
    """Give the numbers of summary.json; `failures` is empty when all went as promised."""
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
        'must_alarm': [_segment_result(record, segment) for segment in segments],
        'failures': failures(record, segments),
    }


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
    """Every promise that the drive broke, a sentence each."""
    found = []
    lost = len(set(record.frame_stamps_ns) - set(record.depth_latency_s))
    if not record.frame_stamps_ns:
        found.append('the camera published no frame')
    if lost or record.dropped:
        found.append(f'{lost} of {len(record.frame_stamps_ns)} frames got no depth, '
                     f'{record.dropped} were dropped by perception_node for newer ones; '
                     f'a --rate-hz (make: RATE_HZ) below the {1 / record.frame_interval_s:.3g} that was '
                     f'played asks less of the machine')
    if not any(alert.level == OK for alert in record.alerts) and segments:
        found.append('the alert never said OK, so its silence on the street means nothing')
    for segment in segments:
        found += _segment_failures(record, segment)
    return found + _false_alarms(record, segments)


def _segment_failures(record: Record, segment: Segment) -> list[str]:
    """Find a part without an alert, or with one that has not cleared at the end of the drive."""
    if _max_level_during(record, segment.start_s, segment.end_s) < ERROR:
        return [f'no ERROR during {segment.name} ({segment.start_s} to {segment.end_s} s)']
    after = [alert.level for at_s, alert in _timed_alerts(record) if at_s >= segment.end_s]
    return [] if OK in after else [f'the alert did not clear after {segment.name}']


def _false_alarms(record: Record, segments: Sequence[Segment]) -> list[str]:
    """Find an ERROR that rises where only the trained street is seen."""
    found, last = [], OK  # the last level that was not STALE: an alarm that is held rises once
    for at_s, alert in transitions(record):
        inside = any(part.start_s <= at_s < part.end_s for part in segments)
        if alert.level == ERROR and last != ERROR and at_s >= 0 and not inside:
            found.append(f'ERROR at {at_s:.1f} s, where nothing is strange: {alert.message}')
        last = last if alert.level == STALE else alert.level
    return found if segments else []


def _timed_alerts(record: Record) -> list[tuple[float, AlertEvent]]:
    return [(record.drive_time_s(alert.received_ns), alert) for alert in record.alerts]


def _max_level_during(record: Record, start_s: float, end_s: float) -> int:
    levels = [alert.level for at_s, alert in _timed_alerts(record) if start_s <= at_s < end_s]
    return max((level for level in levels if level <= ERROR), default=OK)
