# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A camera_info of any middleware; test/nodes/test_messages.py has those of ROS 2."""
import math
from types import SimpleNamespace
from typing import Any

from bdl_perception.perception.camera_info import is_rectified, match_camera
from bdl_perception.perception.data_types import PinholeCamera
import pytest

WHOLE = SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0)
K = (60., 0., 31., 0., 61., 23., 0., 0., 1.)
P = (50., 0., 30., 0., 0., 51., 22., 0., 0., 0., 1., 0.)
NUMBERS = (math.nan, math.inf, -math.inf, -60.)


def info(**changes: Any) -> SimpleNamespace:
    values = {'width': 64, 'height': 48, 'k': K, 'p': P, 'd': (.1, 0., 0., 0., 0.), 'roi': WHOLE,
              'binning_x': 0, 'binning_y': 0}
    return SimpleNamespace(**{**values, **changes})


def replaced(values: tuple[float, ...], index: int, value: float) -> tuple[float, ...]:
    return (*values[:index], value, *values[index + 1:])


@pytest.mark.parametrize('index', [0, 4, 2, 5])
@pytest.mark.parametrize('value', NUMBERS)
def test_an_impossible_k_is_a_fault_with_the_reason(index: int, value: float) -> None:
    if index in (2, 5) and math.isfinite(value):
        return  # its fault is another one
    matched = match_camera(info(k=replaced(K, index, value)), 64, 48, False)
    assert matched.camera is None and matched.warning is None and matched.fault is not None
    assert matched.fault.startswith('camera_info cannot be used, ') and str(value) in matched.fault
    assert matched.fault.endswith(': the scale of depth is unknown')
    assert match_camera(info(k=replaced(K, index, value)), 64, 48, True).camera is not None


@pytest.mark.parametrize('fy, is_possible', [
    (30., True), (15., True), (240., True), (14.9, False), (241., False), (4e-6, False),
    (1e300, False)])
def test_focal_lengths_that_differ_too_much_are_a_fault(fy: float, is_possible: bool) -> None:
    """The other fit mode scales depth by both of them."""
    matched = match_camera(info(k=replaced(K, 4, fy)), 64, 48, False)
    assert (matched.camera is not None) == is_possible
    assert is_possible or matched.fault == (
        f'camera_info has focal lengths of 60 and {fy:.4g} px, which differ by more than a factor '
        f'of 4: the scale of depth is unknown')


@pytest.mark.parametrize('index, value, is_possible', [
    (2, -64., True), (2, 128., True), (5, 96., True), (2, -64.1, False), (2, 128.1, False),
    (5, -48.1, False), (5, 96.1, False), (2, 1e300, False)])
def test_a_principal_point_outside_by_more_than_the_image_is_a_fault(
        index: int, value: float, is_possible: bool) -> None:
    matched = match_camera(info(k=replaced(K, index, value)), 64, 48, False)
    assert (matched.camera is not None) == is_possible
    assert is_possible or matched.fault is not None and 'principal point' in matched.fault


def test_the_principal_point_of_a_region_is_compared_with_the_whole_sensor() -> None:
    region = SimpleNamespace(x_offset=60, y_offset=0, width=4, height=48)
    assert match_camera(info(roi=region), 4, 48, False).camera is not None  # cx is -29 there


@pytest.mark.parametrize('value', NUMBERS)
def test_an_impossible_p_of_distorted_images_is_not_replaced_by_k(value: float) -> None:
    broken = info(p=replaced(P, 0, value))
    assert match_camera(broken, 64, 48, True).camera is None
    assert match_camera(broken, 64, 48, False).camera == PinholeCamera(64, 48, 60, 61, 31, 23)


def test_a_p_that_is_no_number_is_replaced_by_k_without_distortion() -> None:
    found = match_camera(info(p=replaced(P, 0, math.nan), d=()), 64, 48, True)
    assert found.camera == PinholeCamera(64, 48, 60, 61, 31, 23)


def test_an_empty_size_is_a_fault() -> None:
    fault = match_camera(info(width=0, height=0), 64, 48, False).fault
    assert fault is not None and 'camera size is 0x0 px' in fault


def test_the_capitals_of_ros_1_are_read() -> None:
    ros1 = info(K=K, P=P, D=(0.,))
    for name in 'kpd':
        delattr(ros1, name)
    assert is_rectified(ros1, '/image_raw')
    assert match_camera(ros1, 64, 48, True).camera == PinholeCamera(64, 48, 50, 51, 30, 22)
