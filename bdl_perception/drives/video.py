# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A video file; a `camera` in NAME.json beside NAME.mp4 gives its geometry."""
from dataclasses import dataclass
import json
import math
from pathlib import Path
from typing import Any, Iterator

from bdl_perception.drives.drive import FRAME_ID
from bdl_perception.drives.drive import stamp_ns
from bdl_perception.perception.values import CameraFrame
from bdl_perception.perception.values import PinholeCamera
import cv2
import numpy as np

CLAIM_SLACK_S = 1.0  # containers round their frame count; more missing than this is a cut


@dataclass(frozen=True)
class VideoDrive:
    """Pictures in a video; stamps follow from the rate, the first is 0."""

    path: Path
    rate_hz: float
    claimed_frames: int
    camera: PinholeCamera | None

    @property
    def name(self) -> str:
        """Name of the file without its ending."""
        return self.path.stem

    def __len__(self) -> int:
        """Count the pictures that the container claims."""
        return self.claimed_frames

    def __iter__(self) -> Iterator[CameraFrame]:
        """Decode one picture after the other; ValueError when the file is cut off."""
        capture = _capture(self.path)
        index = 0
        try:
            while (read := capture.read())[0]:
                bgr = read[1]
                rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)  # (H, W, 3)
                yield CameraFrame(rgb, stamp_ns(index, self.rate_hz), FRAME_ID, self.camera)
                index += 1
        finally:
            capture.release()
        if index < self.claimed_frames - CLAIM_SLACK_S * self.rate_hz:
            raise ValueError(f'{self.path} ends after {index} of {self.claimed_frames} pictures; '
                             f'is it cut off?')


def open_video(path: Path) -> VideoDrive:
    """Open a video and decode its first picture, so that a bad file fails here."""
    capture = _capture(path)
    try:
        rate_hz = float(capture.get(cv2.CAP_PROP_FPS))
        frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        decoded, first = capture.read()
    finally:
        capture.release()
    if not decoded:
        raise ValueError(f'{path} has no picture that can be decoded; is it cut off?')
    if not (math.isfinite(rate_hz) and 0 < rate_hz <= 1000):
        raise ValueError(f'{path} claims {rate_hz} pictures a second; write it again with a rate')
    height, width = first.shape[:2]
    return VideoDrive(path, rate_hz, max(frames, 1), _camera(path, height, width))


def _capture(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise ValueError(f'{path} ({path.stat().st_size} bytes) cannot be opened as a video; '
                         f'is it cut off, or of a kind that OpenCV does not know?')
    return capture


def _camera(path: Path, height: int, width: int) -> PinholeCamera | None:
    beside = path.with_suffix('.json')
    if not beside.exists():
        return None
    try:
        said: dict[str, Any] = json.loads(beside.read_text(encoding='utf-8'))
        if (camera := said.get('camera')) is None:
            return None
        lens = {name: float(camera[name]) for name in ('fx', 'fy', 'cx', 'cy')}
        return PinholeCamera(width, height, **lens)
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{beside} cannot be used ({type(error).__name__}: {error}); '
                         f'mend or remove it') from error
