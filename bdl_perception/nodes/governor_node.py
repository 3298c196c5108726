# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A planner's side of the alert: passes cmd_vel on, slower or not at all when in doubt."""
from dataclasses import fields
import sys
import time
from typing import NamedTuple

from bdl_perception import interface
from bdl_perception.alarm.governor import govern
from bdl_perception.alarm.governor import GovernorPolicy
from bdl_perception.alarm.governor import STOP
from bdl_perception.alarm.governor import Velocity
from bdl_perception.alarm.level import Level
from bdl_perception.nodes import qos
from bdl_perception.nodes.declare import declare
from bdl_perception.nodes.diagnostics import level_from_message
from bdl_perception.nodes.fault_log import FaultLog
from bdl_perception.nodes.process import run_node
from bdl_perception.parameters import GovernorParameters
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Twist
from geometry_msgs.msg import Vector3
from rclpy.clock import Clock
from rclpy.clock import ClockType
from rclpy.node import Node

NAME = 'governor_node'
CMD_VEL = 'cmd_vel'


class Alert(NamedTuple):
    """The last alert, and when it came."""

    level: Level | None = None
    at_s: float = 0.0


class Command(NamedTuple):
    """The last command, and when it came."""

    velocity: Velocity = STOP
    at_s: float = 0.0


class GovernorNode(Node):
    """Wires alert and cmd_vel to govern(); a timer drives it, so that silence stops as well."""

    def __init__(self) -> None:
        """Begin stopped."""
        super().__init__(NAME)
        self._settings = declare(self, GovernorParameters)
        self._policy = GovernorPolicy(**{item.name: getattr(self._settings, item.name)
                                         for item in fields(GovernorPolicy)})
        self._alert = Alert()
        self._command = Command()
        self._log = FaultLog(self.get_logger().warning)
        self._out = self.create_publisher(Twist, interface.CMD_VEL_OUT.name, qos.commands())
        self.create_subscription(DiagnosticArray, interface.ALERT_TOPIC.name, self._hear_alert,
                                 qos.alert_reader())
        self.create_subscription(Twist, CMD_VEL, self._hear_command, qos.commands())
        self.create_timer(1 / self._settings.rate_hz, self._drive,
                          clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _hear_alert(self, message: DiagnosticArray) -> None:
        try:
            self._alert = Alert(level_from_message(message), time.monotonic())
        except ValueError as error:
            self._alert = Alert()
            self._log.tell(f'alert cannot be read: {error}')

    def _hear_command(self, message: Twist) -> None:
        self._command = Command(_velocity(message), time.monotonic())

    def _drive(self) -> None:
        now_s = time.monotonic()
        fresh = now_s - self._command.at_s <= self._settings.max_command_age_s
        command = self._command.velocity if fresh else STOP
        governed = govern(self._policy, command, self._alert.level, now_s - self._alert.at_s)
        if governed.reason:
            self._log.tell(governed.reason)
        self._out.publish(_twist(governed.velocity))


def _velocity(message: Twist) -> Velocity:
    linear, angular = message.linear, message.angular
    return Velocity((linear.x, linear.y, linear.z), (angular.x, angular.y, angular.z))


def _twist(velocity: Velocity) -> Twist:
    (vx, vy, vz), (wx, wy, wz) = velocity
    return Twist(linear=Vector3(x=vx, y=vy, z=vz), angular=Vector3(x=wx, y=wy, z=wz))


def main() -> int:
    """Run the node until a signal comes."""
    return run_node(NAME, GovernorNode)


if __name__ == '__main__':
    sys.exit(main())
