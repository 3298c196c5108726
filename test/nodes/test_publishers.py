# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""No message is made for a topic without subscribers."""
from bdl_perception import topics
from bdl_perception.nodes.authenticity import OutgoingSequence, OutgoingSession
from bdl_perception.nodes.diagnostics import origin_from_message
from bdl_perception.nodes.publishers import PerceptionPublishers
from bdl_perception.perception.data_types import Epistemic, PinholeCamera, Prediction, Scores
from bdl_perception.perception.point_cloud import POINT
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo


class FakePublisher:
    """Records messages; the test sets the number of subscribers."""

    def __init__(self):
        self.subscribers, self.messages = 0, []

    def get_subscription_count(self):
        return self.subscribers

    def publish(self, message):
        self.messages.append(message)


class FakeNode:
    """Creates and destroys publishers by topic name."""

    def __init__(self):
        self.publishers = {}

    def create_lifecycle_publisher(self, kind, name, profile):
        self.publishers[name] = FakePublisher()
        return self.publishers[name]

    def destroy_lifecycle_publisher(self, publisher):
        self.publishers = {name: other for name, other in self.publishers.items()
                           if other is not publisher}


class UnusedMap:
    """A map that must not be read."""

    def astype(self, *_, **__):
        raise AssertionError('a message was made without a subscriber')

    shape = property(astype)


COLOURED = {topics.DEPTH: topics.DEPTH_COLOURED, topics.ALEATORIC: topics.ALEATORIC_COLOURED,
            topics.CLASSES: topics.CLASSES_COLOURED, topics.ENTROPY: topics.ENTROPY_COLOURED,
            topics.EPISTEMIC: topics.EPISTEMIC_COLOURED,
            topics.MUTUAL_INFORMATION: topics.MUTUAL_INFORMATION_COLOURED}
CYCLE_TOPICS = (topics.EPISTEMIC, topics.MUTUAL_INFORMATION, topics.EPISTEMIC_COLOURED,
                topics.MUTUAL_INFORMATION_COLOURED)
FRAME_TOPICS = (*({*COLOURED, *COLOURED.values()} - {*CYCLE_TOPICS}), topics.ENERGY)
INFO_TOPICS = (topics.DEPTH_INFO, topics.SEGMENTATION_INFO)
LAZY_TOPICS = (*INFO_TOPICS, topics.OVERLAY, topics.POINTS)
CAMERA = PinholeCamera(3, 2, 1., 1., 1., 1.)


def ones(topic, subscribed, kind=np.float32):
    used = subscribed in (topic, COLOURED[topic])
    return np.ones((2, 3), kind) if used else UnusedMap()


def prediction(subscribed, camera=CAMERA):
    energy = np.float32([[-4, -1]]) if subscribed == topics.ENERGY else UnusedMap()  # (1, 2)
    depth = ones(topics.DEPTH, topics.DEPTH if subscribed == topics.ENERGY else subscribed)
    return Prediction(5, 'f', camera, depth, ones(topics.ALEATORIC, subscribed),
                      ones(topics.CLASSES, subscribed, np.uint8),
                      ones(topics.ENTROPY, subscribed), UnusedMap(), energy, UnusedMap(), 0.0,
                      UnusedMap(), 0)


def epistemic(subscribed):
    return Epistemic(5, 'f', 4, ones(topics.EPISTEMIC, subscribed), UnusedMap(),
                     ones(topics.MUTUAL_INFORMATION, subscribed), 0)


def no_points():
    raise AssertionError('points were made')


@pytest.mark.parametrize('subscribed', [None, *FRAME_TOPICS, *LAZY_TOPICS, *CYCLE_TOPICS])
def test_only_subscribed_topics_are_made(subscribed):
    node, made = FakeNode(), []
    outputs = PerceptionPublishers(node, OutgoingSequence(OutgoingSession()))
    if subscribed:
        node.publishers[subscribed.name].subscribers = 1

    def info(header):
        made.append(subscribed)
        return CameraInfo(header=header)

    def overlay():
        made.append(topics.OVERLAY)
        return np.zeros((2, 3, 3), np.uint8)

    def points():
        made.append(topics.POINTS)
        return np.zeros(4, POINT)

    outputs.publish_prediction(prediction(subscribed), info, overlay, points)
    outputs.publish_epistemic(epistemic(subscribed))
    sent = [name for name, publisher in node.publishers.items() if publisher.messages]
    assert sent == ([subscribed.name] if subscribed else [])
    assert made == ([subscribed] if subscribed in LAZY_TOPICS else [])
    for name in sent:
        message, = node.publishers[name].messages
        assert (message.header.stamp.nanosec, message.header.frame_id) == (5, 'f')


def test_there_are_no_points_without_a_camera():
    node = FakeNode()
    outputs = PerceptionPublishers(node, OutgoingSequence(OutgoingSession()))
    node.publishers[topics.POINTS.name].subscribers = 1
    outputs.publish_prediction(prediction(None, camera=None), None, None, no_points)
    assert node.publishers[topics.POINTS.name].messages == []


def test_coloured_maps_are_rgb8_of_the_size_of_the_map():
    for subscribed in COLOURED.values():
        node = FakeNode()
        outputs = PerceptionPublishers(node, OutgoingSequence(OutgoingSession()))
        node.publishers[subscribed.name].subscribers = 1
        outputs.publish_prediction(prediction(subscribed), None, None, no_points)
        outputs.publish_epistemic(epistemic(subscribed))
        message, = node.publishers[subscribed.name].messages
        assert (message.encoding, message.width, message.height) == ('rgb8', 3, 2)


def test_the_coarse_energy_map_is_published_in_the_size_of_the_other_maps():
    node = FakeNode()
    outputs = PerceptionPublishers(node, OutgoingSequence(OutgoingSession()))
    node.publishers[topics.ENERGY.name].subscribers = 1
    outputs.publish_prediction(prediction(topics.ENERGY), None, None, no_points)
    message, = node.publishers[topics.ENERGY.name].messages
    assert (message.encoding, message.width, message.height) == ('32FC1', 3, 2)
    values = np.frombuffer(message.data, '<f4').reshape(2, 3)
    np.testing.assert_allclose(values, [[-4, -2.5, -1]] * 2)  # the middle column lies between


def test_scores_are_published_without_subscribers():
    node = FakeNode()
    session = OutgoingSession()
    outputs = PerceptionPublishers(node, OutgoingSequence(session))
    outputs.publish_scores(Scores(5, 'f', {'energy': 1.0}))
    message, = node.publishers[topics.SCORES.name].messages
    assert origin_from_message(message) == (session.identifier, 1, ())


def test_every_image_topic_has_a_camera_info_where_subscribers_search():
    # image_transport: the name of the image topic, with its last part replaced
    beside = {topic.name.rpartition('/')[0] + '/camera_info' for topic in topics.TOPICS
              if topic.type == topics.IMAGE_TYPE}
    assert beside == {topic.name for topic in INFO_TOPICS}


def test_every_declared_topic_is_created_and_destroyed():
    node = FakeNode()
    outputs = PerceptionPublishers(node, OutgoingSequence(OutgoingSession()))
    assert set(node.publishers) == {
        topic.name for topic in topics.TOPICS
        if topic.publisher == topics.PERCEPTION_NODE} - {topics.STATUS.name}
    outputs.close()
    assert node.publishers == {}
