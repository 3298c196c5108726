# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The publishers of perception_node, the QoS profile of each kind of topic, and who publishes it.

No message is made for a topic without subscribers.
"""
from typing import Any, Callable

from bdl_perception import topics
from bdl_perception.alarm.alert_types import InputTopic
from bdl_perception.nodes.authenticity import MAX_CHALLENGES, OutgoingSequence
from bdl_perception.nodes.diagnostics import scores_message
from bdl_perception.nodes.messages import (
    float32_image,
    make_header,
    points_message,
    uint8_image,
)
from bdl_perception.parameters import MAX_HEARTBEAT_PERIODS
from bdl_perception.perception.data_types import Bytes, Epistemic, Prediction, Scores
from bdl_perception.perception.point_cloud import Points
from bdl_perception.topics import Topic
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    qos_check_compatible,
    QoSCompatibility,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header

MESSAGE_TYPES = {topics.IMAGE_TYPE: Image, topics.CAMERA_INFO_TYPE: CameraInfo,
                 topics.POINTS_TYPE: PointCloud2, topics.DIAGNOSTICS_TYPE: DiagnosticArray}
PERCEPTION_TOPICS = tuple(topic for topic in topics.TOPICS
                          if topic.publisher == topics.PERCEPTION_NODE and topic != topics.STATUS)


class PerceptionPublishers:
    """Lifecycle publishers of the results of perception_node."""

    def __init__(self, node: LifecycleNode, scores_sequence: OutgoingSequence) -> None:
        """
        Create the publishers; they are silent until the node is active.

        scores_sequence: of the node, because its numbers continue after a cleanup.
        """
        self._node = node
        self._scores_sequence = scores_sequence
        self._publishers: dict[Topic, LifecyclePublisher] = {
            topic: node.create_lifecycle_publisher(
                MESSAGE_TYPES[topic.type], topic.name,
                scores_qos() if topic == topics.SCORES else image_qos())
            for topic in PERCEPTION_TOPICS}

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers.clear()

    def publish_prediction(self, prediction: Prediction, make_info: Callable[[Header], CameraInfo],
                           make_overlay: Callable[[], Bytes],
                           make_points: Callable[[], Points]) -> None:
        """
        Publish the single pass of a frame; the functions are called on demand.

        Without a camera there are no points: their scale and direction are unknown.
        """
        # They need OpenCV, alert_node does not
        from bdl_perception.perception import colour_bar
        from bdl_perception.perception.image_geometry import resize_map
        header = make_header(prediction.stamp_ns, prediction.frame_id)
        for topic, make in (
                (topics.DEPTH, lambda: float32_image(prediction.depth, header)),
                (topics.DEPTH_INFO, lambda: make_info(header)),
                (topics.SEGMENTATION_INFO, lambda: make_info(header)),
                (topics.ALEATORIC, lambda: float32_image(prediction.aleatoric_std, header)),
                (topics.CLASSES, lambda: uint8_image(prediction.classes, header)),
                (topics.ENTROPY, lambda: float32_image(prediction.entropy, header)),
                (topics.ENERGY, lambda: float32_image(
                    resize_map(prediction.energy, prediction.depth.shape), header)),
                (topics.OVERLAY, lambda: uint8_image(make_overlay(), header)),
                (topics.DEPTH_COLOURED, lambda: uint8_image(
                    colour_bar.draw_depth(prediction.depth), header)),
                (topics.ALEATORIC_COLOURED, lambda: uint8_image(colour_bar.draw_std(
                    prediction.aleatoric_std, colour_bar.ALEATORIC_SCALE), header)),
                (topics.CLASSES_COLOURED, lambda: uint8_image(
                    colour_bar.draw_classes(prediction.classes), header)),
                (topics.ENTROPY_COLOURED, lambda: uint8_image(
                    colour_bar.draw_entropy(prediction.entropy), header))):
            self._publish_if_subscribed(topic, make)
        if prediction.camera is not None:
            self._publish_if_subscribed(
                topics.POINTS, lambda: points_message(make_points(), header))

    def publish_epistemic(self, epistemic: Epistemic) -> None:
        """Publish the result of a Monte Carlo cycle, with the stamp of its frame."""
        from bdl_perception.perception import colour_bar  # needs OpenCV, alert_node does not
        header = make_header(epistemic.stamp_ns, epistemic.frame_id)
        for topic, make in (
                (topics.EPISTEMIC, lambda: float32_image(epistemic.depth_std, header)),
                (topics.MUTUAL_INFORMATION,
                 lambda: float32_image(epistemic.mutual_information, header)),
                (topics.EPISTEMIC_COLOURED, lambda: uint8_image(colour_bar.draw_std(
                    epistemic.depth_std, colour_bar.EPISTEMIC_SCALE), header)),
                (topics.MUTUAL_INFORMATION_COLOURED, lambda: uint8_image(
                    colour_bar.draw_mutual_information(epistemic.mutual_information), header))):
            self._publish_if_subscribed(topic, make)

    def publish_scores(self, scores: Scores) -> None:
        """Publish scores, also without subscribers: alert_node depends on each of them."""
        self._scores_sequence.publish(lambda origin: self._publishers[topics.SCORES].publish(
            scores_message(scores, origin)))

    def _publish_if_subscribed(self, topic: Topic, make: Callable[[], Any]) -> None:
        publisher = self._publishers[topic]
        if publisher.get_subscription_count() > 0:
            publisher.publish(make())


def camera_qos() -> QoSProfile:
    """Best effort: compatible with reliable and with best-effort cameras (REP-2003)."""
    return _qos_profile(5, ReliabilityPolicy.BEST_EFFORT)


def latched_qos() -> QoSProfile:
    """Transient local: receives what was sent once, but nothing of a volatile publisher."""
    profile = _qos_profile(1, ReliabilityPolicy.RELIABLE)
    profile.durability = DurabilityPolicy.TRANSIENT_LOCAL
    return profile


def challenge_qos() -> QoSProfile:
    """Transient local for the challenges of several alert_nodes."""
    profile = latched_qos()
    profile.depth = MAX_CHALLENGES
    return profile


def camera_qos_overrides() -> QoSOverridingOptions:
    """Allow qos_overrides.TOPIC.subscription.{history, depth, reliability, durability}."""
    return QoSOverridingOptions((
        QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY,
        QoSPolicyKind.DURABILITY))


def image_qos() -> QoSProfile:
    """Reliable: serves every subscriber (REP-2003); a short queue avoids old images."""
    return _qos_profile(2, ReliabilityPolicy.RELIABLE)


def scores_qos() -> QoSProfile:
    """Reliable and deep: the sequential alarm needs every message, and they are small."""
    return _qos_profile(50, ReliabilityPolicy.RELIABLE)


def status_qos() -> QoSProfile:
    """Reliable: a message may carry a fault that is published once."""
    return _qos_profile(10, ReliabilityPolicy.RELIABLE)


def alert_publisher_qos(heartbeat_hz: float) -> QoSProfile:
    """
    Offer a deadline, and a liveliness that only the code of the node asserts.

    With automatic liveliness, a thread of the middleware would assert it for a node that hangs.
    """
    profile = alert_subscriber_qos()
    period = Duration(seconds=MAX_HEARTBEAT_PERIODS / heartbeat_hz)
    profile.deadline = period
    profile.liveliness = LivelinessPolicy.MANUAL_BY_TOPIC
    profile.liveliness_lease_duration = period
    return profile


def alert_subscriber_qos() -> QoSProfile:
    """Transient local: a new subscriber receives the last alert at once."""
    return latched_qos()


def diagnostics_qos() -> QoSProfile:
    """Make the profile of diagnostic_updater."""
    return _qos_profile(10, ReliabilityPolicy.RELIABLE)


def command_qos() -> QoSProfile:
    """Depth 1: only the newest velocity matters."""
    return _qos_profile(1, ReliabilityPolicy.RELIABLE)


def find_publishers(node: Node, name: str, profile: QoSProfile) -> InputTopic:
    """
    Look who publishes a topic, and whose messages a subscription of this node receives.

    Each name counts once: a killed publisher stays in the graph for 20 s beside its successor.
    Two live ones of one name are found by their sessions.
    """
    full_name, known, rejected = node.resolve_topic_name(name), [], []
    for info in node.get_publishers_info_by_topic(full_name):
        owner = f'{info.node_namespace.rstrip("/")}/{info.node_name}'
        compatible, policies = qos_check_compatible(info.qos_profile, profile)
        if info.topic_type != topics.DIAGNOSTICS_TYPE:
            rejected.append(f'{full_name} of {owner} has type {info.topic_type}, must be '
                            f'{topics.DIAGNOSTICS_TYPE}: correct the remapping')
        elif compatible == QoSCompatibility.ERROR:
            difference = policies.removeprefix('ERROR: ').rstrip(';')
            rejected.append(f'{full_name} of {owner} has incompatible QoS ({difference}): publish '
                            f'it reliably')
        else:
            known.append(owner)
    return InputTopic(full_name, tuple(dict.fromkeys(known)), tuple(rejected))


def _qos_profile(depth: int, reliability: ReliabilityPolicy) -> QoSProfile:
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=reliability)
