# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
An image that is suddenly mirrored, turned by 180 degrees, or has red and blue swapped.

A driver that starts again with other settings gives such images; the network may find them
nominal. Successive frames are compared in 6 x 10 cells: by luma, and by red - blue. When the
present frame is closer to the changed last frame than to the last frame itself, by a factor of
.6, then the setting has changed. It is a fault until it is changed back, which is also seen in
later frames by the last right one, and for MAX_FRAMES at most: then the scene may have changed
so much that a way back was missed.

The factor is at least 1.38 on 1788 pairs of successive frames of nominal drives, and at least .7
on a recorded drive at 2 Hz whose weather and scenes change. Of changes between any two of these
frames it finds 99 % at 10 Hz. What is wrong from the first frame on cannot be found here.
"""
from typing import Mapping, NamedTuple

from bdl_perception.perception.data_types import Bytes
import cv2
import numpy as np
from numpy.typing import NDArray

CELLS = (10, 6)  # columns and rows
SAMPLES = 16  # at most this many pixels along the side of a cell are read
MAX_RATIO = .6  # of the distances to the changed and to the unchanged last frame
MIN_DISTANCE = 3.  # grey levels; below it the frame looks the same in both forms
MAX_FRAMES = 300  # in which a change is a fault
MAX_LUMA_CHANGE = .5  # of the contrast: the frames show one scene, so that colours are compared
MIRRORED, UPSIDE_DOWN, SWAPPED = 1, 2, 4  # bits of the changes since the first frame
WORDS: Mapping[int, str] = {MIRRORED: 'mirrored', UPSIDE_DOWN: 'upside down and mirrored',
                            MIRRORED | UPSIDE_DOWN: 'upside down'}

Cells = NDArray[np.float32]


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
        self._changed, self._count = 0, 0  # bits, and frames since the first of them

    def detect_fault(self, rgb: Bytes) -> str:
        """Return how the images (H, W, 3) have changed since the first one, '' for not at all."""
        frame = _examine(rgb)
        if self._last is not None and rgb.shape == self._shape:
            self._changed ^= _find_flip(frame.luma, self._last.luma) or _find_swap(
                frame, self._last)
        self._count = self._count + 1 if self._changed else 0
        if self._count > MAX_FRAMES or self._right and _is_right(
                frame, self._right, self._changed):
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
    step = max(1, min(rgb.shape[0] // (CELLS[1] * SAMPLES), rgb.shape[1] // (CELLS[0] * SAMPLES)))
    sparse = np.ascontiguousarray(rgb[::step, ::step])
    cells = cv2.resize(sparse, CELLS, interpolation=cv2.INTER_AREA).astype(np.float32)
    return _Frame(cells.mean(axis=2), cells[..., 0] - cells[..., 2])


def _find_flip(luma: Cells, last: Cells) -> int:
    distances = {flip: _distance(_flipped(luma, flip), last) for flip in WORDS}
    nearest = min(distances, key=distances.__getitem__)
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
    contrast = _distance(frame.luma, np.full_like(frame.luma, frame.luma.mean()))
    if _distance(frame.luma, last.luma) > MAX_LUMA_CHANGE * contrast:
        return 0  # another scene, whose colours may be any
    nearer = _is_nearer(_distance(-frame.colour, last.colour),
                        _distance(frame.colour, last.colour))
    return SWAPPED if nearer else 0


def _is_nearer(changed: float, unchanged: float) -> bool:
    return unchanged > MIN_DISTANCE and changed < MAX_RATIO * unchanged


def _distance(a: Cells, b: Cells) -> float:
    return float(np.abs(a - b).mean())
