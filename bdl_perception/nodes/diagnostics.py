# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Convert scores, status and alert to and from diagnostic_msgs; numbers are sent as repr."""
import re
from typing import Mapping

from bdl_perception.alarm.alert_types import alert_diagnostics, AlertLevel, AlertState
from bdl_perception.nodes.authenticity import MAX_CHALLENGES, Origin, RANDOM_PATTERN
from bdl_perception.nodes.messages import make_header, stamp_to_ns
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.diagnostic import (
    CHALLENGES_KEY,
    Diagnostic,
    NUMBER_KEY,
    Pairs,
    read_scores,
    read_status,
    read_values,
    require_value,
    scores_diagnostic,
    SESSION_KEY,
    status_diagnostic,
    STATUS_NAME_PREFIX,
)
from bdl_perception.perception.status import PerceptionStatus, printable_line
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.serialization import deserialize_message

MAX_MESSAGE_BYTES = 65_536  # serialized; the scores of 8 regions have less than 10 kB
MAX_FRAME_ID_LENGTH = 256
NUMBER_PATTERN = re.compile(r'[0-9]{1,18}')


def scores_message(scores: Scores, origin: Origin | None = None) -> DiagnosticArray:
    """
    Convert the scores of a frame, with the stamp and the frame_id of that frame.

    alert_node rejects a message without an origin.
    """
    return _diagnostic_array(scores.stamp_ns, scores.frame_id,
                             scores_diagnostic(scores, _origin_values(origin)))


def scores_from_message(message: DiagnosticArray) -> Scores:
    """Read scores; ValueError: a value is not a number, or name, count or cycle is wrong."""
    header = message.header
    return read_scores(stamp_to_ns(header.stamp), header.frame_id, _pairs(message))


def origin_from_message(message: DiagnosticArray) -> Origin:
    """Read which message of which session it is; ValueError: that is missing or malformed."""
    values = read_values(_pairs(message))
    session, number, listed = (
        require_value(values, key) for key in (SESSION_KEY, NUMBER_KEY, CHALLENGES_KEY))
    if not (RANDOM_PATTERN.fullmatch(session) and NUMBER_PATTERN.fullmatch(number)):
        raise ValueError(f'a message has the session {session!r:.40} and the sequence number '
                         f'{number!r:.40}, must be 32 hexadecimal digits and a whole number')
    challenges = tuple(listed.split(',')[:MAX_CHALLENGES])
    return Origin(session, int(number), tuple(filter(RANDOM_PATTERN.fullmatch, challenges)))


def _origin_values(origin: Origin | None) -> dict[str, object]:
    return {SESSION_KEY: origin.session, NUMBER_KEY: origin.number,
            CHALLENGES_KEY: ','.join(origin.challenges)} if origin else {}


def status_message(status: PerceptionStatus, stamp_ns: int, backend: str,
                   origin: Origin | None = None) -> DiagnosticArray:
    """
    Convert the status of perception_node; each fault or warning is a key-value pair.

    alert_node rejects a message without an origin.
    """
    return _diagnostic_array(stamp_ns, '',
                             status_diagnostic(status, backend, _origin_values(origin)))


def status_from_message(message: DiagnosticArray) -> PerceptionStatus:
    """Read a status; ValueError names a missing key, or there are too many faults."""
    return read_status(_pairs(message))


def deserialize_diagnostics(data: bytes,
                            max_bytes: int = MAX_MESSAGE_BYTES) -> DiagnosticArray:
    """Deserialize a message; ValueError: it is damaged, or too large to spend time on it."""
    if len(data) > max_bytes:
        raise ValueError(f'a message has {len(data)} bytes, at most {max_bytes} are read')
    try:
        return deserialize_message(data, DiagnosticArray)
    except RuntimeError as error:
        raise ValueError(f'a message cannot be deserialized ({error})') from error


def alert_message(states: Mapping[str, AlertState], stamp_ns: int,
                  frame_id: str = '') -> DiagnosticArray:
    """
    Convert the alert state of each camera.

    stamp_ns: the current time; the stamp of the frame is one of the values. frame_id: of the
    images. With several cameras the first status combines them all at the worst level, and one
    status for each follows.
    """
    return _diagnostic_array(stamp_ns, printable_line(frame_id, MAX_FRAME_ID_LENGTH),
                             *alert_diagnostics(states))


def diagnostics_message(alert: DiagnosticArray, node_name: str) -> DiagnosticArray:
    """
    Convert an alert for /diagnostics, which all namespaces share.

    node_name: with its namespace, as in /left/alert_node; it replaces the name of the package.
    """
    prefix = node_name.strip('/')
    return DiagnosticArray(header=alert.header, status=[
        DiagnosticStatus(level=item.level, message=item.message, hardware_id=item.hardware_id,
                         name=prefix + item.name.removeprefix(STATUS_NAME_PREFIX),
                         values=item.values) for item in alert.status])


def level_from_message(message: DiagnosticArray) -> AlertLevel:
    """Read the worst level of an alert; ValueError when it has no status."""
    if not message.status:
        raise ValueError('an alert must have at least one status, this one has none')
    return max(AlertLevel(status.level[0]) for status in message.status)


def _diagnostic_array(stamp_ns: int, frame_id: str, *diagnostics: Diagnostic) -> DiagnosticArray:
    return DiagnosticArray(header=make_header(stamp_ns, frame_id), status=[
        DiagnosticStatus(level=bytes([one.level]), name=one.name, message=one.message,
                         hardware_id=one.hardware_id,
                         values=[KeyValue(key=key, value=text) for key, text in one.values])
        for one in diagnostics])


def _pairs(message: DiagnosticArray) -> Pairs:
    """Return the keys and values of the only status of a message."""
    if len(message.status) != 1:
        raise ValueError(f'a message must have one status, this one has {len(message.status)}')
    return [(pair.key, pair.value) for pair in message.status[0].values]
