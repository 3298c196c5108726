# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
A camera of exact rate that costs little: its pictures are decoded before the first is sent.

Several cameras are one process that sends the same picture under each namespace at the same
moment, as a rig with a common trigger does; that is the hardest case for who must answer.
"""
from itertools import cycle
import json
from pathlib import Path
import sys
import time
from typing import Iterator

from bdl_perception.bench.plan import Plan
from bdl_perception.bench.plan import read_plan
from bdl_perception.bench.plan import topic
from bdl_perception.bench.plan import WARM_UP
from bdl_perception.nodes import qos
from bdl_perception.nodes.messages import byte_image
from bdl_perception.nodes.messages import info_from_camera
from bdl_perception.nodes.process import run_node
from bdl_perception.nodes.stamps import header
from bdl_perception.perception.values import PinholeCamera
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image

NAME = 'bench_camera'
FRAME_ID = 'camera'
READY_TIMEOUT_S = 90.0  # until somebody wants pictures
SETTLE_S = 1.0  # then wait, so that the other side knows of us too
LINGER_S = 0.5  # a process that ends at once takes its last picture with it
FIELD_OF_VIEW_RAD = 1.0472  # 60 degrees across, as the bundled drive has


class CameraNode(Node):
    """Sends what the plan says; writes down which frame was sent when."""

    def __init__(self) -> None:
        """Decode all pictures into messages."""
        super().__init__(NAME)
        self._plan = read_plan(Path(self.declare_parameter('plan', '').value))
        self._messages = _messages(self._plan)
        self._pictures = [self.create_publisher(Image, topic(camera, 'image'), qos.maps())
                          for camera in self._plan.cameras]
        self._infos = [self.create_publisher(CameraInfo, topic(camera, 'camera_info'), qos.maps())
                       for camera in self._plan.cameras]

    def play(self) -> None:
        """Wait for whoever looks, send everything, leave the list."""
        self._wait()
        sent: list[tuple[int, str]] = []
        next_s = time.monotonic()
        for kind, message in self._frames():
            time.sleep(max(0.0, next_s - time.monotonic()))
            if not self.context.ok():
                return
            sent.append((self._send(message), kind))
            next_s = max(next_s, time.monotonic() - 1) + 1 / self._plan.rate_hz
        self._plan.sent.write_text(json.dumps(sent), encoding='utf-8')
        time.sleep(LINGER_S)

    def _frames(self) -> Iterator[tuple[str, Image]]:
        for scene in self._plan.scenes:
            known = scene.kind if scene.kind != WARM_UP else 'nominal'
            for _, message in zip(range(scene.frames), cycle(self._messages[known])):
                yield scene.kind, message

    def _send(self, message: Image) -> int:
        """Send one picture under every namespace; returns its stamp in ns."""
        now_ns = self.get_clock().now().nanoseconds
        message.header = header(now_ns, FRAME_ID)
        info = info_from_camera(_lens(message.width, message.height), message.header)
        for infos, pictures in zip(self._infos, self._pictures, strict=True):
            infos.publish(info)
            pictures.publish(message)
        return int(now_ns)

    def _wait(self) -> None:
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while not all(publisher.get_subscription_count() for publisher in self._pictures):
            if time.monotonic() > deadline_s:
                raise RuntimeError(f'nobody wanted pictures for {READY_TIMEOUT_S:.0f} s')
            time.sleep(0.05)
        time.sleep(SETTLE_S)


def _messages(plan: Plan) -> dict[str, list[Image]]:
    wanted = {scene.kind if scene.kind != WARM_UP else 'nominal' for scene in plan.scenes}
    with np.load(plan.pictures) as parts:
        return {kind: [byte_image(rgb, header(0, FRAME_ID)) for rgb in parts[kind]]
                for kind in wanted}


def _lens(width: int, height: int) -> PinholeCamera:
    focal_px = width / 2 / np.tan(FIELD_OF_VIEW_RAD / 2)
    return PinholeCamera(width, height, focal_px, focal_px, (width - 1) / 2, (height - 1) / 2)


def main() -> int:
    """Run the node until everything was sent or a signal comes."""
    return run_node(NAME, CameraNode, CameraNode.play)


if __name__ == '__main__':
    sys.exit(main())
