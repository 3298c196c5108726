# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One camera as alert_node sees it: what its perception_node says, and the alarm made of it."""
import time
from typing import Callable

from bdl_perception import interface
from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.level import AlertState
from bdl_perception.alarm.status import PerceptionStatus
from bdl_perception.nodes import qos
from bdl_perception.nodes.diagnostics import scores_from_message
from bdl_perception.nodes.diagnostics import status_from_message
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node


class CameraWatch:
    """Wires the scores and the status below a namespace to an AlertMachine."""

    def __init__(self, node: Node, namespace: str, machine: AlertMachine,
                 on_fault: Callable[[str], None]) -> None:
        """Subscribe; namespace: relative to the node's own, empty: just that."""
        self._node = node
        self._where = f'{namespace}/' if namespace else ''
        self._machine = machine
        self._on_fault = on_fault
        for topic, profile, take in ((interface.SCORES, qos.scores(), self._scores),
                                     (interface.STATUS, qos.status(), self._status)):
            node.create_subscription(DiagnosticArray, f'{self._where}{topic.name}', take, profile)

    def state(self) -> AlertState:
        """Judge what has come until now."""
        return self._machine.state(time.monotonic())

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
        now_ns = self._node.get_clock().now().nanoseconds
        self._machine.scores(time.monotonic(), scores, now_ns)

    def _unreadable(self, error: ValueError) -> PerceptionStatus:
        """Make of a message that cannot be read a status that is never OK."""
        fault = f'sends what cannot be read: {error}'
        self._on_fault(f'{self._where}perception_node {fault}')
        return PerceptionStatus('unreadable', (fault,))
