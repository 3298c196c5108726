# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Plays a recorded drive as a camera would: pictures stamped now, camera_info when it is known."""
import sys
from typing import Callable, Iterator

from bdl_perception.drives import Drive
from bdl_perception.drives import open_drive
from bdl_perception.nodes import qos
from bdl_perception.nodes.declare import declare
from bdl_perception.nodes.messages import byte_image
from bdl_perception.nodes.messages import info_from_camera
from bdl_perception.nodes.messages import jpeg_image
from bdl_perception.nodes.process import run_node
from bdl_perception.nodes.stamps import header
from bdl_perception.parameters import CameraParameters
from bdl_perception.perception.values import CameraFrame
import rclpy
from rclpy.clock import Clock
from rclpy.clock import ClockType
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image

NAME = 'camera_node'
POLL_S = 0.05  # how often subscribers are counted before the start
LINGER_S = 0.5  # a process that ends at once takes its last picture with it


class CameraNode(Node):
    """A camera made of a recording; `ended` is done when the last picture was sent."""

    def __init__(self) -> None:
        """Open the drive and wait for those who shall see it."""
        super().__init__(NAME)
        self._settings = declare(self, CameraParameters)
        if not self._settings.path:
            raise ValueError('parameter path is empty, must name a folder, a video or a bag')
        self._drive = open_drive(self._settings.path)
        self._frames = _frames(self._drive, self._settings.loop)
        self._next = next(self._frames, None)
        if self._next is None:
            raise ValueError(f'{self._settings.path} holds no pictures')
        self._make_publishers()
        self.ended: Future = Future()
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still
        self._timer = self.create_timer(POLL_S, self._wait, clock=self._steady)

    def _make_publishers(self) -> None:
        topic, kind = self._settings.image_topic, Image
        if self._settings.image_transport == 'compressed':
            topic, kind = f'{topic}/compressed', CompressedImage
        self._pictures = self.create_publisher(kind, topic, qos.maps())
        self._infos = self.create_publisher(
            CameraInfo, self._settings.camera_info_topic, qos.maps())

    def _every(self, period_s: float, callback: Callable[[], None]) -> None:
        self.destroy_timer(self._timer)
        self._timer = self.create_timer(period_s, callback, clock=self._steady)

    def _wait(self) -> None:
        if self._pictures.get_subscription_count() >= self._settings.wait_for_subscribers:
            self._every(self._settings.start_delay_s, self._start)

    def _start(self) -> None:
        rate_hz = self._settings.rate_hz or self._drive.rate_hz
        self.get_logger().info(f'playing {self._drive.name} with {rate_hz:g} pictures/s on '
                               f'{self._pictures.topic_name}')
        self._every(1 / rate_hz, self._tick)

    def _tick(self) -> None:
        if self._next is None:
            self._every(LINGER_S, lambda: self.ended.set_result(None))
            return
        self._send(self._next)
        self._next = next(self._frames, None)  # decoded now, so that the next tick is in time

    def _send(self, frame: CameraFrame) -> None:
        now_ns = self.get_clock().now().nanoseconds
        head = header(now_ns, self._settings.frame_id or frame.frame_id)
        if frame.camera is not None:
            self._infos.publish(info_from_camera(frame.camera, head))
        compressed = self._settings.image_transport == 'compressed'
        self._pictures.publish(jpeg_image(frame.rgb, self._settings.jpeg_quality, head)
                               if compressed else byte_image(frame.rgb, head))


def _frames(drive: Drive, loop: bool) -> Iterator[CameraFrame]:
    yield from drive
    while loop:
        yield from drive


def main() -> int:
    """Run the node until the drive ends or a signal comes."""
    return run_node(
        NAME, CameraNode, lambda node: rclpy.spin_until_future_complete(node, node.ended))


if __name__ == '__main__':
    sys.exit(main())
