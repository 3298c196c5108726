# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The planner of the rig: commands a velocity, records the alerts and the governed velocities."""
from collections import deque
from dataclasses import dataclass
from functools import partial
from threading import Condition
import time
from typing import Any, Callable

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.nodes import publishers
from bdl_perception.nodes.diagnostics import level_from_message
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Twist, Vector3
from rclpy.context import Context
from rclpy.node import Node
from rclpy.serialization import deserialize_message

NODE_NAME = 'rig'
COMMAND_TOPIC = 'cmd_vel'
COMMAND_PERIOD_S = 0.05
COMMAND_M_S = 1.5
RECORDED_COUNT = 40  # last messages of status and of scores, for a replay


@dataclass(frozen=True)
class AlertRecord:
    """An alert as it arrived."""

    arrival_s: float  # time.monotonic
    level: AlertLevel
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class CommandRecord:
    """A governed velocity as it arrived."""

    arrival_s: float  # time.monotonic
    linear_m_s: float
    angular_rad_s: float


class Listener(Node):
    """Appends to the lists of the rig; all callbacks run in one thread."""

    def __init__(self, context: Context, alerts: list[AlertRecord],
                 commands: list[CommandRecord]) -> None:
        """Subscribe to alert and cmd_vel_out, and command a constant velocity."""
        super().__init__(NODE_NAME, context=context)
        self._alerts, self._commands = alerts, commands
        self._arrived = Condition()
        self.command: Callable[[], Twist | None] = nominal_command  # None: no command is sent
        self.create_subscription(DiagnosticArray, topics.ALERT_TOPIC.name, self._on_alert,
                                 publishers.alert_subscriber_qos())
        self.create_subscription(Twist, topics.CMD_VEL_OUT.name, self._on_command,
                                 publishers.command_qos())
        self._command_publisher = self.create_publisher(Twist, COMMAND_TOPIC,
                                                        publishers.command_qos())
        self._recorded = {topic.name: deque[bytes](maxlen=RECORDED_COUNT)
                          for topic in (topics.STATUS, topics.SCORES)}
        for name, messages in self._recorded.items():
            self.create_subscription(DiagnosticArray, name, partial(_append, messages),
                                     publishers.scores_qos(), raw=True)
        self.create_timer(COMMAND_PERIOD_S, self._publish_command)

    def wait_for(self, predicate: Callable[[AlertRecord], bool], deadline_s: float,
                 since_s: float) -> AlertRecord | None:
        """Wait for the first alert after since_s with predicate(alert); None: none in time."""
        index = len(self._alerts)
        while index and self._alerts[index - 1].arrival_s >= since_s:
            index -= 1
        while True:
            new = self._alerts[index:]
            if found := next((alert for alert in new if predicate(alert)), None):
                return found
            index += len(new)
            if not self._wait_for_count(index + 1, deadline_s):
                return None

    def _wait_for_count(self, count: int, deadline_s: float) -> bool:
        """Wait until there are so many alerts; False: not in time."""
        with self._arrived:
            return self._arrived.wait_for(lambda: len(self._alerts) >= count,
                                          max(0., deadline_s - time.monotonic()))

    def wait_for_command(self, predicate: Callable[[CommandRecord], bool], deadline_s: float,
                         since_s: float) -> CommandRecord | None:
        """Wait for the first governed velocity after since_s with predicate(velocity)."""
        while True:
            found = next((record for record in self._commands[-500:]
                          if record.arrival_s >= since_s and predicate(record)), None)
            if found or time.monotonic() >= deadline_s:
                return found
            time.sleep(COMMAND_PERIOD_S / 5)

    def recorded(self, topic: str) -> list[DiagnosticArray]:
        """Return the last messages of status or scores."""
        recorded = tuple(self._recorded[topic])  # at once: others arrive meanwhile
        return [deserialize_message(data, DiagnosticArray) for data in recorded]

    def _on_alert(self, message: DiagnosticArray) -> None:
        arrival_s = time.monotonic()
        try:
            level = level_from_message(message)
            reasons = tuple(message.status[0].message.split('; '))
        except ValueError as error:  # an injected one
            level, reasons = AlertLevel.STALE, (str(error),)
        record = AlertRecord(arrival_s, level, reasons)
        with self._arrived:
            self._alerts.append(record)
            self._arrived.notify_all()

    def _on_command(self, message: Twist) -> None:
        self._commands.append(CommandRecord(time.monotonic(), message.linear.x,
                                            message.angular.z))

    def _publish_command(self) -> None:
        command: Any = self.command()
        if command is not None:
            self._command_publisher.publish(command)


def _append(messages: 'deque[bytes]', data: bytes) -> None:
    messages.append(data)


def nominal_command() -> Twist:
    """Drive straight on."""
    return Twist(linear=Vector3(x=COMMAND_M_S))
