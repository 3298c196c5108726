# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The published topics; nothing is made for a topic that nobody listens to."""
from typing import Any, Callable

from bdl_perception import topics
from bdl_perception.nodes import publishers
from bdl_perception.nodes.diagnostics import scores_message
from bdl_perception.nodes.messages import float32_image, make_header, uint8_image
from bdl_perception.perception.types import Bytes, Epistemic, Prediction, Scores
from bdl_perception.topics import Topic
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

MESSAGE_TYPES = {topics.IMAGE_TYPE: Image, topics.CAMERA_INFO_TYPE: CameraInfo,
         topics.DIAGNOSTICS_TYPE: DiagnosticArray}
PERCEPTION_TOPICS = tuple(topic for topic in topics.TOPICS
               if topic.publisher == topics.PERCEPTION_NODE and topic != topics.STATUS)


class PerceptionPublishers:
    """Turns values into messages for whoever listens."""

    def __init__(self, node: LifecycleNode) -> None:
        """Make the publishers; they are silent until the node is active."""
        self._node = node
        self._publishers: dict[Topic, LifecyclePublisher] = {
            topic: node.create_lifecycle_publisher(MESSAGE_TYPES[topic.type], topic.name, _topic_qos(topic))
            for topic in PERCEPTION_TOPICS}

    def close(self) -> None:
        """Take the topics away."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers.clear()

    def publish_prediction(self, prediction: Prediction, make_info: Callable[[Header], CameraInfo],
                   make_overlay: Callable[[], Bytes]) -> None:
        """Publish what one pass says of a frame; info and overlay are made when wanted."""
        head = make_header(prediction.stamp_ns, prediction.frame_id)
        self._publish_if_subscribed(topics.DEPTH, lambda: float32_image(prediction.depth, head))
        self._publish_if_subscribed(topics.DEPTH_INFO, lambda: make_info(head))
        self._publish_if_subscribed(topics.ALEATORIC, lambda: float32_image(prediction.aleatoric_std, head))
        self._publish_if_subscribed(topics.CLASSES, lambda: uint8_image(prediction.classes, head))
        self._publish_if_subscribed(topics.ENTROPY, lambda: float32_image(prediction.entropy, head))
        self._publish_if_subscribed(topics.OVERLAY, lambda: uint8_image(make_overlay(), head))

    def publish_epistemic(self, epistemic: Epistemic) -> None:
        """Publish what the samples say of the held frame, under that frame's stamp."""
        head = make_header(epistemic.stamp_ns, epistemic.frame_id)
        self._publish_if_subscribed(topics.EPISTEMIC, lambda: float32_image(epistemic.depth_std, head))
        self._publish_if_subscribed(topics.MUTUAL_INFORMATION,
                    lambda: float32_image(epistemic.mutual_information, head))

    def publish_scores(self, scores: Scores) -> None:
        """Publish scores, listened to or not: the alert lives on them."""
        self._publishers[topics.SCORES].publish(scores_message(scores))

    def _publish_if_subscribed(self, topic: Topic, make: Callable[[], Any]) -> None:
        publisher = self._publishers[topic]
        if publisher.get_subscription_count() > 0:
            publisher.publish(make())


def _topic_qos(topic: Topic) -> Any:
    return publishers.scores_qos() if topic == topics.SCORES else publishers.image_qos()


MAX_HEARTBEAT_PERIODS = 2.0  # one lost heartbeat is no reason to stop a car, two are


def _qos_profile(depth: int, reliability: ReliabilityPolicy) -> QoSProfile:
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=reliability)


def camera_qos() -> QoSProfile:
    """Best effort takes pictures from reliable and from best-effort cameras (REP-2003)."""
    return _qos_profile(5, ReliabilityPolicy.BEST_EFFORT)


def camera_qos_overrides() -> QoSOverridingOptions:
    """Let qos_overrides.TOPIC.subscription.{history, depth, reliability, durability} decide."""
    return QoSOverridingOptions((
        QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY,
        QoSPolicyKind.DURABILITY))


def image_qos() -> QoSProfile:
    """Reliable publishers serve every subscriber (REP-2003); a short queue, no old pictures."""
    return _qos_profile(2, ReliabilityPolicy.RELIABLE)


def scores_qos() -> QoSProfile:
    """Small, and each one counts for the sequential alarm."""
    return _qos_profile(50, ReliabilityPolicy.RELIABLE)


def status_qos() -> QoSProfile:
    """Make a heartbeat that also carries each fault once: none may be lost."""
    return _qos_profile(10, ReliabilityPolicy.RELIABLE)


def alert_publisher_qos(heartbeat_hz: float) -> QoSProfile:
    """
    Promise a heartbeat: deadline, and liveliness that only the node's own code asserts.

    Automatic liveliness would be asserted by a thread of the middleware though the node hangs.
    """
    profile, period = alert_subscriber_qos(), Duration(seconds=MAX_HEARTBEAT_PERIODS / heartbeat_hz)
    profile.deadline = period
    profile.liveliness = LivelinessPolicy.MANUAL_BY_TOPIC
    profile.liveliness_lease_duration = period
    return profile


def alert_subscriber_qos() -> QoSProfile:
    """Ask for the last alert at once, and for every one after it."""
    profile = _qos_profile(1, ReliabilityPolicy.RELIABLE)
    profile.durability = DurabilityPolicy.TRANSIENT_LOCAL
    return profile


def diagnostics_qos() -> QoSProfile:
    """As diagnostic_updater publishes."""
    return _qos_profile(10, ReliabilityPolicy.RELIABLE)


def command_qos() -> QoSProfile:
    """Only the newest velocity matters."""
    return _qos_profile(1, ReliabilityPolicy.RELIABLE)
