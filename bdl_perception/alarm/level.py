# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The words of an alert; the numbers are those of diagnostic_msgs/DiagnosticStatus."""
from dataclasses import dataclass
from dataclasses import field
from enum import IntEnum
from typing import Mapping, NamedTuple


class Level(IntEnum):
    """A higher one is worse: an ERROR at least is known."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


class Reason(NamedTuple):
    """One short sentence and the level that it asks for."""

    level: Level
    text: str


@dataclass(frozen=True)
class AlertState:
    """What the alert says at one moment."""

    level: Level
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
