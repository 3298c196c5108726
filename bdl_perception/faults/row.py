# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A row of the fault table: a hazard, how it is detected, and which reaction is required."""
from dataclasses import dataclass
from enum import Enum

from bdl_perception.alarm.alert_types import AlertLevel

FRAME_S = 0.3  # bound: one heartbeat of the alert, one frame, and the time in the network
SILENCE_S = 0.35  # two periods of the camera at 10 Hz, one heartbeat, one frame in the network
CAUSE_S = 1.0  # until the cause of an unusable image is named
START_S = 10.0  # until a process has started and reports what is wrong
VARIANT_REPEATS = 3  # of a row whose detection another row has as well


class Setup(Enum):
    """The processes in which a row is measured."""

    RAW = 'raw images'
    COMPRESSED = 'compressed images'
    CAMERA_NODE = 'camera_node as the camera'
    GOVERNOR = 'governor_node alone'


class Observed(Enum):
    """Where the reaction is required."""

    ALERT = 'alert'
    COMMAND = 'velocity'  # governor_node slows down
    EXIT = 'exit code'  # the process ends with exit code 2


@dataclass(frozen=True)
class FaultRow:
    """A hazard that is injected into the running nodes."""

    name: str  # of the injection, if `injection` is empty
    hazard: str
    detection: str  # what in the package notices it
    reason: str  # regular expression that a reason of the alert must contain; '': any
    bound_s: float  # of the reaction
    test: str  # pytest node id, or a file, that covers the detection
    before: str  # verdict at commit 6ae3ea2, before the work on robustness
    level: AlertLevel = AlertLevel.WARN  # required at least
    setup: Setup = Setup.RAW
    observed: Observed = Observed.ALERT
    max_repeats: int = VARIANT_REPEATS
    lasts: bool = True  # the alert is not OK again while the fault is present
    injection: str = ''

    def __post_init__(self) -> None:
        """Check what a table needs; ValueError."""
        if not (self.name and self.hazard and self.detection and self.test):
            raise ValueError(f'row {self.name!r} lacks a name, hazard, detection or test')
        if not (self.bound_s > 0 and self.max_repeats > 0):
            raise ValueError(f'row {self.name}: bound_s is {self.bound_s} and max_repeats is '
                             f'{self.max_repeats}, both must be above 0')
        if self.level == AlertLevel.OK:
            raise ValueError(f'row {self.name} requires no level: list it as undetected')

    @property
    def injected(self) -> str:
        """Return the name of the injection."""
        return self.injection or self.name

    @property
    def required(self) -> str:
        """Describe the required reaction."""
        if self.observed is Observed.COMMAND:
            return 'slows down'
        if self.observed is Observed.EXIT:
            return 'exit code 2'
        return self.level.name if self.level == AlertLevel.STALE else f'{self.level.name} or worse'


@dataclass(frozen=True)
class TestedHazard:
    """A hazard whose detection is tested, without a reaction time."""

    __test__ = False  # pytest: this is no test

    hazard: str
    detection: str
    test: str
    before: str


@dataclass(frozen=True)
class UndetectedHazard:
    """A hazard that the package does not detect, and need not."""

    name: str  # of the injection; '': it is not injected
    hazard: str
    why: str
    before: str
