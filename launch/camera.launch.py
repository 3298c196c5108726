# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Start the driver of a camera, and perception with its topics; see bringup/cameras.yaml."""
from pathlib import Path
from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare
import yaml

SHARE = Path(__file__).parent.parent  # of the checkout, or share/bdl_perception
PRESETS = str(SHARE / 'bringup' / 'cameras.yaml')
PERCEPTION = str(SHARE / 'launch' / 'perception.launch.py')


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments; those of perception.launch.py are passed on."""
    return LaunchDescription([
        DeclareLaunchArgument('preset', description='usb_cam, v4l2_camera, realsense or zed'),
        DeclareLaunchArgument('presets_file', default_value=PRESETS,
                              description='YAML file like bringup/cameras.yaml'),
        OpaqueFunction(function=_camera_and_perception),
    ])


def _camera_and_perception(context: LaunchContext) -> list[Any]:
    file = Path(LaunchConfiguration('presets_file').perform(context))
    presets = yaml.safe_load(file.read_text(encoding='utf-8'))
    name = LaunchConfiguration('preset').perform(context)
    if name not in presets:
        raise ValueError(f'preset is {name!r}, must be one of {", ".join(presets)}')
    preset = presets[name]
    topics = {'image_topic': preset['image_topic'], 'rviz_frame': preset['frame'],
              'camera_info_topic': preset['camera_info_topic']}
    return [_driver(preset), _include(PERCEPTION, topics)]


def _driver(preset: dict[str, Any]) -> Any:
    """Start the node, or its launch file without the arguments of ours: names are the same."""
    if 'executable' in preset:
        return Node(package=preset['package'], executable=preset['executable'], name='driver',
                    namespace=preset['namespace'], parameters=[preset['parameters']],
                    output='screen')
    file = PathJoinSubstitution([FindPackageShare(preset['package']), preset['launch']])
    return GroupAction([_include(file, preset['arguments'])], scoped=True, forwarding=False)


def _include(file: Any, arguments: dict[str, str]) -> IncludeLaunchDescription:
    return IncludeLaunchDescription(PythonLaunchDescriptionSource(file),
                                    launch_arguments=arguments.items())
