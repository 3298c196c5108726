# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One drive through the real processes, watched from outside."""
from dataclasses import dataclass
import json
from pathlib import Path
import time
from typing import Any, Iterator

from bdl_perception.demo.processes import NodeProcess, unexpected_exits
from bdl_perception.demo.summary import LEVELS
from tqdm import tqdm

READY_TIMEOUT_S = 90.0  # a slow machine loads python and the model in a few seconds
DRAIN_S = 3.0  # after the camera's last frame: one more Monte Carlo cycle and heartbeat
POLL_S = 0.1
REQUIRED_SUBSCRIBERS = 2  # perception_node and recorder_node must both see the first picture


@dataclass(frozen=True)
class DemoConfig:
    """What to play, with which model, and where the record goes."""

    drive: Path
    model: str
    folder: Path
    frames: int | None  # None: the drive does not say how many it has
    rate_hz: float  # 0: the drive's own


class EventReader:
    """Follows the recorder's list of events while it grows."""

    def __init__(self, path: Path) -> None:
        """Nothing is read until asked; the file need not exist yet."""
        self._path = path
        self._read = 0

    def read_new(self) -> Iterator[dict[str, Any]]:
        """Yield the events that were completed since the last call."""
        if not self._path.exists():
            return
        with self._path.open('rb') as stream:
            stream.seek(self._read)
            for line in stream:
                if not line.endswith(b'\n'):
                    return  # the recorder is writing it just now
                self._read += len(line)
                yield json.loads(line)


def play_drive(config: DemoConfig, environment: dict[str, str]) -> list[str]:
    """
    Play the drive to its end; the record lies in plan.folder / 'record' afterwards.

    Returns what went wrong with the processes, a sentence each.
    """
    logs = config.folder / 'logs'
    logs.mkdir(parents=True, exist_ok=True)
    record = config.folder / 'record'

    started: list[NodeProcess] = []

    def start(node: str, **parameters: object) -> NodeProcess:
        started.append(NodeProcess(node, parameters, logs / f'{node}.log', environment))
        return started[-1]

    events = EventReader(record / 'events.jsonl')
    try:
        watched = [start('alert_node', calibration=config.model),
                   start('perception_node', model=config.model),
                   start('recorder_node', record=record)]
        problems = _wait_until_ready(events, watched)
        if not problems:
            camera = start('camera_node', path=config.drive, rate_hz=float(config.rate_hz),
                           loop=False, wait_for_subscribers=REQUIRED_SUBSCRIBERS)
            problems = _monitor_playback(events, camera, watched, config.frames)
    finally:
        ends = [(process.node, process.stop()) for process in reversed(started)]
    return problems + [f'{node} ended with exit code {code} when it was asked to stop'
                       for node, code in ends if code != 0 and not problems]


def _wait_until_ready(events: EventReader, watched: list[NodeProcess]) -> list[str]:
    """Wait until the recorder has led perception_node to the active state."""
    print('starting alert_node, perception_node and recorder_node ...', flush=True)
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        for event in events.read_new():
            if event['kind'] == 'ready':
                return []
            if event['kind'] == 'refused':
                return [f'perception_node refused to become active; its log {watched[1].log} '
                        f'ends:\n{watched[1].log_tail()}']
            _print_level_change(event)
        if unexpected_exits(watched):
            return unexpected_exits(watched)
        time.sleep(POLL_S)
    return [f'perception_node was not active after {READY_TIMEOUT_S:.0f} s; its log '
            f'{watched[1].log} ends:\n{watched[1].log_tail()}']


def _monitor_playback(events: EventReader, camera: NodeProcess, watched: list[NodeProcess],
           frames: int | None) -> list[str]:
    """Show frames and alerts as they come, until the camera has ended and the rest is drained."""
    last_frame_at: float | None = None
    with tqdm(total=frames, unit='frame', desc='driving', mininterval=1.0) as bar:
        while last_frame_at is None or time.monotonic() < last_frame_at + DRAIN_S:
            for event in events.read_new():
                bar.update(event['kind'] == 'depth')
                _print_level_change(event, bar)
            if unexpected_exits(watched) or camera.poll():
                return unexpected_exits(watched) or unexpected_exits([camera])
            if last_frame_at is None and camera.poll() == 0:
                last_frame_at = time.monotonic()
            time.sleep(POLL_S)
    return []


def _print_level_change(event: dict[str, Any], bar: Any = None) -> None:
    """Print a change of the alert's level."""
    if event['kind'] == 'alert' and event['changed']:
        line = f'  alert: {LEVELS[event["level"]]:5}  {event["message"]}'
        bar.write(line) if bar is not None else print(line, flush=True)
