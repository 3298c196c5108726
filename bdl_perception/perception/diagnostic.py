# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The content of a diagnostic_msgs/DiagnosticStatus, for messages and for recordings without ROS.

Numbers are written as repr, which can be read back exactly.
"""
from dataclasses import asdict, fields
import re
from typing import Iterable, Mapping, NamedTuple, Sequence, TypeAlias

from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import (
    ACTIVE_STATE,
    Identity,
    MAX_STATUS_FAULTS,
    PerceptionStatus,
    printable_line,
)

STATUS_NAME_PREFIX = 'bdl_perception'
CYCLE_KEY = 'cycle'
FAULT_KEY = 'fault'
RATE_KEY = 'status_hz'
WARNING_KEY = 'warning'
SESSION_KEY, NUMBER_KEY, CHALLENGES_KEY = 'session', 'sequence_number', 'challenges'
NO_SCORES = {CYCLE_KEY, SESSION_KEY, NUMBER_KEY, CHALLENGES_KEY}  # keys of a message of scores
MAX_SCORES = 256
SCORE_NAME_PATTERN = re.compile(r'[a-z][a-z0-9_]{0,63}')
COUNTERS = ('frames_in', 'frames_out', 'frames_dropped')
OK_LEVEL, WARN_LEVEL, ERROR_LEVEL = 0, 1, 2
NOTHING: Mapping[str, object] = {}
Pairs: TypeAlias = Sequence[tuple[str, str]]  # keys and values of one DiagnosticStatus
_IDENTITY_TYPES: Mapping[str, type] = {item.name: type_of for item in fields(Identity)
                                       if isinstance(type_of := item.type, type)}


class Diagnostic(NamedTuple):
    """One DiagnosticStatus; a key may appear more than once."""

    name: str
    level: int  # of diagnostic_msgs/DiagnosticStatus
    message: str
    values: tuple[tuple[str, str], ...]
    hardware_id: str = ''


def make_diagnostic(name: str, level: int, message: str, values: Mapping[str, object],
                    hardware_id: str = '') -> Diagnostic:
    """Make a diagnostic whose name begins with the package."""
    return Diagnostic(f'{STATUS_NAME_PREFIX}: {name}', level, message,
                      tuple((key, format_value(value)) for key, value in values.items()),
                      hardware_id)


def scores_diagnostic(scores: Scores, origin: Mapping[str, object] = NOTHING) -> Diagnostic:
    """Convert the scores of a frame; origin: values that prove who sent them."""
    return make_diagnostic('scores', OK_LEVEL, '',
                           {**scores.values, CYCLE_KEY: scores.cycle, **origin})


def status_diagnostic(status: PerceptionStatus, backend: str,
                      origin: Mapping[str, object] = NOTHING) -> Diagnostic:
    """Convert the status of perception_node; each fault or warning is a key-value pair."""
    is_ok = status.state == ACTIVE_STATE and not status.warnings
    level = ERROR_LEVEL if status.faults else OK_LEVEL if is_ok else WARN_LEVEL
    values = {'state': status.state, **{name: getattr(status, name) for name in COUNTERS},
              **origin}
    if status.status_hz is not None:
        values[RATE_KEY] = status.status_hz
    if status.identity is not None:
        values.update(asdict(status.identity), backend=backend)
    text = '; '.join((*status.faults, *status.warnings)) or status.state
    plain = make_diagnostic('status', level, text, values)
    return plain._replace(values=(*plain.values, *((FAULT_KEY, one) for one in status.faults),
                                  *((WARNING_KEY, one) for one in status.warnings)))


def format_value(value: object) -> str:
    """Write a value; numbers so that they can be read back exactly."""
    if isinstance(value, float):
        return repr(float(value))  # the repr of a numpy float is np.float64(...)
    return value if isinstance(value, str) else repr(value)


def read_scores(stamp_ns: int, frame_id: str, pairs: Pairs) -> Scores:
    """Read scores; ValueError: a value is not a number, or name, count or cycle is wrong."""
    values = read_values(pairs)
    cycle = int(require_value(values, CYCLE_KEY))
    if cycle < 0:
        raise ValueError(f'scores have the cycle {cycle}, must be 0 or more')
    _check_score_names(set(values) - NO_SCORES)
    return Scores(stamp_ns, frame_id, {name: float(text) for name, text in values.items()
                                       if name not in NO_SCORES}, cycle)


def read_status(pairs: Pairs) -> PerceptionStatus:
    """Read a status; ValueError names a missing key, or there are too many faults."""
    values = read_values(pairs)
    faults, warnings = (tuple(value for name, value in pairs if name == key)
                        for key in (FAULT_KEY, WARNING_KEY))
    if max(len(faults), len(warnings)) > MAX_STATUS_FAULTS:
        raise ValueError(f'a status has {len(faults)} faults and {len(warnings)} warnings, at '
                         f'most {MAX_STATUS_FAULTS} of each are read')
    identity = Identity(**{name: type_of(require_value(values, name)) for name, type_of
                           in _IDENTITY_TYPES.items()}) if 'model' in values else None
    counts = {name: int(require_value(values, name)) for name in COUNTERS}
    rate = _read_rate(values)
    return PerceptionStatus(printable_line(require_value(values, 'state')),
                            tuple(map(printable_line, faults)), identity=identity, status_hz=rate,
                            warnings=tuple(map(printable_line, warnings)), **counts)


def read_values(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the value of each key; ValueError for a key, but that of faults, that comes twice."""
    values: dict[str, str] = {}
    for key, value in pairs:
        if key in values and key not in (FAULT_KEY, WARNING_KEY):
            raise ValueError(f'a message has the key {key!r:.40} twice')
        values[key] = value
    return values


def require_value(values: Mapping[str, str], name: str) -> str:
    """Return the value of a key; ValueError: the message does not have it."""
    if name not in values:
        raise ValueError(f'the message has no {name}; run sender and receiver in one version')
    return values[name]


def _read_rate(values: Mapping[str, str]) -> float | None:
    rate = float(values[RATE_KEY]) if RATE_KEY in values else None
    if rate is not None and not rate > 0:
        raise ValueError(f'{RATE_KEY} is {rate}, must be above 0')
    return rate


def _check_score_names(names: set[str]) -> None:
    if len(names) > MAX_SCORES:
        raise ValueError(f'a message has {len(names)} scores, at most {MAX_SCORES} are read')
    wrong = sorted(name for name in names if not SCORE_NAME_PATTERN.fullmatch(name))
    if wrong:
        raise ValueError(f'a score is named {wrong[0]!r:.40}, must be at most 64 lower-case '
                         f'letters, digits and underscores')
