# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Listener node: records what a planner receives (depth, epistemic map, alert) and the status.

It records numbers in memory only and writes them at shutdown. The time of publication is the
middleware's own stamp, so that a slow listener does not add to the measured latency.
"""
from functools import partial
import json
from pathlib import Path
import sys
from typing import Any

from bdl_perception import topics
from bdl_perception.bench.camera_trace import read_plan, RECEIVED_KEYS, topic_name
from bdl_perception.nodes import publishers
from bdl_perception.nodes.diagnostics import level_from_message, status_from_message
from bdl_perception.nodes.lifecycle import run_node
from bdl_perception.nodes.messages import stamp_to_ns
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import Image

NODE_NAME = 'bench_listener'
Records = list[tuple[int, ...]]


class ListenerNode(Node):
    """Collects (stamp, published) of every map and (published, level) of every alert."""

    def __init__(self) -> None:
        """Read the plan and subscribe for each of its cameras."""
        super().__init__(NODE_NAME)
        self._plan = read_plan(Path(self.declare_parameter('plan', '').value))
        self._records: dict[str, dict[str, Records]] = {
            camera: {key: [] for key in RECEIVED_KEYS} for camera in self._plan.cameras}
        for camera, records in self._records.items():
            self._subscribe_camera(camera, records)

    def destroy_node(self) -> None:
        """Write the records."""
        self._plan.received_path.write_text(json.dumps(self._records), encoding='utf-8')
        super().destroy_node()

    def _subscribe_camera(self, camera: str, records: dict[str, Records]) -> None:
        # The deep queue of scores: a message that this node drops would count as a lost frame.
        for key, topic in (('depth', topics.DEPTH), ('epistemic', topics.EPISTEMIC)):
            self.create_subscription(Image, topic_name(camera, topic.name),
                                     partial(_on_map, records[key]), publishers.scores_qos())
        self.create_subscription(DiagnosticArray, topic_name(camera, topics.ALERT_TOPIC.name),
                                 partial(_on_alert, records['alert']),
                                 publishers.alert_subscriber_qos())
        self.create_subscription(DiagnosticArray, topic_name(camera, topics.STATUS.name),
                                 partial(_on_status, records['status']), publishers.status_qos())


def _on_map(records: Records, message: Image, message_info: dict[str, Any]) -> None:
    records.append((stamp_to_ns(message.header.stamp), message_info['source_timestamp']))


def _on_alert(records: Records, message: DiagnosticArray, message_info: dict[str, Any]) -> None:
    records.append((message_info['source_timestamp'], int(level_from_message(message))))


def _on_status(records: Records, message: DiagnosticArray, message_info: dict[str, Any]) -> None:
    status = status_from_message(message)
    records.append((message_info['source_timestamp'], status.frames_in, status.frames_dropped))


def main() -> int:
    """Run the node until a signal ends it."""
    return run_node(NODE_NAME, ListenerNode)


if __name__ == '__main__':
    sys.exit(main())
