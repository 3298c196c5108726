# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Faults of the camera that need no network and no calibration: a blank and a frozen picture.

Both look harmless to a network: a covered lens is a dark night, a frozen street is a good street.
"""
from dataclasses import dataclass
import zlib

from bdl_perception.perception.types import Bytes
import numpy as np


@dataclass(frozen=True)
class HealthPolicy:
    """When a picture is no picture."""

    blank_range: int = 2  # grey levels; JPEG keeps a plain picture plain to within this
    frozen_after: int = 5  # identical pictures in a row; noise makes even two impossible, but a
    #                        camera played faster than it was recorded repeats some

    def __post_init__(self) -> None:
        """Refuse bounds that would call every or no picture a fault."""
        if not 0 <= self.blank_range < 255:
            raise ValueError(f'blank_range is {self.blank_range}, must lie in 0 to 254')
        if self.frozen_after < 2:
            raise ValueError(f'frozen_after is {self.frozen_after}, must be at least 2 pictures')


class CameraHealth:
    """Looks at each picture in turn and remembers only the checksum of the last."""

    def __init__(self, policy: HealthPolicy | None = None) -> None:
        """Start with no picture seen."""
        self.policy = policy or HealthPolicy()
        self._last: tuple[tuple[int, ...], int] | None = None
        self._identical = 0  # pictures in a row

    def detect_faults(self, rgb: Bytes) -> tuple[str, ...]:
        """Name what is wrong with this picture (H, W, 3), knowing the ones before it."""
        mark = (rgb.shape, zlib.crc32(np.ascontiguousarray(rgb).data))
        self._identical = self._identical + 1 if mark == self._last else 1
        self._last = mark
        found = []
        if _is_blank(rgb, self.policy.blank_range):
            found.append('the picture is blank: is the lens covered?')
        if self._identical >= self.policy.frozen_after:
            found.append(f'the last {self._identical} pictures are identical: '
                         f'restart the camera driver')
        return tuple(found)


def _is_blank(rgb: Bytes, blank_range: int) -> bool:
    """Tell whether each colour channel spans at most blank_range; a sparse grid often decides."""
    return all(int(np.ptp(pixels.reshape(-1, 3), axis=0).max()) <= blank_range
               for pixels in (rgb[::16, ::16], rgb))
