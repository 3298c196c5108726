# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The lifecycle of perception_node as a process."""
import signal

from bdl_perception import topics
from bdl_perception.nodes import publishers
from bdl_perception.nodes.messages import camera_info_message, make_header
from bdl_perception.perception.data_types import PinholeCamera
from lifecycle_msgs.msg import Transition
import pytest
from ros_world import nominal_image, TIMEOUT_S
from sensor_msgs.msg import CameraInfo
from tiny_model import make_tiny_model

pytestmark = pytest.mark.slow  # starts processes


def test_scores_are_published_without_subscribers_of_the_maps(world, model):
    world.perception(model, autostart=True)
    world.listen(topics.SCORES)

    def cycles():
        return {value.value for message in world.received[topics.SCORES]
                for value in message.status[0].values if value.key == 'cycle'}

    world.until(lambda: len(world.received[topics.SCORES]) >= 5 and '0' in cycles()
                and len(cycles()) > 1, 'scores of frames and of cycles', make=nominal_image)
    names = {status.name for message in world.received[topics.SCORES]
             for status in message.status}
    assert names == {'bdl_perception: scores'}


def test_every_lifecycle_state_is_reported(world, model):
    process = world.perception(model)
    world.listen(topics.STATUS, topics.SCORES)
    steps = ((Transition.TRANSITION_CONFIGURE, 'inactive'),
             (Transition.TRANSITION_ACTIVATE, 'active'),
             (Transition.TRANSITION_DEACTIVATE, 'inactive'),
             (Transition.TRANSITION_ACTIVATE, 'active'),
             (Transition.TRANSITION_DEACTIVATE, 'inactive'),
             (Transition.TRANSITION_CLEANUP, 'unconfigured'),
             (Transition.TRANSITION_CONFIGURE, 'inactive'),
             (Transition.TRANSITION_INACTIVE_SHUTDOWN, 'finalized'))
    world.until(lambda: world.statuses and world.statuses[-1].state == 'unconfigured', 'a status')
    for number, state in steps:
        assert world.set_state(number)
        world.until(lambda target=state: world.statuses[-1].state == target, state)
        assert (world.statuses[-1].identity is None) == (state in ('unconfigured', 'finalized'))
        world.received[topics.SCORES].clear()
        if state == 'active':
            world.until(lambda: world.received[topics.SCORES], 'scores when active',
                        make=nominal_image)
    assert not world.faults()
    assert process.stop(TIMEOUT_S) == 0


def test_an_activation_forgets_the_camera_info_of_the_last_camera(world, model):
    def info(focal):
        return camera_info_message(PinholeCamera(80, 48, focal, focal, 39.5, 23.5),
                                   make_header(0, 'camera'))

    def has_focal(focal):
        return lambda: any(message.k[0] == focal for message in world.received[topics.DEPTH_INFO])

    world.info = info(100.)
    world.perception(model, autostart=True)
    world.listen(topics.DEPTH_INFO)
    world.until(has_focal(50.), 'the first camera_info', make=nominal_image)  # half the size
    assert world.set_state(Transition.TRANSITION_DEACTIVATE)
    world.info, world.sends_info = None, False
    latched = world.node.create_publisher(CameraInfo, 'camera_info', publishers.latched_qos())
    latched.publish(info(200.))
    assert world.set_state(Transition.TRANSITION_ACTIVATE)
    world.until(has_focal(100.), 'the camera_info that was sent once', make=nominal_image)


def test_requests_that_do_not_fit_are_refused_and_the_node_continues(world, model):
    process = world.perception(model)
    world.listen(topics.STATUS)
    world.until(lambda: world.statuses and world.statuses[-1].state == 'unconfigured', 'a status')
    for fitting, state in ((Transition.TRANSITION_CONFIGURE, 'inactive'),
                           (Transition.TRANSITION_ACTIVATE, 'active')):
        assert not world.set_state(Transition.TRANSITION_DEACTIVATE)
        assert not world.set_state(99)
        assert world.set_state(fitting)
        assert not world.set_state(fitting)
        world.until(lambda target=state: world.statuses[-1].state == target, state)
    assert process.poll() is None
    assert not world.faults()


def test_a_corrupt_model_is_reported_and_can_be_repaired(world, tmp_path):
    broken = make_tiny_model(tmp_path / 'model')
    intact = (broken / 'sample.onnx').read_bytes()
    (broken / 'sample.onnx').write_bytes(intact[:-20])
    process = world.perception(broken, autostart=True)
    world.listen(topics.STATUS)
    world.until(world.faults, 'a fault')
    assert 'configure failed' in world.faults()[0] and 'sample.onnx' in world.faults()[0]
    assert not world.set_state(Transition.TRANSITION_CONFIGURE)
    assert process.poll() is None
    (broken / 'sample.onnx').write_bytes(intact)
    assert world.set_state(Transition.TRANSITION_CONFIGURE)
    world.until(lambda: world.statuses[-1].state == 'inactive', 'inactive')
    assert world.statuses[-1].faults == ()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_processing_exits_with_zero(world, model, number):
    process = world.perception(model, autostart=True)
    world.listen(topics.SCORES)
    world.until(lambda: world.received[topics.SCORES], 'scores', make=nominal_image)
    process._process.send_signal(number)
    world.until(lambda: process.poll() is not None, 'the end', make=nominal_image)
    assert process.poll() == 0
    assert 'Traceback' not in process.log_tail(100)
