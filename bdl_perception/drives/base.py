# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The protocol of a drive (one recording of one camera) and the defaults of its readers."""
from pathlib import Path
from typing import Iterator, Protocol

from bdl_perception.perception.data_types import CameraFrame

BAG_METADATA_FILE = 'metadata.yaml'  # in the folder of a rosbag2 recording
DESCRIPTION_FILE = 'drive.json'  # in the folder of a drive of `bdl render`
DEFAULT_RATE_HZ = 10.0  # assumed for a folder of images, which has no stamps
FRAME_ID = 'camera_optical_frame'  # REP-103: z forward, x right, y down


class DriveError(ValueError):
    """A path cannot be read as a drive; the message gives the path and the remedy."""


class Drive(Protocol):
    """
    One recording of one camera.

    Each iteration reads it from the first frame; stamps are in ns, as recorded or from 0.
    """

    @property
    def name(self) -> str:
        """Name of the drive, for messages and reports."""

    @property
    def rate_hz(self) -> float:
        """Frames per second."""

    def __len__(self) -> int:
        """Count the frames; of a video, the count in its container."""

    def __iter__(self) -> Iterator[CameraFrame]:
        """Read the frames in order; ValueError names the one that cannot be read."""


def frame_stamp_ns(index: int, rate_hz: float) -> int:
    """Time of the frame with this index, in ns after the first."""
    return round(index * 1e9 / rate_hz)


def split_topic(source: str | Path) -> tuple[Path, str]:
    """Split PATH:TOPIC; a topic begins with a slash, and a path that exists is not split."""
    path, colon, topic = str(source).rpartition(':/')
    if colon and not Path(source).exists():
        return Path(path), '/' + topic
    return Path(source), ''
