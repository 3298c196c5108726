# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Start perception, its lifecycle manager and governor_node beside Nav2; see docs/bringup.md."""
from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
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
    nav2_params = LaunchConfiguration('nav2_params')
    return LaunchDescription([
        DeclareLaunchArgument('nav2_params', default_value=NAV2_PARAMS,
                              description='your params_file of Nav2, with these entries'),
        IncludeLaunchDescription(PythonLaunchDescriptionSource(PERCEPTION),
                                 launch_arguments=[('autostart', 'false')]),
        Node(package='nav2_lifecycle_manager', executable='lifecycle_manager',
             name='lifecycle_manager_perception', parameters=[nav2_params], output='screen'),
        Node(package='bdl_perception', executable='governor_node', name='governor_node',
             parameters=[nav2_params], remappings=GOVERNED, output='screen', respawn=True),
    ])
