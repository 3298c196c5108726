# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Leads perception_node to the active state and keeps a record of what the topics carry."""
from pathlib import Path
import sys
from typing import Callable

from bdl_perception import interface
from bdl_perception.demo.record import RecordWriter
from bdl_perception.nodes.images import rgb_from_image
from bdl_perception.nodes.process import run_node
from bdl_perception.nodes.stamps import stamp_to_ns
from bdl_perception.perception.classes import colourise
from bdl_perception.perception.colouring import colour_depth
from bdl_perception.perception.colouring import colour_std
from bdl_perception.perception.values import Bytes
from bdl_perception.perception.values import Floats
import cv2
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from rclpy.qos import QoSProfile
from rclpy.qos import ReliabilityPolicy
from rclpy.task import Future
from sensor_msgs.msg import Image

# Reliable and deep: what the nodes published and this one missed would look like their loss.
DEEP = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
LATEST = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE,
                    durability=DurabilityPolicy.TRANSIENT_LOCAL)
STEPS = (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)
PANEL_WIDTH = 320  # px; wider pictures are shrunk, a record is for looking at
JPEG_QUALITY = 90
SPACING_NS = 50_000_000  # drawing every picture of a fast camera would starve what is watched
NAME = 'recorder_node'


class RecorderNode(Node):
    """Writes a record; see demo/record.py for what it holds."""

    def __init__(self) -> None:
        """Subscribe to everything and begin to lead the lifecycle."""
        super().__init__(NAME)
        self._writer = RecordWriter(Path(self.declare_parameter('record', '').value))
        self._level: int | None = None
        self._drawn_ns: dict[str, int] = {}  # panel -> stamp of its last picture
        self._panels()
        for topic, keep in ((interface.SCORES, self._scores), (interface.STATUS, self._status)):
            self.create_subscription(DiagnosticArray, topic.name, keep, DEEP)
        self.create_subscription(DiagnosticArray, interface.ALERT_TOPIC.name, self._alert, LATEST)
        self._change = self.create_client(ChangeState, 'perception_node/change_state')
        self._steps = list(STEPS)
        self._pending: Future | None = None
        self._lifecycle = self.create_timer(0.2, self._lead)

    def destroy_node(self) -> None:
        """Finish the record."""
        self._writer.close()
        super().destroy_node()

    def _panels(self) -> None:
        """Keep every image topic as one panel of the record."""
        def keep(name: str, topic: str, draw: Callable[[Image], Bytes]) -> None:
            self.create_subscription(
                Image, topic, lambda message: self._image(name, message, draw), DEEP)

        keep('camera', 'image', rgb_from_image)
        keep('depth', interface.DEPTH.name, lambda image: colour_depth(_floats(image)))
        keep('aleatoric', interface.ALEATORIC.name, lambda image: colour_std(_floats(image)))
        keep('epistemic', interface.EPISTEMIC.name, lambda image: colour_std(_floats(image)))
        keep('classes', interface.CLASSES.name, lambda image: colourise(_ids(image)))

    def _image(self, panel: str, message: Image, draw: Callable[[Image], Bytes]) -> None:
        now_ns = self.get_clock().now().nanoseconds
        stamp_ns = stamp_to_ns(message.header.stamp)
        self._writer.event(panel, stamp_ns=stamp_ns, latency_s=(now_ns - stamp_ns) / 1e9)
        if stamp_ns - self._drawn_ns.get(panel, 0) >= SPACING_NS:
            self._drawn_ns[panel] = stamp_ns
            self._writer.picture(panel, stamp_ns, _jpeg(draw(message)))

    def _scores(self, message: DiagnosticArray) -> None:
        values = {pair.key: float(pair.value) for pair in message.status[0].values}
        self._writer.event('scores', stamp_ns=stamp_to_ns(message.header.stamp), values=values)

    def _status(self, message: DiagnosticArray) -> None:
        values = {pair.key: pair.value for pair in message.status[0].values}
        self._writer.event('status', dropped=int(values['frames_dropped']))

    def _alert(self, message: DiagnosticArray) -> None:
        status = message.status[0]
        level = status.level[0]
        self._writer.event(
            'alert', received_ns=self.get_clock().now().nanoseconds, level=level,
            message=status.message, values={pair.key: pair.value for pair in status.values},
            changed=level != self._level)
        self._level = level

    def _lead(self) -> None:
        """Ask for the next lifecycle step when the last one was taken."""
        if self._pending is not None:
            if not self._pending.done():
                return
            self._steps.pop(0)
            if not self._pending.result().success:
                self._finish_leading('refused')
                return
            self._pending = None
        if not self._steps:
            self._finish_leading('ready')
        elif self._change.service_is_ready():
            request = ChangeState.Request(transition=Transition(id=self._steps[0]))
            self._pending = self._change.call_async(request)

    def _finish_leading(self, how: str) -> None:
        self._lifecycle.cancel()
        self._writer.event(how)


def _floats(image: Image) -> Floats:
    return np.frombuffer(image.data, '<f4').reshape(image.height, image.width)  # (H, W)


def _ids(image: Image) -> Bytes:
    return np.frombuffer(image.data, np.uint8).reshape(image.height, image.width)  # (H, W)


def _jpeg(rgb: Bytes) -> bytes:
    if rgb.shape[1] > PANEL_WIDTH:
        height = round(rgb.shape[0] * PANEL_WIDTH / rgb.shape[1])
        rgb = cv2.resize(rgb, (PANEL_WIDTH, height),  # type: ignore[assignment]  # any dtype
                         interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ValueError(f'cannot encode a picture of shape {rgb.shape} as JPEG')
    return bytes(data)


def main() -> int:
    """Run the node until a signal comes."""
    return run_node(NAME, RecorderNode)


if __name__ == '__main__':
    sys.exit(main())
