# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The lifecycle of perception_node as a process."""
import signal

from bdl_perception import topics
from lifecycle_msgs.msg import Transition
import pytest
from ros_world import nominal_image, TIMEOUT_S
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
