# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The same boxes, drawn by MuJoCo: another library's geometry, camera, depth and segmentation."""
from importlib.util import find_spec
import json
from pathlib import Path
import subprocess
import sys

from bdl_perception.perception.data_types import CLASS_NAMES
from bdl_perception.world.camera import CameraPose, Pinhole
from bdl_perception.world.conditions import LIGHTS
from bdl_perception.world.mesh import concatenate_meshes, Material, mesh_from_shape, MeshBuilder
from bdl_perception.world.scene import Body, Scene, Sky
from bdl_perception.world.shapes import box
from bdl_perception.world.textures import TEXTURE_LAYERS
import numpy as np
import pytest

DRAW = Path(__file__).parents[1] / 'support' / 'mujoco_camera.py'
FOV_RAD = 1.1
# class, foot (x, y, z) m, length, width, height m, yaw rad; the ground first
GROUND = ('road', (120., 0., -1.), (280., 300., 1.), 0.)
BOXES = (('building', (30., 14., 0.), (24., 8., 11.), .1),
         ('building', (38., -17., 0.), (30., 10., 7.), -.05),
         ('pavement', (30., 7., 0.), (60., 2.5, .14), 0.),
         ('pole', (14., 5.5, 0.), (.2, .2, 6.), .4),
         ('sign_symbol', (14., 5.5, 2.4), (.05, .9, .9), .4),
         ('fence', (22., -8., 0.), (18., .1, 1.2), 0.),
         ('tree', (26., -6., 1.8), (3., 3., 3.), .7))
BODIES = (('car', (12., -2.9, 0.), (4.4, 1.8, 1.5), .15),
          ('car', (28., .6, 0.), (8., 2.5, 3.2), 3.),
          ('pedestrian', (9., 3., 0.), (.4, .6, 1.75), 1.))
VIEWS = (CameraPose.from_angles((0, 0, 1.5), 0, .03),
         CameraPose.from_angles((-3, 1, 2.6), -.1, .12, .05),
         CameraPose.from_angles((4, -1, 1.1), .25, -.02, -.1))


def ours(renderer, pinhole):
    """Return depth and classes (N, H, W); bodies are posed, static meshes are transformed."""
    builder = MeshBuilder()
    for name, foot, size, yaw_rad in (GROUND, *BOXES):
        builder.place(mesh_from_shape(box(*size), name, Material()), foot, yaw_rad)
    bodies = tuple(mesh_from_shape(box(*size), name, Material()) for name, _, size, _ in BODIES)
    renderer.load_scene(Scene(concatenate_meshes(builder.opaque),
                              concatenate_meshes(builder.cutout), bodies,
                              np.full((len(TEXTURE_LAYERS), 8, 8, 4), 255, np.uint8),
                              np.zeros((0, 3))))
    posed = [Body(i, foot, yaw_rad) for i, (_, foot, _, yaw_rad) in enumerate(BODIES)]
    sky = Sky(np.array([0., .6, .8]), 0.)
    drawn = [renderer.render(view, pinhole, LIGHTS['overcast'], sky, posed) for view in VIEWS]
    return np.array([one.depth for one in drawn]), np.array([one.classes for one in drawn])


def theirs(folder, pinhole):
    every = (GROUND, *BOXES, *BODIES)
    scene = {
        'height': pinhole.height, 'width': pinhole.width,
        'boxes': [{'middle': (x, y, z + size[2] / 2), 'size': size, 'yaw_rad': yaw_rad}
                  for _, (x, y, z), size, yaw_rad in every],
        'cameras': [{'eye': view.eye.tolist(), 'right': view.right.tolist(),
                     'up': view.up.tolist(), 'vertical_fov_rad': 2 * np.arctan(
                         np.tan(FOV_RAD / 2) * pinhole.height / pinhole.width)}
                    for view in VIEWS]}
    (folder / 'scene.json').write_text(json.dumps(scene))
    subprocess.run([sys.executable, DRAW, folder / 'scene.json', folder / 'drawn.npz'],
                   check=True, timeout=110)
    with np.load(folder / 'drawn.npz') as drawn:
        ids = np.array([*(CLASS_NAMES.index(name) for name, *_ in every),
                        CLASS_NAMES.index('sky')], np.uint8)
        classes = ids[drawn['visible']]  # -1, nothing there, is the last
        return np.where(drawn['visible'] < 0, np.inf, drawn['depth']), classes


def on_one_face(depth, classes):
    """Return whether a pixel and its 8 neighbours lie on one flat face that is not edge on."""
    _, height, width = depth.shape
    rim = (0, 0), (1, 1), (1, 1)
    inverse, ids = np.pad(1 / depth, rim, constant_values=np.nan), np.pad(classes, rim)
    near, near_ids = (np.array([padded[:, y:y + height, x:x + width] for y in range(3)
                                for x in range(3)]) for padded in (inverse, ids))
    bend = np.max([abs(near[i] + near[8 - i] - 2 * near[4]) for i in range(4)], axis=0)
    return ((near_ids == classes).all(axis=0) & (bend < 1e-3 * near[4])
            & (near.max(axis=0) < 1.2 * near.min(axis=0)))


@pytest.mark.slow
def test_depth_and_classes_agree_with_those_of_another_renderer(renderer, tmp_path):
    if find_spec('mujoco') is None:  # importing it here would take seconds for nothing
        pytest.skip('mujoco, of the extra test, is not installed')
    pinhole = Pinhole.from_fov(renderer.width, renderer.height, FOV_RAD)
    depth, classes = ours(renderer, pinhole)
    other_depth, other_classes = theirs(tmp_path, pinhole)
    same = classes == other_classes
    assert same.mean(axis=(1, 2)).min() >= .98
    sky = CLASS_NAMES.index('sky')
    assert np.isposinf(depth[same & (classes == sky)]).all()

    face = on_one_face(other_depth, other_classes) & (other_classes != sky)
    assert face.mean() > .5
    assert set(np.unique(other_classes[face])) == set(range(sky + 1, 10)), 'a class is missing'
    assert same[face].all()
    np.testing.assert_allclose(depth[face], other_depth[face], rtol=1e-4)
    # at edges ours is the nearest of four samples, theirs the middle of the pixel
    known = same & (other_classes != sky)
    assert (np.abs(depth[known] / other_depth[known] - 1) < .005).mean() > .97
