# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Convert scores, status and alert to and from diagnostic_msgs; numbers are sent as repr."""
from dataclasses import asdict, fields
import re
from typing import Mapping

from bdl_perception.alarm.alert_types import AlertLevel, AlertState, combine_alerts
from bdl_perception.nodes.authenticity import MAX_CHALLENGES, Origin, RANDOM_PATTERN
from bdl_perception.nodes.messages import make_header, stamp_to_ns
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import (
    ACTIVE_STATE,
    Identity,
    MAX_STATUS_FAULTS,
    PerceptionStatus,
    printable_line,
)
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.serialization import deserialize_message

STATUS_NAME_PREFIX = 'bdl_perception'
ALL_CAMERAS = 'all cameras'
CYCLE_KEY = 'cycle'
FAULT_KEY = 'fault'
RATE_KEY = 'status_hz'
WARNING_KEY = 'warning'
SESSION_KEY, NUMBER_KEY, CHALLENGES_KEY = 'session', 'sequence_number', 'challenges'
NO_SCORES = {CYCLE_KEY, SESSION_KEY, NUMBER_KEY, CHALLENGES_KEY}  # keys of a message of scores
MAX_MESSAGE_BYTES = 65_536  # serialized; the scores of 8 regions have less than 10 kB
MAX_SCORES = 256
MAX_FRAME_ID_LENGTH = 256
NUMBER_PATTERN = re.compile(r'[0-9]{1,18}')
SCORE_NAME_PATTERN = re.compile(r'[a-z][a-z0-9_]{0,63}')
COUNTERS = ('frames_in', 'frames_out', 'frames_dropped')
_IDENTITY_TYPES: Mapping[str, type] = {item.name: type_of for item in fields(Identity)
                                       if isinstance(type_of := item.type, type)}


def scores_message(scores: Scores, origin: Origin | None = None) -> DiagnosticArray:
    """
    Convert the scores of a frame, with the stamp and the frame_id of that frame.

    alert_node rejects a message without an origin.
    """
    values = {**scores.values, CYCLE_KEY: scores.cycle, **_origin_values(origin)}
    return _diagnostic_array(scores.stamp_ns, scores.frame_id,
                             _diagnostic_status('scores', AlertLevel.OK, '', _key_values(values)))


def scores_from_message(message: DiagnosticArray) -> Scores:
    """Read scores; ValueError: a value is not a number, or name, count or cycle is wrong."""
    values = _read_values(message)
    cycle = int(_require_value(values, CYCLE_KEY))
    if cycle < 0:
        raise ValueError(f'scores have the cycle {cycle}, must be 0 or more')
    _check_score_names(set(values) - NO_SCORES)
    return Scores(stamp_to_ns(message.header.stamp), message.header.frame_id,
                  {name: float(text) for name, text in values.items() if name not in NO_SCORES},
                  cycle)


def origin_from_message(message: DiagnosticArray) -> Origin:
    """Read which message of which session it is; ValueError: that is missing or malformed."""
    values = _read_values(message)
    session, number, listed = (
        _require_value(values, key) for key in (SESSION_KEY, NUMBER_KEY, CHALLENGES_KEY))
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
    is_ok = status.state == ACTIVE_STATE and not status.warnings
    level = AlertLevel.OK if is_ok else AlertLevel.WARN
    if status.faults:
        level = AlertLevel.ERROR
    values = {'state': status.state, **{name: getattr(status, name) for name in COUNTERS},
              **_origin_values(origin)}
    if status.status_hz is not None:
        values[RATE_KEY] = status.status_hz
    if status.identity is not None:
        values.update(asdict(status.identity), backend=backend)
    pairs = [*_key_values(values),
             *(KeyValue(key=FAULT_KEY, value=fault) for fault in status.faults),
             *(KeyValue(key=WARNING_KEY, value=warning) for warning in status.warnings)]
    text = '; '.join((*status.faults, *status.warnings)) or status.state
    return _diagnostic_array(stamp_ns, '', _diagnostic_status('status', level, text, pairs))


def status_from_message(message: DiagnosticArray) -> PerceptionStatus:
    """Read a status; ValueError names a missing key, or there are too many faults."""
    values = _read_values(message)
    faults, warnings = (tuple(pair.value for pair in message.status[0].values if pair.key == key)
                        for key in (FAULT_KEY, WARNING_KEY))
    if max(len(faults), len(warnings)) > MAX_STATUS_FAULTS:
        raise ValueError(f'a status has {len(faults)} faults and {len(warnings)} warnings, at '
                         f'most {MAX_STATUS_FAULTS} of each are read')
    identity = Identity(**{name: type_of(_require_value(values, name)) for name, type_of
                           in _IDENTITY_TYPES.items()}) if 'model' in values else None
    counts = {name: int(_require_value(values, name)) for name in COUNTERS}
    rate = _read_rate(values)
    return PerceptionStatus(printable_line(_require_value(values, 'state')),
                            tuple(map(printable_line, faults)), identity=identity, status_hz=rate,
                            warnings=tuple(map(printable_line, warnings)), **counts)


def _read_rate(values: Mapping[str, str]) -> float | None:
    rate = float(values[RATE_KEY]) if RATE_KEY in values else None
    if rate is not None and not rate > 0:
        raise ValueError(f'{RATE_KEY} is {rate}, must be above 0')
    return rate


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
    if len(states) != 1:
        states = {ALL_CAMERAS: combine_alerts(states), **states}
    return _diagnostic_array(stamp_ns, printable_line(frame_id, MAX_FRAME_ID_LENGTH), *(
        _diagnostic_status(f'{camera}: uncertainty', state.level,
                           '; '.join(map(printable_line, state.reasons)) or 'OK',
                           _key_values(_alert_values(state)), camera)
        for camera, state in states.items()))


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


def _alert_values(state: AlertState) -> dict[str, object]:
    plain = {name: getattr(state, name) for name in (
        'p_value', 'cusum', 'cusum_limit', 'slow', 'slow_limit', 'late_frames')}
    values = {'frame_stamp_ns': state.stamp_ns, **plain,
              **{f'score_{name}': value for name, value in state.statistics.items()},
              **{f'threshold_{name}': value for name, value in state.thresholds.items()},
              **{f'low_threshold_{name}': value for name, value in state.low_thresholds.items()}}
    return {name: value for name, value in values.items() if value is not None}


def _diagnostic_array(stamp_ns: int, frame_id: str, *status: DiagnosticStatus) -> DiagnosticArray:
    return DiagnosticArray(header=make_header(stamp_ns, frame_id), status=list(status))


def _diagnostic_status(name: str, level: AlertLevel, text: str, pairs: list[KeyValue],
                       hardware_id: str = '') -> DiagnosticStatus:
    return DiagnosticStatus(level=bytes([level]), name=f'{STATUS_NAME_PREFIX}: {name}',
                            message=text, hardware_id=hardware_id, values=pairs)


def _key_values(values: Mapping[str, object]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_format_value(value)) for name, value in values.items()]


def _format_value(value: object) -> str:
    if isinstance(value, float):
        return repr(float(value))  # the repr of a numpy float is np.float64(...)
    return value if isinstance(value, str) else repr(value)


def _read_values(message: DiagnosticArray) -> dict[str, str]:
    if len(message.status) != 1:
        raise ValueError(f'a message must have one status, this one has {len(message.status)}')
    values: dict[str, str] = {}
    for pair in message.status[0].values:
        if pair.key in values and pair.key not in (FAULT_KEY, WARNING_KEY):
            raise ValueError(f'a message has the key {pair.key!r:.40} twice')
        values[pair.key] = pair.value
    return values


def _check_score_names(names: set[str]) -> None:
    if len(names) > MAX_SCORES:
        raise ValueError(f'a message has {len(names)} scores, at most {MAX_SCORES} are read')
    wrong = sorted(name for name in names if not SCORE_NAME_PATTERN.fullmatch(name))
    if wrong:
        raise ValueError(f'a score is named {wrong[0]!r:.40}, must be at most 64 lower-case '
                         f'letters, digits and underscores')


def _require_value(values: Mapping[str, str], name: str) -> str:
    if name not in values:
        raise ValueError(f'the message has no {name}; run sender and receiver in one version')
    return values[name]
