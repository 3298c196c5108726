# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The log of alert_node and its view of the ROS graph; test/system tests its messages."""
import sys
from types import SimpleNamespace

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy, AlertState
from bdl_perception.nodes import publishers
from bdl_perception.nodes.alert_node import AlertNode
from bdl_perception.nodes.authenticity import IncomingSessions, Origin
from bdl_perception.nodes.camera_monitor import CameraMonitor
from bdl_perception.nodes.diagnostics import alert_message, scores_message, status_message
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import PerceptionStatus
from bdl_perception.topics import DIAGNOSTICS_TYPE
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from uniform_calibration import uniform_calibration


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
    killed = endpoint('perception_node')
    endpoints = [killed, endpoint('perception_node'), endpoint('perception_node', '/front'),
                 endpoint('liar', topic_type='std_msgs/msg/String'),
                 endpoint('lossy', '/a/b', profile=unreliable)]
    node = SimpleNamespace(resolve_topic_name=lambda name: f'/front/{name}',
                           get_publishers_info_by_topic=lambda name: endpoints)
    name, known, rejected = publishers.find_publishers(node, 'status', publishers.status_qos())
    assert (name, known) == ('/front/status', ('/perception_node', '/front/perception_node'))
    assert rejected[0] == ('/front/status of /liar has type std_msgs/msg/String, must be '
                           'diagnostic_msgs/msg/DiagnosticArray: correct the remapping')
    assert rejected[1] == ('/front/status of /a/b/lossy has incompatible QoS (Best effort '
                           'publisher and reliable subscription): publish it reliably')


class MonitoredCamera:
    """A CameraMonitor with a clock and a middleware of the test."""

    def __init__(self, monkeypatch, **policy):
        """Create the monitor of a camera with the namespace `front`."""
        self.now_s, self.faults, self._callbacks = 1., [], {}
        clock = SimpleNamespace(monotonic=lambda: self.now_s)
        monkeypatch.setattr('bdl_perception.nodes.camera_monitor.time', clock)
        self.challenges = []
        node = SimpleNamespace(
            create_subscription=self._subscribe, get_clock=lambda: clock,
            create_publisher=lambda kind, name, profile: SimpleNamespace(
                publish=lambda message: self.challenges.append((name, message.data))))
        clock.now = lambda: SimpleNamespace(nanoseconds=round(self.now_s * 1e9))
        known = uniform_calibration(8, 9.)
        self._identity = known.provenance.identity
        machine = AlertMachine(AlertPolicy(**policy), known)
        self.monitor = CameraMonitor(
            node, 'front', machine, IncomingSessions(.5, 2.), self.faults.append)

    def _subscribe(self, kind, name, callback, profile, raw):
        self._callbacks[name] = callback

    def receive(self, number, session='a' * 32, status_hz=None):
        """Receive a status, the scores of a frame and of a cycle with the present stamp."""
        answer = (self.challenges[-1][1],)
        origins = [session and Origin(session, 2 * number + index, answer) for index in (0, 1)]
        status = PerceptionStatus('active', identity=self._identity, status_hz=status_hz)
        stamp_ns = round(self.now_s * 1e9)
        frame, cycle = Scores(stamp_ns, 'lens', {'softmax': 1.}), Scores(
            stamp_ns, 'lens', {'epistemic_depth': .05}, 1)
        for name, message in (('status', status_message(status, 0, 'x', origins[0])),
                              ('scores', scores_message(frame, origins[0])),
                              ('scores', scores_message(cycle, origins[1]))):
            self._callbacks[f'front/{name}'](serialize_message(message))

    def state(self):
        return self.monitor.state()


def test_new_messages_are_ok_and_have_the_frame_of_the_camera(monkeypatch):
    camera = MonitoredCamera(monkeypatch)
    for number in range(1, 9):
        camera.now_s += .1
        camera.receive(number)
    assert (camera.state().level, camera.state().reasons) == (AlertLevel.OK, ())
    assert (camera.monitor.frame_id, camera.faults) == ('lens', [])


def test_the_challenge_is_published_in_the_namespace_of_the_camera(monkeypatch):
    first, second = MonitoredCamera(monkeypatch), MonitoredCamera(monkeypatch)
    (name, challenge), = first.challenges
    assert name == 'front/challenge' and challenge != second.challenges[0][1]
    first.monitor.publish_challenge()
    assert first.challenges[1] == (name, challenge)


def test_a_recording_from_before_the_start_of_alert_node_is_never_ok(monkeypatch):
    camera = MonitoredCamera(monkeypatch)
    camera.challenges.append(('front/challenge', 'e' * 32))  # that of an earlier alert_node
    for number in range(1, 20):
        camera.now_s += .1
        camera.receive(number)
        assert camera.state().level == AlertLevel.STALE
        assert 'without the challenge of this alert_node' in camera.state().reasons[0]


def test_replayed_messages_with_new_stamps_are_never_ok(monkeypatch):
    camera = MonitoredCamera(monkeypatch)
    for number in range(1, 9):
        camera.now_s += .1
        camera.receive(number)
    for number in [*range(1, 9)] * 10:  # perception_node was killed
        camera.now_s += .1
        camera.receive(number)
        assert camera.state().level == AlertLevel.STALE
        assert 'replayed scores: sequence number' in camera.state().reasons[0]
    assert 'perception_node is silent for 8.0 s' in str(camera.state().reasons)  # not used
    assert camera.faults[0] == (
        'front/perception_node: replayed status: sequence number 2 of session aaaaaaaa was '
        'already received (the last is 16): stop the replay')


def test_a_replay_beside_a_live_node_is_not_ok_until_it_ends(monkeypatch):
    camera = MonitoredCamera(monkeypatch, tolerated_faults=100)
    for number in range(1, 20):
        camera.now_s += .1
        camera.receive(number)
        camera.receive(max(1, number - 5))
        camera.receive(3, 'b' * 32)
        assert camera.state().level == AlertLevel.STALE
    for number in range(20, 45):
        camera.now_s += .1
        camera.receive(number)
    assert camera.state().level == AlertLevel.OK


def test_the_times_of_a_replay_follow_the_parameters(monkeypatch):
    camera = MonitoredCamera(monkeypatch)
    camera.receive(1)
    camera.monitor.set_times(AlertPolicy(stale_after_s=3., hold_s=1.))
    camera.now_s += 2.9
    camera.receive(1, 'b' * 32)  # the first session is not silent yet
    assert 'beside those of the active session' in camera.state().reasons[0]
    camera.now_s += 2.9
    assert 'beside those of the active session' in camera.state().reasons[0]
    camera.now_s += .2
    assert 'beside' not in str(camera.state().reasons)


def test_a_restarted_node_recovers(monkeypatch):
    camera = MonitoredCamera(monkeypatch)
    camera.receive(1000)
    camera.now_s += 3
    for number in range(1, 20):
        camera.now_s += .1
        camera.receive(number, 'b' * 32)
    assert (camera.state().level, camera.faults) == (AlertLevel.OK, [])


@pytest.mark.parametrize(('status_hz', 'takeover_s'), [
    (5., .5), (50., .5), (1., 2.5), (.05, 10.), (None, 10.)])
def test_a_restarted_node_is_accepted_after_heartbeats_and_not_after_the_time_of_stale(
        monkeypatch, status_hz, takeover_s):
    for after_s in (takeover_s - .01, takeover_s + .01):
        camera = MonitoredCamera(monkeypatch)
        camera.monitor.set_times(AlertPolicy(stale_after_s=10.))
        camera.receive(1, status_hz=status_hz)
        camera.now_s += after_s
        camera.receive(1, 'b' * 32, status_hz)
        assert ('beside those of the active session' in str(camera.faults)) == (
            after_s < takeover_s)


def test_messages_without_a_session_are_never_ok(monkeypatch):
    camera = MonitoredCamera(monkeypatch)
    for number in range(1, 9):
        camera.now_s += .1
        camera.receive(number, session=None)
        assert camera.state().level == AlertLevel.STALE
    assert 'the message has no session; run sender and receiver in one version' in str(
        camera.state().reasons)


def test_the_frame_of_several_cameras_is_named_if_it_is_one():
    def common(*frames):
        monitors = {str(index): SimpleNamespace(frame_id=frame)
                    for index, frame in enumerate(frames)}
        return AlertNode._common_frame_id(SimpleNamespace(_monitors=monitors))

    assert (common('lens'), common('base', 'base')) == ('lens', 'base')
    assert common('left', 'right') == ''
