# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Camera faults that need no network and no calibration: blank, repeated, unusable, turned frames.

A network may find both nominal: a covered lens looks like night, a frozen frame like a street.
"""
from dataclasses import dataclass

from bdl_perception.perception.data_types import Bytes
from bdl_perception.perception.image_quality import find_quality_fault
from bdl_perception.perception.orientation import Orientation
from bdl_perception.perception.repetition import Repetition
import numpy as np

COARSE_STEP = 16  # px, of the grid that is checked first


@dataclass(frozen=True)
class HealthPolicy:
    """The limits beyond which a frame is a fault."""

    blank_range: int = 2  # grey levels; JPEG keeps a uniform image within this range
    # Equal frames in a row. Sensor noise makes even two impossible, but a recording that is
    # played faster than it was taken repeats some.
    frozen_after: int = 5
    # Frames in a row that are unusable: a lamp or a wiper may fill a single frame.
    unusable_after: int = 3

    def __post_init__(self) -> None:
        """Check the limits; ValueError if they would make every or no frame a fault."""
        if not 0 <= self.blank_range < 255:
            raise ValueError(f'blank_range is {self.blank_range}, must lie in 0 to 254')
        if self.frozen_after < 2:
            raise ValueError(f'frozen_after is {self.frozen_after}, must be at least 2 frames')
        if self.unusable_after < 1:
            raise ValueError(
                f'unusable_after is {self.unusable_after}, must be at least 1 frame')


class CameraHealth:
    """Checks each frame in turn."""

    def __init__(self, policy: HealthPolicy | None = None) -> None:
        """Start before the first frame."""
        self.policy = policy or HealthPolicy()
        self._repetition = Repetition(self.policy.frozen_after)
        self._orientation = Orientation()
        self._unusable = 0  # frames in a row

    def detect_faults(self, rgb: Bytes) -> tuple[str, ...]:
        """Return the faults of this frame (H, W, 3), given the ones before it."""
        blank = _is_blank(rgb, self.policy.blank_range)
        unusable = self._unusable_fault(rgb)
        found = ('the frame is blank: is the lens covered?' if blank else unusable,
                 self._repetition.detect_fault(rgb), self._orientation.detect_fault(rgb))
        return tuple(fault for fault in found if fault)

    def _unusable_fault(self, rgb: Bytes) -> str:
        fault = find_quality_fault(rgb)
        self._unusable = self._unusable + 1 if fault else 0
        return fault if self._unusable >= self.policy.unusable_after else ''


def _is_blank(rgb: Bytes, blank_range: int) -> bool:
    """Check that each colour channel spans at most blank_range; a coarse grid goes first."""
    return all(int(np.ptp(pixels.reshape(-1, 3), axis=0).max()) <= blank_range
               for pixels in (rgb[::COARSE_STEP, ::COARSE_STEP], rgb))
