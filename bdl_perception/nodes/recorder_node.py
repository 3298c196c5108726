# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Activate perception_node and record its topics for the demo."""
from dataclasses import dataclass
from pathlib import Path
import sys
from typing import Any, Callable

from bdl_perception import topics
from bdl_perception.demo.record import RecordWriter
from bdl_perception.nodes.diagnostics import scores_from_message
from bdl_perception.nodes.lifecycle import describe_error, run_node
from bdl_perception.nodes.messages import stamp_to_ns
from bdl_perception.nodes.ros_parameters import declare_parameters
from bdl_perception.nodes.status import FaultLog
from bdl_perception.parameter_spec import parameter, Parameters
from bdl_perception.perception.data_types import Bytes, colourise, Floats
from bdl_perception.perception.image_decoding import rgb_from_image
from bdl_perception.perception.visualization import colour_depth, colour_std
import cv2
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.task import Future
from sensor_msgs.msg import Image

# Reliable and deep: a message that this node misses would count as lost by the others.
RELIABLE_QOS = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
LATCHED_QOS = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE,
                         durability=DurabilityPolicy.TRANSIENT_LOCAL)
STARTUP_TRANSITIONS = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
PANEL_WIDTH = 320  # px; wider images are downscaled
JPEG_QUALITY = 90
MIN_FRAME_INTERVAL_NS = 50_000_000  # drawing more often would slow down the other nodes
NAME = 'recorder_node'


@dataclass(frozen=True)
class RecorderParameters(Parameters):
    """Parameters of recorder_node, which only the demo starts."""

    record: str = parameter('', 'folder of the record')


class RecorderNode(Node):
    """Writes a record; demo/record.py documents its format."""

    def __init__(self) -> None:
        """Subscribe to all topics and start the lifecycle transitions of perception_node."""
        super().__init__(NAME)
        self._writer = RecordWriter(Path(declare_parameters(self, RecorderParameters).record))
        self._last_level: int | None = None
        self._last_drawn_ns: dict[str, int] = {}  # panel -> stamp of its last image
        self._fault_log = FaultLog(self.get_logger().error)
        self._subscribe_panels()
        for topic, callback, qos in ((topics.SCORES, self._on_scores, RELIABLE_QOS),
                                     (topics.STATUS, self._on_status, RELIABLE_QOS),
                                     (topics.ALERT_TOPIC, self._on_alert, LATCHED_QOS)):
            self.create_subscription(
                DiagnosticArray, topic.name, self._tolerant(callback), qos)
        self._change_state_client = self.create_client(ChangeState, 'perception_node/change_state')
        self._remaining_transitions = list(STARTUP_TRANSITIONS)
        self._pending_transition: Future | None = None
        self._lifecycle_timer = self.create_timer(0.2, self._advance_lifecycle)

    def destroy_node(self) -> None:
        """Close the record."""
        self._writer.close()
        super().destroy_node()

    def _subscribe_panels(self) -> None:
        """Record each image topic as one panel."""
        def subscribe(name: str, topic: str, draw: Callable[[Image], Bytes]) -> None:
            self.create_subscription(
                Image, topic,
                self._tolerant(lambda message: self._on_image(name, message, draw)), RELIABLE_QOS)

        subscribe('camera', 'image', rgb_from_image)
        subscribe('depth', topics.DEPTH.name, lambda image: colour_depth(_float_map(image)))
        subscribe('aleatoric', topics.ALEATORIC.name, lambda image: colour_std(_float_map(image)))
        subscribe('epistemic', topics.EPISTEMIC.name, lambda image: colour_std(_float_map(image)))
        subscribe('classes', topics.CLASSES.name, lambda image: colourise(_class_map(image)))

    def _tolerant(self, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        """Log a message that cannot be read; it must not end the record."""
        def record(message: Any) -> None:
            try:
                callback(message)
            except (ValueError, LookupError, cv2.error) as error:
                self._fault_log.report(f'a message was not recorded: {describe_error(error)}')
        return record

    def _on_image(self, panel: str, message: Image, draw: Callable[[Image], Bytes]) -> None:
        now_ns = self.get_clock().now().nanoseconds
        stamp_ns = stamp_to_ns(message.header.stamp)
        self._writer.write_event(panel, stamp_ns=stamp_ns, latency_s=(now_ns - stamp_ns) / 1e9)
        if stamp_ns - self._last_drawn_ns.get(panel, 0) >= MIN_FRAME_INTERVAL_NS:
            self._last_drawn_ns[panel] = stamp_ns
            self._writer.write_panel(panel, stamp_ns, _encode_jpeg(draw(message)))

    def _on_scores(self, message: DiagnosticArray) -> None:
        scores = scores_from_message(message)
        self._writer.write_event('scores', stamp_ns=scores.stamp_ns,
                                 values={**scores.values, 'cycle': scores.cycle})

    def _on_status(self, message: DiagnosticArray) -> None:
        values = {pair.key: pair.value for pair in message.status[0].values}
        self._writer.write_event('status', dropped=int(values['frames_dropped']))

    def _on_alert(self, message: DiagnosticArray) -> None:
        status = message.status[0]
        level = status.level[0]
        self._writer.write_event(
            'alert', received_ns=self.get_clock().now().nanoseconds, level=level,
            message=status.message, values={pair.key: pair.value for pair in status.values},
            changed=level != self._last_level)
        self._last_level = level

    def _advance_lifecycle(self) -> None:
        """Check the pending transition, or request the next one."""
        if self._pending_transition is not None:
            if self._pending_transition.done():
                self._end_transition(self._pending_transition.result().success)
        elif self._change_state_client.service_is_ready():
            request = ChangeState.Request(transition=Transition(id=self._remaining_transitions[0]))
            self._pending_transition = self._change_state_client.call_async(request)

    def _end_transition(self, success: bool) -> None:
        self._remaining_transitions.pop(0)
        self._pending_transition = None
        if not success:
            self._finish_lifecycle('refused')
        elif not self._remaining_transitions:
            self._finish_lifecycle('ready')

    def _finish_lifecycle(self, event: str) -> None:
        self._lifecycle_timer.cancel()
        self._writer.write_event(event)


def _float_map(image: Image) -> Floats:
    return np.frombuffer(image.data, '<f4').reshape(image.height, image.width)  # (H, W)


def _class_map(image: Image) -> Bytes:
    return np.frombuffer(image.data, np.uint8).reshape(image.height, image.width)  # (H, W)


def _encode_jpeg(rgb: Bytes) -> bytes:
    if rgb.shape[1] > PANEL_WIDTH:
        height = round(rgb.shape[0] * PANEL_WIDTH / rgb.shape[1])
        rgb = cv2.resize(rgb, (PANEL_WIDTH, height),  # type: ignore[assignment]  # any dtype
                         interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ValueError(f'an image of shape {rgb.shape} cannot be encoded as JPEG')
    return bytes(data)


def main() -> int:
    """Run the node until a signal arrives."""
    return run_node(NAME, RecorderNode)


if __name__ == '__main__':
    sys.exit(main())
