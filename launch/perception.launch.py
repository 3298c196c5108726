# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Start perception of each camera and one alarm: `ros2 launch bdl_perception ...`."""
from typing import Any

from bdl_perception.alarm.alert_types import parse_camera_names
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

Values = dict[str, str]  # launch argument -> value
PACKAGE = 'bdl_perception'
RESPAWN_DELAY_S = 1.0  # limits the log of a node that fails at its start
BOOLEANS = ['true', 'false']
PARAMS_FILE = PathJoinSubstitution([FindPackageShare(PACKAGE), 'config', 'perception.yaml'])
RVIZ_FILE = PathJoinSubstitution([FindPackageShare(PACKAGE), 'config', 'perception.rviz'])

# Name, default, description. An empty default leaves the value to params_file, so that the default
# of a parameter is declared only once.
ARGUMENTS: tuple[tuple[str, Any, str], ...] = (
    ('image_topic', '', 'topic of the camera, without /compressed'),
    ('camera_info_topic', '', 'topic of the camera geometry'),
    ('image_transport', '', 'raw or compressed'),
    ('backend', '', 'inference backend'),
    ('model', '', 'name of a shipped model, or a model folder'),
    ('calibration', '', 'calibration of the alarm; empty: that of `model` if `model` is given'),
    ('drive', '', 'recording that camera_node plays; empty: there is a real camera'),
    ('cameras', '', 'such as front,rear: one perception_node each, in the namespace of its name'),
    ('namespace', '', 'namespace of all nodes and topics'),
    ('params_file', PARAMS_FILE, 'YAML file like config/perception.yaml'),
)
SWITCHES = (
    ('autostart', 'true', 'configure and activate the node, also after a crash'),
    ('rviz', 'false', 'open RViz with the images'),
    ('use_sim_time', 'false', 'use the time of /clock'),
)


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; the nodes are created when their values are known."""
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=description)
          for name, default, description in ARGUMENTS),
        *(DeclareLaunchArgument(name, default_value=default, description=description,
                                choices=BOOLEANS) for name, default, description in SWITCHES),
        OpaqueFunction(function=_nodes),
    ])


def _nodes(context: LaunchContext) -> list[Node]:
    values = {name: LaunchConfiguration(name).perform(context)
              for name, _, _ in (*ARGUMENTS, *SWITCHES)}
    clock = {'use_sim_time': values['use_sim_time'] == 'true'}
    cameras = parse_camera_names(values['cameras'])
    nodes = [node for camera in cameras or ('',)
             for node in _camera_nodes(values, camera, clock)]
    nodes.append(Node(**_common(values, 'alert_node'),
                      parameters=[values['params_file'], _calibration_override(values),
                                  _overrides(values, 'cameras'), clock]))
    if values['rviz'] == 'true':
        nodes.append(_rviz_node(values, cameras, clock))
    return nodes


def _camera_nodes(values: Values, camera: str, clock: dict[str, bool]) -> list[Node]:
    """Create the nodes of one camera; empty: the only camera, without a namespace of its own."""
    if camera and values['image_topic'].startswith('/'):
        raise ValueError(f'image_topic is {values["image_topic"]!r}: with cameras it is a name '
                         f'within the namespace of each camera, without a leading /')
    topics = _overrides(values, 'image_topic', 'camera_info_topic', 'image_transport')
    namespace = '/'.join(filter(None, (values['namespace'], camera)))
    local = {**values, 'namespace': namespace}
    nodes: list[Node] = [LifecycleNode(
        **_common(local, 'perception_node'),
        parameters=[values['params_file'], topics, _overrides(values, 'backend', 'model'), clock,
                    {'autostart': values['autostart'] == 'true'}])]
    if values['drive']:
        playback = {'path': _string(values['drive']), 'loop': True}
        nodes.append(Node(**_common(local, 'camera_node', respawn=False),
                          parameters=[values['params_file'], topics, playback]))
    return nodes


def _common(values: Values, node: str, respawn: bool = True) -> dict[str, Any]:
    """Return the settings that all nodes share; a node that exits is started again."""
    return {'package': PACKAGE, 'executable': node, 'name': node, 'output': 'screen',
            'namespace': values['namespace'], 'respawn': respawn, 'respawn_delay': RESPAWN_DELAY_S}


def _overrides(values: Values, *names: str) -> dict[str, ParameterValue]:
    return {name: _string(values[name]) for name in names if values[name]}


def _calibration_override(values: Values) -> dict[str, ParameterValue]:
    """Use the calibration of the model: that of another model cannot arm the alarm."""
    calibration = values['calibration'] or values['model']
    return {'calibration': _string(calibration)} if calibration else {}


def _string(value: str) -> ParameterValue:
    """Make a parameter of type string, also for a model with the name 7."""
    return ParameterValue(value, value_type=str)


def _rviz_node(values: Values, cameras: tuple[str, ...], clock: dict[str, bool]) -> Node:
    """Open RViz in the namespace of the first camera; `image` is remapped to its topic."""
    image_topic = values['image_topic'] or 'image'
    namespace = '/'.join(filter(None, (values['namespace'], *cameras[:1])))
    return Node(package='rviz2', executable='rviz2', name='rviz', namespace=namespace,
                arguments=['-d', RVIZ_FILE], remappings=[('image', image_topic)],
                parameters=[clock], output='screen')
