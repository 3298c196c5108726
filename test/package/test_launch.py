# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The nodes of the launch file; skipped where the launch package of ROS 2 is not installed."""
from pathlib import Path
import runpy
from typing import Any

import pytest
import yaml

pytest.importorskip('launch_ros', reason='ROS 2 launch is not on PyPI; apt installs it')
ROOT = Path(__file__).parent.parent.parent
CONFIG = ROOT / 'config' / 'perception.yaml'


def launched(**arguments: str) -> dict[str, Any]:
    """Evaluate the launch file like `ros2 launch`; executable -> its node action."""
    return {str(node.node_executable): node for node in all_launched(**arguments)}


def all_launched(**arguments: str) -> list[Any]:
    """Return all node actions in their order."""
    from launch import LaunchContext
    from launch_ros.actions import Node
    namespace = runpy.run_path(str(ROOT / 'launch' / 'perception.launch.py'))
    context = LaunchContext()
    context.launch_configurations.update({'params_file': str(CONFIG), **arguments})
    nodes: list[Any] = []
    for entity in namespace['generate_launch_description']().entities:
        nodes.extend(entity.visit(context) or ())
    assert all(isinstance(node, Node) for node in nodes)
    return nodes


def parameters(node: Any, **arguments: str) -> dict[str, Any]:
    """Return the parameters that follow the params_file, by name; arguments: of the launch."""
    from launch import LaunchContext
    from launch_ros.utilities import evaluate_parameters
    context, merged = LaunchContext(), dict[str, Any]()
    context.launch_configurations.update(arguments)
    for part in evaluate_parameters(context, node._Node__parameters):
        merged.update(part if isinstance(part, dict) else {'params_file': part})
    return merged


def test_perception_and_alert_node_start_and_respawn() -> None:
    from launch_ros.actions import LifecycleNode
    nodes = launched()
    assert set(nodes) == {'perception_node', 'alert_node'}
    assert isinstance(nodes['perception_node'], LifecycleNode)
    for node in nodes.values():
        assert node._ExecuteLocal__respawn is True


def test_without_arguments_the_parameters_file_applies() -> None:
    nodes = launched()
    assert parameters(nodes['perception_node']) == {'params_file': CONFIG, 'autostart': True}
    assert parameters(nodes['alert_node']) == {'params_file': CONFIG}


def test_no_default_follows_the_parameters_file_of_the_user(tmp_path: Path) -> None:
    own = tmp_path / 'own.yaml'
    own.write_text('/**:\n  ros__parameters: {use_sim_time: true}\n')
    parts = launched(params_file=str(own))['perception_node']._Node__parameters
    from launch import LaunchContext
    from launch_ros.utilities import evaluate_parameters
    assert list(filter(None, evaluate_parameters(LaunchContext(), parts))) == [
        {'autostart': True}, own]


def test_a_parameters_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='which is no file'):
        launched(params_file=str(tmp_path / 'nope.yaml'))


def test_values_of_two_nodes_that_exclude_each_other_are_an_error(tmp_path: Path) -> None:
    own = tmp_path / 'own.yaml'
    own.write_text('/car/front/perception_node:\n  ros__parameters: {epistemic_refresh_s: 3.0}\n')
    launched(params_file=str(own), namespace='car', cameras='rear')
    with pytest.raises(ValueError, match='/car/front/perception_node and /car/alert_node: epist'):
        launched(params_file=str(own), namespace='car', cameras='front,rear')


def test_every_argument_reaches_its_node() -> None:
    arguments = {'image_topic': '/front/image', 'camera_info_topic': '/front/info', 'model': '7',
                 'image_transport': 'compressed', 'backend': 'onnxruntime'}
    nodes = launched(**arguments, use_sim_time='true', autostart='false')
    assert parameters(nodes['perception_node']) == {
        **arguments, 'params_file': CONFIG, 'use_sim_time': True, 'autostart': False}
    assert parameters(nodes['alert_node']) == {
        'params_file': CONFIG, 'calibration': '7', 'use_sim_time': True}


def test_calibration_has_priority_over_the_model() -> None:
    nodes = launched(model='mine', calibration='/data/calibration.json')
    assert parameters(nodes['alert_node'])['calibration'] == '/data/calibration.json'


def test_a_calibration_is_learned_in_place_of_another_one() -> None:
    nodes = launched(learn='my_camera.json', learn_minutes='20')
    assert parameters(nodes['alert_node']) == {
        'params_file': CONFIG, 'learn': 'my_camera.json', 'learn_minutes': 20.}
    with pytest.raises(ValueError, match="'a.json' and learn is 'b.json': give only one"):
        launched(calibration='a.json', learn='b.json')


def test_all_nodes_are_in_the_namespace() -> None:
    from launch import LaunchContext
    nodes = launched(namespace='front', rviz='true', drive='a.mp4')
    assert set(nodes) == {'perception_node', 'alert_node', 'camera_node', 'viewer_node', 'rviz2'}
    for node in nodes.values():
        node._perform_substitutions(LaunchContext())
        assert node.expanded_node_namespace == '/front'


def rviz_config(**arguments: str) -> dict[str, Any]:
    """Return the configuration that RViz is started with."""
    from launch import LaunchContext
    node = launched(rviz='true', **arguments)['rviz2']
    node._perform_substitutions(LaunchContext())
    _, flag, file, *_ = node.cmd
    assert flag[0].text == '-d'
    loaded: dict[str, Any] = yaml.safe_load(Path(file[0].text).read_text(encoding='utf-8'))
    return loaded['Visualization Manager']


def rviz_topics(config: dict[str, Any]) -> set[str]:
    topics = {display['Topic']['Value'] for display in config['Displays'] if 'Topic' in display}
    return topics | {display[name] for display in config['Displays']
                     for name in ('Depth Map Topic', 'Color Image Topic') if name in display}


def test_rviz_shows_the_topics_of_the_namespace() -> None:
    config = rviz_config(cameras='front,rear', namespace='car', image_topic='raw')
    topics = rviz_topics(config)
    assert all(name.startswith('/car/front/') for name in topics), topics
    assert {'/car/front/raw', '/car/front/depth/image', '/car/front/points'} <= topics
    assert config['Global Options']['Fixed Frame'] == 'front_camera_optical_frame'


def test_the_alert_of_all_cameras_is_drawn_for_rviz() -> None:
    from launch import LaunchContext
    context = LaunchContext()
    viewer = launched(rviz='true', cameras='front,rear', namespace='car')['viewer_node']
    viewer._perform_substitutions(context)
    assert viewer.expanded_node_namespace == '/car/front'
    assert ('alert', '/car/alert') in viewer.expanded_remapping_rules


def test_rviz_shows_the_compressed_images_of_a_camera_and_its_frame() -> None:
    config = rviz_config(image_topic='/camera/image_raw', image_transport='compressed',
                         rviz_frame='camera_link')
    assert {'/camera/image_raw/compressed', '/depth/coloured'} <= rviz_topics(config)
    assert config['Global Options']['Fixed Frame'] == 'camera_link'


def test_a_recording_replaces_the_camera() -> None:
    camera = launched(drive='run.mcap:/front/image', image_topic='/cam')['camera_node']
    assert parameters(camera) == {'params_file': CONFIG, 'image_topic': '/cam', 'loop': True,
                                  'path': 'run.mcap:/front/image'}
    assert camera._ExecuteLocal__respawn is False, 'a restart does not correct the path'


def test_cameras_have_one_perception_node_each_and_one_alert_node() -> None:
    from launch import LaunchContext
    nodes = launched(cameras='front,rear', namespace='car', drive='a.mp4', image_topic='raw')
    alert = nodes['alert_node']
    assert parameters(alert)['cameras'] == 'front,rear'
    namespaces = []
    for node in all_launched(cameras='front,rear', namespace='car', drive='a.mp4'):
        node._perform_substitutions(LaunchContext())
        namespaces.append((str(node.node_executable), node.expanded_node_namespace))
    assert sorted(namespaces) == [
        ('alert_node', '/car'), ('camera_node', '/car/front'), ('camera_node', '/car/rear'),
        ('perception_node', '/car/front'), ('perception_node', '/car/rear')]


def test_cameras_cannot_share_an_absolute_topic() -> None:
    for name in ('image_topic', 'camera_info_topic'):
        with pytest.raises(ValueError, match=f'{name} is .* within the namespace of each'):
            launched(cameras='front,rear', **{name: '/camera/topic'})


@pytest.mark.parametrize('name', ['image_topic', 'camera_info_topic'])
def test_a_parameters_file_cannot_give_cameras_one_topic(tmp_path: Path, name: str) -> None:
    own = tmp_path / 'own.yaml'
    own.write_text(f'/**/perception_node:\n  ros__parameters: {{{name}: /camera/topic}}\n')
    with pytest.raises(ValueError, match=f'own.yaml: {name} of /front/perception_node and /rear/'
                                         f'perception_node is .* within the namespace of each'):
        launched(params_file=str(own), cameras='front,rear')
    launched(params_file=str(own))
    launched(params_file=str(own), cameras='front,rear', **{name: 'raw'})


def test_a_switch_must_be_true_or_false() -> None:
    with pytest.raises(RuntimeError, match='autostart'):
        launched(autostart='maybe')


@pytest.mark.parametrize('name', ['image_transport', 'backend'])
def test_an_unknown_choice_is_an_error(name: str) -> None:
    with pytest.raises(RuntimeError, match=name):
        launched(**{name: 'h264'})


@pytest.mark.parametrize('code, stops', [(0, False), (1, False), (2, True), (3, False),
                                         (-9, False)])
def test_a_node_with_wrong_parameters_is_not_started_again(code: int, stops: bool) -> None:
    from types import SimpleNamespace
    stop = runpy.run_path(str(ROOT / 'launch' / 'perception.launch.py'))['_stop_respawn']
    assert bool(stop(SimpleNamespace(returncode=code, action=None), None)) == stops


@pytest.mark.parametrize('environment, count', [
    ({}, 1), ({'RMW_IMPLEMENTATION': 'rmw_fastrtps_cpp'}, 1),
    ({'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'}, 0),
    ({'FASTRTPS_DEFAULT_PROFILES_FILE': '/own.xml'}, 0),
    ({'FASTDDS_DEFAULT_PROFILES_FILE': '/own.xml'}, 0)])
def test_fast_dds_has_buffers_for_images_unless_the_user_chose(
        environment: dict[str, str], count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('RMW_IMPLEMENTATION', 'FASTRTPS_DEFAULT_PROFILES_FILE',
                 'FASTDDS_DEFAULT_PROFILES_FILE'):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    made = runpy.run_path(str(ROOT / 'launch' / 'perception.launch.py'))['_fast_dds_profile']()
    assert len(made) == count


def included(file: str, **arguments: str) -> list[Any]:
    """Evaluate another launch file; returns its actions without what they include."""
    from launch import LaunchContext
    from launch.actions import OpaqueFunction
    namespace = runpy.run_path(str(ROOT / 'launch' / file))
    context = LaunchContext()
    context.launch_configurations.update(arguments)
    actions: list[Any] = []
    for entity in namespace['generate_launch_description']().entities:
        found = entity.visit(context) if type(entity).__name__ == 'DeclareLaunchArgument' else None
        actions.extend(entity.execute(context) if isinstance(entity, OpaqueFunction)
                       else found or [entity])
    return actions


def arguments_of(include: Any) -> dict[str, str]:
    """Return what perception.launch.py is given."""
    return {str(name): str(value) for name, value in include.launch_arguments}


def test_a_camera_preset_starts_a_driver_node_and_perception_with_its_topics() -> None:
    driver, perception = included('camera.launch.py', preset='usb_cam')[-2:]
    assert (str(driver.node_package), str(driver.node_executable)) == ('usb_cam',
                                                                       'usb_cam_node_exe')
    assert parameters(driver)['pixel_format'] == 'yuyv'
    assert arguments_of(perception) == {
        'image_topic': '/camera/image_raw', 'camera_info_topic': '/camera/camera_info',
        'rviz_frame': 'camera_optical_frame'}


def test_the_arguments_of_a_driver_launch_file_do_not_reach_ours() -> None:
    from launch.actions import GroupAction
    group, perception = included('camera.launch.py', preset='zed')[-2:]
    assert isinstance(group, GroupAction)
    assert group._GroupAction__scoped and not group._GroupAction__forwarding
    assert 'camera_model' not in arguments_of(perception)


def test_an_unknown_camera_preset_is_an_error() -> None:
    with pytest.raises(ValueError, match='must be one of usb_cam, v4l2_camera, realsense, zed'):
        included('camera.launch.py', preset='gopro')


def test_nav2_starts_perception_inactive_with_a_manager_and_the_governor() -> None:
    from launch_ros.actions import Node
    actions = included('nav2.launch.py')
    nodes = {str(node.node_executable): node for node in actions if isinstance(node, Node)}
    assert set(nodes) == {'lifecycle_manager', 'governor_node'}
    perception, = (one for one in actions if type(one).__name__ == 'IncludeLaunchDescription')
    assert arguments_of(perception) == {'autostart': 'false'}


def test_the_nodes_beside_nav2_use_the_time_of_a_simulation_on_request() -> None:
    from launch_ros.actions import Node
    for chosen, expected in (('', None), ('true', True)):
        actions = included('nav2.launch.py', use_sim_time=chosen, nav2_params=str(CONFIG))
        for node in (one for one in actions if isinstance(one, Node)):
            found = parameters(node, nav2_params=str(CONFIG))
            assert found.get('use_sim_time') is expected
