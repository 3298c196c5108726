# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Faults of the image itself: frozen, covered, badly exposed, out of focus, partly lost, noisy.

A function takes a nominal frame (H, W, 3) uint8 and the number of frames since the fault began. A
frozen fault stores what it repeats, so make() gives a new one for each injection.
"""
from typing import Callable, Mapping

from bdl_perception.perception.data_types import Bytes
import cv2
import numpy as np

ImageFault = Callable[[Bytes, int], Bytes]
BUFFERS = 3  # of a driver that sends old buffers
HEAVY_BLUR_PX, MILD_BLUR_PX = 6.0, 2.0  # sigma, of a width of 480 px
GREY, PATCH = 128, 70  # grey levels
LOST_ROW = 10  # every such row is black


class Frozen:
    """Repeats the first `period` frames in turn; overlay: a pixel that changes in each frame."""

    def __init__(self, period: int = 1, overlay: bool = False) -> None:
        """Start before the first frame."""
        self._period, self._overlay = period, overlay
        self._stored: list[Bytes] = []

    def __call__(self, rgb: Bytes, count: int) -> Bytes:
        """Return a stored frame."""
        if len(self._stored) < self._period:
            self._stored.append(rgb)
        out = self._stored[self._index(count)]
        if self._overlay:
            out = out.copy()
            out[5, 5] = count % 256
        return out

    def _index(self, count: int) -> int:
        return count % len(self._stored) if len(self._stored) == self._period else -1


class OldBuffers(Frozen):
    """Repeats the first frames in a random order."""

    def _index(self, count: int) -> int:
        if len(self._stored) < self._period:
            return -1
        return int(np.random.default_rng((count, 0)).integers(len(self._stored)))


def _random(count: int) -> np.random.Generator:
    return np.random.default_rng(count)


def _uniform(level: int) -> ImageFault:
    return lambda rgb, count: np.full_like(rgb, level)


def _covered(levels: int) -> ImageFault:
    """Make noise of 0 to levels in place of the frame."""
    return lambda rgb, count: np.asarray(
        _random(count).integers(0, levels + 1, rgb.shape, np.uint8))


def _exposed(factor: float) -> ImageFault:
    def change(rgb: Bytes, count: int) -> Bytes:
        return np.asarray(np.clip(rgb * factor, 0, 255), np.uint8)
    return change


def _noise(rgb: Bytes, count: int) -> Bytes:
    return np.asarray(_random(count).integers(0, 256, rgb.shape, np.uint8))


def _blurred(sigma: float) -> ImageFault:
    return lambda rgb, count: np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8)


class RepeatedTwice:
    """Sends each second frame twice."""

    def __init__(self) -> None:
        """Start before the first frame."""
        self._stored: Bytes | None = None

    def __call__(self, rgb: Bytes, count: int) -> Bytes:
        """Return the frame, or the one before."""
        if self._stored is None or count % 2 == 0:
            self._stored = rgb
        return self._stored


def _part(rows: tuple[float, float], columns: tuple[float, float], level: int) -> ImageFault:
    """Fill a part of the frame, in fractions of height and width."""
    def change(rgb: Bytes, count: int) -> Bytes:
        height, width = rgb.shape[:2]
        (top, bottom), (left, right) = rows, columns
        out: Bytes = rgb.copy()
        out[int(top * height):int(bottom * height), int(left * width):int(right * width)] = level
        return out
    return change


def _lost_rows(rgb: Bytes, count: int) -> Bytes:
    out: Bytes = rgb.copy()
    out[::LOST_ROW] = 0
    return out


def _tinted(rgb: Bytes, count: int) -> Bytes:
    return np.asarray(np.clip(rgb * np.array([.5, 1.2, .5]), 0, 255), np.uint8)


def _upside_down(rgb: Bytes, count: int) -> Bytes:
    return np.ascontiguousarray(rgb[::-1])


def _always(fault: ImageFault) -> Callable[[], ImageFault]:
    return lambda: fault


WHOLE = (0., 1.)
IMAGE_FAULTS: Mapping[str, Callable[[], ImageFault]] = {  # name -> makes the fault
    'frozen': Frozen,
    'frozen_with_pixel': lambda: Frozen(overlay=True),
    'two_in_turn': lambda: Frozen(period=2),
    'sequence_of_ten': lambda: Frozen(period=10),
    'old_buffers': lambda: OldBuffers(period=BUFFERS),
    'black': _always(_uniform(0)),
    'white': _always(_uniform(255)),
    'grey': _always(_uniform(GREY)),
    'covered_dark': _always(_covered(3)),
    'covered_noisy': _always(_covered(8)),
    'lower_half_black': _always(_part((.5, 1.), WHOLE, 0)),
    'upper_half_black': _always(_part((0., .5), WHOLE, 0)),
    'right_half_grey': _always(_part(WHOLE, (.5, 1.), GREY)),
    'left_half_black': _always(_part(WHOLE, (0., .5), 0)),
    'box_black': _always(_part((.4, .9), (.35, .68), 0)),
    'blurred': _always(_blurred(HEAVY_BLUR_PX)),
    'dark_tenth': _always(_exposed(.1)),
    'bright_five': _always(_exposed(5.)),
    'random_bytes': _always(_noise),
    'green_tint': _always(_tinted),
    'upside_down': _always(_upside_down),
    'lost_rows': _always(_lost_rows),
    'mirrored': _always(lambda rgb, count: np.ascontiguousarray(rgb[:, ::-1])),
    'channels_swapped': _always(lambda rgb, count: np.ascontiguousarray(rgb[..., ::-1])),
    'blur_mild': _always(_blurred(MILD_BLUR_PX)),
    'dark_third': _always(_exposed(.3)),
    'repeated_twice': RepeatedTwice,
}
