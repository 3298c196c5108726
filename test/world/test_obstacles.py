# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.drives.description import RARE_CONDITIONS
from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
from bdl_perception.world.conditions import condition_segment as segment
from bdl_perception.world.drive import WorldDrive
from bdl_perception.world.ego_motion import EgoMotion, Stop
from bdl_perception.world.obstacles import KINDS
from bdl_perception.world.splits import drive_seed, DriveSpec, SPLIT_NUMBERS
from bdl_perception.world.traffic import Traffic
import numpy as np
import pytest

OBSTACLES = sorted(set(KINDS) - {'smoke'})
CAR = CLASS_NAMES.index('car')
SECONDS = 8.


def drive(condition, seed=1, frames=16, segments=None, kind=None):
    return WorldDrive(DriveSpec('obstacle', 'test', seed,
                                segments or (segment(condition, 0., SECONDS),), frames, 2., 160,
                                96, kind))


@pytest.fixture(scope='module')
def approached(renderer):
    """Give the first and the last frame of each obstacle, and the distance to it, m."""
    found = {}
    for name in OBSTACLES:
        made = drive(name)
        renderer.load_scene(made.scene)
        found[name] = [(made.obstacle.x_m - made.ego.position_along(time_s),
                        made._frame(renderer, i, time_s))
                       for i, time_s in ((0, 0.), (15, SECONDS - .5))]
    return found


def with_obstacle(frame, name):
    """Select the pixels of the obstacle; a lorry is one more car of the street."""
    label = CAR if 'lorry' in name or 'trailer' in name else IGNORE
    return frame.classes == label


@pytest.mark.parametrize('name', OBSTACLES)
def test_an_obstacle_stands_in_the_corridor_and_comes_nearer(approached, name):
    (far_m, far), (near_m, near) = approached[name]
    assert near_m < far_m and 5 < near_m < 20
    assert with_obstacle(near, name).sum() > with_obstacle(far, name).sum()
    middle = with_obstacle(near, name)[:, 40:120]
    depth = near.depth[:, 40:120][middle]
    assert middle.sum() > 60
    assert near_m - 6 < np.median(depth) < near_m + 4


@pytest.mark.parametrize('name', ['animal', 'lost_cargo'])
def test_what_is_no_vehicle_has_no_class(approached, name):
    for _, frame in approached[name]:
        assert (frame.classes == IGNORE).any()


@pytest.mark.parametrize('name', ['overturned_lorry', 'white_trailer'])
def test_a_lorry_is_a_vehicle_in_any_position(approached, name):
    for _, frame in approached[name]:
        assert not (frame.classes == IGNORE).any()


def test_a_white_trailer_hides_the_road_and_is_as_bright_as_the_sky(approached):
    _, near = approached['white_trailer'][1]
    trailer, sky = with_obstacle(near, 'white_trailer'), near.classes == 0
    columns = trailer.any(axis=0)
    assert columns.mean() > .6
    white = near.rgb[trailer].astype(float).mean(axis=1)
    assert np.percentile(white, 60) > .85 * near.rgb[sky].mean()


@pytest.mark.parametrize('seed', range(2))
def test_the_trailer_stands_on_open_streets_with_the_sun_behind_the_camera(seed):
    made = drive('white_trailer', seed, frames=1)
    assert made.street.kind in ('rural', 'motorway')
    assert made.sky.sun_direction[0] < 0


@pytest.mark.parametrize('name', ['lost_cargo', 'white_trailer'])
def test_nothing_drives_through_an_obstacle(name):
    made = drive(name, 2)
    for time_s in np.arange(0., SECONDS, .5):
        ego_m = made.ego.position_along(time_s)
        assert made.obstacle.x_m - ego_m > 5
        for body in made.traffic.bodies_at(made.street, made.ego, time_s):
            x, y, _ = body.position
            d = (y - float(made.street.centreline_y(np.array(x)))) * made.street.traffic_side
            if made.street.near_kerb < d < made.street.far_kerb:
                assert abs(x - made.obstacle.x_m) > 3


def test_the_car_brakes_smoothly_and_drives_on_after_the_condition():
    ego = EgoMotion(10., 0., 8., .1, Stop(60., 20., 12.))
    times = np.arange(0, 20, .01)
    places = np.array([ego.position_along(t) for t in times])
    speed = np.diff(places) / .01
    assert speed[:350] == pytest.approx(10)  # until 40 m
    assert places[times < 12].max() < 60
    before = times[1:-1] < 11.9
    assert np.diff(speed)[before].min() / .01 >= -5.01  # v^2 / 20 m
    assert speed[-1] == pytest.approx(10)


def test_only_what_passes_a_place_is_cleared():
    made = drive('sun', kind='motorway')
    traffic = Traffic(made.traffic.meshes, list(made.traffic.movers))
    traffic.clear(made.street, 1e6, 6., SECONDS)
    assert traffic.movers == made.traffic.movers
    traffic.clear(made.street, 80., 6., SECONDS)
    assert 0 < len(traffic.movers) < len(made.traffic.movers)


def test_an_obstacle_is_there_during_its_segment_only():
    parts = (segment('sun', 0., 3.), segment('animal', 3., 6.), segment('sun', 6., 8.))
    made = drive('animal', segments=parts)
    plain = len(made.traffic.bodies_at(made.street, made.ego, 0.))
    there = [len(made._bodies_at(time_s)) > plain for time_s in (0., 2.9, 3.4, 5.9, 6.6)]
    assert there == [False, False, True, True, False]


def test_weather_does_not_change_the_ground_truth(renderer):
    sun = next(iter(drive('sun', frames=1, kind='urban').frames(renderer)))
    for name in ('rain_on_lens', 'snow'):
        made = next(iter(drive(name, frames=1, kind='urban').frames(renderer)))
        np.testing.assert_array_equal(made.depth, sun.depth)
        np.testing.assert_array_equal(made.classes, sun.classes)
        assert np.abs(made.rgb - sun.rgb.astype(float)).mean() > 10


def test_every_new_split_has_a_seed_of_its_own():
    numbers = [SPLIT_NUMBERS[f'{role}_{name}'] for name in RARE_CONDITIONS
               for role in ('validation', 'test')]
    assert numbers == list(range(16, 30))
    assert drive_seed('test_white_trailer', 0, 0) != drive_seed('test_overturned_lorry', 0, 0)
