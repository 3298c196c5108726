# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.world.shapes import (
    box,
    cylinder,
    disc,
    ellipsoid,
    extrusion,
    noisy_ellipsoid,
    ribbon,
    rod,
    rotation_x,
    rotation_y,
    rotation_z,
)
import numpy as np
import pytest


def area(shape):
    a, b, c = shape.corners.transpose(1, 0, 2)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


def solids():
    return {'box': box(1, 2, 3), 'cylinder': cylinder(.5, 2, 9, .4), 'disc': disc(.4, .2),
            'rod': rod((1, 2, 3), (-2, 0, 5), .1), 'ellipsoid': ellipsoid((1, 2, 3)),
            'lump': noisy_ellipsoid((1, 1, 1), .3, np.random.default_rng(0)),
            'extrusion': extrusion([(-1, 0), (-1, 1), (1, 1), (1, 0)], 2.)}


@pytest.mark.parametrize('name', sorted(solids()))
def test_normals_have_unit_length(name):
    np.testing.assert_allclose(np.linalg.norm(solids()[name].normals, axis=-1), 1)


def test_a_box_stands_on_the_ground_with_the_right_area():
    shape = box(1, 2, 3)
    np.testing.assert_allclose(shape.corners.min(axis=(0, 1)), (-.5, -1, 0))
    np.testing.assert_allclose(shape.corners.max(axis=(0, 1)), (.5, 1, 3))
    assert area(shape) == pytest.approx(2 * (1 * 2 + 2 * 3 + 1 * 3))


def test_normals_of_a_box_point_away_from_its_middle():
    shape = box(1, 2, 3)
    outward = shape.corners.mean(axis=1) - (0, 0, 1.5)
    assert ((shape.normals[:, 0] * outward).sum(axis=1) > 0).all()


def test_a_texture_tile_has_the_requested_width():
    shape = box(4, 6, 8, tile_m=2.)
    assert sorted(set(np.ravel(shape.uv.max(axis=(0, 1))))) == [3., 4.]
    side = np.abs(shape.normals[:, 0, 0]) > .5  # faces across x: 6 m wide, 8 m high
    np.testing.assert_allclose(shape.uv[side].max(axis=(0, 1)), (3, 4))


def test_the_area_of_a_cylinder_converges():
    expected = 2 * np.pi * .5 * 2 + 2 * np.pi * .5 ** 2
    assert area(cylinder(.5, 2, 200)) == pytest.approx(expected, rel=1e-3)


def test_the_area_of_a_sphere_converges():
    assert area(ellipsoid((2, 2, 2), 60)) == pytest.approx(4 * np.pi * 4, rel=1e-2)


def test_a_rod_lies_within_its_radius_of_its_axis():
    start, end = np.array((1., 2, 3)), np.array((-2., 0, 5))
    points = rod(start, end, .1).corners.reshape(-1, 3)
    way = (end - start) / np.linalg.norm(end - start)
    along = (points - start) @ way
    off = np.linalg.norm(points - start - along[:, None] * way, axis=1)
    assert off.max() == pytest.approx(.1)
    assert along.min() == pytest.approx(0, abs=1e-9)
    assert along.max() == pytest.approx(np.linalg.norm(end - start))


def test_an_extrusion_narrows_with_height():
    shape = extrusion([(-1, 0), (-1, 1), (1, 1), (1, 0)], 2., lambda z: 1 - .5 * z)
    points = shape.corners.reshape(-1, 3)
    assert points[points[:, 2] == 0][:, 1].max() == pytest.approx(1)
    assert points[points[:, 2] == 1][:, 1].max() == pytest.approx(.5)


def test_a_ribbon_covers_the_ground_between_its_lines():
    x = np.linspace(0, 10, 4)
    left, right = np.c_[x, x * 0 + 1, x * 0], np.c_[x, x * 0 - 1, x * 0]
    assert area(ribbon(left, right)) == pytest.approx(20)


def test_positive_rotations_turn_left_and_nose_down():
    np.testing.assert_allclose(rotation_z(np.pi / 2) @ (1, 0, 0), (0, 1, 0), atol=1e-12)
    np.testing.assert_allclose(rotation_y(np.pi / 2) @ (1, 0, 0), (0, 0, -1), atol=1e-12)
    np.testing.assert_allclose(rotation_x(np.pi / 2) @ (0, 1, 0), (0, 0, 1), atol=1e-12)
