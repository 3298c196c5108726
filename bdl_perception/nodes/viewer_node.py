# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Draw the alert into the overlay, for viewers that show images and no diagnostics.

A node of its own: perception_node does not depend on the alert, which depends on it, and
alert_node draws nothing. For people only: a planner reads `alert`.
"""
import sys
import time
from typing import Any, Mapping, NamedTuple

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.nodes import publishers
from bdl_perception.nodes.diagnostics import level_from_message
from bdl_perception.nodes.lifecycle import describe_error, run_node
from bdl_perception.nodes.messages import uint8_image
from bdl_perception.nodes.status import FaultLog
from bdl_perception.perception.colour_bar import draw_banner
from bdl_perception.perception.image_decoding import rgb_from_image
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image

NAME = topics.VIEWER_NODE
MAX_ALERT_AGE_S = 1.0  # ten heartbeats
POLL_S = 0.5  # of the subscribers
COLOURS: Mapping[AlertLevel, tuple[int, int, int]] = {  # rgb
    AlertLevel.OK: (30, 120, 60), AlertLevel.WARN: (165, 105, 0), AlertLevel.ERROR: (185, 30, 30),
    AlertLevel.STALE: (95, 95, 95)}


class ShownAlert(NamedTuple):
    """An alert as it is drawn, and its time of arrival."""

    level: AlertLevel
    text: str
    received_s: float


class ViewerNode(Node):
    """Publishes the overlay with the newest alert while somebody watches."""

    def __init__(self) -> None:
        """Subscribe to the alert; the overlay follows when it is needed."""
        super().__init__(NAME)
        self._alert = ShownAlert(AlertLevel.STALE, '', -MAX_ALERT_AGE_S)
        self._overlay: Subscription | None = None
        self._fault_log = FaultLog(self.get_logger().warning)
        self._publisher = self.create_publisher(
            Image, topics.ALERT_OVERLAY.name, publishers.image_qos())
        self.create_subscription(DiagnosticArray, topics.ALERT_TOPIC.name, self._on_alert,
                                 publishers.alert_subscriber_qos())
        self.create_timer(POLL_S, self._follow_subscribers,
                          clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _follow_subscribers(self) -> None:
        """Read the overlay only while it is drawn: perception_node makes it for subscribers."""
        watched = self._publisher.get_subscription_count() > 0
        if watched and self._overlay is None:
            self._overlay = self.create_subscription(
                Image, topics.OVERLAY.name, self._on_overlay, publishers.camera_qos())
        elif not watched and self._overlay is not None:
            self.destroy_subscription(self._overlay)
            self._overlay = None

    def _on_alert(self, message: DiagnosticArray) -> None:
        try:
            level, text = level_from_message(message), message.status[0].message
        except ValueError as error:
            level, text = AlertLevel.STALE, describe_error(error)
        self._alert = ShownAlert(level, text, time.monotonic())

    def _on_overlay(self, message: Any) -> None:
        try:
            rgb = rgb_from_image(message)
        except ValueError as error:
            self._fault_log.report(f'an overlay cannot be read: {describe_error(error)}')
            return
        level, text = shown_alert(self._alert, time.monotonic())
        drawn = draw_banner(rgb, level.name, text, COLOURS[level])
        self._publisher.publish(uint8_image(drawn, message.header))


def shown_alert(alert: ShownAlert, now_s: float) -> tuple[AlertLevel, str]:
    """Return level and text at a time; no fresh alert is STALE."""
    if now_s - alert.received_s > MAX_ALERT_AGE_S:
        return AlertLevel.STALE, f'no alert for more than {MAX_ALERT_AGE_S:g} s'
    return alert.level, alert.text


def main() -> int:
    """Run the node until a signal arrives."""
    return run_node(NAME, ViewerNode)


if __name__ == '__main__':
    sys.exit(main())
