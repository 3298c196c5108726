# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tunnels, bridges and construction sites against the plan of their street."""
from bdl_perception.perception.data_types import CLASS_NAMES
from bdl_perception.world.conditions import condition_segment
from bdl_perception.world.drive import RNG_STREAMS, WorldDrive
from bdl_perception.world.mesh import concatenate_meshes
from bdl_perception.world.roadside import Roadside
from bdl_perception.world.splits import DriveSpec
from bdl_perception.world.street import draw_street, STREET_KINDS
from bdl_perception.world.structures import (
    build_bridge,
    build_construction_site,
    plan_tunnel,
)
from bdl_perception.world.versions import draw_features, VERSIONS
import numpy as np
import pytest

BUILDING = CLASS_NAMES.index('building')


def drive_with(feature, kind, frames=2):
    """Build the first drive of world 3 that has a feature."""
    for seed in range(500):
        stream = np.random.SeedSequence(seed).spawn(len(RNG_STREAMS))[
            RNG_STREAMS.index('features')]
        if feature in draw_features(VERSIONS[3].shares, np.random.default_rng(stream)):
            return WorldDrive(DriveSpec(feature, 'train', seed, (
                condition_segment('overcast', 0., 9.),), frames, 2., 160, 96, kind, 3))
    raise AssertionError(f'no drive with {feature}')


def places(street, points):
    """Return d and height above the road of points (N, 3) m."""
    x = points[:, 0]
    return ((points[:, 1] - street.centreline_y(x)) * street.traffic_side,
            points[:, 2] - street.elevation(x))


def points_of(frame, drive, time_s):
    """Return the world coordinates (N, 3) of the pixels of buildings, by the pinhole formula."""
    rows, columns = np.nonzero(frame.classes == BUILDING)
    view, pinhole = drive.camera_pose(time_s), drive.pinhole
    ray = (view.forward + ((columns - pinhole.cx) / pinhole.fx)[:, None] * view.right
           - ((rows - pinhole.cy) / pinhole.fy)[:, None] * view.up)
    return view.eye + frame.depth[rows, columns][:, None] * ray


def test_the_inside_of_a_tunnel_has_depth_and_class_of_its_walls_and_ceiling(renderer):
    drive = drive_with('tunnel', 'urban')
    tunnel, street = drive.tunnel, drive.street
    assert not any(tunnel.start_m < end and start < tunnel.end_m
                   for _, start, end in street.junctions)
    points = points_of(next(drive.frames(renderer)), drive, 0.)
    inside = points[(points[:, 0] > tunnel.start_m + 2) & (points[:, 0] < tunnel.end_m - 2)]
    d, height = places(street, inside)
    middle = (street.near_kerb + street.far_kerb) / 2
    from_wall = np.abs(np.abs(d - middle) - tunnel.half_width_m)
    from_ceiling = np.abs(height - tunnel.height_m)
    assert len(inside) > 500
    near = np.linalg.norm(inside - drive.camera_pose(0.).eye, axis=1) < 30
    assert (np.minimum(from_wall, from_ceiling)[near] < .2).mean() > .97


def test_a_tunnel_is_darker_without_the_adapted_exposure_and_the_camera_adapts():
    drive = drive_with('tunnel', 'rural', frames=1)
    tunnel = drive.tunnel
    middle, outside = (tunnel.start_m + tunnel.end_m) / 2, tunnel.end_m + 1
    assert tunnel.shade(middle) > .9 and tunnel.shade(outside) == 0
    times = [time_s for time_s in np.arange(0, 60, .5)
             if drive.ego.position_along(time_s) > outside]
    assert drive.gain_at(times[0]) == pytest.approx(drive.sensor.gain)


@pytest.mark.parametrize('seed', range(5))
def test_the_middle_of_a_tunnel_follows_the_bends_of_its_street(seed):
    rng = np.random.default_rng(seed)
    street = draw_street(rng, 320., 'rural')
    tunnel = plan_tunnel(street, rng)
    x = np.linspace(tunnel.start_m, tunnel.end_m, 50)
    share = np.linspace(0, 1, 50)
    cubic = np.polynomial.Polynomial(tunnel.middle_y)
    middle = street.traffic_side * (street.near_kerb + street.far_kerb) / 2
    expected = street.centreline_y(x) + middle
    np.testing.assert_allclose(cubic(share), expected, atol=.45)  # the shader allows .5 m


@pytest.mark.parametrize('kind', STREET_KINDS)
def test_a_bridge_leaves_the_road_free_below(kind):
    rng = np.random.default_rng(3)
    street = draw_street(rng, 320., kind)
    roadside = Roadside(street)
    build_bridge(roadside, rng)
    points = concatenate_meshes(roadside.builder.opaque)[..., :3].reshape(-1, 3).astype(float)
    d, height = places(street, points)
    for lane in street.lanes():
        assert height[np.abs(d - lane.d) < 1.].size == 0 or height[
            np.abs(d - lane.d) < 1.].min() > 4
    assert height.max() > 5


@pytest.mark.parametrize('kind', STREET_KINDS)
@pytest.mark.parametrize('seed', [1, 2, 3])
def test_a_construction_site_stays_beside_the_lanes(kind, seed):
    rng = np.random.default_rng(seed)
    street = draw_street(rng, 320., kind)
    roadside = Roadside(street)
    build_construction_site(roadside, rng)
    mesh = concatenate_meshes(roadside.builder.opaque)
    d, _ = places(street, mesh[..., :3].reshape(-1, 3).astype(float))
    for lane in street.lanes():
        assert not (np.abs(d - lane.d) < 1.).any()
    names = {CLASS_NAMES[int(one)] for one in np.unique(mesh[..., 13])}
    assert {'fence', 'car', 'sign_symbol', 'pedestrian'} <= names
