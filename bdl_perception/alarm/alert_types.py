# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Levels, states and policy of an alert; level numbers as in diagnostic_msgs/DiagnosticStatus."""
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Mapping, NamedTuple

from bdl_perception.parameter_spec import parameter, Parameters
from bdl_perception.perception.data_types import CAMERA_NAME_PATTERN
from bdl_perception.perception.diagnostic import Diagnostic, make_diagnostic
from bdl_perception.perception.status import printable_line

ALL_CAMERAS = 'all cameras'


class AlertLevel(IntEnum):
    """Ascending severity; STALE is above ERROR because the state is unknown."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


class Reason(NamedTuple):
    """A reason for a level, in one short sentence."""

    level: AlertLevel
    text: str


@dataclass(frozen=True)
class AlertState:
    """The state of an alert at one moment."""

    level: AlertLevel
    reasons: tuple[str, ...]  # the worst first; empty when OK
    statistics: Mapping[str, float] = field(default_factory=dict)  # the newest scores
    thresholds: Mapping[str, float] = field(default_factory=dict)  # of the watched scores
    p_value: float | None = None  # of the last complete observation; None: there was none
    cusum: float = 0.
    cusum_limit: float | None = None  # None: no calibration
    stamp_ns: int | None = None  # of the newest frame; None: there was none
    slow: float | None = None  # evidence of the slow alarm; None: there is no such alarm
    slow_limit: float | None = None
    low_thresholds: Mapping[str, float] = field(default_factory=dict)  # of two-sided tests
    late_frames: int = 0  # dropped: a later one, or the same one, came before


class InputTopic(NamedTuple):
    """Who publishes a topic that the alert reads."""

    name: str
    publishers: tuple[str, ...] = ()  # nodes whose messages can be received
    rejected: tuple[str, ...] = ()  # why those of other nodes cannot: type or QoS


@dataclass(frozen=True)
class AlertPolicy(Parameters):
    """Time limits of an AlertMachine, and when its evidence clears the alert."""

    stale_after_s: float = parameter(
        .5, 'maximum age of status and frame scores; older: STALE', 's', .05, 60, live=True)
    min_stale_after_s: float = parameter(
        .15, 'lower bound of 2.25 measured frame periods; scores that are older: STALE', 's', .05,
        60, live=True)
    epistemic_max_age_s: float = parameter(
        2., 'maximum age of the frame of a Monte Carlo result; older: STALE', 's', .05, 60)
    max_frame_age_s: float = parameter(
        1., 'maximum time from the stamp of a frame to the arrival of its scores; longer: STALE',
        's', .05, 60, live=True)
    hold_s: float = parameter(
        2., 'minimum duration of ERROR, and of STALE after a clock that jumped back', 's', 0, 600,
        live=True)
    recovery_s: float = parameter(
        1., 'time without silence, late inputs or an inactive perception_node before STALE from '
        'them ends', 's', 0, 600,
        live=True)
    tolerated_faults: int = parameter(
        0, 'status messages with faults that are WARN before they are ERROR; counted anew after '
        'frames and Monte Carlo results without a fault', '', 0, 100)
    warning_level: str = parameter(
        'warn', 'level of a warning of perception_node, such as depth of unknown scale',
        choices=('ok', 'warn', 'stale'))
    clear_s: float = parameter(
        1., 'time without an exceedance, a warning or a fault before the level returns to OK',
        's', 0, 600, live=True)
    clear_fraction: float = parameter(
        .5, 'fraction of the CUSUM limit; the evidence must fall below it before OK', '', .01, 1)


def parse_camera_names(text: str) -> tuple[str, ...]:
    """Parse 'front,rear'; empty: none. ValueError: not a namespace, or a repeated one."""
    names = tuple(name.strip() for name in text.split(',')) if text.strip() else ()
    for name in names:
        if not CAMERA_NAME_PATTERN.fullmatch(name):
            raise ValueError(f'cameras is {text!r}: {name!r} is no namespace; write names of '
                             f'letters, digits and underscores with commas between')
        if names.count(name) > 1:
            raise ValueError(f'cameras is {text!r}: {name!r} appears twice')
    return names


def combine_alerts(states: Mapping[str, AlertState]) -> AlertState:
    """Combine the states of several cameras: the worst level, all reasons, worst first."""
    worst_first = sorted(states.items(), key=lambda item: -item[1].level)
    reasons = tuple(f'{camera}: {reason}' for camera, state in worst_first
                    for reason in state.reasons)
    return AlertState(max((state.level for state in states.values()), default=AlertLevel.STALE),
                      reasons or (() if states else ('no camera is watched',)))


def alert_diagnostics(states: Mapping[str, AlertState]) -> list[Diagnostic]:
    """
    Convert the alert state of each camera.

    With several cameras the first one combines them all at the worst level, and one for each
    follows.
    """
    if len(states) != 1:
        states = {ALL_CAMERAS: combine_alerts(states), **states}
    return [make_diagnostic(f'{camera}: uncertainty', state.level,
                            '; '.join(map(printable_line, state.reasons)) or 'OK',
                            _alert_values(state), camera) for camera, state in states.items()]


def _alert_values(state: AlertState) -> dict[str, object]:
    plain = {name: getattr(state, name) for name in (
        'p_value', 'cusum', 'cusum_limit', 'slow', 'slow_limit', 'late_frames')}
    values = {'frame_stamp_ns': state.stamp_ns, **plain,
              **{f'score_{name}': value for name, value in state.statistics.items()},
              **{f'threshold_{name}': value for name, value in state.thresholds.items()},
              **{f'low_threshold_{name}': value for name, value in state.low_thresholds.items()}}
    return {name: value for name, value in values.items() if value is not None}
