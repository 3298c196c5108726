# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Read and write video files; a `camera` in NAME.json beside NAME.mp4 gives the intrinsics."""
from dataclasses import dataclass
import json
import logging
import math
from pathlib import Path
from typing import Any, Iterator

from bdl_perception.drives.base import Drive, DriveError, FRAME_ID, frame_stamp_ns
from bdl_perception.perception.data_types import CameraFrame, PinholeCamera
import cv2
import numpy as np

LOG = logging.getLogger(__name__)
FRAME_COUNT_TOLERANCE_S = 1.0  # containers round their frame count; a cut file misses more
HEAD_BYTES = 2**16  # in which an MP4 with fragments announces them
ROUNDING_NS = 1_000_000  # containers round the time of a frame to 1 ms
SIZE_SCALES = (1.0, 0.75, 0.6, 0.5)  # tried in this order: the encoder has no target bit rate
SIZE_MULTIPLE = 2  # px: MPEG-4 halves the resolution of colour


@dataclass(frozen=True)
class VideoDrive:
    """The frames of a video; each has its own time in the file, the first is 0."""

    path: Path
    rate_hz: float
    container_frame_count: int
    camera: PinholeCamera | None

    @property
    def name(self) -> str:
        """Name of the file without its suffix."""
        return self.path.stem

    def __len__(self) -> int:
        """Give the frame count of the container."""
        return self.container_frame_count

    def __iter__(self) -> Iterator[CameraFrame]:
        """Decode one frame after the other; DriveError when the file is cut off."""
        capture, clock = _open_capture(self.path), FrameClock(self.path, self.rate_hz)
        try:
            while (read := capture.read())[0]:
                bgr = read[1]
                rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)  # (H, W, 3)
                stamp_ns = clock.next_stamp_ns(capture.get(cv2.CAP_PROP_POS_MSEC))
                yield CameraFrame(rgb, stamp_ns, FRAME_ID, self.camera)
        finally:
            capture.release()
        self._check_end(clock)

    def _check_end(self, clock: 'FrameClock') -> None:
        """
        Raise DriveError if frames are missing.

        A container without a count is taken as one of constant rate, so that its time counts as
        well, unless that is beyond the end.
        """
        tolerance = FRAME_COUNT_TOLERANCE_S * self.rate_hz
        by_time = 0. if _has_frame_count(self.path) else clock.last_ns / 1e9 * self.rate_hz
        if by_time > self.container_frame_count + tolerance:
            by_time = 0.
        if max(clock.count, by_time) < self.container_frame_count - tolerance:
            raise DriveError(f'{self.path} ends after {clock.count} of '
                             f'{self.container_frame_count} frames; is it cut off?')


class FrameClock:
    """
    Stamps of successive frames, by their own times in the file.

    A time within 1 ms of the constant rate is taken as that of the rate. After a time that does
    not increase, which is logged, the rest follows at the constant rate.
    """

    def __init__(self, path: Path, rate_hz: float) -> None:
        """Start before the first frame; path is for the log."""
        self.count = 0  # frames so far
        self.last_ns = 0  # stamp of the last one
        self._path, self._rate_hz = path, rate_hz
        self._start_ms = 0.  # time of the first frame
        self._has_times = True

    def next_stamp_ns(self, time_ms: float) -> int:
        """Return the stamp of the next frame, whose time in the file is time_ms."""
        if not self.count:
            self._start_ms = time_ms if math.isfinite(time_ms) else 0.
        self.last_ns = self._stamp_ns(time_ms)
        self.count += 1
        return self.last_ns

    def _stamp_ns(self, time_ms: float) -> int:
        constant_ns = frame_stamp_ns(self.count, self._rate_hz)
        own_ms = time_ms - self._start_ms
        own_ns = round(own_ms * 1e6) if math.isfinite(own_ms) else -1
        stamp_ns = constant_ns if abs(own_ns - constant_ns) <= ROUNDING_NS else own_ns
        if self.count and self._has_times and stamp_ns <= self.last_ns:
            self._has_times = False
            LOG.warning('%s: the time of frame %d does not increase; it and all later frames are '
                        'taken as %.3g s apart', self._path, self.count, 1 / self._rate_hz)
        return stamp_ns if self._has_times else self.last_ns + frame_stamp_ns(1, self._rate_hz)


def open_video(path: Path) -> VideoDrive:
    """Open a video and decode its first frame; DriveError when that fails."""
    capture = _open_capture(path)
    try:
        rate_hz = float(capture.get(cv2.CAP_PROP_FPS))
        frames = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        decoded, first = capture.read()
    finally:
        capture.release()
    if not decoded:
        raise DriveError(f'{path} has no frame that can be decoded; is it cut off?')
    if not (math.isfinite(rate_hz) and 0 < rate_hz <= 1000):
        raise DriveError(f'{path} has a rate of {rate_hz} Hz; write it again with a rate')
    height, width = first.shape[:2]
    return VideoDrive(path, rate_hz, max(frames, 1), _read_camera(path, height, width))


def _open_capture(path: Path) -> cv2.VideoCapture:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise DriveError(f'{path} ({path.stat().st_size} bytes) cannot be opened as a video; is '
                         f'it cut off, or is its codec unknown to OpenCV?')
    return capture


def _has_frame_count(path: Path) -> bool:
    """Return whether a container counts its frames: MP4 without fragments, and AVI."""
    with path.open('rb') as file:
        head = file.read(HEAD_BYTES)
    return head.startswith(b'RIFF') or head[4:8] == b'ftyp' and b'mvex' not in head


def _read_camera(path: Path, height: int, width: int) -> PinholeCamera | None:
    beside = path.with_suffix('.json')
    if not beside.is_file():  # also not a pipe, which may never end
        return None
    intrinsics = _read_intrinsics(beside)
    if intrinsics is None:
        LOG.info('%s gives no camera geometry: it has no camera.fx, fy, cx and cy', beside)
        return None
    try:
        return PinholeCamera(width, height, *map(float, intrinsics))
    except (TypeError, ValueError) as error:
        raise DriveError(f'{beside} has a wrong camera ({error}); correct or remove it') from error


def _read_intrinsics(path: Path) -> list[Any] | None:
    """Read fx, fy, cx and cy; None from a JSON file of another tool, which can have any form."""
    try:
        camera = json.loads(path.read_text(encoding='utf-8'))['camera']
        return [camera[name] for name in ('fx', 'fy', 'cx', 'cy')]
    except (OSError, ValueError, KeyError, IndexError, TypeError, RecursionError):
        return None


def write_video(drive: Drive, path: Path, limit_bytes: int) -> PinholeCamera | None:
    """
    Write a drive as MPEG-4, with smaller frames when the file would exceed the limit.

    Returns the camera of the frames in the file, None when the drive has none. ValueError when
    the file is too large with the smallest frames.
    """
    partial = path.with_name(f'.partial.{path.name}')
    partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        for scale in SIZE_SCALES:
            camera = _encode_video(drive, partial, scale)
            if partial.stat().st_size <= limit_bytes:
                partial.rename(path)
                return camera
    finally:
        partial.unlink(missing_ok=True)
    raise ValueError(f'a video of {drive.name} exceeds {limit_bytes} bytes at {SIZE_SCALES[-1]} '
                     f'of its size; make the drive shorter')


def _encode_video(drive: Drive, path: Path, scale: float) -> PinholeCamera | None:
    """Write all frames, resized to an even number of px; the file is complete on return."""
    writer: cv2.VideoWriter | None = None
    camera: PinholeCamera | None = None
    for frame in drive:
        height, width = (SIZE_MULTIPLE * round(size * scale / SIZE_MULTIPLE)
                         for size in frame.rgb.shape[:2])
        if writer is None:
            writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*'mp4v'),
                                     drive.rate_hz, (width, height))
            camera = _resized_camera(frame, width, height)
            if not writer.isOpened():
                raise OSError(f'{path} cannot be written as a video; is the folder writable?')
        small = cv2.resize(frame.rgb, (width, height), interpolation=cv2.INTER_AREA)
        writer.write(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    if writer is None:
        raise ValueError(f'{drive.name} has no frame')
    writer.release()
    return camera


def _resized_camera(frame: CameraFrame, width: int, height: int) -> PinholeCamera | None:
    """Scale the intrinsics with the frame; the centre of the first pixel is at 0."""
    if frame.camera is None:
        return None
    across, down = width / frame.camera.width, height / frame.camera.height
    return PinholeCamera(
        width, height, frame.camera.fx * across, frame.camera.fy * down,
        (frame.camera.cx + 0.5) * across - 0.5, (frame.camera.cy + 0.5) * down - 0.5)
