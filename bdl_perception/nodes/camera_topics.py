# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The topics of the camera that perception_node subscribes to: images and camera_info."""
import time
from typing import Any, Callable, Mapping

from bdl_perception.nodes import publishers
from bdl_perception.nodes.authenticity import mixing_fault, SequenceNumbers
from bdl_perception.nodes.messages import compressed_topic
from bdl_perception.nodes.pipeline import ImageMessage
from bdl_perception.parameters import PerceptionParameters
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image


class CameraTopics:
    """Subscriptions to the images of one camera and to their camera_info."""

    def __init__(self, node: Node, settings: PerceptionParameters,
                 on_image: Callable[[ImageMessage], None],
                 on_camera_info: Callable[[CameraInfo], None]) -> None:
        """Subscribe; the callbacks receive the messages until close()."""
        self._node, self._on_image, self._on_camera_info = node, on_image, on_camera_info
        self._numbers = SequenceNumbers()
        kind = CompressedImage if settings.image_transport == 'compressed' else Image
        receive: Callable[..., None] = self._receive_image  # rclpy declares one argument only
        self._subscriptions: list[Any] = [
            node.create_subscription(kind, resolve_image_topic(node, settings), receive,
                                     publishers.camera_qos(),
                                     qos_overriding_options=publishers.camera_qos_overrides()),
            node.create_subscription(CameraInfo, settings.camera_info_topic, on_camera_info,
                                     publishers.camera_qos())]
        self.image_topic = str(self._subscriptions[0].topic_name)
        self._info_topic = str(self._subscriptions[1].topic_name)

    def subscribe_latched_info(self) -> None:
        """Subscribe once to a camera_info that was sent once, if its publisher stores it."""
        if len(self._subscriptions) == 2 and any(
                publisher.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
                for publisher in self._node.get_publishers_info_by_topic(self._info_topic)):
            self._subscriptions.append(self._node.create_subscription(
                CameraInfo, self._info_topic, self._on_camera_info, publishers.latched_qos()))

    def fault(self) -> str:
        """Describe that two publishers share the image topic: frames are mixed; empty: none."""
        return mixing_fault(self._node, self.image_topic, self._numbers, time.monotonic())

    def close(self) -> None:
        """Unsubscribe."""
        while self._subscriptions:
            self._node.destroy_subscription(self._subscriptions.pop())

    def _receive_image(self, message: ImageMessage, info: Mapping[str, int | None]) -> None:
        self._numbers.add(time.monotonic(), info)
        self._on_image(message)


def resolve_image_topic(node: Node, settings: PerceptionParameters) -> str:
    """Return the topic of the images, raw or compressed."""
    if settings.image_transport == 'compressed':
        return compressed_topic(node, settings.image_topic)
    return settings.image_topic
