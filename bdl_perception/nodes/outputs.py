# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The published topics; nothing is made for a topic that nobody listens to."""
from typing import Any, Callable

from bdl_perception import interface
from bdl_perception.interface import Topic
from bdl_perception.nodes import qos
from bdl_perception.nodes.diagnostics import scores_message
from bdl_perception.nodes.messages import byte_image
from bdl_perception.nodes.messages import float_image
from bdl_perception.nodes.stamps import header
from bdl_perception.perception.values import Bytes
from bdl_perception.perception.values import Epistemic
from bdl_perception.perception.values import Prediction
from bdl_perception.perception.values import Scores
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleNode
from rclpy.lifecycle import LifecyclePublisher
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image
from std_msgs.msg import Header

KINDS = {interface.IMAGE: Image, interface.INFO: CameraInfo,
         interface.DIAGNOSTICS: DiagnosticArray}
TOPICS = tuple(topic for topic in interface.TOPICS
               if topic.publisher == interface.PERCEPTION and topic != interface.STATUS)


class Outputs:
    """Turns values into messages for whoever listens."""

    def __init__(self, node: LifecycleNode) -> None:
        """Make the publishers; they are silent until the node is active."""
        self._node = node
        self._publishers: dict[Topic, LifecyclePublisher] = {
            topic: node.create_lifecycle_publisher(KINDS[topic.type], topic.name, _qos_of(topic))
            for topic in TOPICS}

    def close(self) -> None:
        """Take the topics away."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers.clear()

    def prediction(self, seen: Prediction, info: Callable[[Header], CameraInfo],
                   overlay: Callable[[], Bytes]) -> None:
        """Publish what one pass says of a frame; info and overlay are made when wanted."""
        head = header(seen.stamp_ns, seen.frame_id)
        self._offer(interface.DEPTH, lambda: float_image(seen.depth, head))
        self._offer(interface.DEPTH_INFO, lambda: info(head))
        self._offer(interface.ALEATORIC, lambda: float_image(seen.aleatoric_std, head))
        self._offer(interface.CLASSES, lambda: byte_image(seen.classes, head))
        self._offer(interface.ENTROPY, lambda: float_image(seen.entropy, head))
        self._offer(interface.OVERLAY, lambda: byte_image(overlay(), head))

    def epistemic(self, unsure: Epistemic) -> None:
        """Publish what the samples say of the held frame, under that frame's stamp."""
        head = header(unsure.stamp_ns, unsure.frame_id)
        self._offer(interface.EPISTEMIC, lambda: float_image(unsure.depth_std, head))
        self._offer(interface.MUTUAL_INFORMATION,
                    lambda: float_image(unsure.mutual_information, head))

    def scores(self, scores: Scores) -> None:
        """Publish scores, listened to or not: the alert lives on them."""
        self._publishers[interface.SCORES].publish(scores_message(scores))

    def _offer(self, topic: Topic, make: Callable[[], Any]) -> None:
        publisher = self._publishers[topic]
        if publisher.get_subscription_count() > 0:
            publisher.publish(make())


def _qos_of(topic: Topic) -> Any:
    return qos.scores() if topic == interface.SCORES else qos.maps()
