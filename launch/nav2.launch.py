# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Start perception, its lifecycle manager and governor_node beside Nav2; see docs/bringup.md."""
from pathlib import Path
from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

SHARE = Path(__file__).parent.parent  # of the checkout, or share/bdl_perception
PERCEPTION = str(SHARE / 'launch' / 'perception.launch.py')
NAV2_PARAMS = str(SHARE / 'bringup' / 'nav2_params.yaml')
# The collision monitor reads cmd_vel_governed instead of cmd_vel_smoothed (nav2_params.yaml).
GOVERNED = [('cmd_vel', 'cmd_vel_smoothed'), ('cmd_vel_out', 'cmd_vel_governed')]


def generate_launch_description() -> LaunchDescription:
    """Pass the arguments of perception.launch.py on; the manager activates perception_node."""
    return LaunchDescription([
        DeclareLaunchArgument('nav2_params', default_value=NAV2_PARAMS,
                              description='your params_file of Nav2, with these entries'),
        DeclareLaunchArgument('use_sim_time', default_value='', choices=['', 'true', 'false'],
                              description='use the time of /clock, as Nav2 in a simulation; '
                                          'empty: as nav2_params says'),
        IncludeLaunchDescription(PythonLaunchDescriptionSource(PERCEPTION),
                                 launch_arguments=[('autostart', 'false')]),
        OpaqueFunction(function=_nodes),
    ])


def _nodes(context: LaunchContext) -> list[Node]:
    parameters: list[Any] = [LaunchConfiguration('nav2_params')]
    if use_sim_time := LaunchConfiguration('use_sim_time').perform(context):
        parameters.append({'use_sim_time': use_sim_time == 'true'})
    return [
        Node(package='nav2_lifecycle_manager', executable='lifecycle_manager',
             name='lifecycle_manager_perception', parameters=parameters, output='screen'),
        Node(package='bdl_perception', executable='governor_node', name='governor_node',
             parameters=parameters, remappings=GOVERNED, output='screen', respawn=True),
    ]
