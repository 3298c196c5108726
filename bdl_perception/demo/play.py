# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Playback of a drive through the ROS 2 nodes as processes, monitored from outside."""
from dataclasses import dataclass
import json
from pathlib import Path
import time
from typing import Any, Iterator

from bdl_perception.demo.processes import NodeProcess, unexpected_exits
from bdl_perception.demo.summary import LEVELS
from tqdm import tqdm

READY_TIMEOUT_S = 90.0  # for Python and the model to load
DRAIN_S = 3.0  # after the camera's last frame: one more Monte Carlo cycle and heartbeat
POLL_S = 0.1
REQUIRED_SUBSCRIBERS = 2  # perception_node and recorder_node must both get the first frame


@dataclass(frozen=True)
class DemoConfig:
    """Drive, model and output folder of a demonstration."""

    drive: Path
    model: str
    folder: Path
    frames: int | None  # None: unknown
    rate_hz: float  # 0: that of the drive
    calibration: str = ''  # of the alarm; empty: that of the model


class EventReader:
    """Reads the events of recorder_node while it writes them."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet; the file may not exist."""
        self._path = path
        self._offset = 0

    def read_new(self) -> Iterator[dict[str, Any]]:
        """Yield the events that are complete since the last call."""
        if not self._path.exists():
            return
        with self._path.open('rb') as stream:
            stream.seek(self._offset)
            for line in stream:
                if not line.endswith(b'\n'):
                    return  # not complete yet
                self._offset += len(line)
                yield json.loads(line)


def play_drive(config: DemoConfig, environment: dict[str, str]) -> list[str]:
    """
    Play the drive to its end; the record is in config.folder / 'record' afterwards.

    Returns the failures of the processes, a sentence each; empty when there are none.
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
        monitored = [start('alert_node', calibration=config.calibration or config.model),
                     start('perception_node', model=config.model),
                     start('recorder_node', record=record)]
        problems = _wait_until_ready(events, monitored)
        if not problems:
            camera = start('camera_node', path=config.drive, rate_hz=float(config.rate_hz),
                           loop=False, wait_for_subscribers=REQUIRED_SUBSCRIBERS)
            problems = _monitor_playback(events, camera, monitored, config.frames)
    finally:
        ends = [(process.node, process.stop()) for process in reversed(started)]
    return problems + [f'{node} ended with exit code {code} at shutdown'
                       for node, code in ends if code != 0 and not problems]


def _wait_until_ready(events: EventReader, monitored: list[NodeProcess]) -> list[str]:
    """Wait until recorder_node has activated perception_node."""
    print('starting alert_node, perception_node and recorder_node ...', flush=True)
    perception = monitored[1]
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        for event in events.read_new():
            if event['kind'] == 'ready':
                return []
            if event['kind'] == 'refused':
                return [f'perception_node could not be activated; its log {perception.log} '
                        f'ends:\n{perception.log_tail()}']
            _print_level_change(event)
        if exits := unexpected_exits(monitored):
            return exits
        time.sleep(POLL_S)
    return [f'perception_node was not active after {READY_TIMEOUT_S:.0f} s; its log '
            f'{perception.log} ends:\n{perception.log_tail()}']


def _monitor_playback(events: EventReader, camera: NodeProcess, monitored: list[NodeProcess],
                      frames: int | None) -> list[str]:
    """Show frames and alerts until the camera has ended and the last frame is processed."""
    camera_ended_s: float | None = None
    with tqdm(total=frames, unit='frame', desc='driving', mininterval=1.0) as bar:
        while camera_ended_s is None or time.monotonic() < camera_ended_s + DRAIN_S:
            for event in events.read_new():
                bar.update(event['kind'] == 'depth')
                _print_level_change(event, bar)
            if unexpected_exits(monitored) or camera.poll():
                return unexpected_exits(monitored) or unexpected_exits([camera])
            if camera_ended_s is None and camera.poll() == 0:
                camera_ended_s = time.monotonic()
            time.sleep(POLL_S)
    return []


def _print_level_change(event: dict[str, Any], bar: Any = None) -> None:
    """Print an alert whose level has changed."""
    if event['kind'] == 'alert' and event['changed']:
        line = f'  alert: {LEVELS[event["level"]]:5}  {event["message"]}'
        bar.write(line) if bar is not None else print(line, flush=True)
