# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The log of alert_node; its messages are tested with processes in test/system."""
import sys
from types import SimpleNamespace

from bdl_perception.alarm.alert_types import AlertLevel, AlertState
from bdl_perception.nodes.alert_node import AlertNode
from bdl_perception.nodes.diagnostics import alert_message


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
