# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Camera faults that need no network and no calibration: blank, repeated, unusable, turned frames.

A network may find them nominal: a covered lens looks like night, a frozen frame like a street.

Images are suddenly mirrored, turned by 180 degrees, or have red and blue swapped when a driver
starts again with other settings. Successive frames are compared in 6 x 10 cells: by luma, and by
red - blue. When the present frame is closer to the changed last frame than to the last frame
itself, by a factor of .6, then the setting has changed. It is a fault until it is changed back,
which is also found in later frames by the last right one. If a way back is missed, since the
scene has changed, the fault stays until perception_node starts again.

The factor is at least 1.38 on 1788 pairs of successive frames of nominal drives, and at least .7
on a recorded drive at 2 Hz whose weather and scenes change. Of changes between any two of these
frames it finds 99 % at 10 Hz. What is wrong from the first frame on cannot be found here.
"""
from dataclasses import dataclass
from typing import Mapping, NamedTuple

from bdl_perception.perception.data_types import Bytes
from bdl_perception.perception.image_geometry import skip_pixels
from bdl_perception.perception.image_quality import find_quality_fault, MIN_SIDE
from bdl_perception.perception.repetition import Repetition
import cv2
import numpy as np
from numpy.typing import NDArray

COARSE_STEP = 16  # px, of the grid that is checked first
ORIENTATION_CELLS = (10, 6)  # columns and rows
SAMPLES = 16  # at most this many pixels along the side of a cell are read
MAX_RATIO = .6  # of the distances to the changed and to the unchanged last frame
MIN_DISTANCE = 3.  # grey levels; below it the frame looks the same in both forms
MAX_LUMA_CHANGE = .5  # of the contrast; beyond it the frames show two scenes, and nothing is said
MIRRORED, UPSIDE_DOWN, SWAPPED = 1, 2, 4  # bits of the changes since the first frame
WORDS: Mapping[int, str] = {MIRRORED: 'mirrored', UPSIDE_DOWN: 'upside down and mirrored',
                            MIRRORED | UPSIDE_DOWN: 'upside down'}

Cells = NDArray[np.float32]


@dataclass(frozen=True)
class HealthPolicy:
    """The limits beyond which a frame is a fault."""

    blank_range: int = 2  # grey levels; JPEG keeps a uniform image within this range
    # Equal frames in a row. Sensor noise makes even two impossible, but a recording that is
    # played faster than it was taken repeats some.
    frozen_after: int = 5
    # Examined frames in a row that are unusable: a lamp or a wiper may fill a single frame. Every
    # second frame is examined, to save time, and every frame after an unusable one.
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
        self._unusable = 0  # examined frames in a row
        self._examined = False  # the last frame was

    def detect_faults(self, rgb: Bytes) -> tuple[str, ...]:
        """Return the faults of this frame (H, W, 3), given the ones before it."""
        blank = _is_blank(rgb, self.policy.blank_range)
        unusable = self._unusable_fault(rgb)
        found = ('the frame is blank: is the lens covered?' if blank else unusable,
                 self._repetition.detect_fault(rgb), self._orientation.detect_fault(rgb))
        return tuple(fault for fault in found if fault)

    def _unusable_fault(self, rgb: Bytes) -> str:
        self._examined = not self._examined or self._unusable > 0
        fault = find_quality_fault(rgb) if self._examined else ''
        self._unusable = self._unusable + 1 if fault else 0
        return fault if self._unusable >= self.policy.unusable_after else ''


def _is_blank(rgb: Bytes, blank_range: int) -> bool:
    """Check that each colour channel spans at most blank_range; a coarse grid goes first."""
    return all(int(np.ptp(pixels.reshape(-1, 3), axis=0).max()) <= blank_range
               for pixels in (rgb[::COARSE_STEP, ::COARSE_STEP], rgb))


class _Frame(NamedTuple):
    luma: Cells  # (6, 10)
    colour: Cells  # (6, 10), red - blue


class Orientation:
    """Compares each frame with the one before it."""

    def __init__(self) -> None:
        """Start before the first frame, whose orientation is taken as right."""
        self._last: _Frame | None = None
        self._right: _Frame | None = None  # the last one before a change
        self._shape: tuple[int, ...] = ()
        self._changed = 0  # bits, since the first frame

    def detect_fault(self, rgb: Bytes) -> str:
        """Return how the images (H, W, 3) have changed since the first one, '' for not at all."""
        if min(rgb.shape[:2]) < MIN_SIDE:
            return ''
        frame = _examine(rgb)
        if self._last is not None and rgb.shape == self._shape:
            self._changed ^= _find_flip(frame.luma, self._last.luma) or _find_swap(
                frame, self._last)
        if self._right and _is_right(frame, self._right, self._changed):
            self._changed = 0
        if not self._changed:
            self._right = frame
        self._last, self._shape = frame, rgb.shape
        return self._describe()

    def _describe(self) -> str:
        found = [WORDS[flip]] if (flip := self._changed & (MIRRORED | UPSIDE_DOWN)) else []
        if self._changed & SWAPPED:
            found.append('swapped in red and blue')
        return (f'the images have suddenly become {" and ".join(found)}: check the settings of '
                f'the camera driver, then restart perception_node') if found else ''


def _examine(rgb: Bytes) -> _Frame:
    columns, rows = ORIENTATION_CELLS
    sparse = skip_pixels(rgb, columns * SAMPLES, rows * SAMPLES)
    cells = cv2.resize(sparse, ORIENTATION_CELLS, interpolation=cv2.INTER_AREA).astype(np.float32)
    return _Frame(cells.mean(axis=2), cells[..., 0] - cells[..., 2])


def _find_flip(luma: Cells, last: Cells) -> int:
    distances = {flip: _distance(_flipped(luma, flip), last) for flip in WORDS}
    nearest = min(distances, key=distances.__getitem__)
    if distances[nearest] > MAX_LUMA_CHANGE * _contrast(luma):
        return 0  # another scene, which may have any form
    return nearest if _is_nearer(distances[nearest], _distance(luma, last)) else 0


def _flipped(cells: Cells, flip: int) -> Cells:
    return cells[::-1 if flip & UPSIDE_DOWN else 1, ::-1 if flip & MIRRORED else 1]


def _is_right(frame: _Frame, right: _Frame, changed: int) -> bool:
    """Return whether no change is left, compared with a right frame of some time ago."""
    flips = not changed & (MIRRORED | UPSIDE_DOWN) or _is_nearer(
        _distance(frame.luma, right.luma), _distance(_flipped(frame.luma, changed), right.luma))
    return flips and (not changed & SWAPPED or _is_nearer(
        _distance(frame.colour, right.colour), _distance(-frame.colour, right.colour)))


def _find_swap(frame: _Frame, last: _Frame) -> int:
    if _distance(frame.luma, last.luma) > MAX_LUMA_CHANGE * _contrast(frame.luma):
        return 0  # another scene, whose colours may be any
    nearer = _is_nearer(_distance(-frame.colour, last.colour),
                        _distance(frame.colour, last.colour))
    return SWAPPED if nearer else 0


def _contrast(luma: Cells) -> float:
    return float(np.abs(luma - luma.mean()).mean())


def _is_nearer(changed: float, unchanged: float) -> bool:
    return unchanged > MIN_DISTANCE and changed < MAX_RATIO * unchanged


def _distance(a: Cells, b: Cells) -> float:
    return float(np.abs(a - b).mean())
