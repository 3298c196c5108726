# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Monitor one or more perception_nodes and publish the alert level at a fixed rate."""
from dataclasses import replace
import sys
import time
from typing import Callable, TypeVar

from bdl_perception import topics
from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import (
    AlertLevel,
    AlertPolicy,
    AlertState,
    parse_camera_names,
)
from bdl_perception.alarm.arming import version_rejection
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.model_store import load_calibration
from bdl_perception.nodes import publishers
from bdl_perception.nodes.authenticity import IncomingSessions
from bdl_perception.nodes.diagnostics import (
    alert_message,
    deserialize_diagnostics,
    diagnostics_message,
    level_from_message,
    origin_from_message,
    scores_from_message,
    status_from_message,
)
from bdl_perception.nodes.lifecycle import run_node
from bdl_perception.nodes.ros_parameters import apply_changes, declare_parameters
from bdl_perception.nodes.status import FaultLog
from bdl_perception.parameters import AlertParameters
from bdl_perception.perception.status import PerceptionStatus, printable_line
from bdl_perception.topics import Topic
from bdl_perception.version import software_version
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_msgs.msg import String

NAME = 'alert_node'
CHECK_RATE_HZ = 25.0  # a level that rises does not wait for the heartbeat
GRAPH_RATE_HZ = 1.0  # of looking who publishes the inputs, and of repeating the challenges
DIAGNOSTICS_RATE_HZ = 5.0  # Autoware treats a diagnostic as stale after 1 s
Content = TypeVar('Content')


class AlertNode(Node):
    """Runs one AlertMachine per camera and publishes their states on the alert topic."""

    def __init__(self) -> None:
        """Load the calibration and start the heartbeat, also when the alarm is not armed."""
        super().__init__(NAME)
        self._settings = declare_parameters(self, AlertParameters)
        self._fault_log = FaultLog(self.get_logger().error)
        self._monitors = self._create_monitors()
        self._last_level: AlertLevel | None = None
        self._last_message: DiagnosticArray | None = None
        self._create_publishers()
        apply_changes(self, self._settings, AlertParameters.policy, self._apply_settings)

    def _apply_settings(self, settings: AlertParameters) -> None:
        """Change the live times."""
        for monitor in self._monitors.values():
            monitor.set_times(settings.policy())

    def _create_monitors(self) -> dict[str, 'CameraMonitor']:
        calibration, unarmed_reason = _load_calibration(self._settings.calibration)
        if calibration is None:
            self.get_logger().error(f'not armed: {unarmed_reason}')
        cameras = parse_camera_names(self._settings.cameras)
        namespaces = {name: name for name in cameras} or {self._settings.camera: ''}
        policy = self._settings.policy()
        monitors = {}
        for camera, namespace in namespaces.items():
            own = calibration.for_camera(camera) if calibration else None
            machine = AlertMachine(policy, own, unarmed_reason)
            sessions = IncomingSessions(*_session_times(policy))
            monitors[camera] = CameraMonitor(
                self, namespace, machine, sessions, self._fault_log.report)
        return monitors

    def _create_publishers(self) -> None:
        heartbeat_hz = self._settings.heartbeat_hz
        self._alert_publisher = self.create_publisher(
            DiagnosticArray, topics.ALERT_TOPIC.name, publishers.alert_publisher_qos(heartbeat_hz))
        self._diagnostics_publisher = self.create_publisher(
            DiagnosticArray, topics.DIAGNOSTICS_TOPIC.name, publishers.diagnostics_qos())
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still
        self.create_timer(1 / heartbeat_hz, self._publish_alert, clock=steady)
        self.create_timer(1 / DIAGNOSTICS_RATE_HZ, self._publish_diagnostics, clock=steady)
        self.create_timer(1 / GRAPH_RATE_HZ, self._update_topics, clock=steady)
        self.create_timer(1 / CHECK_RATE_HZ, self._publish_rise, clock=steady)

    def _update_topics(self) -> None:
        for monitor in self._monitors.values():
            monitor.update_topics()
            monitor.publish_challenge()

    def _publish_alert(self) -> None:
        """Publish the alert and assert the liveliness of this node."""
        states = {camera: monitor.state() for camera, monitor in self._monitors.items()}
        self._last_message = alert_message(
            states, self.get_clock().now().nanoseconds, self._common_frame_id())
        self._alert_publisher.publish(self._last_message)
        self._alert_publisher.assert_liveliness()
        self._log_level_change(self._last_message)

    def _common_frame_id(self) -> str:
        """Return the frame_id of the images; empty if those of several cameras differ."""
        found = {monitor.frame_id for monitor in self._monitors.values()}
        return found.pop() if len(found) == 1 else ''

    def _publish_rise(self) -> None:
        level = max(monitor.state().level for monitor in self._monitors.values())
        if self._last_level is not None and level > self._last_level:
            self._publish_alert()

    def _log_level_change(self, message: DiagnosticArray) -> None:
        level = level_from_message(message)
        if level != self._last_level:
            text = f'{level.name}: {message.status[0].message}'
            logger = self.get_logger()
            if level == AlertLevel.OK:  # rclpy allows one severity for each line of code
                logger.info(text)
            elif level == AlertLevel.WARN:
                logger.warning(text)
            else:
                logger.error(text)
            self._last_level = level

    def _publish_diagnostics(self) -> None:
        if self._last_message is not None:
            self._diagnostics_publisher.publish(
                diagnostics_message(self._last_message, self.get_fully_qualified_name()))


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
        self._node = node
        self._sessions = sessions
        self._topic_prefix = f'{namespace}/' if namespace else ''
        self._machine = machine
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
        self._machine.set_times(policy)
        self._sessions.set_times(*_session_times(policy))

    def publish_challenge(self) -> None:
        """Publish the number that status and scores must repeat."""
        self._challenge_publisher.publish(String(data=self._sessions.challenge))

    def update_topics(self) -> None:
        """Look who publishes status and scores."""
        self._machine.update_topics(
            publishers.find_publishers(self._node, f'{self._topic_prefix}{topics.STATUS.name}',
                                       publishers.status_qos()),
            publishers.find_publishers(self._node, f'{self._topic_prefix}{topics.SCORES.name}',
                                       publishers.scores_qos()))

    def state(self) -> AlertState:
        """Compute the alert state at this moment; it is STALE while messages are replayed."""
        now_s = time.monotonic()
        state, rejection = self._machine.state(now_s), self._sessions.rejection(now_s)
        if not rejection:
            return state
        return replace(state, level=AlertLevel.STALE, reasons=(rejection, *state.reasons))

    def _on_status(self, data: bytes) -> None:
        status = self._read(topics.STATUS, data, status_from_message)
        if status is not None:
            self._sessions.status_hz = status.status_hz
            self._machine.update_status(time.monotonic(), status)

    def _on_scores(self, data: bytes) -> None:
        scores = self._read(topics.SCORES, data, scores_from_message)
        if scores is not None:
            self.frame_id = scores.frame_id
            now_ns = self._node.get_clock().now().nanoseconds
            self._machine.update_scores(time.monotonic(), scores, now_ns)

    def _read(self, topic: Topic, data: bytes,
              read: Callable[[DiagnosticArray], Content]) -> Content | None:
        """Read a message; None: it cannot be read, which is a fault, or it is not a new one."""
        try:
            message = deserialize_diagnostics(data)
            content, origin = read(message), origin_from_message(message)
        except ValueError as error:
            self._machine.update_status(time.monotonic(), self._unreadable_status(error))
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


def _session_times(policy: AlertPolicy) -> tuple[float, float]:
    """Return silence_s and hold_s: a session has ended when the alert is STALE from it."""
    return policy.stale_after_s, max(policy.hold_s, policy.stale_after_s)


def _load_calibration(source: str) -> tuple[Calibration | None, str]:
    """Load the calibration of this version, or return the reason why there is none."""
    try:
        calibration = load_calibration(source)
        rejection = version_rejection(calibration.provenance.software_version, software_version())
    except ValueError as error:
        calibration, rejection = None, str(error)
    if rejection:
        return None, printable_line(f'calibration {source!r} cannot be used: {rejection}')
    return calibration, ''


def main() -> int:
    """Run the node until a signal arrives."""
    return run_node(NAME, AlertNode)


if __name__ == '__main__':
    sys.exit(main())
