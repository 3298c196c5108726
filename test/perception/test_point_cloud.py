# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Points lie on the rays of their pixels, at their depth."""
from dataclasses import replace

from bdl_perception.perception.data_types import Epistemic, PinholeCamera, Prediction
from bdl_perception.perception.point_cloud import MAX_EPISTEMIC_AGE_NS, point_cloud
import numpy as np
import pytest

CAMERA = PinholeCamera(5, 4, 100., 80., 2.5, 1.25)
SHAPE = (4, 5)
RANDOM = np.random.default_rng(0)
RGB = RANDOM.integers(0, 256, (*SHAPE, 3), np.uint8)


def prediction(**changes):
    depth = RANDOM.uniform(2, 80, SHAPE).astype(np.float32)
    depth[0, 1:3], depth[3, 4] = np.inf, np.nan
    std = np.where(np.isfinite(depth), depth / 8, np.float32(np.nan))
    made = Prediction(10**9, 'camera', CAMERA, depth, std,
                      RANDOM.integers(0, 11, SHAPE, np.uint8), *[np.zeros(SHAPE, np.float32)] * 4,
                      0., np.zeros((1, 1), np.float32), 0)
    return replace(made, **changes)


def epistemic(stamp_ns, log_std):
    return Epistemic(stamp_ns, 'camera', 16, log_std, log_std, log_std, 0)


def test_points_projected_back_are_their_pixels():
    frame = prediction()
    points = point_cloud(frame, RGB, None)
    matrix = np.array([[100., 0, 2.5], [0, 80., 1.25], [0, 0, 1]])
    xyz = np.stack([points[name] for name in 'xyz'], axis=1).astype(float)
    u, v, scale = matrix @ xyz.T
    columns, rows = np.rint(u / scale).astype(int), np.rint(v / scale).astype(int)
    assert np.abs(u / scale - columns).max() < 1e-4 and np.abs(v / scale - rows).max() < 1e-4
    pixels = set(zip(rows.tolist(), columns.tolist(), strict=True))
    everywhere = {(row, column) for row in range(4) for column in range(5)}
    assert pixels == everywhere - {(0, 1), (0, 2), (3, 4)}
    np.testing.assert_array_equal(points['z'], frame.depth[rows, columns])
    np.testing.assert_array_equal(points['aleatoric_std'], frame.aleatoric_std[rows, columns])
    np.testing.assert_array_equal(points['class_id'], frame.classes[rows, columns])
    colours = [(packed >> 16 & 255, packed >> 8 & 255, packed & 255)
               for packed in points['rgb'].tolist()]
    assert colours == [tuple(pixel) for pixel in RGB[rows, columns].tolist()]


def test_a_point_worked_by_hand():
    camera = PinholeCamera(1, 1, 100., 80., -50., 40.)
    one = np.full((1, 1), 10, np.float32)
    frame = prediction(camera=camera, depth=one, aleatoric_std=one / 5,
                       classes=np.full((1, 1), 8, np.uint8))
    point, = point_cloud(frame, np.array([[[1, 2, 3]]], np.uint8), None)
    assert point.tolist()[:3] == (5., -5., 10.)  # right, up, forward
    assert point['rgb'] == 0x010203 and point['class_id'] == 8 and point['aleatoric_std'] == 2


def test_no_coordinate_is_nan_and_a_frame_of_sky_has_no_points():
    points = point_cloud(prediction(), RGB, None)
    assert all(np.isfinite(points[name]).all() for name in ('x', 'y', 'z', 'aleatoric_std'))
    sky = prediction(depth=np.full(SHAPE, np.inf, np.float32))
    assert len(point_cloud(sky, RGB, None)) == 0


def test_the_epistemic_uncertainty_is_that_of_an_older_frame_for_this_depth():
    frame = prediction()
    log_std = np.full(SHAPE, .1, np.float32)
    log_std[1, 1] = np.nan  # sky in the frame of the cycle
    points = point_cloud(frame, RGB, epistemic(frame.stamp_ns - 200_000_000, log_std))
    index = int(np.isfinite(frame.depth).ravel()[:6].sum())  # of pixel (1, 1)
    assert np.isnan(points['epistemic_std'][index])
    others = np.delete(points, index)
    np.testing.assert_allclose(others['epistemic_std'], others['z'] / 10, rtol=1e-6)


@pytest.mark.parametrize('age_ns', [-1, MAX_EPISTEMIC_AGE_NS + 1])
def test_a_cycle_of_another_time_is_not_used(age_ns):
    frame = prediction()
    cycle = epistemic(frame.stamp_ns - age_ns, np.full(SHAPE, .1, np.float32))
    assert np.isnan(point_cloud(frame, RGB, cycle)['epistemic_std']).all()


def test_a_cycle_of_another_size_is_not_used():
    cycle = epistemic(10**9, np.full((2, 2), .1, np.float32))
    assert np.isnan(point_cloud(prediction(), RGB, cycle)['epistemic_std']).all()


def test_points_without_a_camera_are_an_error():
    with pytest.raises(ValueError, match='need a camera_info'):
        point_cloud(prediction(camera=None), RGB, None)
