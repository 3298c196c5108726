# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The words of an alert; the numbers are those of diagnostic_msgs/DiagnosticStatus."""
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Mapping, NamedTuple

from bdl_perception.perception.types import CAMERA_NAME_PATTERN


class AlertLevel(IntEnum):
    """A higher one is worse: an ERROR at least is known."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


class Reason(NamedTuple):
    """One short sentence and the level that it asks for."""

    level: AlertLevel
    text: str


@dataclass(frozen=True)
class AlertState:
    """What the alert says at one moment."""

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
    low_thresholds: Mapping[str, float] = field(default_factory=dict)  # if low ones are strange


MAX_TIME_S = 3600.  # nobody who drives waits longer


@dataclass(frozen=True)
class AlertPolicy:
    """The times of an AlertMachine, and how far the evidence must fall before it clears."""

    stale_after_s: float = .5  # status or frame scores older than this: STALE
    epistemic_max_age_s: float = 2.  # a Monte Carlo result of an older picture: STALE
    max_frame_age_s: float = 1.  # from the camera's stamp to the arrival of the scores
    hold_s: float = 2.  # ERROR stays at least this long; so does STALE after time went back
    clear_s: float = 1.  # so long without a strange score before OK is earned
    clear_fraction: float = .5  # of the CUSUM limit, below which S must have fallen

    def __post_init__(self) -> None:
        """Refuse a time that is NaN, negative or endless."""
        for item in fields(self):
            value, waits = getattr(self, item.name), item.name in ('hold_s', 'clear_s')
            high = 1. if item.name == 'clear_fraction' else MAX_TIME_S
            if not (0 <= value <= high and (value > 0 or waits)):
                low = 'at least' if waits else 'above'
                raise ValueError(f'{item.name} is {value}, must be {low} 0 and at most {high:g}')


def parse_camera_names(text: str) -> tuple[str, ...]:
    """Read 'front,rear'; empty: none. ValueError: no namespace, or one that is there twice."""
    names = tuple(name.strip() for name in text.split(',')) if text.strip() else ()
    for name in names:
        if not CAMERA_NAME_PATTERN.fullmatch(name):
            raise ValueError(f'cameras is {text!r}: {name!r} is no namespace; write names of '
                             f'letters, digits and underscores with commas between')
        if names.count(name) > 1:
            raise ValueError(f'cameras is {text!r}: {name!r} is there twice')
    return names


def combine_alerts(states: Mapping[str, AlertState]) -> AlertState:
    """Say the worst of several cameras, with the reasons of all, the worst first."""
    worst_first = sorted(states.items(), key=lambda item: -item[1].level)
    reasons = tuple(f'{camera}: {reason}' for camera, state in worst_first
                    for reason in state.reasons)
    return AlertState(max((state.level for state in states.values()), default=AlertLevel.STALE),
                      reasons or (() if states else ('no camera is watched',)))
