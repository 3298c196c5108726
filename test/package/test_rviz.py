# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
config/perception.rviz follows the rules of the plugins of RViz, read in their source.

ros2/rviz and ros-perception/image_common, branch rolling of October 2024: an unknown property is
ignored without a message, so a misspelt one would show nothing. RViz itself was not run.
"""
from math import cos, pi, sin
from typing import Any

from bdl_perception.drives.base import FRAME_ID
from bdl_perception.perception.point_cloud import POINT
from bdl_perception.perception.visualization import STD_RANGE_M
from bdl_perception.topics import CAMERA_INFO_TYPE, IMAGE_TYPE, POINTS, Topic, TOPICS
import numpy as np
import pytest
from source_tree import ROOT
import yaml

RVIZ: dict[str, Any] = yaml.safe_load(
    (ROOT / 'config' / 'perception.rviz').read_text(encoding='utf-8'))
MANAGER = RVIZ['Visualization Manager']
DISPLAYS = MANAGER['Displays']
CAMERA = 'image'
BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}
COMMON = {'Class', 'Enabled', 'Name', 'Value'}
# Property -> kind of its value. Those of the cloud's renderer are shared by both clouds.
CLOUD = {'Alpha': float, 'Autocompute Intensity Bounds': bool, 'Channel Name': str,
         'Color Transformer': str, 'Decay Time': float, 'Invert Rainbow': bool, 'Max Color': str,
         'Max Intensity': float, 'Min Color': str, 'Min Intensity': float,
         'Position Transformer': str, 'Selectable': bool, 'Size (Pixels)': float,
         'Size (m)': float, 'Style': str, 'Use rainbow': bool}
PROPERTIES: dict[str, dict[str, type]] = {
    'rviz_default_plugins/Image': {'Topic': dict, 'Normalize Range': bool, 'Min Value': float,
                                   'Max Value': float, 'Median window': int},
    'rviz_default_plugins/PointCloud2': {'Topic': dict, 'Filter size': int, **CLOUD},
    'rviz_default_plugins/DepthCloud': {
        'Auto Size': dict, 'Color Image Topic': str, 'Color Transport Hint': str,
        'Depth Map Topic': str, 'Depth Map Transport Hint': str, 'Occlusion Compensation': bool,
        'Queue Size': int, 'Reliability Policy': str, 'Topic Filter': bool, **CLOUD}}
TOPIC = {'Depth', 'Durability Policy', 'Filter size', 'History Policy', 'Reliability Policy',
         'Value'}
COLOUR_TRANSFORMERS = {'Intensity', 'RGB8', 'RGBF32', 'AxisColor', 'FlatColor'}
STYLES = {'Points', 'Squares', 'Flat Squares', 'Spheres', 'Boxes', 'Tiles'}
VIEW = {'Class', 'Distance', 'Enable Stereo Rendering', 'Focal Point', 'Focal Shape Fixed Size',
        'Focal Shape Size', 'Invert Z Axis', 'Name', 'Near Clip Distance', 'Pitch', 'Target Frame',
        'Yaw'}


def displays(kind: str) -> list[dict[str, Any]]:
    return [one for one in DISPLAYS if one['Class'] == f'rviz_default_plugins/{kind}']


def is_kind(value: Any, kind: type) -> bool:
    if kind is float:  # a whole number is read as a float as well
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is kind


@pytest.mark.parametrize('display', DISPLAYS, ids=lambda one: one['Name'])
def test_a_display_has_a_known_class_and_known_properties(display: dict[str, Any]) -> None:
    known = PROPERTIES[display['Class']]
    assert set(display) - COMMON <= set(known)
    assert display['Enabled'] is display['Value']
    wrong = {name for name, value in display.items()
             if name not in COMMON and not is_kind(value, known[name])}
    assert wrong == set()


@pytest.mark.parametrize('display', [one for one in DISPLAYS if 'Topic' in one],
                         ids=lambda one: one['Name'])
def test_a_subscription_has_known_policies_and_reads_any_publisher(
        display: dict[str, Any]) -> None:
    topic = display['Topic']
    assert set(topic) <= TOPIC and topic['Depth'] >= 1
    assert (topic['Reliability Policy'], topic['Durability Policy'], topic['History Policy']) == (
        'Best Effort', 'Volatile', 'Keep Last')


def test_images_are_in_8_bit_colours_whose_range_rviz_does_not_change() -> None:
    shown = {one['Topic']['Value'] for one in displays('Image')} - {CAMERA}
    for name in shown:
        assert BY_NAME[name].type == IMAGE_TYPE
        assert BY_NAME[name].description.startswith('rgb8'), f'{name}: 32FC1 is drawn in grey'
    rgb = {topic.name for topic in TOPICS if topic.description.startswith('rgb8')}
    assert shown == rgb, 'every coloured image has a display'


def test_the_camera_and_the_maps_are_shown_at_the_start() -> None:
    assert {one['Topic']['Value'] for one in displays('Image') if one['Enabled']} == {
        CAMERA, 'segmentation/overlay_alert', 'depth/coloured', 'depth/aleatoric_coloured',
        'depth/epistemic_coloured'}


def test_the_depth_cloud_finds_depth_camera_info_and_a_colour_image_of_the_same_size() -> None:
    cloud, = displays('DepthCloud')
    depth, colour = cloud['Depth Map Topic'], cloud['Color Image Topic']
    # 32FC1 in m, or 16UC1 in mm; the camera_info lies beside the depth, with the same folders
    assert BY_NAME[depth].description.startswith('32FC1, m')
    assert BY_NAME[depth.rpartition('/')[0] + '/camera_info'].type == CAMERA_INFO_TYPE
    # an encoding with rgb or bgr in its name; all our images have one size
    assert BY_NAME[colour].description.startswith('rgb8')
    assert {cloud['Depth Map Transport Hint'], cloud['Color Transport Hint']} == {'raw'}
    # here, unlike in a Topic, the second word has a small letter; others mean the system default
    assert cloud['Reliability Policy'] in ('Best effort', 'Reliable')
    # the colour follows its depth by a Monte Carlo cycle: 0.2 s, 6 frames at 30 Hz
    assert cloud['Queue Size'] >= 6
    assert set(cloud['Auto Size']) == {'Auto Size Factor', 'Value'}


def test_the_points_are_coloured_by_a_field_that_they_have() -> None:
    cloud, = displays('PointCloud2')
    assert cloud['Topic']['Value'] == POINTS.name
    assert cloud['Channel Name'] in (POINT.names or ())
    assert cloud['Color Transformer'] in COLOUR_TRANSFORMERS
    assert cloud['Position Transformer'] == 'XYZ' and cloud['Style'] in STYLES
    assert cloud['Autocompute Intensity Bounds'] is False
    assert (cloud['Min Intensity'], cloud['Max Intensity']) == STD_RANGE_M


def test_the_fixed_frame_is_that_of_a_played_recording() -> None:
    assert MANAGER['Global Options']['Fixed Frame'] == FRAME_ID


def test_the_view_looks_forward_from_behind_and_above_the_camera() -> None:
    view = MANAGER['Views']['Current']
    assert view['Class'] == 'rviz_default_plugins/Orbit' and set(view) <= VIEW
    assert abs(view['Pitch']) <= pi / 2 - .001, 'RViz would change it'
    focal = np.array([view['Focal Point'][axis] for axis in 'XYZ'])
    yaw, pitch = view['Yaw'], view['Pitch']
    eye = focal + view['Distance'] * np.array(
        [cos(yaw) * cos(pitch), sin(yaw) * cos(pitch), sin(pitch)])
    forward = (focal - eye) / np.linalg.norm(focal - eye)
    up = np.array([0, 0, 1]) - forward * forward[2]  # the orbit keeps the z axis upright
    assert forward[2] > .9 and up[1] < 0, 'z is forward, and y is down'
    assert eye[2] < 0 and eye[1] < 0


def test_the_window_names_existing_panels() -> None:
    panels = {one['Name'] for one in DISPLAYS} | {one['Name'] for one in RVIZ['Panels']}
    docks = {name for name, value in RVIZ['Window Geometry'].items() if isinstance(value, dict)}
    assert docks <= panels
    assert {one['Name'] for one in displays('Image') if one['Enabled']} <= docks
