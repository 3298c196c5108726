# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Record of a demonstration on disk: panel images and events.

A folder with one JPEG for each panel and stamp (camera/1700000000123456789.jpg ...) and
events.jsonl with one event per line. Each event is flushed at once, so that a crash loses none.
"""
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
import json
from pathlib import Path
from statistics import median
from typing import Any, Mapping

from bdl_perception.alarm.alert_types import AlertLevel, AlertState
from bdl_perception.evaluation.alert_timeline import AlertTimeline

THRESHOLD_PREFIX = 'threshold_'  # of the values of an alert
PANELS = ('camera', 'depth', 'aleatoric', 'epistemic', 'classes')


class RecordWriter:
    """Appends panel images and events to a record."""

    def __init__(self, folder: Path) -> None:
        """Create the folder; FileExistsError when it is not empty."""
        if folder.exists() and any(folder.iterdir()):
            raise FileExistsError(f'{folder} is not empty; remove it or name another folder')
        self.folder = folder
        for panel in PANELS:
            (folder / panel).mkdir(parents=True, exist_ok=True)
        self._events = (folder / 'events.jsonl').open('w', encoding='utf-8')

    def write_panel(self, panel: str, stamp_ns: int, jpeg: bytes) -> None:
        """Write the image of one panel of one frame."""
        (self.folder / panel / f'{stamp_ns}.jpg').write_bytes(jpeg)

    def write_event(self, kind: str, **values: Any) -> None:
        """Append one event; values must be JSON values."""
        self._events.write(json.dumps({'kind': kind, **values}) + '\n')
        self._events.flush()

    def close(self) -> None:
        """Close the file of events."""
        self._events.close()


@dataclass(frozen=True)
class AlertEvent:
    """An alert as received by a subscriber."""

    received_ns: int
    level: int  # diagnostic_msgs: 0 OK, 1 WARN, 2 ERROR, 3 STALE
    message: str
    values: Mapping[str, str] = field(default_factory=dict)  # statistics, thresholds, evidence


@dataclass(frozen=True)
class Record:
    """A record that was read; stamps are those of the camera, in ns."""

    folder: Path
    frame_stamps_ns: tuple[int, ...]  # of all frames that the camera published
    depth_latency_s: Mapping[int, float]  # stamp -> s from the stamp to the arrival of depth
    alerts: tuple[AlertEvent, ...]
    scores: tuple[Mapping[str, float], ...]  # stamp_ns and the scores of one frame or cycle
    dropped: int = 0  # as counted by perception_node
    cycles: int = 0

    @cached_property
    def frame_interval_s(self) -> float:
        """Give the median time between two frames; 0 below two frames."""
        gaps_ns = [after - before for before, after in pairwise(self.frame_stamps_ns)]
        return median(gaps_ns) / 1e9 if gaps_ns else 0.0

    def drive_time_s(self, at_ns: int) -> float:
        """
        Convert a system time to the time of the drive, s; negative before its first frame.

        The time of the drive is counted in frames, so it stops while no frame is published.
        """
        if not self.frame_stamps_ns or at_ns < self.frame_stamps_ns[0]:
            return (at_ns - self.frame_stamps_ns[0]) / 1e9 if self.frame_stamps_ns else at_ns / 1e9
        index = bisect_right(self.frame_stamps_ns, at_ns) - 1
        since_s = (at_ns - self.frame_stamps_ns[index]) / 1e9
        ended = index == len(self.frame_stamps_ns) - 1
        interval_s = self.frame_interval_s
        return index * interval_s + (since_s if ended else min(since_s, interval_s))

    def panel_path(self, panel: str, stamp_ns: int) -> Path:
        """Give the path of a panel of a frame, which may not exist."""
        return self.folder / panel / f'{stamp_ns}.jpg'


def record_timeline(record: Record) -> AlertTimeline:
    """
    Return level and scores of each frame.

    The level is that of the last alert before the next frame: an alert follows its frame.
    """
    scores: dict[int, dict[str, float]] = {}
    for one in record.scores:
        values = {name: value for name, value in one.items() if name not in ('stamp_ns', 'cycle')}
        scores.setdefault(int(one['stamp_ns']), {}).update(values)
    received_ns, timeline = [alert.received_ns for alert in record.alerts], AlertTimeline()
    stamps_ns = record.frame_stamps_ns
    for stamp_ns, next_ns in zip(stamps_ns, (*stamps_ns[1:], 2**62), strict=False):
        index = bisect_right(received_ns, next_ns) - 1
        state = (_alert_state(record.alerts[index]) if index >= 0
                 else AlertState(AlertLevel.STALE, ()))
        timeline.append(stamp_ns, state, scores.get(stamp_ns, {}))
    return timeline


def _alert_state(alert: AlertEvent) -> AlertState:
    thresholds = {key.removeprefix(THRESHOLD_PREFIX): float(value)
                  for key, value in alert.values.items() if key.startswith(THRESHOLD_PREFIX)}
    return AlertState(AlertLevel(alert.level), (alert.message,), thresholds=thresholds)


def read_record(folder: Path) -> Record:
    """Read a record; FileNotFoundError when there is none."""
    lines = (folder / 'events.jsonl').read_text(encoding='utf-8').splitlines()
    events = [json.loads(line) for line in lines]

    def of(kind: str) -> list[dict[str, Any]]:
        return [event for event in events if event['kind'] == kind]

    scores = tuple({'stamp_ns': event['stamp_ns'], **event['values']} for event in of('scores'))
    return Record(
        folder=folder,
        # a depth without recorded camera image is a published frame too
        frame_stamps_ns=tuple(sorted({event['stamp_ns']
                                      for event in [*of('camera'), *of('depth')]})),
        depth_latency_s={event['stamp_ns']: event['latency_s'] for event in of('depth')},
        alerts=tuple(AlertEvent(event['received_ns'], event['level'], event['message'],
                                event['values'])
                     for event in of('alert')),
        scores=scores,
        dropped=max((event['dropped'] for event in of('status')), default=0),
        cycles=sum(1 for event in of('scores') if event['values'].get('cycle', 0) > 0))
