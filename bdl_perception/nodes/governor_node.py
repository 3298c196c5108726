# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Example of a planner that follows the alert: limit or stop cmd_vel by its level and age."""
import sys
import time
from typing import NamedTuple

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.alarm.governor import govern, STOP, Velocity
from bdl_perception.nodes import publishers
from bdl_perception.nodes.diagnostics import level_from_message
from bdl_perception.nodes.lifecycle import declare_parameters, run_node
from bdl_perception.nodes.status import FaultLog
from bdl_perception.parameters import GovernorParameters
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Twist, Vector3
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

NAME = 'governor_node'
CMD_VEL = 'cmd_vel'


class ReceivedAlert(NamedTuple):
    """The level of the last alert, and its time of arrival."""

    level: AlertLevel | None = None
    received_s: float = 0.0


class ReceivedCommand(NamedTuple):
    """The last velocity command, and its time of arrival."""

    velocity: Velocity = STOP
    received_s: float = 0.0


class GovernorNode(Node):
    """Applies govern() to cmd_vel; a timer publishes, so that missing messages stop the robot."""

    def __init__(self) -> None:
        """Start with a stop command."""
        super().__init__(NAME)
        self._settings = declare_parameters(self, GovernorParameters)
        self._policy = self._settings.policy()
        self._last_alert = ReceivedAlert()
        self._last_command = ReceivedCommand()
        self._fault_log = FaultLog(self.get_logger().warning)
        self._command_publisher = self.create_publisher(
            Twist, topics.CMD_VEL_OUT.name, publishers.command_qos())
        self.create_subscription(DiagnosticArray, topics.ALERT_TOPIC.name, self._on_alert,
                                 publishers.alert_subscriber_qos())
        self.create_subscription(Twist, CMD_VEL, self._on_command, publishers.command_qos())
        self.create_timer(1 / self._settings.rate_hz, self._publish_command,
                          clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _on_alert(self, message: DiagnosticArray) -> None:
        try:
            self._last_alert = ReceivedAlert(level_from_message(message), time.monotonic())
        except ValueError as error:
            self._last_alert = ReceivedAlert()
            self._fault_log.report(f'alert cannot be read: {error}')

    def _on_command(self, message: Twist) -> None:
        self._last_command = ReceivedCommand(_velocity_from_twist(message), time.monotonic())

    def _publish_command(self) -> None:
        now_s = time.monotonic()
        alert_age_s = now_s - self._last_alert.received_s
        fresh = now_s - self._last_command.received_s <= self._settings.max_command_age_s
        command = self._last_command.velocity if fresh else STOP
        governed = govern(self._policy, command, self._last_alert.level, alert_age_s)
        if governed.reason:
            self._fault_log.report(governed.reason)
        self._command_publisher.publish(_twist_from_velocity(governed.velocity))


def _velocity_from_twist(message: Twist) -> Velocity:
    linear, angular = message.linear, message.angular
    return Velocity((linear.x, linear.y, linear.z), (angular.x, angular.y, angular.z))


def _twist_from_velocity(velocity: Velocity) -> Twist:
    (vx, vy, vz), (wx, wy, wz) = velocity
    return Twist(linear=Vector3(x=vx, y=vy, z=vz), angular=Vector3(x=wx, y=wy, z=wz))


def main() -> int:
    """Run the node until a signal arrives."""
    return run_node(NAME, GovernorNode)


if __name__ == '__main__':
    sys.exit(main())
