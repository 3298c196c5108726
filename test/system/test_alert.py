# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""alert_node without what it needs: it runs, says why, and never says OK."""
from dataclasses import replace
import json
import os
import signal
import subprocess
import sys

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.alarm.calibration import to_camera_calibration
from bdl_perception.alarm.calibration_io import calibration_from_dict, calibration_to_dict
from bdl_perception.nodes import publishers
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
import numpy as np
import pytest
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import LivelinessPolicy
from ros_world import calibrated_model, nominal_image
from tiny_model import make_tiny_model

pytestmark = pytest.mark.slow  # starts processes


def levels(world):
    return [message.status[0].level[0] for message in world.received[topics.ALERT_TOPIC]]


def test_it_starts_stale_and_is_not_ok_before_it_is_earned(world, model):
    world.listen(topics.ALERT_TOPIC)
    world.start('alert_node', calibration=model)
    world.until(lambda: world.alert[0] is not None, 'an alert', make=nominal_image)
    world.perception(model, autostart=True)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)
    assert levels(world) == sorted(levels(world), reverse=True)
    assert levels(world)[0] == AlertLevel.STALE


def test_a_node_that_was_not_activated_is_said_to_be_inactive(world, model):
    world.start('alert_node', calibration=model)
    world.perception(model)
    world.listen(topics.ALERT_TOPIC, topics.STATUS)
    world.until(world.alert_is(AlertLevel.STALE, 'is unconfigured: configure'), 'unconfigured',
                make=nominal_image)
    assert world.set_state(Transition.TRANSITION_CONFIGURE)
    world.until(world.alert_is(AlertLevel.STALE, 'is inactive: activate it'), 'inactive', make=nominal_image)
    assert world.set_state(Transition.TRANSITION_ACTIVATE)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)
    assert world.set_state(Transition.TRANSITION_DEACTIVATE)
    world.until(world.alert_is(AlertLevel.STALE, 'is inactive: activate it'), 'inactive', make=nominal_image)


def test_a_network_that_says_nan_is_an_error(world, tmp_path):
    model = calibrated_model(tmp_path / 'nan', nan_on_white=True)
    world.start('alert_node', calibration=model, hold_s=0.2, clear_s=0.2)
    world.perception(model, autostart=True)
    world.listen(topics.ALERT_TOPIC, topics.STATUS)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)

    def white(index):
        return np.full((48, 80, 3), 255, np.uint8)

    world.until(world.alert_is(AlertLevel.ERROR, 'not finite'), 'ERROR', make=white)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)


@pytest.mark.parametrize('calibration, said', [
    (None, 'not armed: calibration'), ('torn', 'not armed: calibration'),
    ('other', 'not armed: calibration is of another model')])
def test_without_its_own_calibration_it_runs_and_is_never_ok(
        world, model, tmp_path, calibration, said):
    mine = make_tiny_model(tmp_path / 'mine', seed=1)
    text = (model / 'calibration.json').read_text()
    if calibration is not None:
        (mine / 'calibration.json').write_text(text[:200] if calibration == 'torn' else text)
    world.start('alert_node', calibration=mine)
    world.perception(mine, autostart=True)
    world.listen(topics.ALERT_TOPIC, topics.STATUS, topics.SCORES)
    world.until(lambda: len(world.received[topics.SCORES]) > 5, 'scores', make=nominal_image)
    world.until(world.alert_is(AlertLevel.STALE, said), said, make=nominal_image)
    assert set(levels(world)) == {AlertLevel.STALE}


def test_a_corrupt_model_is_a_reason_on_the_alert(world, model, tmp_path):
    broken = make_tiny_model(tmp_path / 'broken')
    (broken / 'model.json').write_text(json.dumps({'name': 'tiny'}))
    world.start('alert_node', calibration=model)
    world.perception(broken, autostart=True)
    world.listen(topics.ALERT_TOPIC)
    world.until(world.alert_is(AlertLevel.STALE, 'configure failed: '), 'the reason', make=nominal_image)
    assert 'model.json' in world.alert[1]


def test_a_hanging_alert_node_loses_its_liveliness(world, model):
    alive, missed = [0], []
    profile = publishers.alert_publisher_qos(10.0)
    assert profile.liveliness == LivelinessPolicy.MANUAL_BY_TOPIC
    events = SubscriptionEventCallbacks(
        liveliness=lambda event: alive.append(event.alive_count), deadline=missed.append)
    process = world.start('alert_node', calibration=model)
    heard = []
    world.node.create_subscription(
        DiagnosticArray, topics.ALERT_TOPIC.name, heard.append, profile, event_callbacks=events)
    world.until(lambda: len(heard) > 3 and alive[-1] == 1, 'alerts of a node that is alive')
    missed.clear()  # a machine that stalls may have missed some before
    os.kill(process._process.pid, signal.SIGSTOP)
    try:
        world.until(lambda: alive[-1] == 0 and missed, 'the loss')
    finally:
        os.kill(process._process.pid, signal.SIGCONT)


def test_diagnostics_carry_the_same_under_the_name_that_tools_expect(world, model):
    world.start('alert_node', calibration=model, camera='front')
    world.listen(topics.DIAGNOSTICS_TOPIC)
    world.until(lambda: world.received[topics.DIAGNOSTICS_TOPIC], 'diagnostics')
    status = world.received[topics.DIAGNOSTICS_TOPIC][0].status[0]
    assert status.name == 'bdl_perception: front: uncertainty'
    assert status.hardware_id == 'front'
    assert status.level == bytes([AlertLevel.STALE])


@pytest.mark.parametrize('module', ['alert_node', 'governor_node'])
def test_the_watchers_reach_no_inference_library_and_no_opencv(module):
    code = (f'import bdl_perception.nodes.{module}, sys; '
            f'print(sorted({{name.split(".")[0] for name in sys.modules}} & '
            f'{{"torch", "onnxruntime", "tensorrt", "cv2", "onnx", "matplotlib"}}))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'


def test_one_alarm_watches_several_cameras_and_none_may_fall_silent(world, model):
    world.start('alert_node', calibration=model, cameras='front,rear', clear_s=0.2)
    world.listen(topics.ALERT_TOPIC)
    front, rear = (world.perception(
        model, {'__ns': f'/{name}', 'image': '/image'}, autostart=True)
        for name in ('front', 'rear'))
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)
    names = [status.hardware_id for status in world.received[topics.ALERT_TOPIC][-1].status]
    assert names == ['all cameras', 'front', 'rear']
    rear.stop()

    def only_rear_is_stale():
        newest = world.received[topics.ALERT_TOPIC][-1].status
        return [status.level[0] for status in newest] == [AlertLevel.STALE, AlertLevel.OK, AlertLevel.STALE]

    world.until(only_rear_is_stale, 'STALE because of one of them', make=nominal_image)
    assert 'rear: ' in world.received[topics.ALERT_TOPIC][-1].status[0].message
    assert front.poll() is None


def by_camera(path):
    """Make of a calibration one of two cameras, of which rear has too few drives."""
    made = calibration_from_dict(json.loads(path.read_text()))
    watched = {name: made.scores[name] for name in made.watched}
    front = {name: tuple(value + 1e6 for value in values) for name, values in watched.items()}
    part = to_camera_calibration(made)
    return replace(made, group_by='camera', groups={'front': front, 'rear': watched}, cameras={
        'front': replace(part, cusum_limit=7.), 'rear': replace(part, drives=part.drives[:3])})


def test_each_camera_is_judged_by_its_own_drives_or_says_that_it_has_too_few(
        world, model, tmp_path):
    made = by_camera(model / 'calibration.json')
    path = tmp_path / 'two.json'
    path.write_text(json.dumps(calibration_to_dict(made)))
    world.start('alert_node', calibration=path, cameras='front,rear', clear_s=0.2)
    world.listen(topics.ALERT_TOPIC)
    for name in ('front', 'rear'):
        world.perception(model, {'__ns': f'/{name}', 'image': '/image'}, autostart=True)
    world.until(world.alert_is(AlertLevel.OK, 'rear: calibration has 3 drives of rear, 8 are needed'),
                'OK, and which thresholds rear has', make=nominal_image)
    _, front, rear = world.received[topics.ALERT_TOPIC][-1].status
    assert 'thresholds are of all drives' in rear.message and 'drives' not in front.message
    for status, chosen in ((front, made.for_camera('front')), (rear, made)):
        said = {item.key: item.value for item in status.values}
        assert float(said['cusum_limit']) == pytest.approx(chosen.cusum_limit)
        for name, threshold in chosen.thresholds.items():
            assert float(said[f'threshold_{name}']) == pytest.approx(threshold, rel=1e-4)
