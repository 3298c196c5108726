# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
A camera of exact rate that costs little: its pictures are decoded before the first is sent.

Several cameras are one process that sends the same picture under each namespace at the same
moment, as a rig with a common trigger does; that is the hardest case for who must answer.
"""
from itertools import cycle, takewhile
import json
from pathlib import Path
import sys
import time
from typing import Iterator

from bdl_perception.bench.trace import Plan, read_plan, topic_name, WARM_UP
from bdl_perception.drives import open_drive
from bdl_perception.nodes import publishers
from bdl_perception.nodes.lifecycle import run_node
from bdl_perception.nodes.messages import camera_info_message, make_header, uint8_image
from bdl_perception.perception.types import Bytes, PinholeCamera
import cv2
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

CAMERA_NODE_NAME = 'bench_camera'
FRAME_ID = 'camera'
SUBSCRIBER_TIMEOUT_S = 90.0  # until somebody wants pictures
DISCOVERY_DELAY_S = 1.0  # then wait, so that the other side knows of us too
SHUTDOWN_DELAY_S = 0.5  # a process that ends at once takes its last picture with it
FIELD_OF_VIEW_RAD = 1.0472  # 60 degrees across, as the bundled drive has


class BenchCameraNode(Node):
    """Sends what the plan says; writes down which frame was sent when."""

    def __init__(self) -> None:
        """Decode all pictures into messages."""
        super().__init__(CAMERA_NODE_NAME)
        self._plan = read_plan(Path(self.declare_parameter('plan', '').value))
        self._messages = _load_messages(self._plan)
        self._image_publishers = [self.create_publisher(Image, topic_name(camera, 'image'), publishers.image_qos())
                          for camera in self._plan.cameras]
        self._info_publishers = [self.create_publisher(CameraInfo, topic_name(camera, 'camera_info'), publishers.image_qos())
                       for camera in self._plan.cameras]

    def play(self) -> None:
        """Wait for whoever looks, send everything, leave the list."""
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
            known = scene.kind if scene.kind != WARM_UP else 'nominal'
            for _, message in zip(range(scene.frames), cycle(self._messages[known])):
                yield scene.kind, message

    def _publish_frame(self, message: Image) -> int:
        """Send one picture under every namespace; returns its stamp in ns."""
        now_ns = self.get_clock().now().nanoseconds
        message.header = make_header(now_ns, FRAME_ID)
        info = camera_info_message(_pinhole_camera(message.width, message.height), message.header)
        for infos, pictures in zip(self._info_publishers, self._image_publishers, strict=True):
            infos.publish(info)
            pictures.publish(message)
        return int(now_ns)

    def _wait_for_subscribers(self) -> None:
        deadline_s = time.monotonic() + SUBSCRIBER_TIMEOUT_S
        while not all(publisher.get_subscription_count() for publisher in self._image_publishers):
            if time.monotonic() > deadline_s:
                raise RuntimeError(f'nobody wanted pictures for {SUBSCRIBER_TIMEOUT_S:.0f} s')
            time.sleep(0.05)
        time.sleep(DISCOVERY_DELAY_S)


def _load_messages(plan: Plan) -> dict[str, list[Image]]:
    wanted = {scene.kind if scene.kind != WARM_UP else 'nominal' for scene in plan.scenes}
    with np.load(plan.pictures) as parts:
        return {kind: [uint8_image(rgb, make_header(0, FRAME_ID)) for rgb in parts[kind]]
                for kind in wanted}


def _pinhole_camera(width: int, height: int) -> PinholeCamera:
    focal_px = width / 2 / np.tan(FIELD_OF_VIEW_RAD / 2)
    return PinholeCamera(width, height, focal_px, focal_px, (width - 1) / 2, (height - 1) / 2)


def main() -> int:
    """Run the node until everything was sent or a signal comes."""
    return run_node(CAMERA_NODE_NAME, BenchCameraNode, BenchCameraNode.play)


if __name__ == '__main__':
    sys.exit(main())


DRIVE_PATH = Path(__file__).parent.parent / 'demo' / 'street_fog_dirt.mp4'
WIDTH, HEIGHT = 640, 384  # px; the drive has 480x288, the same shape
NOMINAL, OOD = 'nominal', 'strange'
# s of the drive; there are fewer pictures than are sent, so they repeat
SEGMENTS_S = {NOMINAL: (1.0, 7.0), OOD: (18.0, 22.0)}  # sun, dense fog


def write_frames(path: Path) -> None:
    """Write an .npz with (N, HEIGHT, WIDTH, 3) rgb for each part."""
    drive = open_drive(DRIVE_PATH)
    parts: dict[str, list[Bytes]] = {name: [] for name in SEGMENTS_S}
    last_ns = max(end_s for _, end_s in SEGMENTS_S.values()) * 1e9
    for frame in takewhile(lambda frame: frame.stamp_ns < last_ns, drive):
        for name, (begin_s, end_s) in SEGMENTS_S.items():
            if begin_s <= frame.stamp_ns / 1e9 < end_s:
                parts[name].append(resize_frame(frame.rgb))
    np.savez(path, nominal=np.stack(parts[NOMINAL]), strange=np.stack(parts[OOD]))


def resize_frame(rgb: Bytes) -> Bytes:
    """Bring a picture to the size of the camera."""
    return np.asarray(cv2.resize(rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), np.uint8)
