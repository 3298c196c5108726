# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The log of alert_node; its messages are tested with processes in test/system."""
from types import SimpleNamespace

from bdl_perception.alarm.alert_types import AlertLevel, AlertState
from bdl_perception.nodes.alert_node import AlertNode
from bdl_perception.nodes.diagnostics import alert_message
import pytest
from rclpy.logging import get_logger, LoggingSeverity


@pytest.fixture
def logged(monkeypatch):
    """Return a list of the severity and text of each line of the log."""
    lines = []
    logger = get_logger('alert_node_of_a_test')
    for severity in ('info', 'warning', 'error'):
        def log(text, severity=severity, write=getattr(logger, severity)):
            lines.append((severity, text))
            return write(text)
        monkeypatch.setattr(logger, severity, log)
    monkeypatch.setattr(logger, 'get_effective_level', lambda: LoggingSeverity.DEBUG)
    node = SimpleNamespace(_last_level=None, get_logger=lambda: logger)
    levels = ('STALE', 'OK', 'OK', 'WARN', 'ERROR', 'WARN', 'STALE', 'OK')
    for name in levels:
        state = AlertState(AlertLevel[name], ('a reason',))
        AlertNode._log_level_change(node, alert_message({'camera': state}, 1))
    return lines


def test_changes_of_the_level_are_logged_with_their_severity(logged):
    assert logged == [
        ('error', 'STALE: a reason'), ('info', 'OK: a reason'), ('warning', 'WARN: a reason'),
        ('error', 'ERROR: a reason'), ('warning', 'WARN: a reason'), ('error', 'STALE: a reason'),
        ('info', 'OK: a reason')]
