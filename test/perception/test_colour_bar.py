# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The colour bar tells the colours of the map, and leaves the rest of the image as it is."""
from functools import partial

from bdl_perception.perception import colour_bar, visualization
from bdl_perception.perception.data_types import CLASS_COLOURS, colourise
import numpy as np
import pytest

HEIGHT, WIDTH = 192, 320
# drawn with the bar, drawn without, scale
MAPS = [
    (colour_bar.draw_depth, visualization.colour_depth, colour_bar.DEPTH_SCALE),
    (partial(colour_bar.draw_std, scale=colour_bar.EPISTEMIC_SCALE), visualization.colour_std,
     colour_bar.EPISTEMIC_SCALE),
    (colour_bar.draw_entropy, visualization.colour_entropy, colour_bar.ENTROPY_SCALE),
    (colour_bar.draw_mutual_information, visualization.colour_mutual_information,
     colour_bar.MUTUAL_INFORMATION_SCALE)]


def bar_rows(drawn, plain):
    """Count the rows that the bar covers."""
    return int((drawn != plain).any(axis=(1, 2)).nonzero()[0].max()) + 1


@pytest.mark.parametrize(('draw', 'plain', 'scale'), MAPS, ids=lambda one: '')
def test_the_bar_covers_only_the_uppermost_tenth_of_the_image(draw, plain, scale):
    values = np.full((HEIGHT, WIDTH), scale.limits[1] / 2, np.float32)
    before = values.copy()
    assert 10 <= bar_rows(draw(values), plain(values)) <= HEIGHT / 10
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize(('draw', 'plain', 'scale'), MAPS, ids=lambda one: '')
def test_the_bar_shows_the_colours_of_its_values_from_left_to_right(draw, plain, scale):
    low, high = scale.limits
    drawn = draw(np.full((HEIGHT, WIDTH), low, np.float32))
    bar = colour_bar._bar(WIDTH, scale)
    np.testing.assert_array_equal(drawn[:len(bar)], bar)  # with the label and ticks of this map
    row = drawn[4]
    columns = np.arange(colour_bar.LABEL_WIDTH, WIDTH - colour_bar.END_WIDTH)
    for fraction in (0, .25, .5, .75, 1):
        # by hand, with numpy's own interpolation on a logarithmic or linear axis
        value = (np.geomspace if scale.logarithmic else np.linspace)(low, high, 101)[
            round(100 * fraction)]
        shown = row[columns[round(fraction * (len(columns) - 1))]]
        expected = plain(np.array([[value]], np.float32))[0, 0]
        assert np.abs(shown.astype(int) - expected).max() <= 8, fraction


def test_ticks_lie_within_their_limits_and_end_there():
    for _, _, scale in MAPS:
        assert (scale.ticks[0], scale.ticks[-1]) == scale.limits
        assert list(scale.ticks) == sorted(scale.ticks)


@pytest.mark.parametrize(('height', 'width'), [(24, 40), (95, 320), (192, 239)])
def test_an_image_too_small_for_text_has_no_bar(height, width):
    depth = np.full((height, width), 20, np.float32)
    np.testing.assert_array_equal(colour_bar.draw_depth(depth), visualization.colour_depth(depth))
    classes = np.full((height, width), 3, np.uint8)
    np.testing.assert_array_equal(colour_bar.draw_classes(classes), colourise(classes))


@pytest.mark.parametrize('scale', [1, 2, 3])
def test_the_bar_grows_with_the_image(scale):
    depth = np.full((HEIGHT * scale, WIDTH * scale), 20, np.float32)
    rows = bar_rows(colour_bar.draw_depth(depth), visualization.colour_depth(depth))
    assert rows == pytest.approx(19 * scale, abs=scale)


def test_sky_and_nan_differ_from_near_far_and_certain():
    special = np.array([np.inf, np.nan, 2, 80, 0], np.float32)
    depth = np.tile(special, (HEIGHT, WIDTH // 5))
    drawn = colour_bar.draw_depth(depth)[-1, :4].astype(int)
    std = colour_bar.draw_std(depth, colour_bar.ALEATORIC_SCALE)[-1, :5].astype(int)
    for first, second in ((drawn[0], drawn[2]), (drawn[0], drawn[3]), (drawn[1], drawn[2]),
                          (drawn[1], drawn[3]), (drawn[0], drawn[1]), (std[1], std[4])):
        assert np.abs(first - second).sum() > 150


def test_the_legend_has_the_colour_of_every_class():
    drawn = colour_bar.draw_classes(np.full((HEIGHT, WIDTH), 255, np.uint8))
    legend = {tuple(pixel) for pixel in drawn[:40].reshape(-1, 3).tolist()}
    assert {tuple(colour) for colour in CLASS_COLOURS.tolist()} <= legend
    assert not drawn[40:].any()  # 255 is no class


@pytest.mark.parametrize('width', [320, 960])
def test_a_long_text_is_cut_to_the_width_of_the_banner(width):
    rgb = np.zeros((width * 3 // 5, width, 3), np.uint8)
    long = colour_bar.draw_banner(rgb, 'ERROR', 'reason ' * 80, (10, 20, 30))
    longer = colour_bar.draw_banner(rgb, 'ERROR', 'reason ' * 900, (10, 20, 30))
    np.testing.assert_array_equal(long, longer)
    rows = 14 * width // 320
    assert (long[:rows, -width // 100:] == (10, 20, 30)).all(), 'text touches the edge'
    assert not rgb.any()
