# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How a node's process ends: what is the user's to mend, and what is only the end."""
from bdl_perception.nodes.process import REFUSED
from bdl_perception.nodes.process import run_node
import pytest
import rclpy
from rclpy.node import Node
from std_msgs.msg import String


@pytest.fixture(autouse=True)
def _loopback(monkeypatch):
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    monkeypatch.setenv('ROS_DOMAIN_ID', '97')


class Talker(Node):
    """A node that can publish, and remembers whether it was destroyed."""

    def __init__(self):
        super().__init__('talker')
        self.topic = self.create_publisher(String, 'topic', 1)
        self.destroyed = False

    def destroy_node(self):
        self.destroyed = True
        super().destroy_node()


def run(spin, make=Talker):
    made = []

    def remember():
        made.append(make())
        return made[-1]

    code = run_node('talker', remember, spin)
    assert not rclpy.ok() and all(node.destroyed for node in made)
    return code


def stop_and_go_on(node):
    """Do what a signal does to a callback: the context goes away before its last line."""
    rclpy.shutdown()
    node.create_publisher(String, 'other', 1)


def fail(node):
    raise RuntimeError('the network is gone')


def refuse():
    raise ValueError('rate_hz is -1, it must be above 0')


def stop_while_starting():
    rclpy.shutdown()
    return Talker()


def test_a_node_that_returns_ends_in_good_order():
    assert run(lambda node: None) == 0


def test_a_signal_in_the_middle_of_a_callback_is_a_good_end():
    assert run(stop_and_go_on) == 0


def test_a_signal_while_the_node_starts_is_a_good_end():
    assert run(lambda node: None, stop_while_starting) == 0


def test_an_error_at_work_is_refused_with_one_line(capfd):
    assert run(fail) == REFUSED
    said = capfd.readouterr().err
    assert 'talker stops: ' in said and 'the network is gone' in said


def test_what_cannot_be_started_is_refused_with_one_line(capfd):
    assert run(lambda node: None, refuse) == REFUSED
    assert 'does not start: rate_hz is -1' in capfd.readouterr().err


def test_arguments_that_ros_does_not_understand_are_refused(capfd):
    assert run_node('talker', Talker, arguments=['--ros-args', '-p', 'nonsense']) == REFUSED
    assert 'talker does not start' in capfd.readouterr().err
