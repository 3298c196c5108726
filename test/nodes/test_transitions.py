# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.nodes.transitions import reason
from bdl_perception.nodes.transitions import told
import pytest
from rclpy.lifecycle import LifecycleState
from rclpy.lifecycle import TransitionCallbackReturn


class Machine:
    """A node as far as transitions know it."""

    def __init__(self, error=None):
        self.error = error
        self.ended = []

    def transition_ended(self, state, fault):
        self.ended.append((state, fault))

    def _work(self):
        if self.error:
            raise self.error


def transition(name):
    def work(self, state):
        assert state is FROM
        self._work()
    work.__name__ = name
    return told(work)


FROM = LifecycleState(label='before', state_id=1)


@pytest.mark.parametrize('name, goal', [
    ('on_configure', 'inactive'), ('on_activate', 'active'), ('on_deactivate', 'inactive'),
    ('on_cleanup', 'unconfigured'), ('on_shutdown', 'finalized'), ('on_error', 'unconfigured')])
def test_a_transition_that_works_tells_where_it_led(name, goal):
    machine = Machine()
    assert transition(name)(machine, FROM) == TransitionCallbackReturn.SUCCESS
    assert machine.ended == [(goal, None)]


@pytest.mark.parametrize('name', ['on_configure', 'on_activate'])
def test_what_cannot_be_taken_leaves_the_node_where_it_was(name):
    machine = Machine(ValueError('no such model'))
    assert transition(name)(machine, FROM) == TransitionCallbackReturn.FAILURE
    assert machine.ended == [('before', f'{name[3:]} failed: no such model')]


@pytest.mark.parametrize('name', ['on_deactivate', 'on_cleanup', 'on_shutdown', 'on_error'])
def test_what_cannot_be_given_back_is_an_error(name):
    machine = Machine(RuntimeError('stuck'))
    assert transition(name)(machine, FROM) == TransitionCallbackReturn.ERROR
    (state, fault), = machine.ended
    assert state == 'errorprocessing'
    assert 'stuck' in fault


def test_a_reason_is_one_line_and_names_the_cause():
    try:
        try:
            raise KeyError('depth')
        except KeyError as cause:
            raise ValueError('model.json\nis wrong') from cause
    except ValueError as error:
        assert reason(error) == "model.json is wrong (because of KeyError('depth'))"
    assert reason(RuntimeError('x')) == "RuntimeError('x')"
