# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.drives.description import DEFAULT_FADE_S
from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
from bdl_perception.world.conditions import condition_segment as segment
from bdl_perception.world.conditions import NOMINAL_CONDITIONS, segment_weights
from bdl_perception.world.drive import WorldDrive
from bdl_perception.world.splits import DriveSpec
from bdl_perception.world.unknown_objects import FARTHEST_M
import numpy as np
import pytest


def spec(condition='sun', seed=1, frames=2, kind='urban', segments=None):
    return DriveSpec('test', 'train', seed, segments or (segment(condition, 0., 60.),), frames, 2.,
                     160, 96, kind)


@pytest.fixture(scope='module')
def town():
    return {condition: WorldDrive(spec(condition)) for condition in
            ('sun', 'night', 'dense_fog', 'unknown_objects', 'unseen_mount', 'lens_dirt',
             'failing_exposure')}


@pytest.fixture(scope='module')
def frames(town, renderer):
    return {name: list(drive.frames(renderer)) for name, drive in town.items()}


def test_the_same_seed_gives_the_same_pixels(frames, renderer):
    for first, again in zip(frames['sun'], WorldDrive(spec()).frames(renderer), strict=True):
        np.testing.assert_array_equal(first.rgb, again.rgb)
        np.testing.assert_array_equal(first.depth, again.depth)
        np.testing.assert_array_equal(first.classes, again.classes)


def test_another_seed_gives_another_street(frames, renderer):
    other = next(iter(WorldDrive(spec(seed=2)).frames(renderer)))
    assert (other.classes != frames['sun'][0].classes).mean() > .1


def test_the_camera_moves_between_frames(frames):
    before, after = frames['sun']
    assert (before.rgb != after.rgb).mean() > .5
    assert not np.array_equal(before.depth, after.depth)


def test_only_the_sky_is_infinitely_far(frames):
    for frame in frames['sun']:
        np.testing.assert_array_equal(np.isposinf(frame.depth), frame.classes == 0)
        assert frame.depth.min() > .3
        assert frame.classes.max() < len(CLASS_NAMES)


def test_a_few_drives_show_every_class(renderer):
    counts = np.zeros(256, int)
    for seed, kind in enumerate(('urban', 'urban', 'suburban', 'rural', 'motorway', 'urban')):
        for frame in WorldDrive(spec(seed=seed + 10, kind=kind)).frames(renderer):
            counts += np.bincount(frame.classes.ravel(), minlength=256)
    missing = [name for i, name in enumerate(CLASS_NAMES) if not counts[i]]
    assert not missing
    assert not counts[len(CLASS_NAMES):].any()


def test_night_is_dark_and_fog_is_flat(frames):
    sun, night, fog = (frames[name][0].rgb.astype(float)
                       for name in ('sun', 'night', 'dense_fog'))
    assert night.mean() < .5 * sun.mean()
    upper = slice(0, 40)
    assert fog[upper].std() < .5 * sun[upper].std()


def test_weather_and_dirt_do_not_change_the_ground_truth(frames):
    """Only rgb differs: one seed is one street, whatever the condition."""
    for name in ('night', 'dense_fog', 'lens_dirt', 'failing_exposure'):
        np.testing.assert_array_equal(frames[name][0].depth, frames['sun'][0].depth)
        np.testing.assert_array_equal(frames[name][0].classes, frames['sun'][0].classes)


def test_dirt_covers_a_part_of_the_frame(town):
    cover = town['lens_dirt'].imaging.lens['lens_dirt'].cover
    assert .3 < cover.mean() < .8
    image = np.full((96, 160, 3), 200, np.float32)
    dirty = town['lens_dirt'].imaging.lens['lens_dirt'].apply(image, 1.)
    changed = np.abs(dirty - image).max(axis=2) > 20
    assert .25 < changed.mean() < .9
    assert town['lens_dirt'].imaging.lens['lens_dirt'].apply(image, 0.) is image


def test_a_failing_exposure_loses_four_stops_over_its_fade():
    parts = (segment('sun', 0., 1.), segment('failing_exposure', 1., 20., fade_s=8.))
    drive = WorldDrive(spec(segments=parts))
    stops = [np.log2(drive.gain_at(time_s) / drive.sensor.gain)
             for time_s in (0, 1, 3, 5, 7, 9, 15)]
    np.testing.assert_allclose(stops, [0, 0, -1, -2, -3, -4, -4])


@pytest.mark.slow
def test_brightness_decreases_while_the_exposure_fails(renderer):
    parts = (segment('overcast', 0., 1.), segment('failing_exposure', 1., 8., fade_s=5.))
    drive = WorldDrive(spec(segments=parts, frames=16))
    brightness = [frame.rgb.mean() for frame in drive.frames(renderer)]  # two a second
    before, fade, after = np.split(np.array(brightness), [3, 13])
    assert (np.diff(fade) < 0).all()
    assert np.ptp(before) < .1 * before.mean() and fade[0] < before.mean()
    assert after.mean() < .4 * before.mean() and np.ptp(after) < .1 * before.mean()


def test_unknown_objects_in_the_corridor_have_no_class(frames):
    for frame in frames['unknown_objects']:
        unknown = frame.classes == IGNORE
        assert unknown.sum() > 30
        assert 4 < frame.depth[unknown].min() and frame.depth[unknown].max() < FARTHEST_M + 3


def test_an_unseen_mount_tilts_the_horizon(town):
    assert abs(town['unseen_mount'].camera_pose(0.).right[2]) > .1
    assert abs(town['sun'].camera_pose(0.).right[2]) < .05


def test_a_condition_takes_over_within_half_a_second():
    segments = (segment('sun', 0., 2.), segment('dense_fog', 2., 4.), segment('sun', 4., 6.))
    drive = WorldDrive(spec(segments=segments))
    assert DEFAULT_FADE_S <= .5
    for time_s, visibility_m in ((0., 2000.), (1.99, 2000.), (2.51, 25.), (3.9, 25.),
                                 (4.51, 2000.)):
        assert drive.light_at(time_s).visibility_m == pytest.approx(visibility_m)
    assert 25 < drive.light_at(2.25).visibility_m < 2000


@pytest.mark.parametrize('time_s', [0., 1., 1.2, 1.5, 9.])
def test_weights_of_segments_sum_to_one(time_s):
    weights = segment_weights((segment('sun', 0., 1.), segment('night', 1., 3.)), time_s)
    assert sum(share for _, share in weights) == pytest.approx(1)
    assert all(0 <= share <= 1 for _, share in weights)


@pytest.mark.parametrize('condition', NOMINAL_CONDITIONS)
def test_nominal_drives_contain_no_held_out_condition(condition):
    drive = WorldDrive(spec(condition, frames=1))
    for held_out in ('lens_dirt', 'unknown_objects', 'unseen_mount', 'failing_exposure'):
        assert drive.condition_weight(held_out, 0.) == 0
    assert drive.gain_at(0.) == drive.sensor.gain
    assert drive.light_at(0.).visibility_m > 100
    assert drive.light_at(0.).night == 0


def test_segments_must_meet():
    with pytest.raises(ValueError, match='must meet'):
        spec(segments=(segment('sun', 0., 1.), segment('night', 2., 3.)))


def test_a_slow_change_has_weight_one_half_after_half_its_fade():
    parts = (segment('sun', 0., 2.), segment('dense_fog', 2., 12., fade_s=8.))
    assert segment_weights(parts, 1.9) == [(parts[0], 1.)]
    (_, before), (fog, after) = segment_weights(parts, 6.)
    assert (before, fog.name, after) == (.5, 'dense_fog', .5)
    assert segment_weights(parts, 10.) == [(parts[1], 1.)]


def test_a_fade_of_zero_is_rejected():
    with pytest.raises(ValueError, match='fade_s 0'):
        segment('sun', 0., 1., fade_s=0.)


def test_a_mount_that_changes_within_a_drive_keeps_its_lens():
    changed_mount = (segment('sun', 0., 30.), segment('unseen_mount', 30., 60.))
    before = WorldDrive(spec(seed=3)).pinhole
    assert WorldDrive(spec(seed=3, segments=changed_mount)).pinhole == before
    assert WorldDrive(spec('unseen_mount', seed=3)).pinhole != before
