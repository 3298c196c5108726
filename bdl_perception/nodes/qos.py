# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How each kind of topic travels, once."""
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy
from rclpy.qos import HistoryPolicy
from rclpy.qos import LivelinessPolicy
from rclpy.qos import QoSPolicyKind
from rclpy.qos import QoSProfile
from rclpy.qos import ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

HEARTBEAT_PERIODS = 2.0  # one lost heartbeat is no reason to stop a car, two are


def _profile(depth: int, reliability: ReliabilityPolicy) -> QoSProfile:
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=reliability)


def camera() -> QoSProfile:
    """Best effort takes pictures from reliable and from best-effort cameras (REP-2003)."""
    return _profile(5, ReliabilityPolicy.BEST_EFFORT)


def camera_overrides() -> QoSOverridingOptions:
    """Let qos_overrides.TOPIC.subscription.{history, depth, reliability, durability} decide."""
    return QoSOverridingOptions((
        QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY,
        QoSPolicyKind.DURABILITY))


def maps() -> QoSProfile:
    """Reliable publishers serve every subscriber (REP-2003); a short queue, no old pictures."""
    return _profile(2, ReliabilityPolicy.RELIABLE)


def scores() -> QoSProfile:
    """Small, and each one counts for the sequential alarm."""
    return _profile(50, ReliabilityPolicy.RELIABLE)


def status() -> QoSProfile:
    """Make a heartbeat that also carries each fault once: none may be lost."""
    return _profile(10, ReliabilityPolicy.RELIABLE)


def alert(heartbeat_hz: float) -> QoSProfile:
    """
    Promise a heartbeat: deadline, and liveliness that only the node's own code asserts.

    Automatic liveliness would be asserted by a thread of the middleware though the node hangs.
    """
    profile, period = alert_reader(), Duration(seconds=HEARTBEAT_PERIODS / heartbeat_hz)
    profile.deadline = period
    profile.liveliness = LivelinessPolicy.MANUAL_BY_TOPIC
    profile.liveliness_lease_duration = period
    return profile


def alert_reader() -> QoSProfile:
    """Ask for the last alert at once, and for every one after it."""
    profile = _profile(1, ReliabilityPolicy.RELIABLE)
    profile.durability = DurabilityPolicy.TRANSIENT_LOCAL
    return profile


def diagnostics() -> QoSProfile:
    """As diagnostic_updater publishes."""
    return _profile(10, ReliabilityPolicy.RELIABLE)


def commands() -> QoSProfile:
    """Only the newest velocity matters."""
    return _profile(1, ReliabilityPolicy.RELIABLE)
