# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The outputs of governor_node; test/system/test_camera_and_governor.py drives the process."""
import sys
from types import ModuleType, SimpleNamespace

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.nodes.authenticity import SequenceNumbers
from bdl_perception.nodes.governor_node import (
    GovernorNode,
    make_speed_limit_output,
    MAX_ALERT_BYTES,
    REPEAT_S,
)
from bdl_perception.parameters import GovernorParameters
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import pytest
from rclpy.serialization import serialize_message
from std_msgs.msg import Header


class FakeNode:
    """Records the published messages; nav2_msgs has no wheel, so its message is a stub."""

    def __init__(self):
        self.messages, self.warnings = [], []

    def get_logger(self):
        return SimpleNamespace(warning=self.warnings.append)

    def create_publisher(self, message_type, topic, qos):
        assert topic == 'speed_limit'
        return SimpleNamespace(publish=self.messages.append)

    def get_clock(self):
        return SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=7 * 10**9))


@pytest.mark.parametrize('level, nanosec, text', [
    (b'\x00', 10**9, ''), (b'\x07', 0, ''), (None, 0, ''), (b'\x00', 0, 'e' * MAX_ALERT_BYTES)])
def test_an_alert_that_cannot_be_read_is_no_alert_and_ends_no_process(level, nanosec, text):
    updates, faults = [], []
    node = SimpleNamespace(
        get_clock=FakeNode().get_clock, _settings=GovernorParameters(),
        _alert_numbers=SequenceNumbers(), _fault_log=SimpleNamespace(report=faults.append),
        _governor=SimpleNamespace(update_alert=lambda *values: updates.append(values[1])))
    status = [] if level is None else [DiagnosticStatus(level=level, message=text)]
    stamp = Time(sec=6 if nanosec else 7, nanosec=nanosec)
    message = DiagnosticArray(header=Header(stamp=stamp), status=status)
    GovernorNode._on_alert(node, serialize_message(message), {})
    assert updates == [None]
    assert [text[:20] for text in faults] == ['alert cannot be read']


@pytest.fixture
def nav2_msgs(monkeypatch):
    package, messages = ModuleType('nav2_msgs'), ModuleType('nav2_msgs.msg')
    messages.SpeedLimit = SimpleNamespace
    monkeypatch.setitem(sys.modules, 'nav2_msgs', package)
    monkeypatch.setitem(sys.modules, 'nav2_msgs.msg', messages)


def settings(unit, **changes):
    return GovernorParameters(nav2_speed_limit=unit, nav2_max_speed_m_s=4., **changes)


@pytest.mark.parametrize('unit, values', [
    ('absolute', [.04, .04, .5, 2., 0.]), ('percentage', [1., 1., 12.5, 50., 0.])])
def test_nav2_receives_the_limit_of_each_level(nav2_msgs, unit, values):
    node, chosen = FakeNode(), settings(unit, crawl_linear_m_s=.5)
    output, stop = make_speed_limit_output(node, chosen), settings(unit).policy()
    output.publish(0., None, chosen.policy())
    output.publish(REPEAT_S, AlertLevel.STALE, stop)
    for level in (AlertLevel.ERROR, AlertLevel.WARN, AlertLevel.OK):
        output.publish(REPEAT_S, level, chosen.policy())
    assert [message.speed_limit for message in node.messages] == pytest.approx(values)
    assert {message.percentage for message in node.messages} == {unit == 'percentage'}
    assert node.messages[0].header.stamp.sec == 7


@pytest.mark.parametrize('warn_m_s, count', [(4., 1), (3.9, 0)])
def test_a_limit_at_warn_that_slows_nothing_down_is_logged(nav2_msgs, warn_m_s, count):
    node = FakeNode()
    make_speed_limit_output(node, settings('absolute', warn_linear_m_s=warn_m_s))
    assert len(node.warnings) == count and all('slows nothing' in text for text in node.warnings)


def test_a_limit_that_stays_is_repeated_for_a_controller_that_starts_later(nav2_msgs):
    node, chosen = FakeNode(), settings('absolute')
    output = make_speed_limit_output(node, chosen)
    for tenth in range(25):
        output.publish(tenth / 10, AlertLevel.WARN, chosen.policy())
    assert len(node.messages) == 3


def test_nav2_msgs_is_needed_only_on_request(monkeypatch):
    monkeypatch.setitem(sys.modules, 'nav2_msgs', None)  # not installed
    assert make_speed_limit_output(FakeNode(), GovernorParameters()) is None
    with pytest.raises(ValueError, match='apt install ros-.*-nav2-msgs, or set'):
        make_speed_limit_output(FakeNode(), settings('absolute'))


def test_the_installed_message_has_the_fields_of_the_stub():
    message_type = pytest.importorskip(
        'nav2_msgs.msg', reason='nav2_msgs is not on PyPI; apt installs it').SpeedLimit
    fields = message_type.get_fields_and_field_types()
    assert {'header', 'percentage', 'speed_limit'} <= set(fields)


def test_a_speed_limit_needs_the_maximum_speed():
    with pytest.raises(ValueError, match='nav2_max_speed_m_s is 0: set the maximum'):
        GovernorParameters(nav2_speed_limit='percentage')
