# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Watches one or more perception_nodes and says at a fixed rate whether to rely on them."""
from dataclasses import fields
import sys

from bdl_perception import interface
from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.cameras import camera_names
from bdl_perception.alarm.level import Level
from bdl_perception.alarm.policy import AlertPolicy
from bdl_perception.nodes import qos
from bdl_perception.nodes.calibration_file import find_calibration
from bdl_perception.nodes.camera_watch import CameraWatch
from bdl_perception.nodes.declare import declare
from bdl_perception.nodes.diagnostics import alert_message
from bdl_perception.nodes.diagnostics import level_from_message
from bdl_perception.nodes.fault_log import FaultLog
from bdl_perception.nodes.process import run_node
from bdl_perception.parameters import AlertParameters
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock
from rclpy.clock import ClockType
from rclpy.node import Node

NAME = 'alert_node'
DIAGNOSTICS_HZ = 5.0  # Autoware calls a diagnostic stale after 1 s


class AlertNode(Node):
    """Gives each camera an AlertMachine, and says what they find on the alert topic."""

    def __init__(self) -> None:
        """Load the calibration and begin the heartbeat, armed or not."""
        super().__init__(NAME)
        self._settings = declare(self, AlertParameters)
        self._log = FaultLog(self.get_logger().error)
        self._watches = self._watch_cameras()
        self._level: Level | None = None
        self._message: DiagnosticArray | None = None
        self._make_publishers()

    def _watch_cameras(self) -> dict[str, CameraWatch]:
        settings, found = self._settings, find_calibration(self._settings.calibration)
        if found.calibration is None:
            self.get_logger().error(f'not armed: {found.unarmed}')
        namespaces = {name: name for name in camera_names(settings.cameras)}
        return {camera: CameraWatch(
                    self, namespace, AlertMachine(_policy(settings), *found.of_camera(camera)),
                    self._log.tell)
                for camera, namespace in (namespaces or {settings.camera: ''}).items()}

    def _make_publishers(self) -> None:
        self._alert = self.create_publisher(
            DiagnosticArray, interface.ALERT_TOPIC.name, qos.alert(self._settings.heartbeat_hz))
        self._diagnostics = self.create_publisher(
            DiagnosticArray, interface.DIAGNOSTICS_TOPIC.name, qos.diagnostics())
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still
        self.create_timer(1 / self._settings.heartbeat_hz, self._beat, clock=steady)
        self.create_timer(1 / DIAGNOSTICS_HZ, self._diagnose, clock=steady)

    def _beat(self) -> None:
        """Say the alert, and assert with it that this very code is alive."""
        states = {camera: watch.state() for camera, watch in self._watches.items()}
        self._message = alert_message(states, self.get_clock().now().nanoseconds)
        self._alert.publish(self._message)
        self._alert.assert_liveliness()
        level = level_from_message(self._message)
        if level != self._level:
            self.get_logger().info(f'{level.name}: {self._message.status[0].message}')
            self._level = level

    def _diagnose(self) -> None:
        if self._message is not None:
            self._diagnostics.publish(self._message)


def _policy(settings: AlertParameters) -> AlertPolicy:
    return AlertPolicy(**{item.name: getattr(settings, item.name)
                          for item in fields(AlertPolicy)})


def main() -> int:
    """Run the node until a signal comes."""
    return run_node(NAME, AlertNode)


if __name__ == '__main__':
    sys.exit(main())
