# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The log of alert_node and its view of the ROS graph; test/system tests its messages."""
import sys
from types import SimpleNamespace

from bdl_perception.alarm.alert_types import AlertLevel, AlertState
from bdl_perception.nodes import publishers
from bdl_perception.nodes.alert_node import AlertNode, find_publishers
from bdl_perception.nodes.diagnostics import alert_message
from bdl_perception.topics import DIAGNOSTICS_TYPE
from rclpy.qos import QoSProfile, ReliabilityPolicy


def test_changes_of_the_level_are_logged_with_their_severity():
    logged, severities = [], {}

    def log_as(severity):
        def log(text):
            logged.append((severity, text))
            line = sys._getframe(1).f_lineno  # rclpy raises when a line changes its severity
            assert severities.setdefault(line, severity) == severity
        return log

    logger = SimpleNamespace(**{name: log_as(name) for name in ('info', 'warning', 'error')})
    node = SimpleNamespace(_last_level=None, get_logger=lambda: logger)
    for name in ('STALE', 'OK', 'OK', 'WARN', 'ERROR', 'WARN', 'STALE', 'OK'):
        state = AlertState(AlertLevel[name], ('a reason',))
        AlertNode._log_level_change(node, alert_message({'camera': state}, 1))
    assert logged == [
        ('error', 'STALE: a reason'), ('info', 'OK: a reason'), ('warning', 'WARN: a reason'),
        ('error', 'ERROR: a reason'), ('warning', 'WARN: a reason'), ('error', 'STALE: a reason'),
        ('info', 'OK: a reason')]


def endpoint(node, namespace='/', topic_type=DIAGNOSTICS_TYPE, profile=None):
    return SimpleNamespace(node_name=node, node_namespace=namespace, topic_type=topic_type,
                           qos_profile=profile or publishers.status_qos())


def test_publishers_that_cannot_be_received_are_rejected():
    unreliable = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    endpoints = [endpoint('perception_node'), endpoint('perception_node', '/front'),
                 endpoint('liar', topic_type='std_msgs/msg/String'),
                 endpoint('lossy', '/a/b', profile=unreliable)]
    node = SimpleNamespace(resolve_topic_name=lambda name: f'/front/{name}',
                           get_publishers_info_by_topic=lambda name: endpoints)
    name, known, rejected = find_publishers(node, 'status', publishers.status_qos())
    assert (name, known) == ('/front/status', ('/perception_node', '/front/perception_node'))
    assert rejected[0] == ('/front/status of /liar has type std_msgs/msg/String, must be '
                           'diagnostic_msgs/msg/DiagnosticArray: correct the remapping')
    assert rejected[1] == ('/front/status of /a/b/lossy has incompatible QoS (Best effort '
                           'publisher and reliable subscription): publish it reliably')
