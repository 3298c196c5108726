# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Camera node with an exact rate and low cost: all frames are decoded before the first is sent.

Frames are those of the bundled drive at 640x384 px. Several cameras are one process that sends the
same frame in each namespace at the same time, as a rig with a common trigger does. That is the
worst case for the nodes that process them.
"""
from itertools import cycle, takewhile
import json
from pathlib import Path
import sys
import time
from typing import Iterator

from bdl_perception.bench.camera_trace import NOMINAL, OOD, Plan, read_plan, topic_name
from bdl_perception.drives import BUNDLED_VIDEO, open_drive
from bdl_perception.nodes import publishers
from bdl_perception.nodes.lifecycle import run_node
from bdl_perception.nodes.messages import camera_info_message, make_header, uint8_image
from bdl_perception.perception.data_types import Bytes, PinholeCamera
import cv2
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

NODE_NAME = 'bench_camera'
FRAME_ID = 'camera'
SUBSCRIBER_TIMEOUT_S = 90.0  # for every camera to have a subscriber
DISCOVERY_DELAY_S = 1.0  # after that, until the subscriber has discovered the publisher too
SHUTDOWN_DELAY_S = 0.5  # a process that ends at once loses its last message
FIELD_OF_VIEW_RAD = 1.0472  # 60 degrees horizontally, as in the bundled drive
WIDTH, HEIGHT = 640, 384  # px; the drive has 480x288, the same aspect ratio
# s of the drive: sun, dense fog. More frames are sent than these, so they repeat.
SEGMENTS_S = {NOMINAL: (1.0, 7.0), OOD: (18.0, 22.0)}


class BenchCameraNode(Node):
    """Sends the frames of a plan and records the stamp of each."""

    def __init__(self) -> None:
        """Read the plan and convert all frames to messages."""
        super().__init__(NODE_NAME)
        self._plan = read_plan(Path(self.declare_parameter('plan', '').value))
        self._messages = _load_messages(self._plan)
        qos = publishers.image_qos()
        self._image_publishers = [self.create_publisher(Image, topic_name(camera, 'image'), qos)
                                  for camera in self._plan.cameras]
        self._info_publishers = [
            self.create_publisher(CameraInfo, topic_name(camera, 'camera_info'), qos)
            for camera in self._plan.cameras]

    def play(self) -> None:
        """Wait for subscribers, send all frames, write their stamps."""
        self._wait_for_subscribers()
        sent: list[tuple[int, str]] = []
        next_s = time.monotonic()
        for kind, message in self._planned_messages():
            time.sleep(max(0.0, next_s - time.monotonic()))
            if not self.context.ok():
                return
            sent.append((self._publish_frame(message), kind))
            next_s = max(next_s, time.monotonic() - 1) + 1 / self._plan.rate_hz
        self._plan.sent_path.write_text(json.dumps(sent), encoding='utf-8')
        time.sleep(SHUTDOWN_DELAY_S)

    def _planned_messages(self) -> Iterator[tuple[str, Image]]:
        for scene in self._plan.scenes:
            for _, message in zip(range(scene.frames), cycle(self._messages[scene.condition])):
                yield scene.kind, message

    def _publish_frame(self, message: Image) -> int:
        """Publish one frame in every namespace; returns its stamp in ns."""
        now_ns = self.get_clock().now().nanoseconds
        message.header = make_header(now_ns, FRAME_ID)
        info = camera_info_message(_pinhole_camera(message.width, message.height), message.header)
        for infos, images in zip(self._info_publishers, self._image_publishers, strict=True):
            infos.publish(info)
            images.publish(message)
        return int(now_ns)

    def _wait_for_subscribers(self) -> None:
        deadline_s = time.monotonic() + SUBSCRIBER_TIMEOUT_S
        while not all(publisher.get_subscription_count() for publisher in self._image_publishers):
            if time.monotonic() > deadline_s:
                raise RuntimeError(f'a camera had no subscriber for {SUBSCRIBER_TIMEOUT_S:.0f} s')
            time.sleep(0.05)
        time.sleep(DISCOVERY_DELAY_S)


def _load_messages(plan: Plan) -> dict[str, list[Image]]:
    with np.load(plan.frames_path) as parts:
        return {condition: [uint8_image(rgb, make_header(0, FRAME_ID)) for rgb in parts[condition]]
                for condition in {scene.condition for scene in plan.scenes}}


def _pinhole_camera(width: int, height: int) -> PinholeCamera:
    focal_px = width / 2 / np.tan(FIELD_OF_VIEW_RAD / 2)
    return PinholeCamera(width, height, focal_px, focal_px, (width - 1) / 2, (height - 1) / 2)


def write_frames(path: Path) -> None:
    """Write an .npz with rgb (N, HEIGHT, WIDTH, 3) of each condition of the bundled drive."""
    drive = open_drive(BUNDLED_VIDEO)
    parts: dict[str, list[Bytes]] = {name: [] for name in SEGMENTS_S}
    last_ns = max(end_s for _, end_s in SEGMENTS_S.values()) * 1e9
    for frame in takewhile(lambda frame: frame.stamp_ns < last_ns, drive):
        for name, (begin_s, end_s) in SEGMENTS_S.items():
            if begin_s <= frame.stamp_ns / 1e9 < end_s:
                parts[name].append(resize_frame(frame.rgb))
    np.savez(path, nominal=np.stack(parts[NOMINAL]), ood=np.stack(parts[OOD]))


def resize_frame(rgb: Bytes) -> Bytes:
    """Resize a frame to (HEIGHT, WIDTH, 3)."""
    return np.asarray(cv2.resize(rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), np.uint8)


def main() -> int:
    """Run the node until all frames are sent or a signal ends it."""
    return run_node(NODE_NAME, BenchCameraNode, BenchCameraNode.play)


if __name__ == '__main__':
    sys.exit(main())
