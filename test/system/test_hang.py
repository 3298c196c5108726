# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""perception_node with a network that hangs, or that ends the thread of its caller."""
import os
import time

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.demo.processes import NodeProcess
from bdl_perception.nodes.lifecycle import EXIT_RESTART
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import pytest
from ros_world import nominal_image, SAMPLES, TIMEOUT_S

pytestmark = pytest.mark.slow  # starts processes

PROGRAM = """
from pathlib import Path
import sys
import time

from bdl_perception.nodes import perception_node

FOLDER = Path(__file__).parent
open_perceiver = perception_node.open_perceiver


def wait_for(name):
    while (FOLDER / name).exists():
        time.sleep(.02)


def open_wrapped(*arguments):
    wait_for('hang_open')
    perceiver = open_perceiver(*arguments)
    perceiver.backend.close = lambda: wait_for('hang_close')
    perceive = perceiver.backend.perceive

    def wrapped(rgb):
        wait_for('hang')
        if (FOLDER / 'end').exists():
            (FOLDER / 'end').unlink()
            raise SystemExit(7)
        return perceive(rgb)

    perceiver.backend.perceive = wrapped
    return perceiver


perception_node.open_perceiver = open_wrapped
if (FOLDER / 'restart_after_s').exists():
    perception_node.RESTART_AFTER_S = float((FOLDER / 'restart_after_s').read_text())
sys.exit(perception_node.main())
"""
NOT_ANSWERED = 'the network has not answered for'


@pytest.fixture
def folder(tmp_path):
    """Make the folder of the program; files in it make its network hang or end the thread."""
    (tmp_path / 'faulty').mkdir()
    (tmp_path / 'faulty' / 'perception_node.py').write_text(PROGRAM)
    return tmp_path / 'faulty'


@pytest.fixture
def start(world, model, folder):
    """Give a function that starts the program and waits for its first scores."""
    def run():
        path = os.pathsep.join((str(folder.parent), world._environment['PYTHONPATH']))
        process = NodeProcess(
            'perception_node',
            {'model': model, 'samples': SAMPLES, 'threads': 1, 'autostart': True},
            folder / 'log', {**world._environment, 'PYTHONPATH': path}, package=folder.name)
        world._processes.append(process)
        world.listen(topics.STATUS, topics.SCORES, topics.ALERT_TOPIC)
        scores_again(world)
        return process
    return run


def scores_again(world):
    world.received[topics.SCORES].clear()
    world.until(lambda: world.received[topics.SCORES], 'scores', make=nominal_image)


def hangs(world):
    return lambda: any(NOT_ANSWERED in fault for status in world.statuses[-1:]
                       for fault in status.faults)


def test_a_network_that_hangs_is_named_and_every_transition_is_possible(world, model, folder,
                                                                        start):
    world.start('alert_node', calibration=model, hold_s=.2, clear_s=.2)
    process = start()
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)
    (folder / 'hang').touch()
    world.until(hangs(world), 'the fault', make=nominal_image)
    world.until(world.alert_is(AlertLevel.STALE, NOT_ANSWERED), 'the reason', make=nominal_image)
    begin_s, count = time.monotonic(), len(world.statuses)
    assert world.set_state(Transition.TRANSITION_DEACTIVATE)
    assert time.monotonic() - begin_s < 10  # it took 20 s, and the node was finalized
    world.until(lambda: world.statuses[-1].state == 'inactive', 'inactive')
    world.until(lambda: len(world.statuses) > count + 5, 'the heartbeat')
    assert not world.set_state(Transition.TRANSITION_ACTIVATE), 'its worker still hangs'
    assert world.set_state(Transition.TRANSITION_CLEANUP)
    (folder / 'hang').rename(folder / 'passed')
    assert world.set_state(Transition.TRANSITION_CONFIGURE)
    assert world.set_state(Transition.TRANSITION_ACTIVATE)
    scores_again(world)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)
    assert process.stop(TIMEOUT_S) == 0, process.log_tail(30)


def test_a_hang_that_ends_when_inactive_leaves_the_node_usable(world, folder, start):
    start()
    (folder / 'hang').touch()
    world.until(hangs(world), 'the fault', make=nominal_image)
    assert world.set_state(Transition.TRANSITION_DEACTIVATE)
    (folder / 'hang').unlink()
    world.until(lambda: not any(status.faults for status in world.statuses[-3:]), 'no fault')
    assert world.set_state(Transition.TRANSITION_ACTIVATE)
    scores_again(world)


def test_a_network_that_hangs_for_long_ends_the_process_for_a_restart(world, folder, start):
    (folder / 'restart_after_s').write_text('2')
    process = start()
    (folder / 'hang').touch()
    world.until(lambda: process.poll() is not None, 'the end', make=nominal_image)
    assert process.poll() == EXIT_RESTART
    assert 'ends, to be started again: the network has not answered' in process.log_tail(20)


def test_a_thread_that_ends_is_named_and_replaced(world, folder, start):
    start()
    (folder / 'end').touch()
    world.until(lambda: 'the worker thread was ended by SystemExit(7)' in world.faults(),
                'the fault', make=nominal_image)
    scores_again(world)


def test_the_heartbeat_continues_while_the_model_is_loaded(world, folder, start):
    process = start()
    (folder / 'hang_close').touch()
    assert world.set_state(Transition.TRANSITION_DEACTIVATE)
    assert world.set_state(Transition.TRANSITION_CLEANUP), 'it waits for a backend that hangs'
    (folder / 'hang_open').touch()
    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE))
    answer = world._change_state_client.call_async(request)
    count = len(world.statuses)
    world.until(lambda: len(world.statuses) > count + 10, 'the heartbeat')
    assert not answer.done()
    (folder / 'hang_open').unlink()
    world.until(answer.done, 'the end of the transition')
    assert answer.result().success
    assert process.stop(TIMEOUT_S) == 0, process.log_tail(30)
