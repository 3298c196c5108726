# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The examples of bringup/ have the names and types that the other packages declare.

Read in the sources of navigation2 (jazzy, August 2026), autoware.universe (March 2025),
diagnostics (ros2, March 2024), usb_cam (February 2026), v4l2_camera (December 2023), realsense-ros
(September 2024), zed-ros2-wrapper (July 2026) and rosbag2. None of them was run.
"""
import ast
from dataclasses import fields
import json
from pathlib import Path
import re
import runpy
import sys
from typing import Any, Iterator, Mapping
from unittest.mock import MagicMock

from bdl_perception.parameters import GovernorParameters
from bdl_perception.perception.camera_info import is_rectified
from bdl_perception.topics import POINTS, SPEED_LIMIT
import pytest
from source_tree import ROOT
import yaml

FOLDER = ROOT / 'bringup'
FILES = sorted(FOLDER.iterdir())


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding='utf-8'))
    return loaded


NAV2 = {node: section['ros__parameters'] for node, section in load('nav2_params.yaml').items()}
MONITOR = NAV2['collision_monitor']
CAMERAS = load('cameras.yaml')
# A double must be written with a decimal point: ROS 2 refuses an integer for it.
NODES: dict[str, dict[str, type]] = {
    'controller_server': {'controller_frequency': float, 'speed_limit_topic': str},
    'collision_monitor': {
        'base_frame_id': str, 'odom_frame_id': str, 'cmd_vel_in_topic': str,
        'cmd_vel_out_topic': str, 'state_topic': str, 'transform_tolerance': float,
        'source_timeout': float, 'base_shift_correction': bool, 'stop_pub_timeout': float,
        'polygons': list, 'observation_sources': list},
    'lifecycle_manager_perception': {
        'node_names': list, 'autostart': bool, 'bond_timeout': float,
        'bond_respawn_max_duration': float, 'attempt_respawn_reconnection': bool},
}
POLYGON = {'type': str, 'action_type': str, 'enabled': bool, 'min_points': int, 'visualize': bool,
           'polygon_pub_topic': str, 'points': str, 'sources_names': list}
ACTIONS: dict[str, dict[str, type]] = {
    'stop': {}, 'slowdown': {'slowdown_ratio': float},
    'limit': {'linear_limit': float, 'angular_limit': float},
    'approach': {'time_before_collision': float, 'simulation_time_step': float,
                 'footprint_topic': str}}
SOURCE = {'type': str, 'topic': str, 'enabled': bool, 'source_timeout': float}
SOURCES: dict[str, dict[str, type]] = {
    'scan': {}, 'pointcloud': {'min_height': float, 'max_height': float, 'min_range': float,
                               'use_global_height': bool}}
SMOOTHER_OUTPUT = 'cmd_vel_smoothed'
UNITS: dict[str, set[str]] = {  # type of a unit -> its own keys; `timeout` may be left out
    'diag': {'node', 'name', 'timeout'}, 'link': {'link'}, 'and': {'list'}, 'or': {'list'},
    'warn-to-ok': {'item'}, 'warn-to-error': {'item'}, 'ok': set(), 'warn': set(),
    'error': set(), 'stale': set()}
ANALYZER = {'type': str, 'path': str, 'expected': list, 'startswith': list, 'contains': list,
            'regex': list, 'remove_prefix': list, 'find_and_remove_prefix': list, 'timeout': float,
            'num_items': int, 'discard_stale': bool}
AGGREGATOR = {'path': str, 'pub_rate': float, 'critical': bool, 'other_as_errors': bool,
              'history_depth': int}
# package -> executable or launch file, parameters or arguments, topics, parameter of the frame
DRIVERS: dict[str, tuple[str, dict[str, type], str, str]] = {
    'usb_cam': ('usb_cam_node_exe', {
        'video_device': str, 'image_width': int, 'image_height': int, 'framerate': float,
        'pixel_format': str, 'io_method': str, 'frame_id': str, 'camera_name': str,
        'camera_info_url': str}, '/{namespace}/image_raw', '{frame_id}'),
    'v4l2_camera': ('v4l2_camera_node', {
        'video_device': str, 'image_size': list, 'pixel_format': str, 'output_encoding': str,
        'camera_frame_id': str, 'camera_info_url': str}, '/{namespace}/image_raw',
        '{camera_frame_id}'),
    'realsense2_camera': ('launch/rs_launch.py', {
        'camera_namespace': str, 'camera_name': str, 'enable_color': str, 'enable_depth': str,
        'rgb_camera.color_profile': str, 'rgb_camera.color_format': str},
        '/{camera_namespace}/{camera_name}/color/image_raw', '{camera_name}_color_optical_frame'),
    'zed_wrapper': ('launch/zed_camera.launch.py', {'camera_name': str, 'camera_model': str},
                    '/{camera_name}/zed_node/rgb/color/rect/image',
                    '{camera_name}_left_camera_frame_optical'),
}


def wrong(values: Mapping[str, Any], known: Mapping[str, type]) -> dict[str, Any]:
    """Return the values with a name that is not known, or of another type."""
    return {name: value for name, value in values.items() if type(value) is not known.get(name)}


def named_parts() -> list[str]:
    return MONITOR['polygons'] + MONITOR['observation_sources']


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.name)
def test_every_example_tells_that_it_was_never_run(file: Path) -> None:
    assert 'Never run' in file.read_text(encoding='utf-8')


@pytest.mark.parametrize('node', NODES)
def test_nodes_of_nav2_declare_these_parameters(node: str) -> None:
    own = {name: value for name, value in NAV2[node].items() if name not in named_parts()}
    assert wrong(own, NODES[node]) == {}


def test_the_polygons_of_the_collision_monitor_are_complete() -> None:
    for name in MONITOR['polygons']:
        polygon = MONITOR[name]
        assert wrong(polygon, {**POLYGON, **ACTIONS[polygon['action_type']]}) == {}
        assert set(polygon['sources_names']) <= set(MONITOR['observation_sources'])
        if 'footprint_topic' not in polygon:
            corners = json.loads(polygon['points'])
            assert len(corners) > 3 and all(len(corner) == 2 for corner in corners)


def test_depth_slows_down_and_the_laser_scanner_stops_the_robot() -> None:
    actions = {name: {MONITOR[polygon]['action_type'] for polygon in MONITOR['polygons']
                      if name in MONITOR[polygon]['sources_names']} for name in ('scan', 'points')}
    assert actions == {'scan': {'approach'}, 'points': {'slowdown'}}


def test_the_collision_monitor_reads_the_points() -> None:
    for name in MONITOR['observation_sources']:
        assert wrong(MONITOR[name], {**SOURCE, **SOURCES[MONITOR[name]['type']]}) == {}
    read = {MONITOR[name]['topic']: MONITOR[name]['type']
            for name in MONITOR['observation_sources']}
    assert read[POINTS.name] == 'pointcloud'
    assert MONITOR['source_timeout'] > 0, 'a source that is silent must stop the robot'


def test_the_velocity_goes_through_the_governor() -> None:
    tree = ast.parse((ROOT / 'launch' / 'nav2.launch.py').read_text(encoding='utf-8'))
    remaps = next(dict(ast.literal_eval(node.value)) for node in tree.body
                  if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == 'GOVERNED')
    assert remaps['cmd_vel'] == SMOOTHER_OUTPUT
    assert remaps['cmd_vel_out'] == MONITOR['cmd_vel_in_topic'] != SMOOTHER_OUTPUT
    assert MONITOR['cmd_vel_out_topic'] == 'cmd_vel'
    assert NAV2['controller_server']['speed_limit_topic'] == SPEED_LIMIT.name


def test_the_lifecycle_manager_waits_for_no_bond() -> None:
    manager = NAV2['lifecycle_manager_perception']
    assert (manager['node_names'], manager['bond_timeout']) == (['perception_node'], 0.)


def test_the_governor_has_these_parameters_and_they_go_together() -> None:
    values = NAV2['governor_node']
    defaults = {item.name: type(item.default) for item in fields(GovernorParameters)}
    assert wrong(values, defaults) == {}
    assert GovernorParameters(**values).contradiction() == ''
    assert values['warn_linear_m_s'] < values['nav2_max_speed_m_s'], 'WARN would not slow it down'


@pytest.mark.parametrize('word, parameters', [
    ('', []), ('true', [{'use_sim_time': True}]), ('false', [{'use_sim_time': False}])])
def test_the_clock_of_the_nodes_beside_nav2_is_chosen_or_left_to_their_file(
        word: str, parameters: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The launch package has no wheel, so it is a stub; test_launch.py uses the real one."""
    names = ('launch', 'launch.actions', 'launch.launch_description_sources',
             'launch.substitutions', 'launch_ros', 'launch_ros.actions')
    for name in names:
        monkeypatch.setitem(sys.modules, name, MagicMock())
    argument = sys.modules['launch.substitutions'].LaunchConfiguration.return_value
    argument.perform.return_value = word
    node = sys.modules['launch_ros.actions'].Node
    runpy.run_path(str(ROOT / 'launch' / 'nav2.launch.py'))['_nodes'](None)
    assert [call.kwargs['parameters'][1:] for call in node.call_args_list] == [parameters] * 2


def units(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    waiting = list(document['units'])
    while waiting:
        unit = waiting.pop()
        yield unit
        waiting += unit.get('list', []) + ([unit['item']] if 'item' in unit else [])


def test_the_graph_of_autoware_has_known_units_and_links() -> None:
    document = load('autoware_diagnostic_graph.yaml')
    assert set(document) <= {'files', 'units'}
    found = list(units(document))
    paths = [unit['path'] for unit in found if 'path' in unit]
    assert len(paths) == len(set(paths))
    for unit in found:
        assert set(unit) - {'path', 'type'} == UNITS[unit['type']]
        assert unit.get('link', paths[0]) in paths
        assert type(unit.get('timeout', 1.)) is float


def test_the_analyzers_have_the_parameters_of_the_aggregator() -> None:
    parameters = dict(load('diagnostic_analyzers.yaml')['analyzers']['ros__parameters'])
    analyzers = {name: parameters.pop(name) for name in list(parameters)
                 if isinstance(parameters[name], dict)}
    assert wrong(parameters, AGGREGATOR) == {}
    for analyzer in analyzers.values():
        assert wrong(analyzer, ANALYZER) == {}
        assert analyzer['type'] == 'diagnostic_aggregator/GenericAnalyzer'
        assert all(name.startswith(tuple(analyzer['startswith']))
                   for name in analyzer['expected'])


@pytest.mark.parametrize('preset', CAMERAS)
def test_a_camera_has_the_parameters_topics_and_frame_of_its_driver(preset: str) -> None:
    camera = CAMERAS[preset]
    started, known, topic, frame = DRIVERS[camera['package']]
    assert started == camera.get('executable', camera.get('launch'))
    values = camera.get('parameters', camera.get('arguments'))
    assert wrong(values, known) == {}
    values = {**values, 'namespace': camera.get('namespace')}
    image_topic = topic.format(**values)
    assert camera['image_topic'] == image_topic
    assert camera['camera_info_topic'] == image_topic.rpartition('/')[0] + '/camera_info'
    assert camera['frame'] == frame.format(**values)


@pytest.mark.parametrize('preset', CAMERAS)
def test_the_matrix_of_camera_info_is_that_of_the_images(preset: str) -> None:
    distorted = type('Info', (), {'d': [.1]})
    assert is_rectified(distorted, CAMERAS[preset]['image_topic']) is CAMERAS[preset]['rectified']


def test_ros2_bag_play_has_the_options_of_the_pages() -> None:
    known = {'--clock', '--loop', '--rate', '--remap', '--topics', '--start-offset',
             '--qos-profile-overrides-path', '--read-ahead-queue-size', '--paused'}
    used: set[str] = set()
    for page in (ROOT / 'docs').glob('*.md'):
        for command in re.findall(r'ros2 bag play ([^`\n]*)', page.read_text(encoding='utf-8')):
            used.update(re.findall(r'--[a-z-]+', command))
    assert '--clock' in used and used <= known


def test_the_examples_are_installed() -> None:
    assert "glob('bringup/*')" in (ROOT / 'setup.py').read_text(encoding='utf-8')
