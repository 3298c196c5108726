# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Activate perception_node and record its topics for the demo.

The record has small images and events for the sheet and the video. The bag beside it has the
messages themselves.
"""
from dataclasses import dataclass
from pathlib import Path
import struct
import sys
from typing import Any, Callable

from bdl_perception import topics
from bdl_perception.demo.record import RecordWriter
from bdl_perception.drives.topic_recording import (
    CAMERA_TOPIC,
    header_stamp_ns,
    MAP_TOPICS,
    MapThinning,
    SCALAR_TOPICS,
    TopicRecorder,
)
from bdl_perception.nodes.diagnostics import scores_from_message
from bdl_perception.nodes.lifecycle import describe_error, run_node
from bdl_perception.nodes.messages import stamp_to_ns
from bdl_perception.nodes.publishers import MESSAGE_TYPES
from bdl_perception.nodes.ros_parameters import declare_parameters
from bdl_perception.nodes.status import FaultLog
from bdl_perception.parameter_spec import parameter, Parameters
from bdl_perception.perception.data_types import Bytes, colourise, Floats
from bdl_perception.perception.image_decoding import rgb_from_image
from bdl_perception.perception.panels import encode_jpeg
from bdl_perception.perception.visualization import colour_depth, colour_std
import cv2
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from rclpy.task import Future
from sensor_msgs.msg import Image

# Reliable and deep: a message that this node misses would count as lost by the others.
RELIABLE_QOS = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
LATCHED_QOS = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE,
                         durability=DurabilityPolicy.TRANSIENT_LOCAL)
STARTUP_TRANSITIONS = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
PANEL_WIDTH = 320  # px; wider images are downscaled
JPEG_QUALITY = BAG_JPEG_QUALITY = 90
BAG_NAME = 'recording'
MIN_FRAME_INTERVAL_NS = 50_000_000  # drawing more often would slow down the other nodes
NAME = 'recorder_node'


@dataclass(frozen=True)
class RecorderParameters(Parameters):
    """Parameters of recorder_node, which only the demo starts."""

    record: str = parameter('', 'folder of the record; the bag is beside it')
    maps_hz: float = parameter(1., 'recorded maps per second; 0: all', 'Hz', 0, 1000)


class RecorderNode(Node):
    """Writes a record; demo/record.py documents its format."""

    def __init__(self) -> None:
        """Subscribe to the topics and start the lifecycle transitions of perception_node."""
        super().__init__(NAME)
        settings = declare_parameters(self, RecorderParameters)
        record = Path(settings.record)
        self._writer = RecordWriter(record)
        self._bag = TopicRecorder(record.with_name(BAG_NAME))
        self._last_level: int | None = None
        self._last_drawn_ns: dict[str, int] = {}  # panel -> stamp of its last image
        self._fault_log = FaultLog(self.get_logger().error)
        self._subscribe(settings.maps_hz)
        self._change_state_client = self.create_client(ChangeState, 'perception_node/change_state')
        self._remaining_transitions = list(STARTUP_TRANSITIONS)
        self._pending_transition: Future | None = None
        self._lifecycle_timer = self.create_timer(0.2, self._advance_lifecycle)

    def destroy_node(self) -> None:
        """Close the record and the bag."""
        self._writer.close()
        self._bag.close()
        super().destroy_node()

    def _subscribe(self, maps_hz: float) -> None:
        """Record every topic in the bag, and some of them in the record."""
        def draw(panel: str, paint: Callable[[Any], Bytes]) -> Callable[[Any], None]:
            return lambda message: self._on_image(panel, message, paint)

        readers: dict[str, Callable[[Any], None]] = {
            topics.DEPTH.name: draw('depth', lambda image: colour_depth(_float_map(image))),
            topics.ALEATORIC.name: draw('aleatoric', lambda image: colour_std(_float_map(image))),
            topics.EPISTEMIC.name: draw('epistemic', lambda image: colour_std(_float_map(image))),
            topics.CLASSES.name: draw('classes', lambda image: colourise(_class_map(image))),
            topics.SCORES.name: self._on_scores, topics.STATUS.name: self._on_status,
            topics.ALERT_TOPIC.name: self._on_alert}
        for topic in (*MAP_TOPICS, *SCALAR_TOPICS):
            thinning = MapThinning(maps_hz if topic in MAP_TOPICS else 0)
            qos = LATCHED_QOS if topic == topics.ALERT_TOPIC else RELIABLE_QOS
            self._subscribe_serialized(topic.name, topic.type, qos, thinning,
                                       readers.get(topic.name))
        self._subscribe_serialized('camera_info', topics.CAMERA_INFO_TYPE, RELIABLE_QOS,
                                   MapThinning(0), None)
        self.create_subscription(Image, 'image', self._tolerant(self._on_camera), RELIABLE_QOS)

    def _subscribe_serialized(self, name: str, kind: str, qos: QoSProfile, thinning: MapThinning,
                              read: Callable[[Any], None] | None) -> None:
        message_type = MESSAGE_TYPES[kind]

        def on_data(data: bytes) -> None:
            if thinning.due(header_stamp_ns(data)):
                self._bag.write_serialized(name, kind, self._now_ns(), data)
            if read is not None:
                read(deserialize_message(data, message_type))
        self.create_subscription(message_type, name, self._tolerant(on_data), qos, raw=True)

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _on_camera(self, message: Image) -> None:
        """Record a frame in the record, and as JPEG in the bag: raw images need much space."""
        rgb = rgb_from_image(message)
        self._on_image('camera', message, lambda _: rgb)
        jpeg = encode_jpeg(rgb, BAG_JPEG_QUALITY)
        stamp_ns = stamp_to_ns(message.header.stamp)
        self._bag.write_jpeg(CAMERA_TOPIC, stamp_ns, message.header.frame_id, jpeg)

    def _tolerant(self, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        """Log a message that cannot be read; it must not end the record."""
        def record(message: Any) -> None:
            try:
                callback(message)
            except (ValueError, LookupError, RuntimeError, struct.error, cv2.error) as error:
                self._fault_log.report(f'a message was not recorded: {describe_error(error)}')
        return record

    def _on_image(self, panel: str, message: Image, draw: Callable[[Image], Bytes]) -> None:
        now_ns = self.get_clock().now().nanoseconds
        stamp_ns = stamp_to_ns(message.header.stamp)
        self._writer.write_event(panel, stamp_ns=stamp_ns, latency_s=(now_ns - stamp_ns) / 1e9)
        if stamp_ns - self._last_drawn_ns.get(panel, 0) >= MIN_FRAME_INTERVAL_NS:
            self._last_drawn_ns[panel] = stamp_ns
            self._writer.write_panel(panel, stamp_ns,
                                     encode_jpeg(draw(message), JPEG_QUALITY, PANEL_WIDTH))

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


def main() -> int:
    """Run the node until a signal arrives."""
    return run_node(NAME, RecorderNode)


if __name__ == '__main__':
    sys.exit(main())
