# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Faults of images and of their messages, against what they promise."""
import struct

from bdl_perception.faults.camera import forth_and_back
from bdl_perception.faults.camera_messages import jpeg_bomb, png_bomb, STAMP_FAULTS
from bdl_perception.faults.image_faults import IMAGE_FAULTS
import cv2
import numpy as np
import pytest

RNG = np.random.default_rng(0)
FRAMES = [RNG.integers(0, 256, (96, 160, 3), np.uint8) for _ in range(30)]


def played(name):
    fault = IMAGE_FAULTS[name]()
    return [fault(rgb, count) for count, rgb in enumerate(FRAMES)]


@pytest.mark.parametrize('name', IMAGE_FAULTS)
def test_a_fault_keeps_size_and_type_and_leaves_the_frame_alone(name):
    before = [rgb.copy() for rgb in FRAMES]
    for rgb in played(name):
        assert rgb.shape == FRAMES[0].shape and rgb.dtype == np.uint8
    assert all(map(np.array_equal, before, FRAMES))


@pytest.mark.parametrize(('name', 'period'), [
    ('frozen', 1), ('two_in_turn', 2), ('sequence_of_ten', 10)])
def test_a_sequence_repeats_with_its_period(name, period):
    images = played(name)
    assert all(np.array_equal(images[i], images[i + period]) for i in range(len(images) - period))
    assert len({image.tobytes() for image in images}) == period


def test_old_buffers_are_sent_again_in_another_order():
    images = [image.tobytes() for image in played('old_buffers')]
    assert len(set(images)) == 3
    assert not any(images[3:15] == images[3 + shift:15 + shift] for shift in range(1, 9))


def test_the_overlay_of_a_frozen_frame_changes_one_pixel():
    images = played('frozen_with_pixel')
    changed = {tuple(map(tuple, np.argwhere((image != images[0]).any(axis=2))))
               for image in images[1:]}
    assert changed == {((5, 5),)}


def test_a_new_injection_repeats_its_own_frames():
    first, second = IMAGE_FAULTS['frozen'](), IMAGE_FAULTS['frozen']()
    first(FRAMES[0], 0)
    assert np.array_equal(second(FRAMES[1], 0), FRAMES[1])


def test_a_lost_half_has_one_grey_level():
    image = played('lower_half_black')[0]
    assert not image[48:].any() and np.array_equal(image[:48], FRAMES[0][:48])


def test_a_camera_plays_forth_and_back():
    assert [forth_and_back(index, 4) for index in range(9)] == [0, 1, 2, 3, 2, 1, 0, 1, 2]
    assert forth_and_back(5, 1) == 0


def test_a_small_png_of_the_same_kind_is_decoded():
    image = cv2.imdecode(np.frombuffer(png_bomb(6), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None and image.shape == (6, 6, 3) and not image.any()


def test_a_jpeg_claims_its_size_in_few_bytes():
    data = jpeg_bomb(30000)
    start = data.index(b'\xff\xc0')
    assert struct.unpack('>HH', data[start + 5:start + 9]) == (30000, 30000)
    assert len(data) < 700


@pytest.mark.parametrize(('name', 'expected'), [
    ('stamp_stands_still', [10**9] * 3), ('stamp_half_speed', [10**9, 10**9 + 50, 10**9 + 100]),
    ('stamp_zero', [0] * 3), ('stamp_5_s_old', [-4 * 10**9 + i * 100 for i in range(3)])])
def test_stamps_are_wrong_as_promised(name, expected):
    change = STAMP_FAULTS[name].stamp
    assert [change(10**9 + count * 100, count) for count in range(3)] == expected
