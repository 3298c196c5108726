# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from itertools import combinations

from bdl_perception.perception.data_types import CLASS_NAMES
from bdl_perception.world.crossing import add_crossing, turning_path
from bdl_perception.world.ego_motion import draw_ego_motion, EgoMotion
from bdl_perception.world.street import draw_street, STREET_KINDS
from bdl_perception.world.traffic import draw_traffic, Population
import numpy as np
import pytest

DURATION_S = 20.


def town(seed, kind, clear_ahead_m=8.):
    rng = np.random.default_rng(seed)
    street, ego = draw_street(rng, 500., kind), draw_ego_motion(rng, kind)
    return street, ego, draw_traffic(street, ego, DURATION_S, clear_ahead_m, rng)


def rectangle(street, traffic, body):
    """Return x from, x to, y from, y to about a body, in its street's frame."""
    points = traffic.meshes[body.mesh_index][..., :2].reshape(-1, 2)
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = body.position[:2]
    return x + low[0], x + high[0], y - float(street.centreline_y(np.array(x))) + low[1], (
        y - float(street.centreline_y(np.array(x))) + high[1])


def overlap(a, b):
    return a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]


@pytest.mark.parametrize('kind', STREET_KINDS)
@pytest.mark.parametrize('seed', [1, 2])
def test_road_users_never_overlap(kind, seed):
    street, ego, traffic = town(seed, kind)
    assert len(traffic.movers) > 3
    for time_s in (0., 7.3, DURATION_S):
        bodies = [b for b in traffic.bodies_at(street, ego, time_s)
                  if abs(b.position[0] - ego.position_along(time_s)) < 120]
        rectangles = [rectangle(street, traffic, body) for body in bodies]
        for a, b in combinations(rectangles, 2):
            assert not overlap(a, b), (time_s, a, b)


@pytest.mark.parametrize('kind', STREET_KINDS)
def test_the_road_ahead_of_the_camera_is_free(kind):
    street, ego, traffic = town(3, kind, clear_ahead_m=36.)
    for time_s in np.linspace(0, DURATION_S, 9):
        x = ego.position_along(time_s)
        corridor = (x - 2, x + 33, -.9, .9)
        for body in traffic.bodies_at(street, ego, time_s):
            assert not overlap(corridor, rectangle(street, traffic, body))


def test_the_camera_drives_smoothly_forward():
    ego = EgoMotion(10., .3, 8., .1)
    places = np.array([ego.position_along(t) for t in np.arange(0, 30, .1)])
    speed = np.diff(places) / .1
    assert speed.min() >= 6.99 and speed.max() <= 13.01
    assert np.abs(np.diff(speed) / .1).max() < 3  # m/s^2
    assert places[0] == 0


def test_a_negative_speed_is_rejected():
    with pytest.raises(ValueError, match='must not be negative'):
        EgoMotion(-1., 0., 8., .1)


def test_left_hand_traffic_is_the_mirror_image():
    rng = np.random.default_rng(0)
    street = draw_street(rng, 300., 'urban')
    mirrored = type(street)(**{**vars(street), 'traffic_side': -street.traffic_side})
    for d in (-3., 0., 5.):
        there = street.world_point(20., d)[1] - float(street.centreline_y(np.array(20.)))
        here = mirrored.world_point(20., d)[1] - float(mirrored.centreline_y(np.array(20.)))
        assert here == pytest.approx(-there)


def test_pedestrians_step_down_at_side_streets():
    street, ego, traffic = town(1, 'urban')
    heights = {True: set(), False: set()}
    for time_s in np.linspace(0, DURATION_S, 9):
        bodies = traffic.bodies_at(street, ego, time_s)
        for mover, body in zip(traffic.movers, bodies, strict=True):
            x, _, z = body.position
            if street.near_kerb <= mover.d_m <= street.far_kerb:
                assert z == pytest.approx(float(street.elevation(np.array(x))))
                continue
            side = -1 if mover.d_m < 0 else 1
            across = any(s == side and a < x < b for s, a, b in street.junctions)
            heights[across].add(round(z - float(street.elevation(np.array(x))), 6))
    assert heights == {True: {0.}, False: {.14}}


@pytest.mark.parametrize(('seed', 'kind'), [(1, 'urban'), (2, 'suburban'), (3, 'urban')])
def test_who_crosses_or_turns_stays_away_from_all_others(seed, kind):
    street, ego, traffic = town(seed, kind)
    before, rng = len(traffic.movers), np.random.default_rng(seed)
    used = add_crossing(traffic, street, ego, 4., ('crossing_people', 'turning_vehicles'), rng)
    assert len(traffic.movers) > before and set(used) <= set(street.junctions)
    for time_s in np.linspace(0, 4, 17):
        x = ego.position_along(time_s)
        bodies = traffic.bodies_at(street, ego, time_s)
        rectangles = [rectangle(street, traffic, body) for body in bodies]
        for mine in rectangles[before:]:
            assert not overlap((x - 2, x + 2, -.9, .9), mine)
            if mine[1] - mine[0] < 1.2:  # a person; the rectangle of a turning car is too large
                assert not any(overlap(mine, one) for one in rectangles[:before])


@pytest.mark.parametrize('leaves_road', [True, False])
@pytest.mark.parametrize('side', [-1, 1])
def test_a_turn_joins_a_lane_and_the_middle_of_a_side_street(side, leaves_road):
    street, _, _ = town(1, 'urban')
    junction = next(one for one in street.junctions if one[0] == side)
    path = turning_path(street, junction, leaves_road)
    deep, lane_end = (path[-1], path[0]) if leaves_road else (path[0], path[-1])
    assert deep[0] == pytest.approx((junction[1] + junction[2]) / 2)
    assert deep[1] == pytest.approx(street.kerb_offset(side, 14.))
    lane, = [one for one in street.lanes() if one.d == pytest.approx(lane_end[1])]
    on_road = path[path[:, 1] == lane_end[1]]
    way = np.sign(on_road[-1, 0] - on_road[0, 0])
    assert way == lane.direction
    steps = np.diff(path, axis=0)
    turns = np.diff(np.unwrap(np.arctan2(*steps.T[::-1])))
    assert np.abs(turns).max() < .35  # rad between pieces of the arc
    assert np.abs(turns.sum()) == pytest.approx(np.pi / 2, abs=.02)


def test_cyclists_ride_beside_the_middle_of_the_lanes_only_where_a_drive_has_them():
    for ride in (False, True):
        rng = np.random.default_rng(4)
        street, ego = draw_street(rng, 300., 'rural'), draw_ego_motion(rng, 'rural')
        traffic = draw_traffic(street, ego, 2., 8., rng, Population(1., ride))
        classes = {int(traffic.meshes[body.mesh_index][0, 0, 12 + 1])
                   for body in traffic.bodies_at(street, ego, 0.)}
        assert (CLASS_NAMES.index('bicyclist') in classes) == ride or street.shoulder_m > 1


def test_more_people_walk_in_a_denser_crowd():
    counts = []
    for density in (1., 3.):
        rng = np.random.default_rng(4)
        street, ego = draw_street(rng, 300., 'urban'), draw_ego_motion(rng, 'urban')
        counts.append(len(draw_traffic(street, ego, 2., 8., rng, Population(density)).movers))
    assert counts[1] > 1.7 * counts[0]


@pytest.mark.parametrize('seed', range(8))
def test_motorway_traffic_has_its_speed_and_headway(seed):
    street, ego, traffic = town(seed, 'motorway')
    assert 79 < ego.speed_mps * 3.6 < 119
    places = np.array([ego.position_along(t) for t in np.arange(0, 30, .1)])
    assert np.abs(np.diff(places, 2) / .01).max() < 3  # m/s^2
    for time_s in np.linspace(0, DURATION_S, 9):
        x = ego.position_along(time_s)
        corridor = (x, x + .9 * ego.speed_mps, -.9, .9)
        for body in traffic.bodies_at(street, ego, time_s):
            assert not overlap(corridor, rectangle(street, traffic, body))
