# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A recorder that sends old status and scores again, with new stamps, never makes the alert OK."""
import copy
import os
import signal

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.nodes import publishers
from bdl_perception.nodes.messages import make_header, stamp_to_ns
from diagnostic_msgs.msg import DiagnosticArray
import pytest
from ros_world import nominal_image

pytestmark = pytest.mark.slow  # starts processes

RECORDED = 40  # messages of scores, and at least some of status


class Recorder:
    """Sends the messages that a World received again, in their order, with new stamps."""

    def __init__(self, world):
        """Copy the recorded messages; they arrive at the World as well when they are sent."""
        self._world = world
        self._messages = sorted(
            ((topic, copy.deepcopy(message)) for topic in (topics.STATUS, topics.SCORES)
             for message in world.received[topic]),
            key=lambda pair: stamp_to_ns(pair[1].header.stamp))
        self._index = 0
        self._publishers = {topic: world.node.create_publisher(
            DiagnosticArray, topic.name, publishers.scores_qos())
            for topic in (topics.STATUS, topics.SCORES)}

    def is_matched(self):
        """Return whether alert_node receives what is sent; the World subscribes too."""
        return all(publisher.get_subscription_count() > 1
                   for publisher in self._publishers.values())

    def has_sent_all(self):
        """Send the next message, at the end the first one again; a condition for until()."""
        topic, message = self._messages[self._index % len(self._messages)]
        now_ns = self._world.node.get_clock().now().nanoseconds
        message.header = make_header(now_ns, message.header.frame_id)
        self._publishers[topic].publish(message)
        self._index += 1
        return self._index >= len(self._messages)

    def send_until_reported(self, reason):
        """Send all messages, and again until an alert had a reason: it ends with them."""
        def is_reported():
            return any(reason in message.status[0].message
                       for message in self._world.received[topics.ALERT_TOPIC])

        self._world.received[topics.ALERT_TOPIC].clear()
        self._world.until(lambda: self.has_sent_all() and is_reported(), reason,
                          make=nominal_image)

    def stop(self):
        """Destroy the publishers: a second one of a topic is WARN."""
        for publisher in self._publishers.values():
            self._world.node.destroy_publisher(publisher)


def levels(world):
    return {message.status[0].level[0] for message in world.received[topics.ALERT_TOPIC]}


@pytest.fixture
def recorder(world, model):
    """Run the nodes until the alert is OK and enough messages are recorded."""
    world.listen(topics.ALERT_TOPIC, topics.STATUS, topics.SCORES)
    world.alert_process = world.start('alert_node', calibration=model)
    world.perception_process = world.perception(model, autostart=True)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)
    world.until(lambda: len(world.received[topics.SCORES]) >= RECORDED
                and len(world.received[topics.STATUS]) >= 5, 'a recording', make=nominal_image)
    made = Recorder(world)
    world.until(made.is_matched, 'a connection to alert_node', make=nominal_image)
    return made


def test_a_replay_after_a_kill_is_never_ok_and_a_restart_recovers(world, model, recorder):
    os.kill(world.perception_process.pid, signal.SIGKILL)
    world.until(world.alert_is(AlertLevel.STALE, 'perception_node is silent'), 'STALE',
                make=nominal_image)
    recorder.send_until_reported('replayed scores: sequence number')
    assert levels(world) == {AlertLevel.STALE}
    recorder.stop()
    world.perception(model, autostart=True)
    world.until(world.alert_is(AlertLevel.OK), 'OK of the new session', make=nominal_image)


def test_a_replay_beside_a_live_node_is_reported_until_it_ends(world, recorder):
    recorder.send_until_reported('was already received (the last is')
    recorder.stop()
    world.until(world.alert_is(AlertLevel.OK), 'OK after the replay', make=nominal_image)
    assert world.received[topics.ALERT_TOPIC][-1].header.frame_id == 'camera'


def test_a_replay_before_a_restarted_alert_node_is_never_ok(world, model, recorder):
    """The new alert_node does not know the session, but the recording lacks its challenge."""
    os.kill(world.perception_process.pid, signal.SIGKILL)
    world.until(world.alert_is(AlertLevel.STALE, 'perception_node is silent'), 'STALE',
                make=nominal_image)
    os.kill(world.alert_process.pid, signal.SIGKILL)
    world.alert_process.wait(10.)
    world.start('alert_node', calibration=model)
    recorder.send_until_reported('without the challenge of this alert_node')
    assert levels(world) == {AlertLevel.STALE}
    recorder.stop()
    world.perception(model, autostart=True)
    world.until(world.alert_is(AlertLevel.OK), 'OK', make=nominal_image)


def test_a_restarted_alert_node_accepts_a_live_node(world, model, recorder):
    recorder.stop()
    world.alert_process.stop()
    stopped_ns = world.node.get_clock().now().nanoseconds
    world.received[topics.ALERT_TOPIC].clear()
    world.start('alert_node', calibration=model)

    def is_ok_again():
        return world.alert[0] == AlertLevel.OK and stopped_ns < stamp_to_ns(
            world.received[topics.ALERT_TOPIC][-1].header.stamp)

    world.until(is_ok_again, 'OK of the new alert_node', make=nominal_image)
