# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Detection of blank and frozen frames."""
from bdl_perception.perception.camera_health import CameraHealth, HealthPolicy
from bdl_perception.perception.data_types import Bytes
import numpy as np
import pytest


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
