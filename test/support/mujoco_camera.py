# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Draws boxes with MuJoCo, which shares no code with our renderer: run as a process of its own.

Its arguments: a JSON file of boxes and cameras, and the .npz to write depth and box index to.
"""
import json
import os
from pathlib import Path
import sys
from typing import Any
import xml.etree.ElementTree as Xml

os.environ['MUJOCO_GL'] = 'egl'  # before the import
import mujoco  # noqa: E402
import numpy as np  # noqa: E402

NEAR_M, FAR_M = .3, 400.


def words(*numbers: float) -> str:
    return ' '.join(repr(float(number)) for number in numbers)


def model(scene: dict[str, Any]) -> Any:
    """Describe boxes (middle, size m, yaw rad) and cameras (eye, right, up, fov) in MJCF."""
    root = Xml.Element('mujoco')
    Xml.SubElement(root, 'compiler', angle='radian')
    Xml.SubElement(root, 'statistic', extent='1', center='0 0 0')
    visual = Xml.SubElement(root, 'visual')
    Xml.SubElement(visual, 'map', znear=str(NEAR_M), zfar=str(FAR_M))
    Xml.SubElement(visual, 'quality', offsamples='0', shadowsize='0')  # a pixel is one sample
    world = Xml.SubElement(root, 'worldbody')
    for box in scene['boxes']:
        Xml.SubElement(world, 'geom', type='box', pos=words(*box['middle']),
                       size=words(*(side / 2 for side in box['size'])),
                       euler=words(0, 0, box['yaw_rad']))
    for number, camera in enumerate(scene['cameras']):
        Xml.SubElement(world, 'camera', name=str(number), pos=words(*camera['eye']),
                       xyaxes=words(*camera['right'], *camera['up']),
                       fovy=words(np.degrees(camera['vertical_fov_rad'])))  # always degrees
    return mujoco.MjModel.from_xml_string(Xml.tostring(root, 'unicode'))


def main(scene_file: str, out: str) -> None:
    """Write depth (N, H, W) m and the index of the box that is seen (N, H, W), -1: none."""
    scene = json.loads(Path(scene_file).read_text())
    drawn = model(scene)
    data = mujoco.MjData(drawn)
    mujoco.mj_forward(drawn, data)
    depth, visible = [], []
    with mujoco.Renderer(drawn, scene['height'], scene['width']) as renderer:
        for number in range(len(scene['cameras'])):
            renderer.update_scene(data, str(number))
            renderer.enable_depth_rendering()
            depth.append(renderer.render().copy())
            renderer.disable_depth_rendering()
            renderer.enable_segmentation_rendering()
            visible.append(renderer.render()[..., 0].copy())
            renderer.disable_segmentation_rendering()
    np.savez(out, depth=depth, visible=visible)


if __name__ == '__main__':
    main(*sys.argv[1:])
