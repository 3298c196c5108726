# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Monitor one or more perception_nodes and publish the alert level at a fixed rate."""
from pathlib import Path
import sys

from bdl_perception import topics
from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, parse_camera_names
from bdl_perception.alarm.arming import version_rejection
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_warnings import calibration_warnings
from bdl_perception.model_store import load_calibration
from bdl_perception.nodes import publishers
from bdl_perception.nodes.authenticity import IncomingSessions
from bdl_perception.nodes.camera_monitor import CameraMonitor, session_times
from bdl_perception.nodes.diagnostics import alert_message, diagnostics_message, level_from_message
from bdl_perception.nodes.learning import CalibrationFile
from bdl_perception.nodes.lifecycle import run_node
from bdl_perception.nodes.ros_parameters import apply_changes, declare_parameters
from bdl_perception.nodes.status import FaultLog
from bdl_perception.parameters import AlertParameters
from bdl_perception.perception.status import printable_line
from bdl_perception.version import software_version
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

NAME = 'alert_node'
CHECK_RATE_HZ = 25.0  # a level that rises does not wait for the heartbeat
GRAPH_RATE_HZ = 1.0  # of looking who publishes the inputs, and of repeating the challenges
PROGRESS_S = 60.0  # between two log lines on the progress of learning
DIAGNOSTICS_RATE_HZ = 5.0  # Autoware treats a diagnostic as stale after 1 s


class AlertNode(Node):
    """Runs one AlertMachine per camera and publishes their states on the alert topic."""

    def __init__(self) -> None:
        """Load the calibration and start the heartbeat, also when the alarm is not armed."""
        super().__init__(NAME)
        self._settings = declare_parameters(self, AlertParameters)
        self._fault_log = FaultLog(self.get_logger().error)
        self._learned = _start_learning(self._settings)
        if self._settings.learn and self._learned is None:
            self.get_logger().info(f'learn: {self._settings.learn} exists and is used: nothing is '
                                   f'learned')
        self._monitors = self._create_monitors()
        self._last_level: AlertLevel | None = None
        self._last_message: DiagnosticArray | None = None
        self._create_publishers()
        apply_changes(self, self._settings, AlertParameters.policy, self._apply_settings)

    def _apply_settings(self, settings: AlertParameters) -> None:
        """Change the live times."""
        self._settings = settings
        for monitor in self._monitors.values():
            monitor.set_times(settings.policy())

    def _create_monitors(self) -> dict[str, 'CameraMonitor']:
        learned = self._learned
        calibration, unarmed_reason = (None, learned.poll().progress) if learned else (
            _load_calibration(self._settings.learn or self._settings.calibration))
        if calibration is None:
            self.get_logger().error(f'not armed: {unarmed_reason}')
        cameras = parse_camera_names(self._settings.cameras)
        namespaces = {name: name for name in cameras} or {self._settings.camera: ''}
        policy = self._settings.policy()
        monitors = {}
        for camera, namespace in namespaces.items():
            own = calibration.for_camera(camera) if calibration else None
            machine = AlertMachine(policy, own, unarmed_reason)
            sessions = IncomingSessions(*session_times(policy))
            monitors[camera] = CameraMonitor(
                self, namespace, machine, sessions, self._fault_log.report)
            if learned:
                monitors[camera].on_input = learned.add
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
        if self._learned:
            self.create_timer(1 / GRAPH_RATE_HZ, self._update_learning, clock=steady)

    def _update_learning(self) -> None:
        """Report the progress of learning, and arm the alarm when the calibration is written."""
        if self._learned is None:
            return
        calibration, progress = self._learned.poll()
        self.get_logger().info(progress, throttle_duration_sec=PROGRESS_S)
        for camera, monitor in self._monitors.items():
            if calibration is None:
                monitor.machine.set_unarmed_reason(printable_line(progress))
            else:
                monitor.machine = AlertMachine(self._settings.policy(),
                                               calibration.for_camera(camera))
                monitor.on_input = None
        if calibration is not None:
            self._learned = None
            for text in calibration_warnings(calibration):
                self.get_logger().warning(text)

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


def _start_learning(settings: AlertParameters) -> CalibrationFile | None:
    """Start to learn a calibration; None: none is learned, or its file exists and is used."""
    path = Path(settings.learn).expanduser()
    if not settings.learn or path.exists():
        return None
    return CalibrationFile(path, settings.learn_minutes)


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
