# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A camera that plays frames forth and back at an exact rate, with faults on demand."""
from dataclasses import dataclass
from itertools import takewhile
import json
import os
from pathlib import Path
from threading import Event, Lock, Thread
import time
from typing import Any, Callable, NamedTuple

from bdl_perception.drives import BUNDLED_VIDEO, open_drive
from bdl_perception.drives.base import DESCRIPTION_FILE, frame_stamp_ns
from bdl_perception.nodes import publishers
from bdl_perception.nodes.messages import (
    camera_info_message,
    make_header,
    pixel_buffer,
    uint8_image,
)
from bdl_perception.perception.data_types import Bytes, PinholeCamera
import cv2
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

FRAME_ID = 'camera'
NOMINAL_S = 15.0  # of the bundled drive; the fog begins at 16 s
NOMINAL_CAMERA = PinholeCamera(480, 288, 415.528, 415.528, 239.5, 143.5)  # of the bundled drive
JPEG_QUALITY = 90
BEGIN_TIMEOUT_S = 10.0  # for the first faulty frame


class Nominal(NamedTuple):
    """Nominal frames and their camera."""

    frames: tuple[Bytes, ...]  # (H, W, 3) each
    camera: PinholeCamera


def nominal_frames(drive: Path | None = None) -> Nominal:
    """Read the first NOMINAL_S of a drive (default: the bundled one)."""
    source = open_drive(drive or BUNDLED_VIDEO)
    first = list(takewhile(lambda frame: frame.stamp_ns < NOMINAL_S * 1e9, source))
    return Nominal(tuple(frame.rgb for frame in first), first[0].camera or NOMINAL_CAMERA)


@dataclass(frozen=True)
class CameraFault:
    """Changes what a camera sends; count: frames since the fault began."""

    image: Callable[[Bytes, int], Bytes] | None = None
    stamp: Callable[[int, int], int] | None = None  # now in ns, count -> stamp in ns
    message: Callable[[Any, int], Any] | None = None  # None as result: no message is sent
    info: Callable[[CameraInfo], CameraInfo | None] | None = None
    every: int = 1  # only every nth frame is changed
    frames: int | None = None  # only so many frames are changed; None: until the end


class FaultCamera:
    """Publishes image and camera_info in a thread of its own; a fault changes what it sends."""

    def __init__(self, node: Node, nominal: Nominal, rate_hz: float,
                 compressed: bool = False) -> None:
        """Create the publishers; start() begins."""
        self._nominal, self._period_s, self._compressed = nominal, 1 / rate_hz, compressed
        kind, topic = (CompressedImage, 'image/compressed') if compressed else (Image, 'image')
        self._image_publisher = node.create_publisher(kind, topic, publishers.image_qos())
        self._info_publisher = node.create_publisher(
            CameraInfo, 'camera_info', publishers.image_qos())
        self._lock, self._ended = Lock(), Event()
        self._fault: CameraFault | None = None
        self._count = 0  # frames since the fault began
        self._began_s: float | None = None  # first faulty frame
        self._begun = Event()
        self.sent = 0
        self._thread = Thread(target=self._run, name='fault_camera', daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def begin(self, fault: CameraFault) -> float:
        """
        Begin a fault; returns the time (time.monotonic) at which its first frame was published.

        If no frame is published any more, that is the time of this call.
        """
        called_s = time.monotonic()
        with self._lock:
            self._fault, self._count, self._began_s = fault, 0, None
            self._begun.clear()
        if not self._begun.wait(BEGIN_TIMEOUT_S):
            raise TimeoutError('the camera sent no frame of the fault: is its thread running?')
        return called_s if self._began_s is None else self._began_s

    def end(self) -> None:
        """Send nominal frames again."""
        with self._lock:
            self._fault = None

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._ended.wait(max(0., due_s - time.monotonic())):
            self._send_next()
            due_s = max(due_s, time.monotonic() - self._period_s) + self._period_s

    def _send_next(self) -> None:
        with self._lock:
            fault, count = self._fault, self._count
            self._count += 1
        changed = fault is not None and count % fault.every == 0 and (
            fault.frames is None or count < fault.frames)
        active = fault if fault is not None and changed else CameraFault()
        published_s = self._publish(active, count)
        self.sent += published_s is not None
        if changed and not self._begun.is_set():
            self._began_s = published_s
            self._begun.set()

    def _publish(self, fault: CameraFault, count: int) -> float | None:
        """Publish a frame; returns when, None if no image was sent."""
        rgb = self._nominal.frames[forth_and_back(self.sent, len(self._nominal.frames))]
        rgb = fault.image(rgb, count) if fault.image else rgb
        now_ns = time.time_ns()
        header = make_header(fault.stamp(now_ns, count) if fault.stamp else now_ns, FRAME_ID)
        info: CameraInfo | None = camera_info_message(self._nominal.camera, header)
        info = fault.info(info) if fault.info else info
        message: Any = jpeg_message(rgb, header) if self._compressed else uint8_image(rgb, header)
        message = fault.message(message, count) if fault.message else message
        if info is not None:
            self._info_publisher.publish(info)
        if message is None:
            return None
        published_s = time.monotonic()
        self._image_publisher.publish(message)
        return published_s


def forth_and_back(index: int, count: int) -> int:
    """Map 0, 1, 2, ... to 0, 1, ..., count - 1, count - 2, ..., 1, 0, 1, ..."""
    if count < 2:
        return 0
    step = index % (2 * count - 2)
    return step if step < count else 2 * count - 2 - step


def jpeg_bytes(rgb: Bytes) -> bytes:
    """Encode (H, W, 3) as JPEG."""
    done, data = cv2.imencode('.jpg', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR),
                              [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ValueError(f'an image of shape {rgb.shape} cannot be encoded as JPEG')
    return bytes(data)


def jpeg_message(rgb: Bytes, header: Any) -> CompressedImage:
    """Make a compressed image."""
    return compressed_message(jpeg_bytes(rgb), header)


def compressed_message(data: bytes, header: Any, image_format: str = 'jpeg') -> CompressedImage:
    """Make a compressed image of any bytes."""
    return CompressedImage(header=header, format=image_format,
                           data=pixel_buffer(np.frombuffer(data, np.uint8)))


def write_loop(folder: Path, rate_hz: float) -> Path:
    """Write the nominal frames, forth and back, as a drive that camera_node can loop."""
    nominal = nominal_frames()
    count = len(nominal.frames)
    (folder / 'rgb').mkdir(parents=True, exist_ok=True)
    for index in range(2 * count - 2):
        path, source = folder / 'rgb' / f'{index}.jpg', forth_and_back(index, count)
        if source == index:
            path.write_bytes(jpeg_bytes(nominal.frames[index]))
        elif not path.exists():
            os.link(folder / 'rgb' / f'{source}.jpg', path)
    camera = nominal.camera
    (folder / DESCRIPTION_FILE).write_text(json.dumps({
        'format': 1, 'name': 'nominal', 'rate_hz': rate_hz, 'width': camera.width,
        'height': camera.height,
        'camera': {name: getattr(camera, name) for name in ('fx', 'fy', 'cx', 'cy')},
        'stamps_ns': [frame_stamp_ns(index, rate_hz) for index in range(2 * count - 2)]}))
    return folder
