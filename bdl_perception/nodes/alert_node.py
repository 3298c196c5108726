# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Watches perception_node and says at a fixed rate whether it can be relied on."""
from dataclasses import fields
import sys
import time

from bdl_perception import interface
from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.level import Level
from bdl_perception.alarm.policy import AlertPolicy
from bdl_perception.alarm.status import PerceptionStatus
from bdl_perception.nodes import qos
from bdl_perception.nodes.calibration_file import find_calibration
from bdl_perception.nodes.declare import declare
from bdl_perception.nodes.diagnostics import alert_message
from bdl_perception.nodes.diagnostics import scores_from_message
from bdl_perception.nodes.diagnostics import status_from_message
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
    """Wires scores and status to an AlertMachine, and its state to the alert topic."""

    def __init__(self) -> None:
        """Load the calibration and begin the heartbeat, armed or not."""
        super().__init__(NAME)
        self._settings = declare(self, AlertParameters)
        found = find_calibration(self._settings.calibration)
        if found.calibration is None:
            self.get_logger().error(f'not armed: {found.unarmed}')
        self._machine = AlertMachine(_policy(self._settings), *found)
        self._log = FaultLog(self.get_logger().error)
        self._level: Level | None = None
        self._message: DiagnosticArray | None = None
        self._make_publishers()
        for topic, profile, take in ((interface.SCORES, qos.scores(), self._scores),
                                     (interface.STATUS, qos.status(), self._status)):
            self.create_subscription(DiagnosticArray, topic.name, take, profile)

    def _make_publishers(self) -> None:
        self._alert = self.create_publisher(
            DiagnosticArray, interface.ALERT_TOPIC.name, qos.alert(self._settings.heartbeat_hz))
        self._diagnostics = self.create_publisher(
            DiagnosticArray, interface.DIAGNOSTICS_TOPIC.name, qos.diagnostics())
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still
        self.create_timer(1 / self._settings.heartbeat_hz, self._beat, clock=steady)
        self.create_timer(1 / DIAGNOSTICS_HZ, self._diagnose, clock=steady)

    def _status(self, message: DiagnosticArray) -> None:
        try:
            status = status_from_message(message)
        except ValueError as error:
            status = self._unreadable(error)
        self._machine.status(time.monotonic(), status)

    def _scores(self, message: DiagnosticArray) -> None:
        try:
            scores = scores_from_message(message)
        except ValueError as error:
            self._machine.status(time.monotonic(), self._unreadable(error))
            return
        self._machine.scores(time.monotonic(), scores, self.get_clock().now().nanoseconds)

    def _unreadable(self, error: ValueError) -> PerceptionStatus:
        """Make of a message that cannot be read a status that is never OK."""
        fault = f'sends what cannot be read: {error}'
        self._log.tell(f'perception_node {fault}')
        return PerceptionStatus('unreadable', (fault,))

    def _beat(self) -> None:
        """Say the alert, and assert with it that this very code is alive."""
        state = self._machine.state(time.monotonic())
        self._message = alert_message(
            state, self.get_clock().now().nanoseconds, self._settings.camera)
        self._alert.publish(self._message)
        self._alert.assert_liveliness()
        if state.level != self._level:
            self.get_logger().info(f'{state.level.name}: {self._message.status[0].message}')
            self._level = state.level

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
