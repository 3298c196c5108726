# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A ROS 2 node that acts on the alert: python examples/alert_listener_node.py."""
import time

from bdl_perception import AlertLevel
from diagnostic_msgs.msg import DiagnosticArray
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

FRESH_S = .5  # no alert for so long means degrade


class AlertListener(Node):
    """Logs what a planner would do."""

    def __init__(self) -> None:
        """Subscribe with the durability that alert_node offers, so that a late start hears it."""
        super().__init__('alert_listener')
        self._received_s, self._level = float('-inf'), AlertLevel.STALE
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.create_subscription(DiagnosticArray, 'alert', self._on_alert, latched)
        self.create_timer(.1, self._decide)

    def _on_alert(self, message: DiagnosticArray) -> None:
        self._received_s = time.monotonic()  # ROS time may stand still or jump
        self._level = AlertLevel(message.status[0].level[0])  # in Python the level is a bytes

    def _decide(self) -> None:
        fresh = time.monotonic() - self._received_s <= FRESH_S
        level = self._level if fresh else AlertLevel.STALE
        action = 'drive' if level < AlertLevel.ERROR else 'degrade'
        self.get_logger().info(f'{level.name}: {action}', throttle_duration_sec=1.)


def main() -> None:
    """Run until the process is asked to stop."""
    rclpy.init()
    try:
        rclpy.spin(AlertListener())
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == '__main__':
    main()
