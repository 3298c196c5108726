# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Camera faults that need no network and no calibration: a blank frame and repeated frames.

A network may find both nominal: a covered lens looks like night, a frozen frame like a street.
"""
from dataclasses import dataclass

from bdl_perception.perception.data_types import Bytes
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

    def __post_init__(self) -> None:
        """Check the limits; ValueError if they would make every or no frame a fault."""
        if not 0 <= self.blank_range < 255:
            raise ValueError(f'blank_range is {self.blank_range}, must lie in 0 to 254')
        if self.frozen_after < 2:
            raise ValueError(f'frozen_after is {self.frozen_after}, must be at least 2 frames')


class CameraHealth:
    """Checks each frame in turn."""

    def __init__(self, policy: HealthPolicy | None = None) -> None:
        """Start before the first frame."""
        self.policy = policy or HealthPolicy()
        self._repetition = Repetition(self.policy.frozen_after)

    def detect_faults(self, rgb: Bytes) -> tuple[str, ...]:
        """Return the faults of this frame (H, W, 3), given the ones before it."""
        found = [self._repetition.detect_fault(rgb)]
        if _is_blank(rgb, self.policy.blank_range):
            found.insert(0, 'the frame is blank: is the lens covered?')
        return tuple(fault for fault in found if fault)


def _is_blank(rgb: Bytes, blank_range: int) -> bool:
    """Check that each colour channel spans at most blank_range; a coarse grid goes first."""
    return all(int(np.ptp(pixels.reshape(-1, 3), axis=0).max()) <= blank_range
               for pixels in (rgb[::COARSE_STEP, ::COARSE_STEP], rgb))
