# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Frames as they arrive: of a camera of this machine, or of a recording at its own speed."""
from dataclasses import dataclass
import re
import time
from typing import Callable, Iterator

from bdl_perception.drives.base import Drive, DriveError, FRAME_ID
from bdl_perception.perception.data_types import CameraFrame
import cv2
import numpy as np

CAMERA_PATTERN = re.compile(r'(?:/dev/video)?([0-9]{1,3})')
LATE_S = .2  # a frame of a recording that is later is left out, as a camera would replace it


@dataclass(frozen=True)
class LocalCamera:
    """A camera that OpenCV opens by its number; frames have the system time."""

    number: int

    @property
    def name(self) -> str:
        """Name the camera."""
        return f'camera {self.number}'

    def __iter__(self) -> Iterator[CameraFrame]:
        """Read frames until the camera fails; DriveError then."""
        capture = cv2.VideoCapture(self.number)
        try:
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame, where the driver allows it
            while (read := capture.read())[0]:
                rgb = np.asarray(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB), np.uint8)  # (H, W, 3)
                yield CameraFrame(rgb, time.time_ns(), FRAME_ID)
        finally:
            capture.release()
        raise DriveError(f'{self.name} gives no image; is it connected, and used by no other '
                         f'program?')


def parse_camera(text: str) -> LocalCamera | None:
    """Read a number or /dev/videoN; None: it is something else, such as a file."""
    found = CAMERA_PATTERN.fullmatch(text)
    return LocalCamera(int(found[1])) if found else None


def paced(drive: Drive, now_s: Callable[[], float] = time.monotonic,
          sleep: Callable[[float], None] = time.sleep) -> Iterator[CameraFrame]:
    """
    Yield the frames of a recording at their own times; those that are late are left out.

    now_s and sleep: of a clock in s. The first frame comes at once.
    """
    start: tuple[float, int] | None = None
    for frame in drive:
        if start is None:
            start = now_s(), frame.stamp_ns
        wait_s = start[0] + (frame.stamp_ns - start[1]) / 1e9 - now_s()
        if wait_s > 0:
            sleep(wait_s)
        if wait_s > -LATE_S:
            yield frame
