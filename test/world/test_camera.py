# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.world.camera import (
    CameraPose,
    draw_mount,
    draw_sensor,
    draw_unseen_mount,
    Pinhole,
)
from bdl_perception.world.versions import CameraRanges, VERSIONS
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

ANGLE = st.floats(-1.2, 1.2)


@settings(max_examples=60, deadline=None)
@given(yaw=ANGLE, pitch=ANGLE, roll=ANGLE, x=st.floats(-3, 3), y=st.floats(-2, 2),
       depth=st.floats(1, 200), fov=st.floats(.5, 1.8))
def test_the_clip_matrix_agrees_with_the_pinhole_formula(yaw, pitch, roll, x, y, depth, fov):
    pinhole = Pinhole.from_fov(320, 192, fov)
    view = CameraPose.from_angles((4, -3, 1.5), yaw, pitch, roll)
    point = view.eye + depth * (view.forward + x * view.right - y * view.up)
    clip = pinhole.projection_matrix() @ view.view_matrix() @ (*point, 1)
    column = (clip[0] / clip[3] + 1) / 2 * 320 - .5  # clip -1 is the outer edge of pixel 0
    row = (1 - clip[1] / clip[3]) / 2 * 192 - .5
    assert column == pytest.approx(pinhole.fx * x + pinhole.cx, abs=1e-6)
    assert row == pytest.approx(pinhole.fy * y + pinhole.cy, abs=1e-6)
    assert clip[3] == pytest.approx(depth)


@settings(max_examples=60, deadline=None)
@given(yaw=ANGLE, pitch=ANGLE, roll=ANGLE)
def test_the_axes_of_a_view_are_orthonormal_and_right_handed(yaw, pitch, roll):
    view = CameraPose.from_angles((0, 0, 0), yaw, pitch, roll)
    axes = np.array([view.right, view.up, -view.forward])
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)


def test_yaw_turns_left_pitch_down_and_roll_clockwise():
    assert CameraPose.from_angles((0, 0, 0), .1, 0).forward[1] > 0  # left
    assert CameraPose.from_angles((0, 0, 0), 0, .1).forward[2] < 0  # down
    rolled = CameraPose.from_angles((0, 0, 0), 0, 0, .1)  # clockwise: the right side sinks
    assert rolled.right[2] < 0


def test_the_field_of_view_is_the_angle_between_the_outer_edges():
    pinhole = Pinhole.from_fov(320, 192, 1.2)
    assert 2 * np.arctan((319.5 - pinhole.cx) / pinhole.fx) == pytest.approx(1.2)
    assert pinhole.intrinsics() == {'fx': pinhole.fx, 'fy': pinhole.fy, 'cx': 159.5, 'cy': 95.5}


def test_a_camera_without_pixels_is_rejected():
    with pytest.raises(ValueError, match='at least 8 pixels'):
        Pinhole.from_fov(0, 192, 1.)


@pytest.mark.parametrize('world', VERSIONS)
def test_unseen_mounts_lie_outside_the_nominal_range(world):
    rng, ranges = np.random.default_rng(0), VERSIONS[world].camera
    nominal = [draw_mount(rng, ranges) for _ in range(300)]
    unseen = [draw_unseen_mount(rng) for _ in range(300)]
    heights = [mount.height_m for mount in nominal]
    low, high = ranges.height_m
    assert low <= min(heights) and max(heights) <= high
    assert not any(low - .2 < mount.height_m < high + .2 for mount in unseen)
    assert min(abs(m.pitch_rad) for m in unseen) > max(abs(m.pitch_rad) for m in nominal)
    assert min(abs(m.roll_rad) for m in unseen) > 3 * max(abs(m.roll_rad) for m in nominal)


def test_a_sensor_changes_a_grey_wall_little():
    rng = np.random.default_rng(1)
    for _ in range(20):
        sensor = draw_sensor(rng, CameraRanges())
        stored = sensor.simulate(np.full((96, 160, 3), 128, np.float32), rng)
        middle = stored[40:56, 70:90].astype(float)
        assert abs(middle.mean() - 128) < 10
        assert middle.std() < 8


def test_the_same_generator_gives_the_same_noise():
    sensor = draw_sensor(np.random.default_rng(2), CameraRanges())
    wall = np.full((32, 48, 3), 90, np.float32)
    first, again = (sensor.simulate(wall, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first != sensor.simulate(wall, np.random.default_rng(8))).any()
