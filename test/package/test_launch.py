# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the launch file would start; skipped where ROS 2's launch is not installed."""
from pathlib import Path
import runpy
from typing import Any

import pytest

pytest.importorskip('launch_ros', reason='ROS 2 launch is not on PyPI; apt installs it')
ROOT = Path(__file__).parent.parent.parent
CONFIG = ROOT / 'config' / 'perception.yaml'


def started(**told: str) -> dict[str, Any]:
    """Evaluate the launch file as `ros2 launch` would; executable -> its node action."""
    return {str(node.node_executable): node for node in all_started(**told)}


def all_started(**told: str) -> list[Any]:
    """Give all node actions, in their order."""
    from launch import LaunchContext
    from launch_ros.actions import Node
    namespace = runpy.run_path(str(ROOT / 'launch' / 'perception.launch.py'))
    context = LaunchContext()
    context.launch_configurations.update({'params_file': str(CONFIG), **told})
    nodes: list[Any] = []
    for entity in namespace['generate_launch_description']().entities:
        for action in entity.visit(context) or ():
            assert isinstance(action, Node)
            nodes.append(action)
    return nodes


def parameters(node: Any) -> dict[str, Any]:
    """Give the parameters that follow the params_file, by name."""
    from launch import LaunchContext
    from launch_ros.utilities import evaluate_parameters
    merged: dict[str, Any] = {}
    for part in evaluate_parameters(LaunchContext(), node._Node__parameters):
        merged.update(part if isinstance(part, dict) else {'params_file': part})
    return merged


def test_perception_and_alarm_start_and_come_back() -> None:
    from launch_ros.actions import LifecycleNode
    nodes = started()
    assert set(nodes) == {'perception_node', 'alert_node'}
    assert isinstance(nodes['perception_node'], LifecycleNode)
    for node in nodes.values():
        assert node._ExecuteLocal__respawn is True


def test_without_arguments_the_parameters_file_decides_everything_but_the_start() -> None:
    nodes = started()
    assert parameters(nodes['perception_node']) == {
        'params_file': CONFIG, 'use_sim_time': False, 'autostart': True}
    assert parameters(nodes['alert_node']) == {'params_file': CONFIG, 'use_sim_time': False}


def test_every_argument_reaches_its_node() -> None:
    told = {'image_topic': '/front/image', 'camera_info_topic': '/front/info', 'model': '7',
            'image_transport': 'compressed', 'backend': 'onnxruntime'}
    nodes = started(**told, use_sim_time='true', autostart='false')
    assert parameters(nodes['perception_node']) == {
        **told, 'params_file': CONFIG, 'use_sim_time': True, 'autostart': False}
    assert parameters(nodes['alert_node']) == {
        'params_file': CONFIG, 'calibration': '7', 'use_sim_time': True}


def test_a_calibration_of_its_own_wins_over_that_of_the_model() -> None:
    nodes = started(model='mine', calibration='/data/calibration.json')
    assert parameters(nodes['alert_node'])['calibration'] == '/data/calibration.json'


def test_a_namespace_holds_all_nodes() -> None:
    from launch import LaunchContext
    nodes = started(namespace='front', rviz='true', drive='a.mp4')
    assert set(nodes) == {'perception_node', 'alert_node', 'camera_node', 'rviz2'}
    for node in nodes.values():
        node._perform_substitutions(LaunchContext())
        assert node.expanded_node_namespace == '/front'


def test_a_recording_takes_the_place_of_the_camera() -> None:
    camera = started(drive='run.mcap:/front/image', image_topic='/cam')['camera_node']
    assert parameters(camera) == {'params_file': CONFIG, 'image_topic': '/cam', 'loop': True,
                                  'path': 'run.mcap:/front/image'}
    assert camera._ExecuteLocal__respawn is False, 'a path that is wrong stays wrong'


def test_each_camera_has_its_own_perception_and_all_have_one_alarm() -> None:
    from launch import LaunchContext
    nodes = started(cameras='front,rear', namespace='car', drive='a.mp4', image_topic='raw')
    alert = nodes['alert_node']
    assert parameters(alert)['cameras'] == 'front,rear'
    places = []
    for node in all_started(cameras='front,rear', namespace='car', drive='a.mp4'):
        node._perform_substitutions(LaunchContext())
        places.append((str(node.node_executable), node.expanded_node_namespace))
    assert sorted(places) == [
        ('alert_node', '/car'), ('camera_node', '/car/front'), ('camera_node', '/car/rear'),
        ('perception_node', '/car/front'), ('perception_node', '/car/rear')]


def test_two_cameras_cannot_share_one_topic() -> None:
    with pytest.raises(ValueError, match='within the namespace of each'):
        started(cameras='front,rear', image_topic='/camera/image_raw')


def test_a_switch_that_is_neither_true_nor_false_is_refused() -> None:
    with pytest.raises(RuntimeError, match='autostart'):
        started(autostart='maybe')
