# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Watches one or more perception_nodes and says at a fixed rate whether to rely on them."""
from dataclasses import fields
import sys
import time
from typing import Callable

from bdl_perception import topics
from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import (
    AlertLevel,
    AlertPolicy,
    AlertState,
    parse_camera_names,
)
from bdl_perception.nodes import publishers
from bdl_perception.nodes.calibration_file import find_node_calibration
from bdl_perception.nodes.diagnostics import (
    alert_message,
    level_from_message,
    scores_from_message,
    status_from_message,
)
from bdl_perception.nodes.lifecycle import declare_parameters, run_node
from bdl_perception.nodes.status import FaultLog
from bdl_perception.parameters import AlertParameters
from bdl_perception.perception.status import PerceptionStatus
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node


class CameraMonitor:
    """Wires the scores and the status below a namespace to an AlertMachine."""

    def __init__(self, node: Node, namespace: str, machine: AlertMachine,
                 on_fault: Callable[[str], None]) -> None:
        """Subscribe; namespace: relative to the node's own, empty: just that."""
        self._node = node
        self._topic_prefix = f'{namespace}/' if namespace else ''
        self._machine = machine
        self._on_fault = on_fault
        for topic, profile, take in ((topics.SCORES, publishers.scores_qos(), self._on_scores),
                                     (topics.STATUS, publishers.status_qos(), self._on_status)):
            node.create_subscription(DiagnosticArray, f'{self._topic_prefix}{topic.name}', take, profile)

    def state(self) -> AlertState:
        """Judge what has come until now."""
        return self._machine.state(time.monotonic())

    def _on_status(self, message: DiagnosticArray) -> None:
        try:
            status = status_from_message(message)
        except ValueError as error:
            status = self._unreadable_status(error)
        self._machine.update_status(time.monotonic(), status)

    def _on_scores(self, message: DiagnosticArray) -> None:
        try:
            scores = scores_from_message(message)
        except ValueError as error:
            self._machine.update_status(time.monotonic(), self._unreadable_status(error))
            return
        now_ns = self._node.get_clock().now().nanoseconds
        self._machine.update_scores(time.monotonic(), scores, now_ns)

    def _unreadable_status(self, error: ValueError) -> PerceptionStatus:
        """Make of a message that cannot be read a status that is never OK."""
        fault = f'sends what cannot be read: {error}'
        self._on_fault(f'{self._topic_prefix}perception_node {fault}')
        return PerceptionStatus('unreadable', (fault,))


NAME = 'alert_node'
DIAGNOSTICS_RATE_HZ = 5.0  # Autoware calls a diagnostic stale after 1 s


class AlertNode(Node):
    """Gives each camera an AlertMachine, and says what they find on the alert topic."""

    def __init__(self) -> None:
        """Load the calibration and begin the heartbeat, armed or not."""
        super().__init__(NAME)
        self._settings = declare_parameters(self, AlertParameters)
        self._fault_log = FaultLog(self.get_logger().error)
        self._monitors = self._create_monitors()
        self._last_level: AlertLevel | None = None
        self._last_message: DiagnosticArray | None = None
        self._make_publishers()

    def _create_monitors(self) -> dict[str, CameraMonitor]:
        settings, found = self._settings, find_node_calibration(self._settings.calibration)
        if found.calibration is None:
            self.get_logger().error(f'not armed: {found.unarmed}')
        namespaces = {name: name for name in parse_camera_names(settings.cameras)}
        return {camera: CameraMonitor(
                    self, namespace, AlertMachine(_alert_policy(settings), *found.of_camera(camera)),
                    self._fault_log.report)
                for camera, namespace in (namespaces or {settings.camera: ''}).items()}

    def _make_publishers(self) -> None:
        self._alert_publisher = self.create_publisher(
            DiagnosticArray, topics.ALERT_TOPIC.name, publishers.alert_publisher_qos(self._settings.heartbeat_hz))
        self._diagnostics_publisher = self.create_publisher(
            DiagnosticArray, topics.DIAGNOSTICS_TOPIC.name, publishers.diagnostics_qos())
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still
        self.create_timer(1 / self._settings.heartbeat_hz, self._publish_alert, clock=steady)
        self.create_timer(1 / DIAGNOSTICS_RATE_HZ, self._publish_diagnostics, clock=steady)

    def _publish_alert(self) -> None:
        """Say the alert, and assert with it that this very code is alive."""
        states = {camera: watch.state() for camera, watch in self._monitors.items()}
        self._last_message = alert_message(states, self.get_clock().now().nanoseconds)
        self._alert_publisher.publish(self._last_message)
        self._alert_publisher.assert_liveliness()
        level = level_from_message(self._last_message)
        if level != self._last_level:
            self.get_logger().info(f'{level.name}: {self._last_message.status[0].message}')
            self._last_level = level

    def _publish_diagnostics(self) -> None:
        if self._last_message is not None:
            self._diagnostics_publisher.publish(self._last_message)


def _alert_policy(settings: AlertParameters) -> AlertPolicy:
    return AlertPolicy(**{item.name: getattr(settings, item.name)
                          for item in fields(AlertPolicy)})


def main() -> int:
    """Run the node until a signal comes."""
    return run_node(NAME, AlertNode)


if __name__ == '__main__':
    sys.exit(main())
