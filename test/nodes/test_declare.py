# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.nodes.declare import declare
from bdl_perception.parameters import NODES
from bdl_perception.parameters import rows
from bdl_perception.parameters import yaml_text
import pytest
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter


@pytest.fixture(scope='module')
def context():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'OFF')  # nobody else takes part
        context = Context()
        context.init()
        yield context
        context.try_shutdown()


@pytest.fixture
def make(context):
    made = []

    def node(name='parameters', arguments=(), namespace='', **overrides):
        made.append(Node(
            name, context=context, namespace=namespace, cli_args=list(arguments),
            enable_rosout=False, start_parameter_services=False,
            parameter_overrides=[Parameter(key, value=value)
                                 for key, value in overrides.items()]))
        return made[-1]

    yield node
    for item in made:
        item.destroy_node()


@pytest.mark.parametrize('cls', NODES.values())
def test_defaults_go_through_ros_unchanged_and_are_described(make, cls):
    node = make()
    assert declare(node, cls) == cls()
    for row in rows(cls):
        descriptor = node.describe_parameter(row.name)
        assert descriptor.read_only and row.doc in descriptor.description
        ranges = descriptor.floating_point_range or descriptor.integer_range
        assert [(item.from_value, item.to_value) for item in ranges] == (
            [] if row.low is None else [(row.low, row.high)])


@pytest.mark.parametrize('name, value', [
    ('heartbeat_hz', 1.0), ('heartbeat_hz', float('nan')), ('heartbeat_hz', 'fast'),
    ('heartbeat_hz', True), ('hold_s', -1.0), ('camera', 3)])
def test_what_is_not_allowed_is_refused_in_our_words(make, name, value):
    with pytest.raises(ValueError, match=f'parameter {name} is {value!r}, must'):
        declare(make(**{name: value}), NODES['alert_node'])


def test_an_integer_out_of_range_is_refused_in_our_words(make):
    with pytest.raises(ValueError, match='parameter samples is 1, must lie in 2 to 256'):
        declare(make(samples=1), NODES['perception_node'])


def test_a_whole_number_counts_as_a_float(make):
    settings = declare(make(heartbeat_hz=20), NODES['alert_node'])
    assert settings.heartbeat_hz == 20.0 and type(settings.heartbeat_hz) is float


@pytest.mark.parametrize('namespace', ['/', '/front'])
def test_the_yaml_reaches_the_nodes_in_every_namespace(make, tmp_path, namespace):
    path = tmp_path / 'perception.yaml'
    path.write_text(yaml_text().replace('heartbeat_hz: 10.0', 'heartbeat_hz: 33.0'))
    node = make('alert_node', ['--ros-args', '--params-file', str(path)], namespace)
    assert declare(node, NODES['alert_node']).heartbeat_hz == 33.0
