# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Scores, status and alert between values and diagnostic_msgs; numbers travel as repr."""
from dataclasses import asdict
from dataclasses import fields
from typing import Mapping

from bdl_perception.alarm.cameras import together
from bdl_perception.alarm.level import AlertState
from bdl_perception.alarm.level import Level
from bdl_perception.alarm.status import ACTIVE
from bdl_perception.alarm.status import Identity
from bdl_perception.alarm.status import PerceptionStatus
from bdl_perception.nodes.stamps import header
from bdl_perception.nodes.stamps import stamp_to_ns
from bdl_perception.perception.values import Scores
from diagnostic_msgs.msg import DiagnosticArray
from diagnostic_msgs.msg import DiagnosticStatus
from diagnostic_msgs.msg import KeyValue

NAME = 'bdl_perception'
ALL_CAMERAS = 'all cameras'
CYCLE = 'cycle'
FAULT = 'fault'
COUNTERS = ('frames_in', 'frames_out', 'frames_dropped')
_IDENTITY_TYPES: Mapping[str, type] = {item.name: type_of for item in fields(Identity)
                                       if isinstance(type_of := item.type, type)}


def scores_message(scores: Scores) -> DiagnosticArray:
    """Say the scores of a frame, under the frame's own stamp and frame_id."""
    values = {**scores.values, CYCLE: scores.cycle}
    return _array(scores.stamp_ns, scores.frame_id, 'scores', Level.OK, '', _pairs(values))


def scores_from_message(message: DiagnosticArray) -> Scores:
    """Read scores; ValueError when a value is no number or the cycle is missing."""
    values = _values(message)
    cycle = int(_need(values, CYCLE))
    return Scores(stamp_to_ns(message.header.stamp), message.header.frame_id,
                  {name: float(text) for name, text in values.items() if name != CYCLE}, cycle)


def status_message(status: PerceptionStatus, stamp_ns: int, backend: str) -> DiagnosticArray:
    """Say how the perception node is; each fault is a pair of its own."""
    well = Level.OK if status.state == ACTIVE else Level.WARN
    values = {'state': status.state, **{name: getattr(status, name) for name in COUNTERS}}
    if status.identity is not None:
        values.update(asdict(status.identity), backend=backend)
    pairs = _pairs(values) + [KeyValue(key=FAULT, value=fault) for fault in status.faults]
    return _array(stamp_ns, '', 'status', Level.ERROR if status.faults else well,
                  '; '.join(status.faults) or status.state, pairs)


def status_from_message(message: DiagnosticArray) -> PerceptionStatus:
    """Read a status; ValueError names what is missing."""
    values = _values(message)
    faults = tuple(pair.value for pair in message.status[0].values if pair.key == FAULT)
    identity = Identity(**{name: type_of(_need(values, name)) for name, type_of
                           in _IDENTITY_TYPES.items()}) if 'model' in values else None
    counts = {name: int(_need(values, name)) for name in COUNTERS}
    return PerceptionStatus(_need(values, 'state'), faults, identity=identity, **counts)


def alert_message(states: Mapping[str, AlertState], stamp_ns: int) -> DiagnosticArray:
    """
    Say the alert of each camera; header.stamp is now, a frame's stamp is among its values.

    With several cameras the first status is the worst of them, and theirs follow.
    """
    said = {ALL_CAMERAS: together(states), **states} if len(states) != 1 else states
    return DiagnosticArray(header=header(stamp_ns, ''), status=[
        _status(f'{camera}: uncertainty', state.level, '; '.join(state.reasons) or 'OK',
                _pairs(_alert_values(state)), camera) for camera, state in said.items()])


def level_from_message(message: DiagnosticArray) -> Level:
    """Read the worst level of an alert; ValueError when there is none."""
    if not message.status:
        raise ValueError('an alert has a status at least, this one has none')
    return max(Level(status.level[0]) for status in message.status)


def _alert_values(state: AlertState) -> dict[str, object]:
    plain = {name: getattr(state, name) for name in (
        'p_value', 'cusum', 'cusum_limit', 'slow', 'slow_limit')}
    values = {'frame_stamp_ns': state.stamp_ns, **plain,
              **{f'score_{name}': value for name, value in state.statistics.items()},
              **{f'threshold_{name}': value for name, value in state.thresholds.items()},
              **{f'low_threshold_{name}': value for name, value in state.low_thresholds.items()}}
    return {name: value for name, value in values.items() if value is not None}


def _array(stamp_ns: int, frame_id: str, name: str, level: Level, text: str,
           pairs: list[KeyValue]) -> DiagnosticArray:
    return DiagnosticArray(header=header(stamp_ns, frame_id),
                           status=[_status(name, level, text, pairs)])


def _status(name: str, level: Level, text: str, pairs: list[KeyValue],
            hardware_id: str = '') -> DiagnosticStatus:
    return DiagnosticStatus(level=bytes([level]), name=f'{NAME}: {name}', message=text,
                            hardware_id=hardware_id, values=pairs)


def _pairs(values: Mapping[str, object]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_text(value)) for name, value in values.items()]


def _text(value: object) -> str:
    if isinstance(value, float):
        return repr(float(value))  # numpy's own would call itself np.float64(...)
    return value if isinstance(value, str) else repr(value)


def _values(message: DiagnosticArray) -> dict[str, str]:
    if len(message.status) != 1:
        raise ValueError(f'a message of ours has one status, this one has {len(message.status)}')
    return {pair.key: pair.value for pair in message.status[0].values}


def _need(values: Mapping[str, str], name: str) -> str:
    if name not in values:
        raise ValueError(f'the message has no {name}; is its sender of another version?')
    return values[name]
