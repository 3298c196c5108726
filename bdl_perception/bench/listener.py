# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Hears what a planner would: depth, the epistemic map and the alert; and the status, for its counts.

It keeps numbers only, in memory, and writes them down when it is asked to end. When a message was
published is the middleware's own stamp, so that a late listener is not our lateness.
"""
from functools import partial
import json
from pathlib import Path
import sys
from typing import Any

from bdl_perception import interface
from bdl_perception.bench.plan import read_plan
from bdl_perception.bench.plan import topic
from bdl_perception.nodes import qos
from bdl_perception.nodes.diagnostics import level_from_message
from bdl_perception.nodes.diagnostics import status_from_message
from bdl_perception.nodes.process import run_node
from bdl_perception.nodes.stamps import stamp_to_ns
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import Image

NAME = 'bench_listener'
Notes = list[tuple[int, ...]]


class ListenerNode(Node):
    """Collects (stamp, published) of every map, (published, level) of every alert."""

    def __init__(self) -> None:
        """Subscribe for every camera of the plan."""
        super().__init__(NAME)
        self._plan = read_plan(Path(self.declare_parameter('plan', '').value))
        self._notes: dict[str, dict[str, Notes]] = {
            camera: {'depth': [], 'epistemic': [], 'alert': [], 'status': []}
            for camera in self._plan.cameras}
        for camera, notes in self._notes.items():
            self._listen(camera, notes)

    def destroy_node(self) -> None:
        """Write down what was heard."""
        self._plan.heard.write_text(json.dumps(self._notes), encoding='utf-8')
        super().destroy_node()

    def _listen(self, camera: str, notes: dict[str, Notes]) -> None:
        # As deep as scores are: what this node was too slow for would look like a lost frame.
        for name, wanted in (('depth', interface.DEPTH), ('epistemic', interface.EPISTEMIC)):
            self.create_subscription(Image, topic(camera, wanted.name),
                                     partial(_map, notes[name]), qos.scores())
        self.create_subscription(DiagnosticArray, topic(camera, interface.ALERT_TOPIC.name),
                                 partial(_alert, notes['alert']), qos.alert_reader())
        self.create_subscription(DiagnosticArray, topic(camera, interface.STATUS.name),
                                 partial(_status, notes['status']), qos.status())


def _map(notes: Notes, message: Image, about: dict[str, Any]) -> None:
    notes.append((stamp_to_ns(message.header.stamp), about['source_timestamp']))


def _alert(notes: Notes, message: DiagnosticArray, about: dict[str, Any]) -> None:
    notes.append((about['source_timestamp'], int(level_from_message(message))))


def _status(notes: Notes, message: DiagnosticArray, about: dict[str, Any]) -> None:
    status = status_from_message(message)
    notes.append((about['source_timestamp'], status.frames_in, status.frames_dropped))


def main() -> int:
    """Run the node until a signal comes."""
    return run_node(NAME, ListenerNode)


if __name__ == '__main__':
    sys.exit(main())
