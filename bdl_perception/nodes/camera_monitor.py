# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The inputs of alert_node from one camera: status and scores, checked and passed on."""
from dataclasses import replace
import time
from typing import Callable, TypeVar

from bdl_perception import topics
from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy, AlertState
from bdl_perception.nodes import publishers
from bdl_perception.nodes.authenticity import IncomingSessions
from bdl_perception.nodes.diagnostics import (
    deserialize_diagnostics,
    origin_from_message,
    scores_from_message,
    status_from_message,
)
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import PerceptionStatus, printable_line
from bdl_perception.topics import Topic
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from std_msgs.msg import String

Content = TypeVar('Content')


class CameraMonitor:
    """Passes status and scores of one perception_node to the AlertMachine of its camera."""

    def __init__(self, node: Node, namespace: str, machine: AlertMachine,
                 sessions: IncomingSessions, on_fault: Callable[[str], None]) -> None:
        """
        Subscribe to status and scores.

        namespace: of the perception_node, relative to that of the node; empty: the same one.
        on_fault receives the description of a message that cannot be read, or was replayed.
        """
        self.frame_id = ''  # of the newest scores
        self.machine = machine
        self.on_input: Callable[[Scores | PerceptionStatus], None] | None = None
        self._node = node
        self._sessions = sessions
        self._topic_prefix = f'{namespace}/' if namespace else ''
        self._on_fault = on_fault
        self._challenge_publisher = node.create_publisher(
            String, f'{self._topic_prefix}{topics.CHALLENGE.name}', publishers.latched_qos())
        node.create_subscription(DiagnosticArray, f'{self._topic_prefix}{topics.SCORES.name}',
                                 self._on_scores, publishers.scores_qos(), raw=True)
        node.create_subscription(DiagnosticArray, f'{self._topic_prefix}{topics.STATUS.name}',
                                 self._on_status, publishers.status_qos(), raw=True)
        self.publish_challenge()

    def set_times(self, policy: AlertPolicy) -> None:
        """Change the live times of the policy."""
        self.machine.set_times(policy)
        self._sessions.set_times(*session_times(policy))

    def publish_challenge(self) -> None:
        """Publish the number that status and scores must repeat."""
        self._challenge_publisher.publish(String(data=self._sessions.challenge))

    def update_topics(self) -> None:
        """Look who publishes status and scores."""
        self.machine.update_topics(
            publishers.find_publishers(self._node, f'{self._topic_prefix}{topics.STATUS.name}',
                                       publishers.status_qos()),
            publishers.find_publishers(self._node, f'{self._topic_prefix}{topics.SCORES.name}',
                                       publishers.scores_qos()))

    def state(self) -> AlertState:
        """Compute the alert state at this moment; it is STALE while messages are replayed."""
        now_s = time.monotonic()
        state, rejection = self.machine.state(now_s), self._sessions.rejection(now_s)
        if not rejection:
            return state
        return replace(state, level=AlertLevel.STALE, reasons=(rejection, *state.reasons))

    def _on_status(self, data: bytes) -> None:
        status = self._read(topics.STATUS, data, status_from_message)
        if status is not None:
            self._sessions.status_hz = status.status_hz
            self._update_status(status)

    def _on_scores(self, data: bytes) -> None:
        scores = self._read(topics.SCORES, data, scores_from_message)
        if scores is not None:
            self.frame_id = scores.frame_id
            now_ns = self._node.get_clock().now().nanoseconds
            self.machine.update_scores(time.monotonic(), scores, now_ns)
            if self.on_input:
                self.on_input(scores)

    def _update_status(self, status: PerceptionStatus) -> None:
        self.machine.update_status(time.monotonic(), status)
        if self.on_input:
            self.on_input(status)

    def _read(self, topic: Topic, data: bytes,
              read: Callable[[DiagnosticArray], Content]) -> Content | None:
        """Read a message; None: it cannot be read, which is a fault, or it is not a new one."""
        try:
            message = deserialize_diagnostics(data)
            content, origin = read(message), origin_from_message(message)
        except ValueError as error:
            self._update_status(self._unreadable_status(error))
            return None
        rejection = self._sessions.check(time.monotonic(), topic.name, origin)
        if rejection:
            self._on_fault(f'{self._topic_prefix}perception_node: {rejection}')
            return None
        return content

    def _unreadable_status(self, error: ValueError) -> PerceptionStatus:
        """Report a message that cannot be read as a status with a fault, which is never OK."""
        fault = printable_line(f'message cannot be read: {error}')
        self._on_fault(f'{self._topic_prefix}perception_node: {fault}')
        return PerceptionStatus('unreadable', (fault,))


def session_times(policy: AlertPolicy) -> tuple[float, float]:
    """Return silence_s and hold_s: a session has ended when the alert is STALE from it."""
    return policy.stale_after_s, max(policy.hold_s, policy.stale_after_s)
