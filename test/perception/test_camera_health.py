# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Detection of blank, frozen and turned frames."""
from typing import Any, Callable

from bdl_perception.drives import BUNDLED_VIDEO, open_drive
from bdl_perception.perception.camera_health import (
    CameraHealth,
    HealthPolicy,
    Orientation,
)
from bdl_perception.perception.data_types import Bytes
import numpy as np
import pytest

CHANGES: dict[str, Callable[[Any], Any]] = {
    'mirrored': lambda rgb: rgb[:, ::-1],
    'upside down': lambda rgb: rgb[::-1, ::-1],
    'upside down and mirrored': lambda rgb: rgb[::-1],
    'swapped in red and blue': lambda rgb: rgb[..., ::-1],
}


def street(seed: int) -> Bytes:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (48, 80, 3), np.uint8)


def test_different_frames_have_no_fault() -> None:
    health = CameraHealth()
    assert [health.detect_faults(street(seed)) for seed in range(20)] == [()] * 20


@pytest.mark.parametrize('colour', [(0, 0, 0), (255, 255, 255), (20, 90, 200)])
def test_one_colour_is_blank(colour: tuple[int, int, int]) -> None:
    image = np.full((48, 80, 3), colour, np.uint8)
    assert 'blank' in CameraHealth().detect_faults(image)[0]


def test_blank_reaches_exactly_to_its_range() -> None:
    health = CameraHealth(HealthPolicy(blank_range=2))
    image = np.full((48, 80, 3), 100, np.uint8)
    image[5, 7, 1] = 102
    assert 'blank' in health.detect_faults(image)[0]
    image[5, 7, 1] = 103  # one value of one pixel, between the points of the sparse grid
    assert health.detect_faults(image) == ()


def test_a_frame_is_frozen_from_the_given_repetition_on() -> None:
    health = CameraHealth(HealthPolicy(frozen_after=3))
    faults = [health.detect_faults(street(seed)) for seed in (1, 1, 2, 2, 2, 2, 3)]
    assert [bool(found) for found in faults] == [0, 0, 0, 0, 1, 1, 0]
    assert 'the last 4 frames are identical' in faults[5][0]


def test_one_changed_value_does_not_end_a_frozen_sequence() -> None:
    health = CameraHealth(HealthPolicy(frozen_after=2))
    image = street(1)
    health.detect_faults(image)
    image[3, 4, 2] ^= 1
    assert 'identical' in health.detect_faults(image)[0]
    assert health.detect_faults(street(2)) == ()


def test_the_same_bytes_in_another_shape_are_another_frame() -> None:
    health = CameraHealth(HealthPolicy(frozen_after=2))
    health.detect_faults(street(1))
    assert health.detect_faults(street(1).reshape(80, 48, 3)) == ()


def test_a_strided_view_is_compared_by_its_pixels() -> None:
    health = CameraHealth(HealthPolicy(frozen_after=2))
    wide = street(1)
    health.detect_faults(wide[:, ::2])
    assert 'identical' in health.detect_faults(wide[:, ::2].copy())[0]


@pytest.mark.parametrize('change', [{'blank_range': -1}, {'blank_range': 255},
                                    {'frozen_after': 1}])
def test_an_invalid_health_policy_is_an_error(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        HealthPolicy(**change)


@pytest.fixture(scope='module')
def recording() -> list[Bytes]:
    """Give the whole recording: a street, fog, dirt on the lens."""
    return [frame.rgb for frame in open_drive(BUNDLED_VIDEO)]


def changed(name: str, rgb: Bytes) -> Bytes:
    return np.ascontiguousarray(CHANGES[name](rgb))


def test_a_drive_never_changes_its_orientation(recording: list[Bytes]) -> None:
    check = Orientation()
    assert {check.detect_fault(rgb) for rgb in recording} == {''}


@pytest.mark.parametrize('name', CHANGES)
@pytest.mark.parametrize('at', [20, 75, 130])
def test_a_change_is_a_fault_until_it_is_changed_back(
        recording: list[Bytes], name: str, at: int) -> None:
    check = Orientation()
    before = {check.detect_fault(rgb) for rgb in recording[at - 10:at]}
    during = {check.detect_fault(changed(name, rgb)) for rgb in recording[at:at + 8]}
    after = {check.detect_fault(rgb) for rgb in recording[at + 8:at + 16]}
    assert before == after == {''}
    assert {text.split(':')[0] for text in during} == {f'the images have suddenly become {name}'}


@pytest.mark.parametrize('name', CHANGES)
def test_a_way_back_that_was_missed_is_found_later(recording: list[Bytes], name: str) -> None:
    check = Orientation()
    black = np.zeros_like(recording[0])
    shown = [*recording[60:70], *(changed(name, rgb) for rgb in recording[70:75]), black,
             *recording[75:80]]
    faults = [bool(check.detect_fault(rgb)) for rgb in shown]
    assert faults == [False] * 10 + [True] * 6 + [False] * 5


def test_a_change_is_reported_until_it_is_changed_back(recording: list[Bytes]) -> None:
    check = Orientation()
    check.detect_fault(recording[0])
    faults = [bool(check.detect_fault(changed('mirrored', recording[0])))
              for _ in range(400)]
    assert all(faults)
    assert check.detect_fault(recording[0]) == ''


def test_an_image_of_another_scene_or_size_is_no_change(recording: list[Bytes]) -> None:
    check, night = Orientation(), (recording[20] // 8)
    bluer = np.clip(recording[20].astype(int) + [-30, 0, 30], 0, 255).astype(np.uint8)
    redder = np.clip(recording[140].astype(int) + [30, 0, -30], 0, 255).astype(np.uint8)
    blank = np.full_like(night, 128)
    for rgb in (recording[20], night, blank, bluer, redder[:, :200], redder, blank, recording[20]):
        assert check.detect_fault(rgb) == ''
