# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Why an image cannot be used: covered, under- or over-exposed, a lost part, blurred, noisy, tinted.

The statistics are taken from a grey image of 320x192 px. The limits are fixed, not calibrated.
Each keeps a margin to the extremes of 2027 nominal frames of 18 day drives and CamVid:

| reason | statistic | nominal | limit | with the fault |
|---|---|---|---|---|
| covered | 5th to 95th percentile of luma, grey levels | 64 to 251 | below 8 | 2 to 4 |
| under-exposed | 95th percentile of luma, grey levels | 74 to 255 | below 60 | 13 to 25 at 10 % |
| over-exposed | white share of the lower half | 0 to .03 | above .25 | .6 to 1 at 500 % |
| lost side | share of the half without detail | 0 to .39 | from .88 on | .9 to 1 |
| lost lower half | share of the half without detail | 0 to .10 | from .8 on | .83 to 1 |
| black part | share that is black and without detail | 0 to .02 | above .09 | .12 for a sixth |
| blurred | fine detail / coarse detail | .36 to 1.2 | below .16 | .06 to .12 at 6 px of 640 |
| noisy | median of the Laplacian, grey levels | 1 to 19 | above 28 | 34 to 41 at 40 levels |
| tinted | green / mean of red and blue | .94 to 1.12 | .65 to 1.5 | 1.9 to 2.2 |

Night is no fault: lamps are much brighter than the median of the image, unlike in a daylight image
that is too dark (median / 95th percentile .15 at most at night, .30 at least when under-exposed).
"""
from typing import Any, cast, NamedTuple

from bdl_perception.perception.data_types import Bytes, ImageStatistics
from bdl_perception.perception.image_geometry import skip_pixels
import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 320, 192  # px, of the image that is examined
MIN_SIDE = 120  # px; smaller images are not examined, their statistics are others
CELL = 16  # px, side of the cells whose detail is examined
BLACK = 25  # grey levels; a cell below it is black
WHITE = 250  # grey levels; a pixel above it is white
FLAT_RANGE = 2  # grey levels; a cell with a smaller range has no detail
MIN_CONTRAST, MIN_BRIGHTNESS, MIN_MEDIAN = 8, 60, .2
MIN_LOST_SIDE, MIN_LOST_LOWER = .88, .8  # the border of a half may lie inside of a cell
MAX_WHITE, MAX_BLACK, MIN_DAYLIGHT = .25, .09, 50
MIN_DETAIL, MAX_NOISE, TINTS = .16, 28, (.65, 1.5)
FINE_PX, COARSE_PX = (3, 3), (13, 13)  # of the box filters that separate detail


class _Examined(NamedTuple):
    """A frame at the size of the statistics."""

    grey: Bytes  # (192, 320)
    means: NDArray[Any]  # (12, 20) of the cells
    flat: NDArray[np.bool_]  # (12, 20) cells without detail
    tint: float  # green / mean of red and blue


def find_quality_fault(rgb: Bytes) -> str:
    """Return the first fault of the image (H, W, 3), '' for none or for a small image."""
    if min(rgb.shape[:2]) < MIN_SIDE:
        return ''
    examined = _examine(rgb)
    return (_lost_side_fault(examined.flat) or _exposure_fault(examined.grey)
            or _lost_part_fault(examined) or _detail_fault(examined.grey)
            or _tint_fault(examined.tint))


def measure_image(rgb: Bytes) -> ImageStatistics:
    """Measure exposure, sharpness and colour of an image (H, W, 3) of the network's input size."""
    grey = cast(Bytes, cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
    low, median, high = _quantiles(grey, .05, .5, .95)
    detail, shapes = _details(grey)
    third = max(1, len(rgb) // 3)  # px
    (red, green, blue), top, bottom = (_mean_colour(part)
                                       for part in (rgb, rgb[:third], rgb[-third:]))
    return ImageStatistics(
        bright_level=max(1., high), middle_level=max(1., median), contrast=max(1., high - low),
        detail=max(1., detail) / max(1., shapes), noise=max(1., _noise(grey)),
        green=green / ((red + blue) / 2), red_blue=red / blue,
        sky_red_blue=top[0] / top[2] / (bottom[0] / bottom[2]))


def _mean_colour(rgb: Bytes) -> tuple[float, float, float]:
    """Return the mean red, green and blue, at least 1."""
    red, green, blue, _ = cv2.mean(rgb)
    return max(1., red), max(1., green), max(1., blue)


def _examine(rgb: Bytes) -> _Examined:
    sparse = skip_pixels(rgb, WIDTH, HEIGHT)
    small = cv2.resize(sparse, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    grey = cast(Bytes, cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
    rows = grey.reshape(HEIGHT // CELL, CELL, WIDTH // CELL, CELL).swapaxes(1, 2)
    cells = rows.reshape(HEIGHT // CELL, WIDTH // CELL, -1)  # (12, 20, 256)
    red, green, blue, _ = cv2.mean(small)
    return _Examined(grey, cells.mean(axis=2), np.ptp(cells, axis=2) <= FLAT_RANGE,
                     green / max(1., (red + blue) / 2))


def _lost_side_fault(flat: NDArray[np.bool_]) -> str:
    lost = [side.mean() >= MIN_LOST_SIDE for side in np.split(flat, 2, axis=1)]
    if lost[0] == lost[1]:
        return ''
    return (f'the {"left" if lost[0] else "right"} half of the frame has no detail: '
            f'is it covered or lost?')


def _exposure_fault(grey: Bytes) -> str:
    low, median, high = _quantiles(grey, .05, .5, .95)
    if high - low < MIN_CONTRAST and median <= WHITE:
        return 'the frame has no contrast: is the lens covered?'
    if high < MIN_BRIGHTNESS and median > MIN_MEDIAN * high:
        return 'the frame is under-exposed: check exposure and lens'
    if (grey[HEIGHT // 2:] > WHITE).mean() > MAX_WHITE:
        return 'the frame is over-exposed: check exposure and lens'
    return ''


def _lost_part_fault(examined: _Examined) -> str:
    flat = examined.flat
    if flat[len(flat) // 2:].mean() >= MIN_LOST_LOWER:  # the upper half may be a bright sky
        return 'the lower half of the frame has no detail: is it covered or lost?'
    black = flat & (examined.means < BLACK)
    if black.mean() > MAX_BLACK and np.median(examined.means[~black]) > MIN_DAYLIGHT:
        return (f'{black.mean():.0%} of the frame is black without detail: is it covered or lost? '
                f'Crop black borders')
    return ''


def _detail_fault(grey: Bytes) -> str:
    detail, shapes = _details(grey)
    if detail < MIN_DETAIL * shapes:
        return 'the frame is blurred: check focus and lens'
    if _noise(grey) > MAX_NOISE:
        return 'the frame is noise: check cable and driver'
    return ''


def _details(grey: Bytes) -> tuple[int, int]:
    """Return the 99th percentiles of fine and of coarse detail, grey levels."""
    fine, coarse = cv2.blur(grey, FINE_PX), cv2.blur(grey, COARSE_PX)
    (detail,), (shapes,) = (_quantiles(cast(Bytes, cv2.absdiff(*pair)), .99)
                            for pair in ((grey, fine), (fine, coarse)))
    return detail, shapes


def _noise(grey: Bytes) -> int:
    """Return the median of the Laplacian, grey levels."""
    laplacian = cast(Bytes, cv2.convertScaleAbs(cv2.Laplacian(grey, cv2.CV_16S)))
    return _quantiles(laplacian, .5)[0]


def _tint_fault(tint: float) -> str:
    if TINTS[0] <= tint <= TINTS[1]:
        return ''
    return f'green is {tint:.1f} times red and blue: check encoding and white balance'


def _quantiles(image: Bytes, *shares: float) -> list[int]:
    """Return the grey levels below or at which these shares of the pixels lie."""
    total = np.cumsum(cv2.calcHist([image], [0], None, [256], [0, 256]))
    return [int(np.searchsorted(total, share * image.size)) for share in shares]
