# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The exit code and the log of a node, its requests and its transitions."""
from bdl_perception.nodes.lifecycle import (
    describe_error,
    EXIT_CONFIG_ERROR,
    EXIT_RESTART,
    guard_services,
    lifecycle_callback,
    RestartRequired,
    run_node,
)
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import pytest
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically
import rclpy
from rclpy.context import Context
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from std_msgs.msg import String


@pytest.fixture(scope='module')
def context():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'OFF')  # no other participants
        context = Context()
        context.init()
        yield context
        context.try_shutdown()


@pytest.fixture(autouse=True)
def _loopback(monkeypatch):
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    monkeypatch.setenv('ROS_DOMAIN_ID', '97')


class PublishingNode(Node):
    """A node with a publisher that records whether it was destroyed."""

    def __init__(self):
        super().__init__('talker')
        self.topic = self.create_publisher(String, 'topic', 1)
        self.destroyed = False

    def destroy_node(self):
        self.destroyed = True
        super().destroy_node()


def run(spin, make=PublishingNode):
    made = []

    def make_recorded():
        made.append(make())
        return made[-1]

    code = run_node('talker', make_recorded, spin, ['talker'])
    assert not rclpy.ok() and all(node.destroyed for node in made)
    return code


def shut_down_and_continue(node):
    """Invalidate the context inside a callback, as a signal does."""
    rclpy.shutdown()
    node.create_publisher(String, 'other', 1)


def raise_error(node):
    raise RuntimeError('the network is gone')


def make_invalid():
    raise ValueError('rate_hz is -1, it must be above 0')


def shut_down_during_start():
    rclpy.shutdown()
    return PublishingNode()


def test_a_node_that_returns_exits_with_zero():
    assert run(lambda node: None) == 0


def test_a_signal_during_a_callback_exits_with_zero():
    assert run(shut_down_and_continue) == 0


def test_a_signal_during_the_start_exits_with_zero():
    assert run(lambda node: None, shut_down_during_start) == 0


def test_an_error_while_spinning_is_one_line(capfd):
    assert run(raise_error) == EXIT_RESTART
    log = capfd.readouterr().err
    assert 'talker stops: ' in log and 'the network is gone' in log


def test_a_node_can_ask_to_be_started_again(capfd):
    def spin(node):
        raise RestartRequired('it hangs')
    assert run(spin) == EXIT_RESTART
    assert 'talker ends, to be started again: it hangs' in capfd.readouterr().err


def test_an_error_at_the_start_is_one_line(capfd):
    assert run(lambda node: None, make_invalid) == EXIT_CONFIG_ERROR
    assert 'does not start: rate_hz is -1' in capfd.readouterr().err


def test_invalid_ros_arguments_are_an_error(capfd):
    arguments = ['talker', '--ros-args', '-p', 'nonsense']
    assert run_node('talker', PublishingNode, arguments=arguments) == EXIT_CONFIG_ERROR
    assert 'talker does not start' in capfd.readouterr().err


@pytest.mark.parametrize('word, code', [('--help', 0), ('-h', 0), ('--model', EXIT_CONFIG_ERROR)])
def test_arguments_that_are_not_of_ros_end_with_the_usage(word, code, capfd):
    arguments = ['talker', word, '--ros-args', '-p', 'a:=1']
    assert run_node('talker', pytest.fail, arguments=arguments) == code
    assert not rclpy.ok()
    shown = ''.join(capfd.readouterr())
    assert 'usage: talker' in shown and ("unknown argument '--model'" in shown) == bool(code)


class FakeManagedNode:
    """Records the results of its transitions."""

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
    return lifecycle_callback(work)


FROM = LifecycleState(label='before', state_id=1)


@pytest.mark.parametrize('name, target', [
    ('on_configure', 'inactive'), ('on_activate', 'active'), ('on_deactivate', 'inactive'),
    ('on_cleanup', 'unconfigured'), ('on_shutdown', 'finalized'), ('on_error', 'unconfigured')])
def test_a_successful_transition_reports_its_target_state(name, target):
    node = FakeManagedNode()
    assert transition(name)(node, FROM) == TransitionCallbackReturn.SUCCESS
    assert node.ended == [(target, None)]


@pytest.mark.parametrize('name', ['on_configure', 'on_activate'])
def test_a_failed_acquisition_leaves_the_state_unchanged(name):
    node = FakeManagedNode(ValueError('no such model'))
    assert transition(name)(node, FROM) == TransitionCallbackReturn.FAILURE
    assert node.ended == [('before', f'{name[3:]} failed: no such model')]


@pytest.mark.parametrize('name', ['on_deactivate', 'on_cleanup', 'on_shutdown', 'on_error'])
def test_a_failed_release_is_an_error(name):
    node = FakeManagedNode(RuntimeError('stuck'))
    assert transition(name)(node, FROM) == TransitionCallbackReturn.ERROR
    (state, fault), = node.ended
    assert state == 'errorprocessing'
    assert 'stuck' in fault


def test_an_error_is_described_in_one_line_with_its_cause():
    try:
        try:
            raise KeyError('depth')
        except KeyError as cause:
            raise ValueError('model.json\nis wrong') from cause
    except ValueError as error:
        assert describe_error(error) == "model.json is wrong (because of KeyError('depth'))"
    assert describe_error(RuntimeError('x')) == "RuntimeError('x')"


@pytest.fixture
def call(context, monkeypatch):
    """Give a function that calls a service of a guarded node as the executor does."""
    node = LifecycleNode('managed', context=context, enable_rosout=False)
    guard_services(node)
    services = {service.srv_name.split('/')[-1]: service for service in node.services}

    def answer(name, request):
        service = services[name]
        return service.callback(request, service.srv_type.Response())

    yield answer
    node.destroy_node()


def change(call, number, label=''):
    request = ChangeState.Request(transition=Transition(id=number, label=label))
    return call('change_state', request).success


@pytest.mark.parametrize('before', [(), (1,), (1, 3), (1, 3, 4), (1, 2), (5,), (1, 6), (1, 3, 7)])
def test_a_transition_that_does_not_fit_the_state_is_refused(call, before, capfd):
    allowed = {'unconfigured': (1, 5), 'inactive': (2, 3, 6), 'active': (4, 7), 'finalized': ()}
    assert all(change(call, number) for number in before)
    state = call('get_state', None).current_state.label
    for number in (*range(12), 60, 61, 99, 255):
        if number not in allowed[state]:
            capfd.readouterr()
            assert not change(call, number)
            assert capfd.readouterr().err.count('change_state refused a request: ') == 1
            assert call('get_state', None).current_state.label == state
    assert not change(call, 0, 'no such label')
    assert all(change(call, number) for number in allowed[state][:1]), 'it is unusable'


@pytest.mark.parametrize('label', ['x' * 100_000, 'x\n[FATAL] [1.0] [alert_node]: forged',
                                   'configure\x1b[31m'])
def test_the_label_of_a_transition_forges_no_line_of_the_log(call, label, capfd):
    assert not change(call, 0, label)
    [line] = capfd.readouterr().err.splitlines()
    assert 'change_state refused a request: the label ' in line and len(line) < 300
    assert '\x1b' not in line and not line.startswith('[FATAL]')
    assert change(call, 0, 'configure')


def malformed(name='use_sim_time', kind=99):
    return ParameterMessage(name=name, value=ParameterValue(type=kind))


def test_malformed_parameters_are_refused_one_by_one(call, capfd):
    good = ParameterMessage(name='use_sim_time', value=ParameterValue(type=1, bool_value=False))
    request = SetParameters.Request(parameters=[good, malformed(kind=10), good])
    results = call('set_parameters', request).results
    assert [result.successful for result in results] == [True, False, False]
    assert '10 is not a valid' in results[1].reason
    assert capfd.readouterr().err.count('set_parameters refused a request: ') == 1
    request = SetParametersAtomically.Request(parameters=[good, malformed('')])
    assert not call('set_parameters_atomically', request).result.successful
    request = GetParameters.Request(names=['use_sim_time'])
    assert [value.type for value in call('get_parameters', request).values] == [1]
