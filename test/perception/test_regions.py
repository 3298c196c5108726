# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Region masks against a loop over pixel centres, and the errors of malformed regions."""
import math

from bdl_perception.perception.regions import (
    DEFAULT_REGIONS,
    DEFAULT_REGIONS_TEXT,
    format_regions,
    parse_regions,
    Region,
    region_mask,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
import pytest

corner = st.tuples(st.sampled_from([0., .1, .37, .5, .99, 1.]), st.floats(0, 1))


def winds_around(corners: list[tuple[float, float]], x: float, y: float) -> bool:
    """Sum the angles that the edges subtend: an uneven number of turns is inside."""
    turned = 0.
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        a, b = math.atan2(y0 - y, x0 - x), math.atan2(y1 - y, x1 - x)
        turned += (b - a + math.pi) % (2 * math.pi) - math.pi
    return round(abs(turned) / (2 * math.pi)) % 2 == 1


def distance(corners: list[tuple[float, float]], x: float, y: float) -> float:
    """Give the distance to the nearest edge, by many points on each."""
    return min(math.hypot(x0 + t / 60 * (x1 - x0) - x, y0 + t / 60 * (y1 - y0) - y)
               for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True)
               for t in range(61))


@settings(max_examples=50, deadline=None)
@given(st.lists(corner, min_size=3, max_size=6, unique=True), st.integers(1, 6),
       st.integers(1, 6))
def test_a_pixel_counts_when_its_centre_is_inside(corners: list[tuple[float, float]],
                                                  height: int, width: int) -> None:
    try:
        mask = region_mask(Region('any', tuple(corners)), height, width)
    except ValueError as error:
        assume('holds no pixel' in str(error))
        return
    assert mask.shape == (height, width)
    for row in range(height):
        for column in range(width):
            x, y = (column + .5) / width, (row + .5) / height
            if distance(corners, x, y) > .02:  # on an edge either answer is right
                assert mask[row, column] == winds_around(corners, x, y), (row, column)


def test_a_triangle_and_a_rectangle_by_hand() -> None:
    triangle, = parse_regions('t=0,0 1,0 0,1')
    assert region_mask(triangle, 2, 2).tolist() == [[True, False], [False, False]]
    square, = parse_regions('left=0,0 0.5,0 0.5,1 0,1')
    assert region_mask(square, 2, 4).tolist() == [[True, True, False, False]] * 2


def test_the_corridor_widens_from_the_horizon_to_the_camera() -> None:
    mask = region_mask(DEFAULT_REGIONS[0], 192, 320)
    assert not mask[:76].any()
    widths = mask[78:].sum(1)
    assert (widths[1:] >= widths[:-1]).all() and 30 <= widths[0] < 36 and 156 < widths[-1] <= 160
    assert mask[:, :160].sum() == pytest.approx(mask[:, 160:].sum(), rel=.01)


def test_the_text_of_regions_is_canonical() -> None:
    regions = parse_regions(' a = 0,0  1.0,0 1,1;b_2=0,0 .50,0 .5,1 ')
    assert [region.name for region in regions] == ['a', 'b_2']
    assert format_regions(regions) == 'a=0,0 1,0 1,1; b_2=0,0 0.5,0 0.5,1'
    assert parse_regions(format_regions(regions)) == regions
    assert parse_regions('') == parse_regions('  ') == ()
    assert parse_regions(DEFAULT_REGIONS_TEXT) == DEFAULT_REGIONS


@pytest.mark.parametrize(('text', 'message'), [
    ('0,0 1,0 1,1', 'has no name'), ('A=0,0 1,0 1,1', 'region name'),
    ('=0,0 1,0 1,1', 'region name'), ('a peak=0,0 1,0 1,1', 'region name'),
    ('a=0,0 1,1', 'at least 3'),
    ('a=', 'at least 3'), ('a=0,0 1,0 1,1.1', r'corner \(1.0, 1.1\)'),
    ('a=0,0 1,0 -.1,1', '0 to 1'), ('a=0,0 1,0 nan,1', 'finite'), ('a=0,0 1,0 1', "corner '1'"),
    ('a=0,0 1,0 1,x', "corner '1,x'"), ('a=0,0 1,0 1,1,1', 'two numbers'),
    ('a=0,0 .5,.5 1,1', 'no area'), ('a=0,0 1,0 1,1;', 'no name'),
    ('a=0,0 1,0 1,1;a=0,0 1,0 0,1', r"\['a'\] are there twice")])
def test_a_malformed_region_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_regions(text)


def test_a_region_without_a_pixel_is_an_error() -> None:
    tiny, = parse_regions('tiny=.5,.5 .501,.5 .501,.501')
    with pytest.raises(ValueError, match='tiny holds no pixel of a map of 4x2'):
        region_mask(tiny, 2, 4)


def test_an_almost_horizontal_edge_is_no_error() -> None:
    corners = ((0., 0.), (1., 2e-311), (1., 1.), (0., 1.))
    assert region_mask(Region('all', corners), 4, 4).all()
