# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The images of a report, their encoding and their colour bars."""
from bdl_perception.perception.data_types import CLASS_COLOURS
from bdl_perception.perception.panels import class_colours, colour_bars, encode_jpeg
from bdl_perception.perception.visualization import colour_depth, colour_std
import cv2
import numpy as np
import pytest


def test_a_jpeg_is_reduced_in_proportion_and_never_enlarged():
    rgb = np.full((100, 200, 3), (200, 30, 60), np.uint8)
    small = cv2.imdecode(np.frombuffer(encode_jpeg(rgb, 90, 80), np.uint8), cv2.IMREAD_COLOR)
    assert small.shape == (40, 80, 3)
    assert np.abs(small.astype(int) - (60, 30, 200)).max() < 6  # OpenCV gives BGR
    large = cv2.imdecode(np.frombuffer(encode_jpeg(rgb, 90, 800), np.uint8), cv2.IMREAD_COLOR)
    assert large.shape == (100, 200, 3)


@pytest.mark.parametrize(('panel', 'position', 'drawn'), [
    ('depth', 0, colour_depth(np.full((1, 1), 2, np.float32))),
    ('depth', -1, colour_depth(np.full((1, 1), 80, np.float32))),
    ('aleatoric', -1, colour_std(np.full((1, 1), 8, np.float32)))])
def test_a_colour_bar_has_the_colours_of_the_map(panel, position, drawn):
    assert np.abs(colour_bars()[panel].rgb[0, position].astype(int) - drawn[0, 0]).max() <= 8


def test_the_ticks_of_depth_are_on_a_logarithmic_scale():
    ticks = colour_bars()['depth'].ticks
    assert (ticks[0], ticks[-1]) == ((0., '2 m'), (pytest.approx(1), '80 m'))
    assert ticks[2][0] == pytest.approx(np.log(5) / np.log(40))  # 10 m between 2 m and 80 m


def test_the_colours_of_the_classes_are_hexadecimal():
    assert class_colours()['sky'] == '#' + bytes(CLASS_COLOURS[0]).hex()
