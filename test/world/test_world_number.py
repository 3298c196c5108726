# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Pinned numbers of the drives of world version 2, without light, lens and sensor."""
from bdl_perception.world.conditions import condition_segment
from bdl_perception.world.drive import WorldDrive
from bdl_perception.world.splits import DriveSpec
from bdl_perception.world.street import STREET_KINDS
import numpy as np
import pytest

TIME_S = .5
CHANGED = ('the {kind} drive has changed: if this is intended, raise WORLD_VERSION in '
           'world/versions.py and pin new numbers; otherwise its drives would be mixed with older '
           'ones')
CORNERS = {  # of the street, of its leaves, of all that moves
    'urban': [223530, 15072, 80760],
    'suburban': [335298, 40032, 80760],
    'rural': [143670, 41688, 26616],
    'motorway': [191040, 46620, 17400]}
MEANS = {  # positions, m, and colours of the street; camera; traffic, m, and textures
    'urban': [
        115.466133, -1.15076614, 1.35629253, 0.438165828, 0.419391885, 0.405984314,
        4.09418948, -0.151649771, 1.18569892, 0.999131801, -0.0297150404, -0.0292003465,
        119.550865, -2.60464073, -0.227440809, 141.849936],
    'suburban': [
        115.986037, -3.23683831, 1.70376716, 0.507027521, 0.485637137, 0.460543557,
        4.19431793, -0.162596721, 1.18505185, 0.999130681, -0.0297462834, -0.0292068666,
        125.560749, -0.696572332, -0.27300539, 141.849936],
    'rural': [
        119.790099, -3.00617314, 4.0091636, 0.780417322, 0.731944773, 0.665997042,
        5.62367988, -0.285906489, 1.20141215, 0.999007296, -0.0372723855, -0.0243965468,
        100.574795, 8.68697512, 0.109000842, 141.849936],
    'motorway': [
        122.650377, 1.88711693, 3.37324367, 0.766729596, 0.733639694, 0.683769868,
        11.4587027, -0.659171339, 1.13647573, 0.99776537, -0.0598839714, -0.0296340381,
        93.9541321, 0.229786434, -0.36679175, 141.849936]}


@pytest.mark.parametrize('kind', STREET_KINDS)
def test_a_seed_gives_the_same_street_within_a_world_version(kind):
    segments = (condition_segment('sun', 0., 60.),)
    drive = WorldDrive(DriveSpec('pinned', 'train', 1, segments, 2, 2., 160, 96, kind))
    scene, changed = drive.scene, CHANGED.format(kind=kind)
    corners = [3 * sum(map(len, meshes))
               for meshes in ([scene.static_mesh], [scene.cutout_mesh], scene.body_meshes)]
    street = scene.static_mesh.mean((0, 1), dtype=float)  # (16,), see mesh.Mesh
    traffic = drive.traffic.bodies_at(drive.street, drive.ego, TIME_S)
    view = drive.camera_pose(TIME_S)
    means = [*street[:3], *street[8:11], *view.eye, *view.forward,
             *np.mean([body.position for body in traffic], axis=0), scene.textures.mean()]
    assert corners == CORNERS[kind], changed
    assert means == pytest.approx(MEANS[kind], rel=1e-6), changed
