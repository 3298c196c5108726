# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Play a recorded drive as a camera: images stamped with the current time, and camera_info."""
import sys
from typing import Callable, Iterator

from bdl_perception.drives import open_drive
from bdl_perception.drives.base import Drive, FRAME_ID
from bdl_perception.nodes import publishers
from bdl_perception.nodes.lifecycle import run_node
from bdl_perception.nodes.messages import (
    camera_info_message,
    compressed_topic,
    make_header,
    pixel_buffer,
    uint8_image,
)
from bdl_perception.nodes.ros_parameters import declare_parameters
from bdl_perception.parameters import CameraParameters
from bdl_perception.perception.data_types import Bytes, CameraFrame
import cv2
import numpy as np
import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

NAME = 'camera_node'
SUBSCRIBER_POLL_S = 0.05  # interval of the subscriber count before the start
GAP_TOLERANCE_S = .001  # between a frame's own time and the rate
MAX_GAP_S = 10.0  # between two frames; a longer gap is no time that a camera took
SHUTDOWN_DELAY_S = 0.5  # a process that exits at once would lose its last image


class CameraNode(Node):
    """A camera that plays a recording; `playback_done` completes after the last frame."""

    def __init__(self) -> None:
        """Open the drive and wait for subscribers; ValueError when there is nothing to play."""
        super().__init__(NAME)
        self._settings = declare_parameters(self, CameraParameters)
        if not self._settings.path:
            raise ValueError('parameter path is empty, must name a folder, a video or a bag')
        self._drive = open_drive(self._settings.path)
        self._frames = _drive_frames(self._drive, self._settings.loop)
        self._next_frame = next(self._frames, None)
        if self._next_frame is None:
            raise ValueError(f'{self._settings.path} holds no frames, must hold at least one')
        self._compressed = self._settings.image_transport == 'compressed'
        self._create_publishers()
        self.playback_done: Future = Future()
        # Simulated time may stand still.
        self._steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self.create_timer(
            SUBSCRIBER_POLL_S, self._check_subscribers, clock=self._steady_clock)

    def _create_publishers(self) -> None:
        topic, kind = self._settings.image_topic, Image
        if self._compressed:
            topic, kind = compressed_topic(self, topic), CompressedImage
        self._image_publisher = self.create_publisher(kind, topic, publishers.image_qos())
        self._info_publisher = self.create_publisher(
            CameraInfo, self._settings.camera_info_topic, publishers.image_qos())

    def _restart_timer(self, period_s: float, callback: Callable[[], None]) -> None:
        self.destroy_timer(self._timer)
        self._timer = self.create_timer(period_s, callback, clock=self._steady_clock)

    def _check_subscribers(self) -> None:
        if self._image_publisher.get_subscription_count() >= self._settings.wait_for_subscribers:
            self._restart_timer(self._settings.start_delay_s, self._start_playback)

    def _start_playback(self) -> None:
        rate_hz = self._settings.rate_hz or self._drive.rate_hz
        self.get_logger().info(f'playing {self._drive.name} at {rate_hz:g} frames/s on '
                               f'{self._image_publisher.topic_name}')
        self._due_s = self._steady_s() + 1 / rate_hz
        self._restart_timer(1 / rate_hz, self._publish_next)

    def _steady_s(self) -> float:
        return self._steady_clock.now().nanoseconds / 1e9

    def _publish_next(self) -> None:
        if self._next_frame is None:
            self._restart_timer(SHUTDOWN_DELAY_S, lambda: self.playback_done.set_result(None))
            return
        shown = self._next_frame
        self._publish_frame(shown)
        self._next_frame = next(self._frames, None)  # decoded before the next tick
        if self._next_frame is not None and not self._settings.rate_hz:
            self._follow_stamps(frame_gap_s(shown, self._next_frame, self._drive.rate_hz))

    def _follow_stamps(self, gap_s: float) -> None:
        """Wait for the next frame as the recording did; a constant rate keeps its timer."""
        now_s = self._steady_s()
        self._due_s = max(now_s, self._due_s + gap_s)  # a late frame is not made up for
        if abs(self._timer.timer_period_ns / 1e9 - gap_s) > GAP_TOLERANCE_S:
            self._restart_timer(self._due_s - now_s, self._publish_next)

    def _publish_frame(self, frame: CameraFrame) -> None:
        now_ns = self.get_clock().now().nanoseconds
        header = make_header(now_ns, self._settings.frame_id or optical_frame_id(
            frame.frame_id, self.get_namespace()))
        if frame.camera is not None:
            self._info_publisher.publish(camera_info_message(frame.camera, header))
        image = (_jpeg_image(frame.rgb, self._settings.jpeg_quality, header) if self._compressed
                 else uint8_image(frame.rgb, header))
        self._image_publisher.publish(image)


def optical_frame_id(recorded: str, namespace: str) -> str:
    """Name the optical frame of a recording without one by its camera, the last namespace."""
    camera = namespace.strip('/').rpartition('/')[2]
    return f'{camera}_{FRAME_ID}' if camera and recorded == FRAME_ID else recorded


def frame_gap_s(shown: CameraFrame, following: CameraFrame, rate_hz: float) -> float:
    """
    Return the time between two frames of a recording, s.

    At the start of a loop, and where stamps jump by more than MAX_GAP_S, it is that of the rate.
    """
    gap_s = (following.stamp_ns - shown.stamp_ns) / 1e9
    return gap_s if 0 < gap_s <= MAX_GAP_S else 1 / rate_hz


def _drive_frames(drive: Drive, loop: bool) -> Iterator[CameraFrame]:
    yield from drive
    while loop:
        yield from drive


def _jpeg_image(rgb: Bytes, quality: int, header: Header) -> CompressedImage:
    """Make a JPEG image from rgb (H, W, 3); quality 1 to 100."""
    done, data = cv2.imencode('.jpg', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR),
                              [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f'an image of shape {rgb.shape} cannot be encoded as JPEG')
    return CompressedImage(header=header, format='rgb8; jpeg compressed bgr8',
                           data=pixel_buffer(np.asarray(data, np.uint8)))


def main() -> int:
    """Run the node until the drive ends or a signal arrives."""
    return run_node(
        NAME, CameraNode, lambda node: rclpy.spin_until_future_complete(node, node.playback_done))


if __name__ == '__main__':
    sys.exit(main())
