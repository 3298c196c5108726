# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Diagnostics messages as alert_node receives them: serialized, from any node. It needs rclpy."""
from functools import cache
import random
from types import SimpleNamespace
from typing import Any, Callable, Sequence

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy, AlertState
from bdl_perception.nodes.authenticity import IncomingSessions, Origin
from bdl_perception.nodes.camera_monitor import CameraMonitor
from bdl_perception.nodes.diagnostics import (
    alert_message,
    deserialize_diagnostics,
    level_from_message,
    origin_from_message,
    scores_from_message,
    scores_message,
    status_from_message,
    status_message,
)
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.diagnostic import MAX_SCORES
from bdl_perception.perception.status import MAX_STATUS_FAULTS, MAX_TEXT_LENGTH, PerceptionStatus
from calibrations import IDENTITY, small_calibration
from diagnostic_msgs.msg import DiagnosticArray, KeyValue
from edits import edited
from rclpy.serialization import deserialize_message, serialize_message
from targets import check, SECOND_NS, Target

CHALLENGE = 'c' * 32
STALE_AFTER_S = 30.  # a busy machine must not make the alert STALE
POLICY = AlertPolicy(stale_after_s=STALE_AFTER_S, min_stale_after_s=STALE_AFTER_S, recovery_s=0.,
                     clear_s=0., epistemic_max_age_s=STALE_AFTER_S)
TEXTS = ('', '0', '1', '-1', 'nan', 'inf', '-inf', '1e400', '1_0', ' 1', '٣', 'x' * 600,
         'a\nb\x1b[31m', '99999999999999999999999', '0' * 5000, '1.5', 'None')


class Receiver:
    """The inputs of a camera in alert_node, after messages that make the alert OK."""

    def __init__(self) -> None:
        """Receive them."""
        self.faults: list[str] = []
        self._callbacks: list[Callable[[bytes], None]] = []
        sessions = IncomingSessions(STALE_AFTER_S, STALE_AFTER_S)
        sessions.challenge = CHALLENGE
        self.monitor = CameraMonitor(self, '', AlertMachine(POLICY, small_calibration()), sessions,
                                     self.faults.append)
        for index, data in nominal():
            self._callbacks[index](data)
        state = self.monitor.state()
        check(state.level == AlertLevel.OK and not self.faults, f'{state} {self.faults}')

    def create_publisher(self, *_: object) -> Any:
        """Publish nothing."""
        return SimpleNamespace(publish=lambda message: None)

    def create_subscription(self, kind: type, topic: str, callback: Callable[[bytes], None],
                            qos: object, raw: bool) -> None:
        """Keep the callback."""
        self._callbacks.append(callback)

    def get_clock(self) -> Any:
        """Give a clock that stands still."""
        return SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=2 * SECOND_NS))

    def receive(self, index: int, data: bytes) -> AlertState:
        """Receive scores (0) or a status (1)."""
        self._callbacks[index](data)
        return self.monitor.state()


def receive(data: bytes) -> bool:
    """Receive a message as scores and as status: what is not accepted must end OK."""
    accepted = 0
    for index in (0, 1):
        receiver = Receiver()
        state = receiver.receive(index, data)
        if receiver.faults:
            check(state.level != AlertLevel.OK, f'OK in spite of {receiver.faults}')
        accepted += not receiver.faults
        sent = serialize_message(alert_message({'camera': state}, SECOND_NS))
        check(len(sent) < 1 << 20, f'an alert of {len(sent)} bytes')
    return _read(data) or accepted > 0


def _read(data: bytes) -> bool:
    """Check the values of a message that can be read."""
    try:
        message = deserialize_diagnostics(data)
    except ValueError:
        return False
    read = 0
    for reader in (_read_scores, _read_status, _read_level, origin_from_message):
        try:
            reader(message)
            read += 1
        except ValueError:
            continue
    return read > 0


def _read_scores(message: DiagnosticArray) -> None:
    scores = scores_from_message(message)
    check(len(scores.values) <= MAX_SCORES, f'{len(scores.values)} scores')
    check(scores.cycle >= 0, f'cycle {scores.cycle}')


def _read_status(message: DiagnosticArray) -> None:
    status = status_from_message(message)
    texts = (status.state, *status.faults, *status.warnings)
    check(len(status.faults) <= MAX_STATUS_FAULTS, f'{len(status.faults)} faults')
    check(all(len(text) <= MAX_TEXT_LENGTH and text.isprintable() for text in texts), f'{texts}')


def _read_level(message: DiagnosticArray) -> None:
    check(level_from_message(message) in AlertLevel, 'no level')


def edited_message(data: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    """Edit the keys and values of a message, which stays one; one in two is edited as bytes."""
    if draw.randrange(2):
        return edited(data, others, draw)
    try:
        message = deserialize_message(data, DiagnosticArray)
    except RuntimeError:
        message = deserialize_message(draw.choice(others), DiagnosticArray)
    for status in message.status:
        pairs = list(status.values) or [KeyValue()]
        for _ in range(draw.choice((1, 1, 2, 5))):
            pair = draw.choice(pairs)
            pair.value = draw.choice(TEXTS)
            if not draw.randrange(4):
                pair.key = draw.choice([one.key for one in pairs] + ['Ä', '', 'a' * 80])
        status.values = pairs * draw.choice((1, 1, 1, 1, 2, 40))
    if not draw.randrange(8):
        message.status = list(message.status) * draw.choice((0, 2))
    return bytes(serialize_message(message))


def messages(origin: Origin, stamp_ns: int, cycle: int = 0) -> list[bytes]:
    """Make scores and a status of one origin; cycle: number of the Monte Carlo cycle, or 0."""
    status = PerceptionStatus('active', identity=IDENTITY, status_hz=5.)
    values = {'epistemic_depth': 1.} if cycle else {'energy': 1.}
    return [bytes(serialize_message(message)) for message in (
        scores_message(Scores(stamp_ns, 'camera', values, cycle), origin),
        status_message(status, SECOND_NS, 'onnxruntime', origin))]


@cache
def nominal() -> list[tuple[int, bytes]]:
    """Make the messages that make the alert OK, in turn: index of the topic, data."""
    found = []
    for number in range(1, 9):
        stamp_ns = 2 * SECOND_NS - SECOND_NS // 5 * (5 - (number + 1) // 2)
        origin = Origin('0' * 32, number, (CHALLENGE,))
        scores, status = messages(origin, stamp_ns, 0 if number % 2 else number // 2)
        found += [(0, scores), (1, status)] if number == 8 else [(0, scores)]
    return found


@cache
def seeds() -> list[bytes]:
    status = PerceptionStatus('active', faults=('dark',), warnings=('no scale',),
                              identity=IDENTITY, status_hz=5.)
    origin = Origin('0' * 32, 9, (CHALLENGE,))
    forged = [Origin('0' * 32, 9), Origin('0' * 32, 3, (CHALLENGE,)),
              Origin('1' * 32, 9, (CHALLENGE,))]
    return [*(data for one in (origin, *forged) for data in messages(one, 2 * SECOND_NS)),
            *(bytes(serialize_message(message)) for message in (
                scores_message(Scores(SECOND_NS, 'camera', {'energy': 1., 'softmax': .5}), origin),
                status_message(status, SECOND_NS, 'onnxruntime', origin),
                alert_message({'camera': AlertMachine(AlertPolicy()).state(0)}, SECOND_NS)))]


DIAGNOSTICS = Target(receive, seeds, edited_message)
