# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The protocol of a drive (one recording of one camera) and what its readers share."""
import logging
from pathlib import Path
from typing import Iterator, Protocol

from bdl_perception.perception.data_types import CameraFrame

LOG = logging.getLogger(__name__)
BAG_METADATA_FILE = 'metadata.yaml'  # in the folder of a rosbag2 recording
DESCRIPTION_FILE = 'drive.json'  # in the folder of a drive of `bdl render`
DEFAULT_RATE_HZ = 10.0  # assumed for a folder of images, which has no stamps
FRAME_ID = 'camera_optical_frame'  # REP-103: z forward, x right, y down
MAX_DAMAGED = 10  # images that are skipped, whatever their share
MAX_DAMAGED_SHARE = .05  # of the images so far


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


class DamagedImages:
    """Counts the images of a drive that cannot be decoded; DriveError when they are too many."""

    def __init__(self) -> None:
        """Begin with none."""
        self.frames = 0
        self._count = 0
        self._first = ''

    def skip(self, error: str) -> None:
        """Count one; the first is logged. error: names the image and says what is wrong."""
        self._count += 1
        if not self._first:
            self._first = error
            LOG.warning('%s; skipped', error)
        if self._count > max(MAX_DAMAGED, MAX_DAMAGED_SHARE * (self.frames + self._count)):
            raise self._too_many()

    def report(self, drive: str) -> None:
        """Log how many were skipped; DriveError when no image is left."""
        if self._count and not self.frames:
            raise self._too_many()
        if self._count > 1:
            LOG.warning('%s: %d of %d images were skipped, as they cannot be decoded', drive,
                        self._count, self._count + self.frames)

    def _too_many(self) -> DriveError:
        return DriveError(f'{self._first}; {self._count} of {self._count + self.frames} images '
                          f'cannot be decoded, record or copy them again')


def frame_stamp_ns(index: int, rate_hz: float) -> int:
    """Time of the frame with this index, in ns after the first."""
    return round(index * 1e9 / rate_hz)


def split_topic(source: str | Path) -> tuple[Path, str]:
    """Split PATH:TOPIC; a topic begins with a slash, and a path that exists is not split."""
    path, colon, topic = str(source).rpartition(':/')
    if colon and not Path(source).exists():
        return Path(path), '/' + topic
    return Path(source), ''
