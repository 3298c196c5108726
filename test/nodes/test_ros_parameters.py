# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The ROS parameters of a node: declaration, names, and changes while it runs."""
import re

from bdl_perception.nodes.lifecycle import guard_services
from bdl_perception.nodes.ros_parameters import apply_changes, declare_parameters
from bdl_perception.parameter_spec import parameter_specs
from bdl_perception.parameters import NODES, yaml_text
import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter


@pytest.fixture(scope='module')
def context():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'OFF')  # no other participants
        context = Context()
        context.init()
        yield context
        context.try_shutdown()


@pytest.fixture
def make(context):
    made = []

    def node(name='parameters', arguments=(), namespace='', start_parameter_services=False,
             **overrides):
        made.append(Node(
            name, context=context, namespace=namespace, cli_args=list(arguments),
            enable_rosout=False,
            start_parameter_services=start_parameter_services,
            parameter_overrides=[Parameter(key, value=value)
                                 for key, value in overrides.items()]))
        return made[-1]

    yield node
    for item in made:
        item.destroy_node()


@pytest.mark.parametrize('cls', NODES.values())
def test_defaults_pass_through_ros_unchanged_with_descriptions(make, cls):
    node = make()
    assert declare_parameters(node, cls) == cls()
    for row in parameter_specs(cls):
        descriptor = node.describe_parameter(row.name)
        assert descriptor.read_only != row.live and row.doc in descriptor.description
        ranges = descriptor.floating_point_range or descriptor.integer_range
        assert [(item.from_value, item.to_value) for item in ranges] == (
            [] if row.low is None else [(row.low, row.high)])


@pytest.mark.parametrize('name, value', [
    ('heartbeat_hz', 1.0), ('heartbeat_hz', float('nan')), ('heartbeat_hz', 'fast'),
    ('heartbeat_hz', True), ('hold_s', -1.0), ('camera', 3)])
def test_a_value_outside_its_bounds_is_rejected_by_name(make, name, value):
    with pytest.raises(ValueError, match=f'parameter {name} is {value!r}, must'):
        declare_parameters(make(**{name: value}), NODES['alert_node'])


def test_an_integer_outside_its_bounds_is_rejected_by_name(make):
    with pytest.raises(ValueError, match='parameter samples is 1, must lie in 2 to 256'):
        declare_parameters(make(samples=1), NODES['perception_node'])


def test_an_integer_is_accepted_as_a_float(make):
    settings = declare_parameters(make(heartbeat_hz=20), NODES['alert_node'])
    assert settings.heartbeat_hz == 20.0 and type(settings.heartbeat_hz) is float


@pytest.mark.parametrize('node', NODES)
def test_every_misspelt_parameter_is_rejected_with_the_nearest_name(make, node):
    names = [spec.name for spec in parameter_specs(NODES[node])]
    for name in names:
        wrong = {f'{name}s', name[:-1], name.replace('_', ''), name.upper(), f'x{name}'}
        for misspelt in wrong.difference(names):
            expected = f'parameter {misspelt!r} does not exist, did you mean {name!r}?'
            with pytest.raises(ValueError, match=re.escape(expected)):
                declare_parameters(make(**{misspelt: 1}), NODES[node])


def test_every_unknown_parameter_is_named(make):
    given = {'stale_after': .2, 'hold': 1.0, 'zzzz': 1, 'hold_s': 3.0, 'use_sim_time': False}
    with pytest.raises(ValueError) as error:
        declare_parameters(make(**given), NODES['alert_node'])
    text = str(error.value)
    assert "'stale_after' does not exist, did you mean 'stale_after_s'?" in text
    assert "'hold' does not exist, did you mean 'hold_s'?" in text
    assert "'zzzz' does not exist, remove it; there are: ['calibration', " in text
    assert text.count('does not exist') == 3


def test_parameters_of_rclpy_and_of_qos_are_accepted(make):
    given = {'use_sim_time': True, 'start_type_description_service': False,
             'qos_overrides./image.subscription.depth': 9}
    assert declare_parameters(make(**given), NODES['perception_node'], lambda values: ['image'])


@pytest.mark.parametrize('namespace', ['/', '/front'])
def test_the_yaml_applies_in_every_namespace(make, tmp_path, namespace):
    path = tmp_path / 'perception.yaml'
    path.write_text(yaml_text().replace('heartbeat_hz: 10.0', 'heartbeat_hz: 33.0'))
    node = make('alert_node', ['--ros-args', '--params-file', str(path)], namespace)
    assert declare_parameters(node, NODES['alert_node']).heartbeat_hz == 33.0


@pytest.mark.parametrize('name, nearest', [
    ('qos_overrides./image.subscription.dept', 'qos_overrides./image.subscription.depth'),
    ('qos_overrides./imge.subscription.depth', 'qos_overrides./image.subscription.depth'),
    ('qos_overrides.image.subscription.reliability',
     'qos_overrides./image.subscription.reliability'),
    ('qos_overrides./image.publisher.depth', 'qos_overrides./image.subscription.depth')])
def test_a_misspelt_override_of_qos_is_rejected_with_the_nearest_name(make, name, nearest):
    expected = f'parameter {name!r} does not exist, did you mean {nearest!r}?'
    with pytest.raises(ValueError, match=re.escape(expected)):
        declare_parameters(make(**{name: 1}), NODES['perception_node'], lambda values: ['image'])


def test_an_override_of_qos_is_of_the_resolved_topic(make):
    node = make(namespace='/front', **{'qos_overrides./front/image.subscription.depth': 9})
    assert declare_parameters(node, NODES['perception_node'], lambda values: [values.image_topic])


def test_a_node_without_such_topics_rejects_every_override_of_qos(make):
    with pytest.raises(ValueError, match='does not exist, remove it; the node has none of this'):
        declare_parameters(make(**{'qos_overrides./alert.publisher.depth': 9}),
                           NODES['alert_node'])


@pytest.mark.parametrize('name', ['use_sim_tim', 'use_simtime', 'sim_time', 'Use_Sim_Time'])
def test_a_misspelt_parameter_of_rclpy_is_rejected_with_its_name(make, name):
    with pytest.raises(ValueError, match=f"'{name}' does not exist, did you mean 'use_sim_time'?"):
        declare_parameters(make(**{name: True}), NODES['camera_node'])


@pytest.fixture
def governor(make):
    """Give a governor's values, the changes it receives, and a function like `ros2 param set`."""
    node = make(start_parameter_services=True)
    values = declare_parameters(node, NODES['governor_node'])
    changes = []
    apply_changes(node, values, NODES['governor_node'].policy, changes.append)
    guard_services(node)
    [service] = [item for item in node.services if item.srv_type is SetParameters]

    def change(**given):
        messages = [Parameter(name, value=value).to_parameter_msg()
                    for name, value in given.items()]
        answers = service.callback(
            SetParameters.Request(parameters=messages), SetParameters.Response()).results
        assert len(answers) == len(messages)
        return [answer.reason if not answer.successful else '' for answer in answers]

    return node, changes, change


def test_a_live_parameter_changes_while_the_node_runs(governor):
    node, changes, change = governor
    assert change(warn_linear_m_s=1.5) == ['']
    assert changes[-1].warn_linear_m_s == changes[-1].policy().warn_linear_m_s == 1.5
    assert node.get_parameter('warn_linear_m_s').value == 1.5
    assert change(crawl_linear_m_s=1.5) == [''], 'the limit at WARN is the new one'


@pytest.mark.parametrize('given, reason', [
    ({'warn_linear_m_s': -1.0}, 'range'), ({'warn_linear_m_s': float('nan')}, ''),
    ({'warn_linear_m_s': 'fast'}, 'type'), ({'crawl_linear_m_s': 3.0}, 'is faster than 2.0'),
    ({'rate_hz': 50.0}, 'read-only'), ({'warn_linear': 1.0}, 'declared')])
def test_an_invalid_change_is_refused_with_the_reason(governor, given, reason):
    node, changes, change = governor
    [answer] = change(**given)
    assert answer and reason in answer
    assert changes == [] and node.get_parameter('warn_linear_m_s').value == 2.0


def test_a_dump_of_the_node_can_be_loaded_again(governor):
    node, changes, change = governor
    names = [spec.name for spec in parameter_specs(NODES['governor_node'])] + ['use_sim_time']
    dump = {name: node.get_parameter(name).value for name in names}
    assert set(change(**dump)) == {''}
    assert change(**{**dump, 'rate_hz': 50.0}).count('') == len(dump) - 1


@pytest.mark.parametrize('node', NODES)
def test_only_limits_and_times_of_policies_are_live(node):
    live = {spec.name for spec in parameter_specs(NODES[node]) if spec.live}
    assert all(name.endswith(('_s', '_s2', '_s3')) for name in live)
    assert bool(live) == (node in ('governor_node', 'alert_node'))
