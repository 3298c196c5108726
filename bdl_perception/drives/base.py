# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What every recording offers, and what is assumed where it says nothing."""
from typing import Iterator, Protocol

from bdl_perception.perception.types import CameraFrame

DEFAULT_RATE_HZ = 10.0  # of pictures in a folder, which carry no time
FRAME_ID = 'camera_optical_frame'  # REP-103: z forward, x right, y down


class Drive(Protocol):
    """
    One recording of one camera.

    Iterating reads it from the beginning, one picture at a time, as often as asked; stamps are
    in ns, as recorded or from 0.
    """

    @property
    def name(self) -> str:
        """Name of the drive, for messages and reports."""

    @property
    def rate_hz(self) -> float:
        """Pictures a second."""

    def __len__(self) -> int:
        """Count the pictures; of a video, what its container claims."""

    def __iter__(self) -> Iterator[CameraFrame]:
        """Read the pictures in order; ValueError names the one that cannot be read."""


def frame_stamp_ns(index: int, rate_hz: float) -> int:
    """Time of the picture with this index, in ns from the first."""
    return round(index * 1e9 / rate_hz)
