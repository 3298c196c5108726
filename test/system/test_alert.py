# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""alert_node with missing or faulty inputs: it runs, reports the reason, and is never OK."""
from dataclasses import replace
import json
import os
import signal
import subprocess
import sys

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.alarm.calibration import CameraCalibration
from bdl_perception.model_store import load_calibration, save_calibration
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


def test_it_starts_stale_and_becomes_ok_once(world, model):
    world.listen(topics.ALERT_TOPIC)
    world.start('alert_node', calibration=model)
    world.until(lambda: world.alert[0] is not None, 'an alert', make=nominal_image)
    world.perception(model, autostart=True)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)
    assert levels(world) == sorted(levels(world), reverse=True)
    assert levels(world)[0] == AlertLevel.STALE


def test_an_inactive_perception_node_is_reported(world, model):
    world.start('alert_node', calibration=model)
    world.perception(model)
    world.listen(topics.ALERT_TOPIC, topics.STATUS)
    world.until(world.alert_is(AlertLevel.STALE, 'is unconfigured: configure'), 'unconfigured',
                make=nominal_image)
    assert world.set_state(Transition.TRANSITION_CONFIGURE)
    world.until(world.alert_is(AlertLevel.STALE, 'is inactive: activate it'), 'inactive',
                make=nominal_image)
    assert world.set_state(Transition.TRANSITION_ACTIVATE)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)
    assert world.set_state(Transition.TRANSITION_DEACTIVATE)
    world.until(world.alert_is(AlertLevel.STALE, 'is inactive: activate it'), 'inactive',
                make=nominal_image)


def test_nan_outputs_of_the_network_are_an_error(world, tmp_path):
    model = calibrated_model(tmp_path / 'nan', nan_on_white=True)
    world.start('alert_node', calibration=model, hold_s=0.2, clear_s=0.2)
    world.perception(model, autostart=True)
    world.listen(topics.ALERT_TOPIC, topics.STATUS)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)

    def white(index):
        return np.full((48, 80, 3), 255, np.uint8)

    world.until(world.alert_is(AlertLevel.ERROR, 'not finite'), 'ERROR', make=white)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)


@pytest.mark.parametrize('calibration, reason', [
    (None, 'not armed: calibration'), ('truncated', 'not armed: calibration'),
    ('other', 'not armed: calibration is of another model')])
def test_without_a_valid_calibration_it_is_never_ok(
        world, model, tmp_path, calibration, reason):
    other = make_tiny_model(tmp_path / 'other', seed=1)
    text = (model / 'calibration.json').read_text()
    if calibration is not None:
        (other / 'calibration.json').write_text(text[:200] if calibration == 'truncated' else text)
    world.start('alert_node', calibration=other)
    world.perception(other, autostart=True)
    world.listen(topics.ALERT_TOPIC, topics.STATUS, topics.SCORES)
    world.until(lambda: len(world.received[topics.SCORES]) > 5, 'scores', make=nominal_image)
    world.until(world.alert_is(AlertLevel.STALE, reason), reason, make=nominal_image)
    assert set(levels(world)) == {AlertLevel.STALE}


def test_a_corrupt_model_is_a_reason_of_the_alert(world, model, tmp_path):
    broken = make_tiny_model(tmp_path / 'broken')
    (broken / 'model.json').write_text(json.dumps({'name': 'tiny'}))
    world.start('alert_node', calibration=model)
    world.perception(broken, autostart=True)
    world.listen(topics.ALERT_TOPIC)
    world.until(world.alert_is(AlertLevel.STALE, 'configure failed: '), 'the reason',
                make=nominal_image)
    assert 'model.json' in world.alert[1]


def test_a_hanging_alert_node_loses_its_liveliness(world, model):
    alive, missed = [0], []
    profile = publishers.alert_publisher_qos(10.0)
    assert profile.liveliness == LivelinessPolicy.MANUAL_BY_TOPIC
    events = SubscriptionEventCallbacks(
        liveliness=lambda event: alive.append(event.alive_count), deadline=missed.append)
    process = world.start('alert_node', calibration=model)
    received = []
    world.node.create_subscription(
        DiagnosticArray, topics.ALERT_TOPIC.name, received.append, profile, event_callbacks=events)
    world.until(lambda: len(received) > 3 and alive[-1] == 1, 'alerts and liveliness')
    missed.clear()  # a loaded machine may have missed some before
    os.kill(process._process.pid, signal.SIGSTOP)
    try:
        world.until(lambda: alive[-1] == 0 and missed, 'the loss of liveliness')
    finally:
        os.kill(process._process.pid, signal.SIGCONT)


def test_diagnostics_have_the_content_of_the_alert(world, model):
    world.start('alert_node', calibration=model, camera='front')
    world.listen(topics.DIAGNOSTICS_TOPIC)
    world.until(lambda: world.received[topics.DIAGNOSTICS_TOPIC], 'diagnostics')
    status = world.received[topics.DIAGNOSTICS_TOPIC][0].status[0]
    assert status.name == 'alert_node: front: uncertainty'
    assert status.hardware_id == 'front'
    assert status.level == bytes([AlertLevel.STALE])


@pytest.mark.parametrize('module', ['alert_node', 'governor_node'])
def test_alert_and_governor_import_no_inference_library(module):
    code = (f'import bdl_perception.nodes.{module}, sys; '
            f'print(sorted({{name.split(".")[0] for name in sys.modules}} & '
            f'{{"torch", "onnxruntime", "tensorrt", "cv2", "onnx", "matplotlib"}}))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'


def in_namespace(name):
    """Give the remappings of a perception_node that shares the camera of the test."""
    return {'__ns': f'/{name}', 'image': '/image', 'camera_info': '/camera_info'}


def test_with_several_cameras_each_must_stay_alive(world, model):
    world.start('alert_node', calibration=model, cameras='front,rear', clear_s=0.2)
    world.listen(topics.ALERT_TOPIC)
    front, rear = (world.perception(
        model, in_namespace(name), autostart=True) for name in ('front', 'rear'))
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)
    names = [status.hardware_id for status in world.received[topics.ALERT_TOPIC][-1].status]
    assert names == ['all cameras', 'front', 'rear']
    rear.stop()

    def only_rear_is_stale():
        newest = world.received[topics.ALERT_TOPIC][-1].status
        return [status.level[0] for status in newest] == [
            AlertLevel.STALE, AlertLevel.OK, AlertLevel.STALE]

    world.until(only_rear_is_stale, 'STALE because of rear', make=nominal_image)
    assert 'rear: ' in world.received[topics.ALERT_TOPIC][-1].status[0].message
    assert front.poll() is None


def by_camera(path):
    """Change a calibration to one of two cameras; rear has too few drives."""
    made = load_calibration(path)
    known = made.distribution
    watched = {name: known.scores[name] for name in known.watched}
    front = {name: tuple(value + 1e5 for value in values) for name, values in watched.items()}
    few = replace(made.provenance, drives=made.provenance.drives[:3])
    return replace(made, cameras={
        'front': CameraCalibration(replace(known, scores=front), made.provenance,
                                   replace(made.limits, cusum=7.)),
        'rear': CameraCalibration(replace(known, scores=watched), few)})


def test_each_camera_has_its_own_thresholds_or_reports_too_few_drives(
        world, model, tmp_path):
    made = by_camera(model / 'calibration.json')
    path = tmp_path / 'two.json'
    save_calibration(path, made)
    world.start('alert_node', calibration=path, cameras='front,rear', clear_s=0.2)
    world.listen(topics.ALERT_TOPIC)
    for name in ('front', 'rear'):
        world.perception(model, in_namespace(name), autostart=True)
    reason = 'rear: calibration has 3 drives of rear, 8 are needed'
    world.until(world.alert_is(AlertLevel.OK, reason), 'OK with the reason of rear',
                make=nominal_image)
    _, front, rear = world.received[topics.ALERT_TOPIC][-1].status
    assert 'thresholds are of all drives' in rear.message and 'drives' not in front.message
    for status, chosen in ((front, made.for_camera('front')), (rear, made)):
        values = {item.key: item.value for item in status.values}
        assert float(values['cusum_limit']) == pytest.approx(chosen.limits.cusum)
        for name, threshold in chosen.test.pooled.thresholds.items():
            assert float(values[f'threshold_{name}']) == pytest.approx(threshold, rel=1e-4)


def test_depth_of_unknown_scale_is_a_warning_until_there_is_a_camera_info(world, model):
    world.sends_info = False
    world.listen(topics.ALERT_TOPIC, topics.STATUS)
    world.start('alert_node', calibration=model)
    world.perception(model, autostart=True)
    world.until(world.alert_is(AlertLevel.WARN, 'no camera_info was received'), 'WARN',
                make=nominal_image)
    world.until(lambda: any(status.warnings and not status.faults for status in world.statuses),
                'the status with the warning', make=nominal_image)
    world.sends_info = True
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)
