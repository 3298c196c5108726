# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A row of the fault table: hazard, detection, required reaction, and the measured reactions."""
from dataclasses import dataclass
from enum import Enum
from statistics import median

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


@dataclass(frozen=True)
class Repeat:
    """One injection of a fault."""

    reaction_s: float | None  # until the required reaction; None: there was none
    recovery_s: float | None  # from the end of the fault until OK; None: not in time
    lasted: bool = True  # no OK shortly after the reaction
    worst: int = 0  # level while the fault was present
    reason: str = ''  # of the reaction, or the first one of the worst alert


@dataclass(frozen=True)
class RowResult:
    """All repeats of a row."""

    name: str
    repeats: tuple[Repeat, ...]
    bound_s: float
    lasts: bool = True
    problem: str = ''  # why the row could not be measured

    @property
    def reactions_s(self) -> list[float]:
        """Return the reaction times of the repeats that had one."""
        return [one.reaction_s for one in self.repeats if one.reaction_s is not None]

    @property
    def median_s(self) -> float | None:
        """Return the median reaction time."""
        return median(self.reactions_s) if self.reactions_s else None

    @property
    def worst_s(self) -> float | None:
        """Return the longest reaction time; None: one repeat or more had no reaction."""
        complete = len(self.reactions_s) == len(self.repeats)
        return max(self.reactions_s) if complete and self.repeats else None

    @property
    def verdict(self) -> str:
        """Return 'pass', or how the row fails."""
        if self.problem or not self.repeats:
            return 'not measured'
        missed = [one for one in self.repeats if one.reaction_s is None]
        if any(one.worst == AlertLevel.OK for one in missed):
            return 'silent'
        if missed:
            return 'no reason'
        if self.lasts and not all(one.lasted for one in self.repeats):
            return 'OK too early'
        if any(one.recovery_s is None for one in self.repeats):
            return 'no recovery'
        return 'pass' if max(self.reactions_s) <= self.bound_s else 'late'
