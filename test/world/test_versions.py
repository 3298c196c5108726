# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The versions of the world: what each draws, and how often."""
from dataclasses import fields

from bdl_perception.world.camera import (
    blur_by_motion,
    CameraPose,
    draw_mount,
    draw_sensor,
    Pinhole,
)
from bdl_perception.world.conditions import condition_segment as segment
from bdl_perception.world.drive import WorldDrive
from bdl_perception.world.lens import add_glare
from bdl_perception.world.splits import DriveSpec, SplitSpec
from bdl_perception.world.versions import (
    draw_features,
    possible_features,
    Shares,
    VERSIONS,
    WORLD_VERSION,
)
import numpy as np
import pytest

DRAWS = 4000
PINHOLE = Pinhole.from_fov(160, 96, 1.)
POSE = CameraPose.from_angles((0, 0, 1.5), 0, 0)


def drive(world, seed=1, condition='sun', frames=1, kind='urban'):
    return WorldDrive(DriveSpec('version', 'train', seed, (segment(condition, 0., 9.),), frames,
                                2., 160, 96, kind, world))


def test_a_split_is_drawn_in_the_version_of_the_shipped_model_unless_another_is_requested():
    assert WORLD_VERSION == 2
    assert SplitSpec('train', 1, 1).drive_specs()[0].world == WORLD_VERSION
    assert SplitSpec('train', 1, 1, world=3).drive_specs()[0].world == 3
    with pytest.raises(ValueError, match='no world 4; known: 2, 3'):
        SplitSpec('train', 1, 1, world=4)


def test_version_2_has_no_feature():
    assert draw_features(VERSIONS[2].shares, np.random.default_rng(0)) == set()


@pytest.mark.parametrize('name', [one.name for one in fields(Shares)])
def test_each_feature_appears_with_its_share(name):
    shares = VERSIONS[3].shares
    found = [name in draw_features(shares, np.random.default_rng(seed)) for seed in range(DRAWS)]
    share = getattr(shares, name)
    assert 0 < share < 1
    assert np.mean(found) == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / DRAWS))


def test_features_that_a_drive_cannot_have_are_left_out():
    drawn = frozenset(one.name for one in fields(Shares))
    assert possible_features(drawn, False, True, True, False, False) == drawn - {
        'bridge', 'construction_site'}  # of a tunnel
    assert possible_features(drawn - {'tunnel'}, True, False, False, False, False) == {
        'wet_road', 'avenue', 'bridge', 'construction_site'}
    assert possible_features(drawn, False, True, True, True, True) == {
        'low_sun_ahead', 'road_cyclists', 'avenue'}


@pytest.mark.parametrize(('low', 'high'), [(40, 50), (80, 110)])
def test_version_3_has_narrow_and_wide_cameras(low, high):
    rng = np.random.default_rng(0)
    fov = [np.degrees(draw_mount(rng, VERSIONS[3].camera).horizontal_fov_rad)
           for _ in range(DRAWS)]
    assert min(fov) >= 40 and max(fov) <= 110
    share = (high - low) / 70
    assert np.mean([low < one < high for one in fov]) == pytest.approx(share, abs=.04)


def test_version_3_has_stronger_compression_and_exposure():
    drawn = {world: [draw_sensor(np.random.default_rng(seed), VERSIONS[world].camera)
                     for seed in range(400)] for world in VERSIONS}
    for name in ('gain', 'jpeg_quality', 'read_noise', 'shutter_s'):
        spread = [np.std([getattr(one, name) for one in drawn[world]]) for world in (2, 3)]
        assert spread[1] > 1.4 * spread[0], name


def test_the_sun_stands_ahead_in_its_share_of_sunny_drives():
    ahead = []
    for seed in range(60):
        made = WorldDrive.__new__(WorldDrive)  # the sky alone; a street takes seconds
        made.spec = drive_spec = DriveSpec('sky', 'train', seed, (segment('sun', 0., 9.),), 1, 2.,
                                           160, 96, 'urban', 3)
        made.version, made._names = VERSIONS[drive_spec.world], {'sun'}
        made._rng = {'sky': np.random.default_rng(seed)}
        made.features = draw_features(made.version.shares, np.random.default_rng((seed, 1)))
        direction = made._draw_sky().sun_direction  # any sun casts shadows
        low_ahead = direction[0] > .8 and direction[2] < .2
        assert low_ahead or 'low_sun_ahead' not in made.features
        ahead.append(low_ahead)
    assert .15 < np.mean(ahead) < .5


def test_version_3_changes_the_camera_and_not_the_classes_of_a_pixel_ray(renderer):
    """The label of a pixel still agrees with its depth: only sky is infinitely far."""
    made = drive(3, condition='dusk')
    frame = next(made.frames(renderer))
    np.testing.assert_array_equal(np.isposinf(frame.depth), frame.classes == 0)
    again = next(drive(3, condition='dusk').frames(renderer))
    np.testing.assert_array_equal(frame.rgb, again.rgb)


def test_motion_blur_smears_away_from_the_point_ahead():
    image = np.zeros((96, 160, 3), np.float32)
    image[47:50, 139:142] = 255.
    depth = np.full((96, 160), 4., np.float32)
    blurred = blur_by_motion(image, depth, PINHOLE, .4, (0., 0.))[..., 0]
    rows, columns = np.nonzero(blurred > 5)
    assert np.ptp(columns) > 2 * np.ptp(rows)  # 60 px * .1 = 6 px along the row
    assert np.ptp(columns) == pytest.approx(2 + 6, abs=2)
    assert blurred.sum() == pytest.approx(image[..., 0].sum(), rel=.15)
    assert blur_by_motion(image, depth, PINHOLE, 0., (0., 0.)) is image


def test_glare_needs_a_visible_sun():
    grey = np.full((96, 160, 3), 90., np.float32)
    open_sky = np.ones((96, 160), bool)
    light = np.array([2., 1.8, 1.4])
    ahead, behind = np.array([1., 0., .1]), np.array([-1., 0., .1])
    veiled = add_glare(grey, open_sky, POSE, PINHOLE, (ahead / np.linalg.norm(ahead), light))
    row, column = np.unravel_index(veiled[..., 0].argmax(), open_sky.shape)
    assert column == pytest.approx(PINHOLE.cx, abs=1)
    assert row == pytest.approx(PINHOLE.cy - .1 * PINHOLE.fy, abs=1)
    assert veiled[row, column, 0] > 200 > veiled[0, 0, 0]
    for sun, sky in ((behind, open_sky), (ahead, ~open_sky)):
        assert add_glare(grey, sky, POSE, PINHOLE, (sun / np.linalg.norm(sun), light)) is grey
