# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Colour images: fixed ranges, and distinct colours for NaN and infinity."""
from bdl_perception.perception import visualization
from bdl_perception.perception.data_types import CLASS_COLOURS
import cv2
import numpy as np
import pytest

PAINTERS = [visualization.colour_depth, visualization.colour_std, visualization.colour_entropy,
            visualization.colour_mutual_information]


@pytest.mark.parametrize('paint', PAINTERS)
def test_nan_and_infinity_have_colours_that_no_number_has(paint):
    numbers = np.concatenate([np.linspace(-1, 200, 5000), [0, 1e9, -1e9]])[None]
    drawn = {tuple(pixel) for pixel in paint(numbers.astype(np.float32))[0].tolist()}
    special = paint(np.array([[np.nan, np.inf]], np.float32))[0].tolist()
    nan = visualization.UNKNOWN_RGB
    if paint is visualization.colour_std:  # a pixel without depth has no std, which is no fault
        nan = visualization.TOO_FAR_RGB
    assert special == [list(nan), list(visualization.TOO_FAR_RGB)]
    assert not drawn & {visualization.UNKNOWN_RGB, visualization.TOO_FAR_RGB}


@pytest.mark.parametrize('paint', PAINTERS)
def test_a_colour_does_not_depend_on_other_pixels(paint):
    alone = paint(np.array([[.3]], np.float32))
    beside = paint(np.array([[.3, 70, np.nan]], np.float32))
    np.testing.assert_array_equal(alone[0, 0], beside[0, 0])


def test_near_is_red_and_far_is_blue():
    near, far = visualization.colour_depth(np.array([[3, 60]], np.float32))[0].astype(int)
    assert near[0] > near[2] and far[2] > far[0]


@pytest.mark.parametrize('paint, span, end', [
    (visualization.colour_std, visualization.STD_RANGE_M, 1),
    (visualization.colour_depth, visualization.DEPTH_RANGE_M, 0)])
def test_the_ends_of_the_range_are_the_ends_of_the_map(paint, span, end):
    colour_map = cv2.COLORMAP_INFERNO if end else cv2.COLORMAP_TURBO
    ends = cv2.applyColorMap(np.array([[0, 255]], np.uint8), colour_map)[0, :, ::-1]
    drawn = paint(np.array([span], np.float32))[0]
    np.testing.assert_array_equal(drawn, ends if end else ends[::-1])


def test_the_overlay_mixes_image_and_class_colours_equally():
    rgb = np.full((1, 2, 3), 100, np.uint8)
    mixed = visualization.overlay(rgb, np.array([[3, 255]], np.uint8))
    np.testing.assert_allclose(mixed[0, 0], (100 + CLASS_COLOURS[3].astype(int)) / 2, atol=.5)
    np.testing.assert_array_equal(mixed[0, 1], (50, 50, 50))


def test_an_overlay_of_two_sizes_is_an_error():
    with pytest.raises(ValueError, match='fit the image'):
        visualization.overlay(np.zeros((4, 4, 3), np.uint8), np.zeros((2, 2), np.uint8))
