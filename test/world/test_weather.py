# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Smoke against Beer's law with a numerical integral; flakes and drops by what they hide."""
from dataclasses import replace

from bdl_perception.world.camera import CameraPose, Pinhole
from bdl_perception.world.lens import draw_rain_drops
from bdl_perception.world.weather import add_snowfall, draw_smoke
import numpy as np
import pytest

PINHOLE = Pinhole.from_fov(160, 96, 1.)
POSE = CameraPose.from_angles((0, 0, 1.5), 0, 0)
WHITE = np.full((96, 160, 3), 255, np.float32)


def one_puff(ahead_m, sd_m, density):
    """Give a black puff of full density at its middle on the optical axis, and its age."""
    smoke = draw_smoke((0., 0., 0.), np.random.default_rng(0))
    age = .125
    peak = density * (1 + 1.2 * age) ** 2 / (1 - age)
    return replace(smoke, source=np.array([[ahead_m, 0., 1.5]]), wind_mps=np.zeros(3),
                   life_s=np.array([1e9]), phase=np.array([age]),
                   size_m=np.array([sd_m / (1 + 2.2 * age)]), density=np.array([peak]), albedo=0.,
                   noise=np.ones((128, 128), np.float32))


@pytest.mark.parametrize('depth_m', [7., 10., 11., 40.])
def test_smoke_attenuates_by_beers_law_up_to_the_depth_of_a_pixel(depth_m):
    depth = np.full((96, 160), depth_m, np.float32)
    passed = one_puff(10., 1.2, .6).apply(WHITE, depth, POSE, PINHOLE, 0., 255., 1.) / 255
    along = np.linspace(0, depth_m, 20001)
    steps = .6 * np.exp(-(along - 10) ** 2 / (2 * 1.2 ** 2))
    expected = np.exp(-steps.mean() * depth_m)
    assert passed[48, 80].mean() == pytest.approx(expected, abs=.02)


def test_smoke_behind_a_wall_or_the_camera_is_invisible():
    wall = np.full((96, 160), 5., np.float32)
    for ahead_m in (20., -20.):
        shown = one_puff(ahead_m, 1., 2.).apply(WHITE, wall, POSE, PINHOLE, 0., 255., 1.)
        np.testing.assert_allclose(shown, WHITE, atol=.5)


def test_no_smoke_snow_or_rain_leaves_the_image():
    depth = np.full((96, 160), 50., np.float32)
    rng = np.random.default_rng(0)
    assert one_puff(9., 1., 1.).apply(WHITE, depth, POSE, PINHOLE, 0., 255., 0.) is WHITE
    assert add_snowfall(WHITE, depth, PINHOLE, 9., 0., rng) is WHITE
    assert draw_rain_drops(rng, 96, 160).apply(WHITE, 0.) is WHITE


def test_flakes_are_only_before_what_is_farther_away():
    dark = np.zeros((96, 160, 3), np.float32)
    counts = [np.count_nonzero(add_snowfall(
        dark, np.full((96, 160), depth_m, np.float32), PINHOLE, 0., 1.,
        np.random.default_rng(3))[..., 0] > 8) for depth_m in (.4, 3., 50.)]
    assert counts[0] == 0 < counts[1] < counts[2]


def test_flakes_are_streaks_at_speed():
    dark, depth = np.zeros((96, 160, 3), np.float32), np.full((96, 160), 50., np.float32)
    slow, fast = (add_snowfall(dark, depth, PINHOLE, speed, .05, np.random.default_rng(5))
                  for speed in (0., 25.))
    assert np.count_nonzero(fast > 3) > 1.1 * np.count_nonzero(slow > 3)


def test_a_drop_shows_the_scene_upside_down():
    height, width = 192, 320
    image = np.zeros((height, width, 3), np.float32)
    image[:height // 2] = 200.  # bright above
    for seed in range(4):
        drops = draw_rain_drops(np.random.default_rng(seed), height, width)
        inside = drops.cover > .9
        down = drops.shift[..., 1]
        rows = np.mgrid[0:height, 0:width][0]
        flipped = inside & (down < -6) & (rows > height // 2 + 6) & (rows + down < height // 2 - 6)
        assert flipped.any()
        shown = drops.apply(image, 1.)
        assert shown[flipped].mean() > 60  # bright though the scene there is black
        assert .02 < drops.cover.mean() < .5
