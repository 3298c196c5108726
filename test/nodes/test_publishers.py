# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Nothing is made for a topic that nobody listens to."""
from bdl_perception import topics
from bdl_perception.nodes.publishers import PerceptionPublishers
from bdl_perception.perception.types import Epistemic, Prediction, Scores
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo


class FakePublisher:
    """Counts nothing of its own: the test says who listens."""

    def __init__(self):
        self.listeners, self.messages = 0, []

    def get_subscription_count(self):
        return self.listeners

    def publish(self, message):
        self.messages.append(message)


class FakeNode:
    """Gives out publishers by topic name and takes them back."""

    def __init__(self):
        self.publishers = {}

    def create_lifecycle_publisher(self, kind, name, profile):
        self.publishers[name] = FakePublisher()
        return self.publishers[name]

    def destroy_lifecycle_publisher(self, publisher):
        self.publishers = {name: other for name, other in self.publishers.items()
                           if other is not publisher}


class Untouchable:
    """A map that may not be looked at."""

    def astype(self, *_, **__):
        raise AssertionError('a message was made that nobody wanted')

    shape = property(astype)


FRAME = (topics.DEPTH, topics.ALEATORIC, topics.CLASSES, topics.ENTROPY)
CYCLE = (topics.EPISTEMIC, topics.MUTUAL_INFORMATION)
MAKERS = (topics.DEPTH_INFO, topics.OVERLAY)


def prediction(wanted):
    def of(topic, kind=np.float32):
        return np.ones((2, 3), kind) if topic == wanted else Untouchable()

    return Prediction(5, 'f', None, of(topics.DEPTH), of(topics.ALEATORIC),
                      of(topics.CLASSES, np.uint8), of(topics.ENTROPY), *[Untouchable()] * 3,
                      0.0, Untouchable(), 0)


def epistemic(wanted):
    def of(topic):
        return np.ones((2, 3), np.float32) if topic == wanted else Untouchable()

    return Epistemic(5, 'f', 4, of(topics.EPISTEMIC), Untouchable(),
                     of(topics.MUTUAL_INFORMATION), 0)


@pytest.mark.parametrize('wanted', [None, *FRAME, *MAKERS, *CYCLE])
def test_exactly_what_is_listened_to_is_made(wanted):
    node, made = FakeNode(), []
    outputs = PerceptionPublishers(node)
    if wanted:
        node.publishers[wanted.name].listeners = 1

    def info(head):
        made.append(topics.DEPTH_INFO)
        return CameraInfo(header=head)

    def overlay():
        made.append(topics.OVERLAY)
        return np.zeros((2, 3, 3), np.uint8)

    outputs.publish_prediction(prediction(wanted), info, overlay)
    outputs.publish_epistemic(epistemic(wanted))
    sent = [name for name, publisher in node.publishers.items() if publisher.messages]
    assert sent == ([wanted.name] if wanted else [])
    assert made == ([wanted] if wanted in MAKERS else [])
    for name in sent:
        message, = node.publishers[name].messages
        assert (message.header.stamp.nanosec, message.header.frame_id) == (5, 'f')


def test_scores_are_sent_whoever_listens():
    node = FakeNode()
    PerceptionPublishers(node).publish_scores(Scores(5, 'f', {'energy': 1.0}))
    assert len(node.publishers[topics.SCORES.name].messages) == 1


def test_every_topic_of_the_interface_is_there_and_goes_away():
    node = FakeNode()
    outputs = PerceptionPublishers(node)
    assert set(node.publishers) == {
        topic.name for topic in topics.TOPICS
        if topic.publisher == topics.PERCEPTION_NODE} - {topics.STATUS.name}
    outputs.close()
    assert node.publishers == {}
