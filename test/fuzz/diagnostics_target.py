# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Diagnostics messages as alert_node receives them: serialized, from any node. It needs rclpy."""
from functools import cache
import random
from typing import Sequence

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.nodes.authenticity import Origin
from bdl_perception.nodes.diagnostics import (
    alert_message,
    deserialize_diagnostics,
    level_from_message,
    MAX_SCORES,
    origin_from_message,
    scores_from_message,
    scores_message,
    status_from_message,
    status_message,
)
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import MAX_STATUS_FAULTS, MAX_TEXT_LENGTH, PerceptionStatus
from calibrations import IDENTITY, small_calibration
from diagnostic_msgs.msg import DiagnosticArray, KeyValue
from edits import edited
from rclpy.serialization import deserialize_message, serialize_message
from targets import check, SECOND_NS, Target

TEXTS = ('', '0', '1', '-1', 'nan', 'inf', '-inf', '1e400', '1_0', ' 1', '٣', 'x' * 600,
         'a\nb\x1b[31m', '99999999999999999999999', '0' * 5000, '1.5', 'None')


def receive(data: bytes) -> bool:
    """Read a message as scores, status and alert; what is accepted goes into an alert."""
    try:
        message = deserialize_diagnostics(data)
    except ValueError:
        return False
    machine = AlertMachine(AlertPolicy(), small_calibration())
    accepted = 0
    for read in (_receive_scores, _receive_status, _receive_level, origin_from_message):
        try:
            read(message, machine) if read is not origin_from_message else read(message)
            accepted += 1
        except ValueError:
            continue
    state = machine.state(1.)
    check(state.level == AlertLevel.STALE, f'{state.level} after a single message')
    sent = serialize_message(alert_message({'camera': state}, SECOND_NS))
    check(len(sent) < 1 << 20, f'an alert of {len(sent)} bytes')
    return accepted > 0


def _receive_scores(message: DiagnosticArray, machine: AlertMachine) -> None:
    scores = scores_from_message(message)
    check(len(scores.values) <= MAX_SCORES, f'{len(scores.values)} scores')
    check(scores.cycle >= 0, f'cycle {scores.cycle}')
    machine.update_scores(1., scores, 2 * SECOND_NS)


def _receive_status(message: DiagnosticArray, machine: AlertMachine) -> None:
    status = status_from_message(message)
    texts = (status.state, *status.faults, *status.warnings)
    check(len(status.faults) <= MAX_STATUS_FAULTS, f'{len(status.faults)} faults')
    check(all(len(text) <= MAX_TEXT_LENGTH and text.isprintable() for text in texts), f'{texts}')
    machine.update_status(1., status)


def _receive_level(message: DiagnosticArray, machine: AlertMachine) -> None:
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


@cache
def seeds() -> list[bytes]:
    origin = Origin('0' * 32, 1)
    status = PerceptionStatus('active', faults=('dark',), warnings=('no scale',),
                              identity=IDENTITY, status_hz=5.)
    values = {'energy': 1., 'softmax': .5}
    return [bytes(serialize_message(message)) for message in (
        scores_message(Scores(SECOND_NS, 'camera', values), origin),
        scores_message(Scores(SECOND_NS, 'camera', {'epistemic_depth': 1.}, 1), origin),
        status_message(status, SECOND_NS, 'onnxruntime', origin),
        alert_message({'camera': AlertMachine(AlertPolicy()).state(0)}, SECOND_NS))]


DIAGNOSTICS = Target(receive, seeds, edited_message)
