# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Image regions with their own scores: named polygons in fractions of width and height."""
from dataclasses import dataclass
from functools import cache
import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]  # x to the right, y down, 0 to 1
REGION_NAME_PATTERN = re.compile(r'[a-z][a-z0-9_]*')
# The lane ahead, from the bumper to the horizon of a level camera. Top and width were chosen on
# validation drives; a wide range of both gives nearly the same results.
DEFAULT_REGIONS_TEXT = 'corridor=0.45,0.4 0.55,0.4 0.75,1 0.25,1'


@dataclass(frozen=True)
class Region:
    """A closed polygon with a name."""

    name: str
    corners: tuple[Point, ...]

    def __post_init__(self) -> None:
        """Check name, corners and area; ValueError names the wrong one."""
        if not REGION_NAME_PATTERN.fullmatch(self.name):
            raise ValueError(f'region name is {self.name!r}, must be lower-case letters, digits '
                             f'and underscores')
        if len(self.corners) < 3:
            raise ValueError(f'region {self.name} has {len(self.corners)} corners, at least 3 '
                             f'are needed')
        for corner in self.corners:
            if not all(0 <= value <= 1 for value in corner):
                raise ValueError(f'region {self.name} has the corner {corner}, must lie in 0 to 1 '
                                 f'of the width and of the height')
        if not _area(self.corners) > 1e-9:
            raise ValueError(f'region {self.name} has no area; list its corners in order')


Regions = tuple[Region, ...]


def parse_regions(text: str) -> Regions:
    """Parse 'name=x,y x,y x,y; other=...'; an empty text gives none. ValueError: malformed."""
    regions = tuple(map(_parse_region, text.split(';'))) if text.strip() else ()
    names = [region.name for region in regions]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f'regions {repeated} are there twice; name each once')
    return regions


def format_regions(regions: Regions) -> str:
    """Write regions in canonical form: equal regions give equal text, for parse_regions."""
    return '; '.join(
        region.name + '=' + ' '.join(f'{x:g},{y:g}' for x, y in region.corners)
        for region in regions)


@cache
def region_mask(region: Region, height: int, width: int) -> NDArray[np.bool_]:
    """
    Return the mask (height, width) of pixels with their centre inside, by the even-odd rule.

    By hand: on 2 x 2 pixels the triangle 0,0 1,0 0,1 contains the centre (.25, .25), but not
    (.75, .75) and not the two centres on its edge. ValueError: no pixel is inside.
    """
    y = ((np.arange(height) + .5) / height)[:, np.newaxis]  # (h, 1)
    x = ((np.arange(width) + .5) / width)[np.newaxis]  # (1, w)
    inside = np.zeros((height, width), bool)
    for (x0, y0), (x1, y1) in _edges(region.corners):
        if y0 == y1:
            continue  # a horizontal ray never crosses it
        crosses = (y0 <= y) != (y1 <= y)  # (h, 1)
        with np.errstate(over='ignore'):  # of an almost horizontal edge, which is not crossed
            inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    if not inside.any():
        raise ValueError(f'region {region.name} holds no pixel of a map of {width}x{height}; '
                         f'make it larger')
    inside.setflags(write=False)
    return inside


def _parse_region(text: str) -> Region:
    name, equals, corners = text.partition('=')
    if not equals:
        raise ValueError(f'region {text.strip()!r} has no name; write name=x,y x,y x,y')
    return Region(name.strip(), tuple(_parse_corner(pair, text) for pair in corners.split()))


def _parse_corner(pair: str, text: str) -> Point:
    try:
        x, y = map(float, pair.split(','))
    except ValueError as error:
        raise ValueError(f'region {text.strip()!r} has the corner {pair!r}, must be two numbers '
                         f'such as 0.4,0.45') from error
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError(f'region {text.strip()!r} has the corner {pair!r}, must be finite')
    return x, y


def _edges(corners: tuple[Point, ...]) -> Any:
    return zip(corners, (*corners[1:], corners[0]), strict=True)


def _area(corners: tuple[Point, ...]) -> float:
    doubled: float = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in _edges(corners))
    return abs(doubled) / 2


DEFAULT_REGIONS = parse_regions(DEFAULT_REGIONS_TEXT)
