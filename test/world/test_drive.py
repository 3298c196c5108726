# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.perception.types import CLASS_NAMES, IGNORE
from bdl_perception.world.conditions import DEFAULT_FADE_S, NOMINAL_CONDITIONS, Segment
from bdl_perception.world.drive import DriveSpec, segment_weights, WorldDrive
from bdl_perception.world.unknown_objects import FARTHEST_M
import numpy as np
import pytest


def spec(condition='sun', seed=1, frames=2, kind='urban', segments=None):
    return DriveSpec('test', 'train', seed, segments or (Segment(condition, 0., 60.),), frames, 2.,
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


def test_sky_is_infinite_and_everything_else_is_not(frames):
    for frame in frames['sun']:
        np.testing.assert_array_equal(np.isposinf(frame.depth), frame.classes == 0)
        assert frame.depth.min() > .3
        assert frame.classes.max() < len(CLASS_NAMES)


def test_every_class_is_met_in_a_few_drives(renderer):
    seen = np.zeros(256, int)
    for seed, kind in enumerate(('urban', 'urban', 'suburban', 'rural', 'motorway', 'urban')):
        for frame in WorldDrive(spec(seed=seed + 10, kind=kind)).frames(renderer):
            seen += np.bincount(frame.classes.ravel(), minlength=256)
    missing = [name for i, name in enumerate(CLASS_NAMES) if not seen[i]]
    assert not missing
    assert not seen[len(CLASS_NAMES):].any()


def test_night_is_dark_and_fog_is_flat(frames):
    sun, night, fog = (frames[name][0].rgb.astype(float)
                       for name in ('sun', 'night', 'dense_fog'))
    assert night.mean() < .5 * sun.mean()
    upper = slice(0, 40)
    assert fog[upper].std() < .5 * sun[upper].std()


def test_weather_and_dirt_leave_the_truth_alone(frames):
    """Only the picture differs: one seed is one street, whatever the condition."""
    for name in ('night', 'dense_fog', 'lens_dirt', 'failing_exposure'):
        np.testing.assert_array_equal(frames[name][0].depth, frames['sun'][0].depth)
        np.testing.assert_array_equal(frames[name][0].classes, frames['sun'][0].classes)


def test_dirt_covers_a_good_part_of_the_view_but_not_all(town):
    cover = town['lens_dirt'].dirt.cover
    assert .3 < cover.mean() < .8
    picture = np.full((96, 160, 3), 200, np.float32)
    dirty = town['lens_dirt'].dirt.apply(picture, 1.)
    changed = np.abs(dirty - picture).max(axis=2) > 20
    assert .25 < changed.mean() < .9
    assert town['lens_dirt'].dirt.apply(picture, 0.) is picture


def test_a_failing_exposure_loses_one_stop_after_the_other():
    parts = (Segment('sun', 0., 1.), Segment('failing_exposure', 1., 20., fade_s=8.))
    drive = WorldDrive(spec(segments=parts))
    stops = [np.log2(drive.gain_at(time_s) / drive.sensor.gain) for time_s in (0, 1, 3, 5, 7, 9, 15)]
    np.testing.assert_allclose(stops, [0, 0, -1, -2, -3, -4, -4])


@pytest.mark.slow
def test_brightness_falls_with_every_picture_while_the_exposure_fails(renderer):
    parts = (Segment('overcast', 0., 1.), Segment('failing_exposure', 1., 8., fade_s=5.))
    drive = WorldDrive(spec(segments=parts, frames=16))
    brightness = [frame.rgb.mean() for frame in drive.frames(renderer)]  # two a second
    before, fade, after = np.split(np.array(brightness), [3, 13])
    assert (np.diff(fade) < 0).all()
    assert np.ptp(before) < .1 * before.mean() and fade[0] < before.mean()
    assert after.mean() < .4 * before.mean() and np.ptp(after) < .1 * before.mean()


def test_unknown_objects_stand_in_the_corridor_without_a_class(frames):
    for frame in frames['unknown_objects']:
        strange = frame.classes == IGNORE
        assert strange.sum() > 30
        assert 4 < frame.depth[strange].min() and frame.depth[strange].max() < FARTHEST_M + 3


def test_an_unseen_mount_tilts_the_horizon(town):
    assert abs(town['unseen_mount'].camera_pose(0.).right[2]) > .1
    assert abs(town['sun'].camera_pose(0.).right[2]) < .05


def test_a_condition_takes_over_within_half_a_second():
    segments = (Segment('sun', 0., 2.), Segment('dense_fog', 2., 4.), Segment('sun', 4., 6.))
    drive = WorldDrive(spec(segments=segments))
    assert DEFAULT_FADE_S <= .5
    for time_s, visibility_m in ((0., 2000.), (1.99, 2000.), (2.51, 25.), (3.9, 25.),
                                 (4.51, 2000.)):
        assert drive.light_at(time_s).visibility_m == pytest.approx(visibility_m)
    assert 25 < drive.light_at(2.25).visibility_m < 2000


@pytest.mark.parametrize('time_s', [0., 1., 1.2, 1.5, 9.])
def test_shares_of_conditions_add_up_to_one(time_s):
    held = segment_weights((Segment('sun', 0., 1.), Segment('night', 1., 3.)), time_s)
    assert sum(share for _, share in held) == pytest.approx(1)
    assert all(0 <= share <= 1 for _, share in held)


@pytest.mark.parametrize('condition', NOMINAL_CONDITIONS)
def test_nominal_drives_hold_no_trace_of_what_is_held_out(condition):
    drive = WorldDrive(spec(condition, frames=1))
    for held_out in ('lens_dirt', 'unknown_objects', 'unseen_mount', 'failing_exposure'):
        assert drive.condition_weight(held_out, 0.) == 0
    assert drive.gain_at(0.) == drive.sensor.gain
    assert drive.light_at(0.).visibility_m > 100
    assert drive.light_at(0.).night == 0


def test_segments_must_meet():
    with pytest.raises(ValueError, match='must meet'):
        spec(segments=(Segment('sun', 0., 1.), Segment('night', 2., 3.)))


def test_a_slow_change_is_half_done_after_half_its_time():
    parts = (Segment('sun', 0., 2.), Segment('dense_fog', 2., 12., fade_s=8.))
    assert segment_weights(parts, 1.9) == [(parts[0], 1.)]
    (_, before), (fog, after) = segment_weights(parts, 6.)
    assert (before, fog.condition, after) == (.5, 'dense_fog', .5)
    assert segment_weights(parts, 10.) == [(parts[1], 1.)]


def test_a_change_that_takes_no_time_is_refused():
    with pytest.raises(ValueError, match='fades in over 0'):
        Segment('sun', 0., 1., fade_s=0.)


def test_a_camera_that_is_knocked_while_driving_keeps_its_lens():
    knocked = (Segment('sun', 0., 30.), Segment('unseen_mount', 30., 60.))
    before = WorldDrive(spec(seed=3)).pinhole
    assert WorldDrive(spec(seed=3, segments=knocked)).pinhole == before
    assert WorldDrive(spec('unseen_mount', seed=3)).pinhole != before
