# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The content of a diagnostic_msgs/DiagnosticStatus, for messages and for recordings without ROS.

Numbers are written as repr, which can be read back exactly.
"""
from dataclasses import asdict
from typing import Mapping, NamedTuple

from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import ACTIVE_STATE, PerceptionStatus

STATUS_NAME_PREFIX = 'bdl_perception'
CYCLE_KEY = 'cycle'
FAULT_KEY = 'fault'
RATE_KEY = 'status_hz'
WARNING_KEY = 'warning'
COUNTERS = ('frames_in', 'frames_out', 'frames_dropped')
OK_LEVEL, WARN_LEVEL, ERROR_LEVEL = 0, 1, 2
NOTHING: Mapping[str, object] = {}


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
