# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from collections import Counter

from bdl_perception.perception.classes import CLASS_NAMES
from bdl_perception.world.samples import resolve
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import pytest


def expected_pixel(samples):
    """Decide one pixel sample by sample, as the docstring of resolve says it."""
    counts = Counter(class_id for _, class_id in samples)
    most = max(counts.values())
    chosen = next(class_id for _, class_id in samples if counts[class_id] == most)
    depths = [depth for depth, class_id in samples if class_id == chosen]
    ground = chosen in (CLASS_NAMES.index('road'), CLASS_NAMES.index('pavement'))
    if ground or (len(counts) == 1 and max(depths) < 1.15 * min(depths)):
        depth = len(depths) / sum(1 / depth for depth in depths)
    else:
        depth = min(depths)
    return (np.inf if depth > 1e8 else depth), chosen


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([2., 2.2, 2.4, 40., 1e9]),
                          st.sampled_from([0, 3, 8, 255])), min_size=4, max_size=4))
def test_a_pixel_agrees_with_a_plain_count_of_its_samples(samples):
    tile = np.array(samples, np.float32).reshape(2, 2, 2)
    depth, classes = resolve(np.tile(tile, (2, 3, 1)), 2)
    expected_depth, expected_class = expected_pixel(
        [(float(d), int(c)) for d, c in tile.reshape(4, 2)])
    assert classes.shape == (2, 3)
    np.testing.assert_allclose(depth, expected_depth, rtol=1e-6)
    assert (classes == expected_class).all()


def test_the_depth_of_a_slanted_plane_is_that_of_the_middle_of_the_pixel():
    column = (np.arange(40) + .5) / 2 - .5  # samples stand at quarters of a pixel
    samples = np.zeros((40, 40, 2), np.float32)
    samples[..., 0] = 1 / (.02 + .01 * column)[None]
    samples[..., 1] = 3
    depth, _ = resolve(samples[:, 8:], 2)
    np.testing.assert_allclose(depth[0], 1 / (.02 + .01 * np.arange(4, 20)), rtol=1e-5)


@pytest.mark.parametrize('name', ['road', 'pavement'])
def test_far_ground_is_as_far_as_the_middle_of_the_pixel(name):
    """The camera is 1.5 m above a plane; rows are counted from the horizon, focal length 80."""
    below = (np.arange(192) + .5) / 2  # of the samples
    samples = np.zeros((192, 8, 2), np.float32)
    samples[..., 0] = (1.5 * 80 / below)[:, None]
    samples[..., 1] = CLASS_NAMES.index(name)
    depth, _ = resolve(samples, 2)
    np.testing.assert_allclose(depth, np.tile(1.5 * 80 / (np.arange(96) + .5)[:, None], 4),
                               rtol=1e-5)
    assert depth.max() > 200


def test_no_depth_is_made_up_between_a_car_and_the_wall_behind():
    samples = np.array([[(5, 8), (5, 8)], [(50, 1), (50, 1)]], np.float32)
    depth, classes = resolve(samples, 2)
    assert (depth[0, 0], classes[0, 0]) in {(5., 8), (50., 1)}
    assert depth[0, 0] == pytest.approx(5)
