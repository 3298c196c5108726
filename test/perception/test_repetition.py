# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Frames that repeat earlier ones, and still scenes that do not."""
from typing import Callable, Iterable

from bdl_perception.perception.data_types import Bytes
from bdl_perception.perception.repetition import MAX_OLD, MAX_PERIOD, Repetition
import cv2
import numpy as np
import pytest

SIZE = (96, 160)  # rows and columns, px


def street(seed: int) -> Bytes:
    """Draw a smooth image, different for each seed."""
    coarse = np.random.default_rng(seed).integers(20, 230, (8, 12, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def faults(frames: Iterable[Bytes], frozen_after: int = 5) -> list[str]:
    repetition = Repetition(frozen_after)
    return [repetition.detect_fault(rgb) for rgb in frames]


def clock(index: int) -> Bytes:
    rgb = street(1)
    rgb[:16, :80] = street(index + 100)[:16, :80]  # 8 % of the image
    return rgb


def hot_pixel(index: int) -> Bytes:
    rgb = street(1)
    rgb[0, 0] = index
    return rgb


def bottom_line(index: int) -> Bytes:
    rgb = street(1)
    rgb[-9:] = street(index + 100)[-9:]
    return rgb


@pytest.mark.parametrize('overlay', [clock, hot_pixel, bottom_line])
def test_a_frozen_frame_under_an_overlay_is_identical(overlay: Callable[[int], Bytes]) -> None:
    found = faults(overlay(index) for index in range(8))
    assert found[:4] == [''] * 4
    assert 'the last 5 frames are identical' in found[4]
    assert all(found[4:])


@pytest.mark.parametrize('period', [2, 3, 5, 20, MAX_PERIOD])
def test_a_sequence_that_repeats_is_reported_after_its_second_turn(period: int) -> None:
    found = faults(street(index % period) for index in range(2 * period + 5))
    first = max(2 * period, period + 4)  # frames; at least four pairs
    assert not any(found[:min(first, period + MAX_OLD) - 1])
    assert f'repeat a sequence of {period}:' in found[first - 1]
    assert all(found[first - 1:])


def test_buffers_in_irregular_order_are_reported() -> None:
    turns = [0, 1, 1, 0, 1, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 1]
    found = faults(street(turn) for turn in turns)
    assert found.index('the last frames repeat earlier ones: restart the camera driver') == 17
    assert all(found[17:])


@pytest.mark.parametrize('period', [10, 30])
def test_a_sequence_of_which_frames_are_lost_is_reported(period: int) -> None:
    arrives = np.random.default_rng(period).random(200) > .2
    found = faults(street(index % period) for index in np.flatnonzero(arrives))
    assert not any(found[:MAX_OLD])
    assert all(found[period + 2 * MAX_OLD:])


@pytest.mark.parametrize(('frozen_after', 'each'), [(5, 4), (3, 2)])
def test_a_recording_played_too_fast_may_repeat_frames(frozen_after: int, each: int) -> None:
    assert not any(faults((street(index // each) for index in range(80)), frozen_after))


def test_a_recording_played_back_and_forth_is_no_fault() -> None:
    assert not any(faults(street(abs(index % 118 - 59)) for index in range(300)))


@pytest.mark.parametrize('noise', [.25, .5, 2.])  # grey levels
def test_a_parked_vehicle_is_no_fault(noise: float) -> None:
    rng = np.random.default_rng(1)
    scene = street(1)
    scene[:48] = 0  # night sky: clipped cells are equal at any time
    images = [scene + rng.normal(0, noise, scene.shape) * (scene > 0) for _ in range(60)]
    assert not any(faults(np.clip(np.rint(image), 0, 255).astype(np.uint8) for image in images))


def test_a_new_frame_ends_the_fault() -> None:
    found = faults([*[street(1)] * 6, street(2), street(2)])
    assert found[5] and not found[6] and not found[7]


def test_frames_are_equal_from_seventy_per_cent_of_their_cells_on() -> None:
    def changed(index: int, rows: int) -> Bytes:
        rgb = street(1)
        rgb[:rows] = street(index + 100)[:rows]
        return rgb

    assert any(faults(changed(index, 28) for index in range(8)))  # 3 of 10 rows of cells
    assert not any(faults(changed(index, 38) for index in range(8)))  # 4 of 10


def test_a_dark_frame_is_compared_by_its_lit_cells() -> None:
    def night(index: int) -> Bytes:
        rgb = np.zeros((*SIZE, 3), np.uint8)
        rgb[60:90, 20:140] = street(index)[60:90, 20:140]
        return rgb

    assert not any(faults(night(index) for index in range(20)))
    assert 'identical' in faults([night(1)] * 5)[-1]


def test_the_same_bytes_in_another_shape_are_another_frame() -> None:
    rgb = street(1)
    assert not any(faults([rgb, rgb.reshape(SIZE[1], SIZE[0], 3)] * 4, frozen_after=2))
