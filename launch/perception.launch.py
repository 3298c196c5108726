# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Start perception of each camera and one alarm: `ros2 launch bdl_perception ...`."""
import os
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from bdl_perception.alarm.alert_types import parse_camera_names
from bdl_perception.backends import AUTO, BACKENDS
from bdl_perception.demo.processes import FAST_DDS_PROFILE
from bdl_perception.drives.base import FRAME_ID
from bdl_perception.nodes.message_memory import PROFILE_VARIABLES
from bdl_perception.parameter_files import (
    contradictions,
    OWN_TOPIC,
    read_parameter_file,
    shared_topics,
)
from bdl_perception.parameters import TRANSPORTS
from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    OpaqueFunction,
    SetEnvironmentVariable,
)
from launch.events.process import ProcessExited, ShutdownProcess
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare
from rclpy.expand_topic_name import expand_topic_name
import yaml

Values = dict[str, str]  # launch argument -> value
PACKAGE = 'bdl_perception'
RESPAWN_DELAY_S = 1.0  # limits the log of a node that fails at its start
CONFIG_ERROR = 2  # exit code of a node with wrong parameters, which a restart does not correct
BOOLEANS = ['true', 'false']
CAMERA_TOPICS = ('image_topic', 'camera_info_topic')
PARAMS_FILE = PathJoinSubstitution([FindPackageShare(PACKAGE), 'config', 'perception.yaml'])
RVIZ_FILE = Path(__file__).parent.parent / 'config' / 'perception.rviz'  # installed, too

# Name, default, description. An empty default leaves the value to params_file, so that the default
# of a parameter is declared only once, and no default overrides the file.
ARGUMENTS: tuple[tuple[str, Any, str], ...] = (
    ('image_topic', '', 'topic of the camera, without /compressed'),
    ('camera_info_topic', '', 'topic of the camera geometry'),
    ('image_transport', '', 'raw or compressed'),
    ('backend', '', 'inference backend'),
    ('model', '', 'name of a shipped model, or a model folder'),
    ('calibration', '', 'calibration of the alarm; empty: that of `model` if `model` is given'),
    ('learn', '', 'file of a calibration to learn while somebody drives; used if it exists'),
    ('learn_minutes', '', 'time of nominal driving to learn from'),
    ('drive', '', 'recording that camera_node plays; empty: there is a real camera'),
    ('cameras', '', 'such as front,rear: one perception_node each, in the namespace of its name'),
    ('namespace', '', 'namespace of all nodes and topics'),
    ('params_file', '', 'YAML file; empty: config/perception.yaml of the package'),
    ('autostart', '', 'configure and activate the node, also after a crash; empty: true, or as '
                      'your params_file says'),
    ('rviz', 'false', 'open RViz with the images and the depth cloud'),
    ('rviz_frame', '', 'frame_id of the images; empty: that of a played recording'),
    ('use_sim_time', '', 'use the time of /clock'),
)
CHOICES: dict[str, list[str]] = {  # argument -> its values
    'image_transport': ['', *TRANSPORTS],
    'backend': ['', AUTO, *BACKENDS],
    'autostart': ['', *BOOLEANS],
    'rviz': BOOLEANS,
    'use_sim_time': ['', *BOOLEANS],
}


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; the nodes are created when their values are known."""
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=description,
                                choices=CHOICES.get(name))
          for name, default, description in ARGUMENTS),
        *_fast_dds_profile(),
        OpaqueFunction(function=_nodes),
    ])


def _fast_dds_profile() -> list[SetEnvironmentVariable]:
    """Give Fast DDS buffers for large images, unless the user chose a profile or another RMW."""
    own = any(os.environ.get(name) for name in PROFILE_VARIABLES)
    if own or 'fastrtps' not in os.environ.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp'):
        return []
    return [SetEnvironmentVariable(PROFILE_VARIABLES[0], str(FAST_DDS_PROFILE))]


def _nodes(context: LaunchContext) -> list[Node]:
    values = {name: LaunchConfiguration(name).perform(context) for name, _, _ in ARGUMENTS}
    if not values['params_file']:
        values.update(params_file=PARAMS_FILE.perform(context),
                      autostart=values['autostart'] or 'true')
    if not Path(values['params_file']).is_file():
        raise ValueError(f'params_file is {values["params_file"]!r}, which is no file; name a '
                         f'YAML file like config/perception.yaml')
    clock = _switch(values, 'use_sim_time')
    cameras = parse_camera_names(values['cameras'])
    _check_params_file(values, cameras)
    nodes = [node for camera in cameras or ('',)
             for node in _camera_nodes(values, camera, clock)]
    nodes.append(Node(**_common(values, 'alert_node'),
                      parameters=[values['params_file'], _calibration_override(values),
                                  _overrides(values, 'cameras', 'learn'),
                                  _number(values, 'learn_minutes'), clock]))
    if values['rviz'] == 'true':
        namespace = '/'.join(filter(None, (values['namespace'].strip('/'), *cameras[:1])))
        nodes += _rviz_nodes(values, namespace, clock)
    return nodes


def _check_params_file(values: Values, cameras: tuple[str, ...]) -> None:
    """Refuse values of several nodes that exclude each other; no node can know them all."""
    names = (*(f'{camera}/perception_node' if camera else 'perception_node'
               for camera in cameras or ('',)), 'alert_node', 'governor_node')
    namespace = f'/{values["namespace"].strip("/")}' if values['namespace'].strip('/') else ''
    document = read_parameter_file(Path(values['params_file']))
    full_names = [f'{namespace}/{name}' for name in names]
    found = contradictions(document, full_names) + shared_topics(
        document, full_names[:len(cameras)], [name for name in CAMERA_TOPICS if not values[name]],
        expand_topic_name)
    if found:
        raise ValueError(f'params_file {values["params_file"]}: {"; ".join(found)}')


def _camera_nodes(values: Values, camera: str, clock: dict[str, bool]) -> list[Node]:
    """Create the nodes of one camera; empty: the only camera, without a namespace of its own."""
    for name in CAMERA_TOPICS:
        if camera and values[name].startswith('/'):
            raise ValueError(f'{name} is {values[name]!r}: {OWN_TOPIC}')
    topics = _overrides(values, *CAMERA_TOPICS, 'image_transport')
    namespace = '/'.join(filter(None, (values['namespace'], camera)))
    local = {**values, 'namespace': namespace}
    nodes: list[Node] = [LifecycleNode(
        **_common(local, 'perception_node'),
        parameters=[{'autostart': True}, values['params_file'], topics,
                    _overrides(values, 'backend', 'model'), clock,
                    _switch(values, 'autostart')])]
    if values['drive']:
        playback = {'path': _string(values['drive']), 'loop': True}
        nodes.append(Node(**_common(local, 'camera_node', respawn=False),
                          parameters=[values['params_file'], topics, playback]))
    return nodes


def _common(values: Values, node: str, respawn: bool = True) -> dict[str, Any]:
    """Return the settings that all nodes share; a node that crashes is started again."""
    return {'package': PACKAGE, 'executable': node, 'name': node, 'output': 'screen',
            'namespace': values['namespace'], 'respawn': respawn, 'respawn_delay': RESPAWN_DELAY_S,
            'on_exit': _stop_respawn}


def _stop_respawn(event: ProcessExited, context: LaunchContext) -> list[EmitEvent]:
    """End a process with wrong parameters for good, before the respawn delay has passed."""
    if event.returncode != CONFIG_ERROR:
        return []
    return [EmitEvent(event=ShutdownProcess(
        process_matcher=lambda action: action is event.action))]


def _switch(values: Values, name: str) -> dict[str, bool]:
    return {name: values[name] == 'true'} if values[name] else {}


def _overrides(values: Values, *names: str) -> dict[str, ParameterValue]:
    return {name: _string(values[name]) for name in names if values[name]}


def _number(values: Values, name: str) -> dict[str, ParameterValue]:
    return {name: ParameterValue(float(values[name]), value_type=float)} if values[name] else {}


def _calibration_override(values: Values) -> dict[str, ParameterValue]:
    """Use the calibration of the model: that of another model cannot arm the alarm."""
    if values['learn'] and values['calibration']:
        raise ValueError(f'calibration is {values["calibration"]!r} and learn is '
                         f'{values["learn"]!r}: give only one of them')
    calibration = values['calibration'] or values['model']
    return {'calibration': _string(calibration)} if calibration else {}


def _string(value: str) -> ParameterValue:
    """Make a parameter of type string, also for a model with the name 7."""
    return ParameterValue(value, value_type=str)


def _rviz_nodes(values: Values, namespace: str, clock: dict[str, bool]) -> list[Node]:
    """Open RViz for the first camera, and draw the alert of all cameras for it."""
    alert = '/'.join(filter(None, (values['namespace'].strip('/'), 'alert')))
    return [
        Node(**{**_common(values, 'viewer_node'), 'namespace': namespace},
             remappings=[('alert', f'/{alert}')], parameters=[clock]),
        Node(package='rviz2', executable='rviz2', name='rviz', namespace=namespace,
             arguments=['-d', str(_rviz_file(values, namespace))], parameters=[clock],
             output='screen')]


def _rviz_file(values: Values, namespace: str) -> Path:
    """
    Write a copy of the configuration with the full names of the topics, and with the fixed frame.

    DepthCloud looks for camera_info beside the name that is written there, but always in the root
    namespace; and the display of an image selects `compressed` by the end of the name.
    """
    config = yaml.safe_load(RVIZ_FILE.read_text(encoding='utf-8'))
    camera = values['image_topic'] or 'image'
    if values['image_transport'] == 'compressed':
        camera += '/compressed'
    prefix = f'/{namespace}/' if namespace else '/'
    for display in config['Visualization Manager']['Displays']:
        for owner, key in ((display.get('Topic', {}), 'Value'), (display, 'Depth Map Topic'),
                           (display, 'Color Image Topic')):
            if key in owner:
                name = camera if owner[key] == 'image' else owner[key]
                owner[key] = name if name.startswith('/') else prefix + name
    last = namespace.rpartition('/')[2]
    config['Visualization Manager']['Global Options']['Fixed Frame'] = values['rviz_frame'] or (
        f'{last}_{FRAME_ID}' if last else FRAME_ID)
    file = Path(mkdtemp(prefix='bdl_perception_')) / RVIZ_FILE.name
    file.write_text(yaml.safe_dump(config, sort_keys=False), encoding='utf-8')
    return file
