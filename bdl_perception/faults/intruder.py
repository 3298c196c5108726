# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Another node that publishes on a topic of the package: by mistake, damaged, or on purpose."""
from dataclasses import dataclass
import os
from threading import Event, Thread
import time
from typing import Any, Callable, Mapping, Sequence

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel, AlertState
from bdl_perception.nodes import publishers
from bdl_perception.nodes.authenticity import Origin
from bdl_perception.nodes.diagnostics import alert_message, scores_message, status_message
from bdl_perception.nodes.messages import make_header, stamp_to_ns, uint8_image
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import ACTIVE_STATE, PerceptionStatus
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
import numpy as np
from rclpy.context import Context
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

NODE_NAME = 'other_node'
MATCH_TIMEOUT_S = 5.0
IMAGE_TOPIC = 'image'
NOISE_RANGE = 60, 180  # grey levels
SESSION_BYTES = 16
LARGE = 10**7  # characters
MANY = 100_000
SPOOF_HZ = 100.0


@dataclass(frozen=True)
class Publication:
    """What another node publishes; make gets the number of messages before."""

    topic: str
    kind: type
    qos: Callable[[], QoSProfile]
    make: Callable[[int], Any]
    rate_hz: float = 10.


class Intruder:
    """Publishes in a thread of its own until stop()."""

    def __init__(self, context: Context, publication: Publication,
                 name: str = NODE_NAME) -> None:
        """Create the node and wait until a subscriber is matched."""
        self._node = Node(name, context=context)
        self.make = publication.make
        self._period_s = 1 / publication.rate_hz
        self._publisher = self._node.create_publisher(
            publication.kind, publication.topic, publication.qos())
        self._ended, self._begun = Event(), Event()
        self.began_s = 0.
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._wait_for_subscriber()
        self._thread.start()
        self._begun.wait(MATCH_TIMEOUT_S)

    def stop(self) -> None:
        """End the thread and the node."""
        self._ended.set()
        self._thread.join()
        self._node.destroy_node()

    def _wait_for_subscriber(self) -> None:
        deadline_s = time.monotonic() + MATCH_TIMEOUT_S
        while not self._publisher.get_subscription_count():
            if time.monotonic() > deadline_s:
                raise TimeoutError(f'nothing subscribes to {self._publisher.topic_name}')
            time.sleep(.01)

    def _run(self) -> None:
        count = 0
        while not self._ended.is_set():
            message = self.make(count)
            self.began_s = self.began_s or time.monotonic()
            if message is not None:
                self._publisher.publish(message)
            self._begun.set()
            count += 1
            self._ended.wait(self._period_s)


def now_header(frame_id: str = '') -> Any:
    """Make a header with the present time."""
    return make_header(time.time_ns(), frame_id)


def diagnostics(pairs: Sequence[tuple[str, str]], count: int = 1) -> DiagnosticArray:
    """Make a message of count equal status entries."""
    values = [KeyValue(key=key, value=value) for key, value in pairs]
    return DiagnosticArray(header=now_header(), status=[
        DiagnosticStatus(level=b'\0', name='bdl_perception: status', values=values)] * count)


def ok_alert(_: int) -> DiagnosticArray:
    """Make an alert that is OK."""
    return alert_message({'camera': AlertState(AlertLevel.OK, ())}, time.time_ns())


def shifted_alert(shift_s: float) -> Callable[[int], DiagnosticArray]:
    """Make alerts that are OK and stamped in the past (negative) or future."""
    return lambda count: alert_message({'camera': AlertState(AlertLevel.OK, ())},
                                       time.time_ns() + int(shift_s * 1e9))


def level_alert(level: int) -> Callable[[int], DiagnosticArray]:
    """Make alerts of a level that may not exist."""
    def make(count: int) -> DiagnosticArray:
        message = ok_alert(count)
        message.status[0].level = bytes([level])
        return message
    return make


def empty_alert(_: int) -> DiagnosticArray:
    """Make an alert without a status."""
    return DiagnosticArray(header=now_header())


def _other_image(count: int) -> Image:
    rng = np.random.default_rng(count)
    return uint8_image(rng.integers(*NOISE_RANGE, (288, 480, 3), np.uint8), now_header('camera'))


class _Forged:
    """Messages as of another perception_node."""

    def __init__(self) -> None:
        """Draw its session."""
        self._session = os.urandom(SESSION_BYTES).hex()

    def status(self, count: int) -> DiagnosticArray:
        """Make a status without faults."""
        return status_message(PerceptionStatus(ACTIVE_STATE), time.time_ns(), 'onnxruntime',
                              Origin(self._session, count + 1))

    def scores(self, count: int) -> DiagnosticArray:
        """Make low scores."""
        scores = Scores(time.time_ns(), 'camera', {'softmax': 0.})
        return scores_message(scores, Origin(self._session, count + 1))


def replayed(recorded: Sequence[DiagnosticArray]) -> Callable[[int], DiagnosticArray]:
    """Send recorded messages again, with new stamps."""
    def make(count: int) -> DiagnosticArray:
        old = recorded[count % len(recorded)]
        shift_ns = time.time_ns() - stamp_to_ns(recorded[0].header.stamp)
        header = make_header(stamp_to_ns(old.header.stamp) + shift_ns, old.header.frame_id)
        return DiagnosticArray(header=header, status=old.status)
    return make


ALERTS: Mapping[str, Callable[[int], DiagnosticArray | None]] = {  # that governor_node receives
    'alert_silent': lambda count: None,
    'alert_10_s_old': shifted_alert(-10.),
    'alert_1_h_old': shifted_alert(-3600.),
    'alert_10_s_ahead': shifted_alert(10.),
    'alert_level_7': level_alert(7),
    'alert_level_255': level_alert(255),
    'alert_empty': empty_alert,
}


def _status(make: Callable[[int], Any], rate_hz: float = 10.) -> Publication:
    return Publication(topics.STATUS.name, DiagnosticArray, publishers.status_qos, make, rate_hz)


def _scores(make: Callable[[int], Any], rate_hz: float = 10.) -> Publication:
    return Publication(topics.SCORES.name, DiagnosticArray, publishers.scores_qos, make, rate_hz)


def _serialized(pairs: Sequence[tuple[str, str]]) -> Callable[[int], bytes]:
    """Make a large message once: to serialize it takes longer than a frame of the camera."""
    message = bytes(serialize_message(diagnostics(pairs)))
    return lambda count: message


PUBLICATIONS: Mapping[str, Callable[[], Publication]] = {
    'second_camera': lambda: Publication(IMAGE_TOPIC, Image, publishers.image_qos, _other_image),
    'second_status': lambda: _status(_Forged().status),
    'second_scores': lambda: _scores(_Forged().scores),
    'second_alert': lambda: Publication(
        topics.ALERT_TOPIC.name, DiagnosticArray,
        lambda: publishers.alert_publisher_qos(SPOOF_HZ), ok_alert, SPOOF_HZ),
    'status_empty': lambda: _status(lambda count: diagnostics((), 0)),
    'status_twice': lambda: _status(lambda count: diagnostics((), 2)),
    'status_no_state': lambda: _status(lambda count: diagnostics((('frames_in', '1'),))),
    'status_huge_fault': lambda: _status(_serialized((('fault', 'x' * LARGE),)), 2.),
    'status_many_faults': lambda: _status(_serialized((('fault', 'x'),) * MANY), 2.),
    'scores_no_number': lambda: _scores(lambda count: diagnostics((('cycle', 'x'),))),
    'scores_negative_cycle': lambda: _scores(lambda count: diagnostics((('cycle', '-1'),))),
    'scores_key_twice': lambda: _scores(lambda count: diagnostics((('cycle', '0'),) * 2)),
    'scores_huge_key': lambda: _scores(_serialized((('x' * LARGE, '0'),)), 2.),
    'scores_many_keys': lambda: _scores(
        _serialized(tuple((f'k{i}', '0') for i in range(MANY))), 2.),
    'scores_bad_name': lambda: _scores(
        lambda count: diagnostics((('cycle', '0'), ('a\nb', '1')))),
}
