# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The alert is drawn into the overlay, and an old one is STALE."""
from types import SimpleNamespace

from bdl_perception.alarm.alert_types import AlertLevel, AlertState
from bdl_perception.nodes import viewer_node
from bdl_perception.nodes.diagnostics import alert_message
from bdl_perception.nodes.messages import make_header, uint8_image
from bdl_perception.nodes.viewer_node import COLOURS, shown_alert, ShownAlert, ViewerNode
from bdl_perception.perception.image_decoding import rgb_from_image
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import pytest

HEADER = make_header(5, 'camera')


@pytest.fixture
def node(monkeypatch):
    published, logged = [], []
    clock = SimpleNamespace(now_s=100.)
    monkeypatch.setattr(viewer_node.time, 'monotonic', lambda: clock.now_s)
    return SimpleNamespace(
        _alert=ShownAlert(AlertLevel.STALE, '', -1.), published=published, logged=logged,
        _publisher=SimpleNamespace(publish=published.append), clock=clock,
        _fault_log=SimpleNamespace(report=logged.append))


def draw(node, image):
    ViewerNode._on_overlay(node, uint8_image(image, HEADER))
    message, = node.published
    assert message.header == HEADER
    return rgb_from_image(message)


@pytest.mark.parametrize('level', AlertLevel)
def test_the_level_is_a_line_of_its_colour_and_the_rest_of_the_image_stays(node, level):
    message = alert_message({'camera': AlertState(level, ('reason',) * bool(level))}, 0)
    ViewerNode._on_alert(node, message)
    image = np.random.default_rng(0).integers(0, 256, (192, 320, 3), np.uint8)
    drawn = draw(node, image)
    np.testing.assert_array_equal(drawn[14:], image[14:])
    assert tuple(drawn[0, 0].tolist()) == COLOURS[level]
    assert (drawn[:14] == COLOURS[level]).all(axis=2).mean() < .99, 'there is no text'


def test_an_old_alert_is_stale_and_so_is_none():
    alert = ShownAlert(AlertLevel.OK, 'fine', 10.)
    assert shown_alert(alert, 11.) == (AlertLevel.OK, 'fine')
    assert shown_alert(alert, 11.01) == (AlertLevel.STALE, 'no alert for more than 1 s')


def test_no_alert_at_all_is_drawn_as_stale(node):
    drawn = draw(node, np.zeros((24, 40, 3), np.uint8))
    assert (drawn[0] == COLOURS[AlertLevel.STALE]).all()
    assert not drawn[2:].any()


def test_an_alert_without_status_is_stale(node):
    ViewerNode._on_alert(node, DiagnosticArray())
    assert node._alert.level == AlertLevel.STALE and 'at least one status' in node._alert.text


def test_an_overlay_that_cannot_be_read_is_logged(node):
    message = uint8_image(np.zeros((2, 2, 3), np.uint8), HEADER)
    message.height = 3
    ViewerNode._on_overlay(node, message)
    assert not node.published and 'an overlay cannot be read' in node.logged[0]


def test_the_overlay_is_read_only_while_somebody_watches(node):
    node.create_subscription = lambda *_: node.made.append('made') or 'subscription'
    node.destroy_subscription = lambda _: node.made.append('destroyed')
    node.made, node._overlay, node._on_overlay = [], None, None
    for watchers in (0, 1, 2, 0, 0):
        node._publisher = SimpleNamespace(get_subscription_count=lambda count=watchers: count)
        ViewerNode._follow_subscribers(node)
    assert node.made == ['made', 'destroyed']


def test_the_level_of_the_worst_camera_is_drawn(node):
    states = {'front': AlertState(AlertLevel.OK, ()), 'rear': AlertState(AlertLevel.ERROR, ('x',))}
    ViewerNode._on_alert(node, alert_message(states, 0))
    assert node._alert.level == AlertLevel.ERROR
