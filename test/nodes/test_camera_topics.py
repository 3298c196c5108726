# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The subscriptions to a camera, with a middleware of the test."""
from types import SimpleNamespace

from bdl_perception.nodes.camera_topics import CameraTopics, resolve_image_topic
from bdl_perception.parameters import PerceptionParameters
import pytest
from rclpy.qos import DurabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image


class FakeNode:
    """Records subscriptions; `image` is remapped to `/front/image`."""

    def __init__(self):
        self.subscriptions, self.publishers = [], []

    def resolve_topic_name(self, name, only_expand=False):
        return '/front/image' if name == 'image' else f'/{name}'

    def create_subscription(self, kind, name, callback, profile, qos_overriding_options=None):
        full_name = self.resolve_topic_name(name) if name[0] != '/' else name
        self.subscriptions.append(SimpleNamespace(
            kind=kind, topic_name=full_name, callback=callback, profile=profile))
        return self.subscriptions[-1]

    def destroy_subscription(self, subscription):
        self.subscriptions.remove(subscription)

    def get_publishers_info_by_topic(self, name):
        return self.publishers


def publisher(durability, name='camera'):
    return SimpleNamespace(node_name=name, node_namespace='/',
                           qos_profile=SimpleNamespace(durability=durability))


@pytest.fixture
def node():
    return FakeNode()


def subscribed(node, images=None, infos=None, **settings):
    return CameraTopics(node, PerceptionParameters(**settings),
                        [].append if images is None else images.append,
                        [].append if infos is None else infos.append)


@pytest.mark.parametrize(('transport', 'kind', 'topic'), [
    ('raw', Image, '/front/image'),
    ('compressed', CompressedImage, '/front/image/compressed')])
def test_images_and_camera_info_are_received_until_the_end(node, transport, kind, topic):
    images, infos = [], []
    camera = subscribed(node, images, infos, image_transport=transport)
    image, info = node.subscriptions
    assert (image.kind, image.topic_name, camera.image_topic) == (kind, topic, topic)
    assert (info.kind, info.topic_name) == (CameraInfo, '/camera_info')
    image.callback('an image', {})
    info.callback('a camera_info')
    assert (images, infos) == (['an image'], ['a camera_info'])
    camera.close()
    assert node.subscriptions == []


def test_the_image_topic_is_resolved_before_a_subscription(node):
    assert resolve_image_topic(node, PerceptionParameters()) == 'image'
    compressed = PerceptionParameters(image_transport='compressed')
    assert resolve_image_topic(node, compressed) == '/front/image/compressed'


def test_a_stored_camera_info_is_subscribed_to_once(node):
    infos = []
    camera = subscribed(node, infos=infos)
    node.publishers = [publisher(DurabilityPolicy.VOLATILE)]
    camera.subscribe_latched_info()
    assert len(node.subscriptions) == 2  # it would receive nothing
    node.publishers.append(publisher(DurabilityPolicy.TRANSIENT_LOCAL))
    camera.subscribe_latched_info()
    camera.subscribe_latched_info()
    assert [one.topic_name for one in node.subscriptions[2:]] == ['/camera_info']
    latched = node.subscriptions[2]
    assert latched.profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    latched.callback('stored')
    assert infos == ['stored']
    camera.close()
    assert node.subscriptions == []


def test_a_second_camera_is_a_fault_also_with_the_same_name(node):
    camera = subscribed(node)
    node.publishers = [publisher(DurabilityPolicy.VOLATILE)]
    image = node.subscriptions[0]
    for number in (1, 2, 3):
        image.callback('an image', {'publication_sequence_number': number})
    assert camera.fault() == ''
    for number in (10, 4, 11, 5, 12, 6, 13, 7):
        image.callback('an image', {'publication_sequence_number': number})
    assert camera.fault() == '/front/image has two publishers with the name /camera: stop one'
    node.publishers.append(publisher(DurabilityPolicy.VOLATILE, 'another'))
    assert '/front/image has 2 publishers' in camera.fault()
