# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Turn a drive into a small video file that can travel with the package."""
from pathlib import Path

from bdl_perception.drives.drive import Drive
from bdl_perception.perception.values import CameraFrame
from bdl_perception.perception.values import PinholeCamera
import cv2

SCALES = (1.0, 0.75, 0.6, 0.5)  # tried in this order, for the encoder takes no rate to aim at
EVEN = 2  # px: MPEG-4 halves the resolution of colour


def write_video(drive: Drive, path: Path, limit_bytes: int) -> PinholeCamera | None:
    """
    Write a drive as MPEG-4, with smaller pictures when the file would pass the limit.

    Returns the camera of the pictures in the file, None when it is not known. ValueError: even
    the smallest pictures make a larger file.
    """
    partial = path.with_name(f'.partial.{path.name}')
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        for scale in SCALES:
            camera = _encode(drive, partial, scale)
            if partial.stat().st_size <= limit_bytes:
                partial.rename(path)
                return camera
    finally:
        partial.unlink(missing_ok=True)
    raise ValueError(f'{drive.name} makes more than {limit_bytes} bytes of video even at '
                     f'{SCALES[-1]} of its size; make it shorter')


def _encode(drive: Drive, path: Path, scale: float) -> PinholeCamera | None:
    """Write all pictures, resized to whole even px; the file is complete on return."""
    writer: cv2.VideoWriter | None = None
    camera: PinholeCamera | None = None
    for frame in drive:
        height, width = (EVEN * round(size * scale / EVEN) for size in frame.rgb.shape[:2])
        if writer is None:
            writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*'mp4v'),
                                     drive.rate_hz, (width, height))
            camera = _resized(frame, width, height)
            if not writer.isOpened():
                raise OSError(f'{path} cannot be written as a video; is the folder writable?')
        small = cv2.resize(frame.rgb, (width, height), interpolation=cv2.INTER_AREA)
        writer.write(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    if writer is None:
        raise ValueError(f'{drive.name} has no picture')
    writer.release()
    return camera


def _resized(frame: CameraFrame, width: int, height: int) -> PinholeCamera | None:
    """Give the camera that would have taken the resized picture; pixel centres are whole."""
    if frame.camera is None:
        return None
    across, down = width / frame.camera.width, height / frame.camera.height
    return PinholeCamera(
        width, height, frame.camera.fx * across, frame.camera.fy * down,
        (frame.camera.cx + 0.5) * across - 0.5, (frame.camera.cy + 0.5) * down - 0.5)
