# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Perception of each camera and one alarm: `ros2 launch bdl_perception perception.launch.py`."""
from typing import Any

from bdl_perception.alarm.alert_types import parse_camera_names
from launch import LaunchContext
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.actions import OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch.substitutions import PathJoinSubstitution
from launch_ros.actions import LifecycleNode
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

PACKAGE = 'bdl_perception'
RESPAWN_DELAY_S = 1.0  # a node that fails at once must not fill the log
BOOLEANS = ['true', 'false']
PARAMS_FILE = PathJoinSubstitution([FindPackageShare(PACKAGE), 'config', 'perception.yaml'])
RVIZ_FILE = PathJoinSubstitution([FindPackageShare(PACKAGE), 'config', 'perception.rviz'])

# Name, default, meaning. An empty one leaves the value to params_file, so that the defaults of
# parameters are not said here a second time.
ARGUMENTS: tuple[tuple[str, Any, str], ...] = (
    ('image_topic', '', 'camera topic, without /compressed'),
    ('camera_info_topic', '', 'geometry of the camera'),
    ('image_transport', '', 'raw or compressed'),
    ('backend', '', 'what runs the network'),
    ('model', '', 'name of a shipped model, or a model folder'),
    ('calibration', '', 'thresholds of the alarm; empty: those of `model` when it is given'),
    ('drive', '', 'recording that camera_node plays as the camera; empty: a camera is there'),
    ('cameras', '', 'such as front,rear: a perception_node for each, in a namespace of that name'),
    ('namespace', '', 'of all nodes and topics'),
    ('params_file', PARAMS_FILE, 'YAML like config/perception.yaml'),
)
SWITCHES = (
    ('autostart', 'true', 'configure and activate, also after a crash'),
    ('rviz', 'false', 'show the maps in RViz'),
    ('use_sim_time', 'false', 'take the time from /clock'),
)


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; the nodes follow when their values are known."""
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=meaning)
          for name, default, meaning in ARGUMENTS),
        *(DeclareLaunchArgument(name, default_value=default, description=meaning,
                                choices=BOOLEANS) for name, default, meaning in SWITCHES),
        OpaqueFunction(function=_nodes),
    ])


def _nodes(context: LaunchContext) -> list[Node]:
    told = {name: LaunchConfiguration(name).perform(context)
            for name, _, _ in (*ARGUMENTS, *SWITCHES)}
    clock = {'use_sim_time': told['use_sim_time'] == 'true'}
    cameras = parse_camera_names(told['cameras'])
    nodes = [node for camera in cameras or ('',) for node in _camera(told, camera, clock)]
    nodes.append(Node(**_place(told, 'alert_node'),
                      parameters=[told['params_file'], _calibration(told),
                                  _given(told, 'cameras'), clock]))
    if told['rviz'] == 'true':
        nodes.append(_rviz(told, cameras, clock))
    return nodes


def _camera(told: dict[str, str], camera: str, clock: dict[str, bool]) -> list[Node]:
    """Start what one camera needs; empty: the only one, with no namespace of its own."""
    if camera and told['image_topic'].startswith('/'):
        raise ValueError(f'image_topic is {told["image_topic"]!r}: with cameras it is a name '
                         f'within the namespace of each, without / in front')
    topics = _given(told, 'image_topic', 'camera_info_topic', 'image_transport')
    place = {**told, 'namespace': '/'.join(filter(None, (told['namespace'], camera)))}
    nodes: list[Node] = [LifecycleNode(
        **_place(place, 'perception_node'),
        parameters=[told['params_file'], topics, _given(told, 'backend', 'model'), clock,
                    {'autostart': told['autostart'] == 'true'}])]
    if told['drive']:
        played = {'path': _text(told['drive']), 'loop': True}
        nodes.append(Node(**_place(place, 'camera_node', respawn=False),
                          parameters=[told['params_file'], topics, played]))
    return nodes


def _place(told: dict[str, str], node: str, respawn: bool = True) -> dict[str, Any]:
    """Say what all nodes share; a node that ended unasked comes back."""
    return {'package': PACKAGE, 'executable': node, 'name': node, 'output': 'screen',
            'namespace': told['namespace'], 'respawn': respawn, 'respawn_delay': RESPAWN_DELAY_S}


def _given(told: dict[str, str], *names: str) -> dict[str, ParameterValue]:
    return {name: _text(told[name]) for name in names if told[name]}


def _calibration(told: dict[str, str]) -> dict[str, ParameterValue]:
    """Keep the alarm with the model: a calibration of another one would not arm."""
    chosen = told['calibration'] or told['model']
    return {'calibration': _text(chosen)} if chosen else {}


def _text(value: str) -> ParameterValue:
    """Keep a model called 7 a text."""
    return ParameterValue(value, value_type=str)


def _rviz(told: dict[str, str], cameras: tuple[str, ...], clock: dict[str, bool]) -> Node:
    """Open RViz among the topics of the first camera, with the camera's topic for `image`."""
    camera = told['image_topic'] or 'image'
    namespace = '/'.join(filter(None, (told['namespace'], *cameras[:1])))
    return Node(package='rviz2', executable='rviz2', name='rviz', namespace=namespace,
                arguments=['-d', RVIZ_FILE], remappings=[('image', camera)], parameters=[clock],
                output='screen')
