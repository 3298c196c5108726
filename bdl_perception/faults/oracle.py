# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Oracle of a soak test: which levels are correct at each moment, and which alerts were not.

It knows only the faults that were injected, their bounds, and how long the machine let the
processes wait. It shares no code with the alert machine.

Example: a black image from 10 to 15 s must be WARN or ERROR from .5 s on and OK 4 s after its end.
Then OK is a violation in 10.5 to 15 s, WARN is one before 10 s and after 19 s, and every level is
accepted in between.
"""
from dataclasses import dataclass
from itertools import pairwise
import math
import re
from typing import Collection, Iterable, Iterator, NamedTuple, Protocol, Sequence

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.faults.load import Waits

NOMINAL = frozenset({AlertLevel.OK})
ANY = frozenset(AlertLevel)
LATE_WINDOW_S = 2.5  # in which waiting can make inputs late, with the recovery from it
LATE_SHARE = .1  # of the window, that one process waits: STALE is correct without a fault then
MAX_EXTENSION_S, EXTENSIONS = 5., 5  # of a bound, by waiting time; a longer wait is a violation
HOLD_TOLERANCE_S = .15  # between the times at which two subscribers receive an alert
# Added to a bound on a machine that was late. The measured period of late frames is longer: STALE
# after .5 s and a heartbeat. A process also waits for memory and files, not counted here.
LATE_S = .25
SILENT = 'alert is silent'
WRONG_LEVEL, NO_REASON, SHORT_ERROR = 'wrong level', 'no reason', 'short error'
WRONG_REASON = 'wrong reason'


class Alert(Protocol):
    """A received alert."""

    @property
    def arrival_s(self) -> float:
        """Give the monotonic time of arrival."""

    @property
    def level(self) -> int:
        """Give the level, as in diagnostic_msgs."""

    @property
    def reasons(self) -> Sequence[str]:
        """Give the reasons."""


@dataclass(frozen=True)
class Requirement:
    """What the alert must do about a fault."""

    levels: frozenset[AlertLevel]  # that are correct after detect_s
    detect_s: float
    recover_s: float  # from the end of the fault until OK is required
    silences_alert: bool = False  # alert_node itself cannot publish
    silences_command: bool = False  # governor_node itself cannot publish
    stops: bool = False  # the speed must become 0, whatever the received alerts say
    reason: str = ''  # regular expression that a reason of one such alert must contain; '': any

    def __post_init__(self) -> None:
        """Check that there is a correct level; ValueError."""
        if not self.levels:
            raise ValueError('a requirement must name at least one level')


class FaultInterval(NamedTuple):
    """A fault that was injected; monotonic times."""

    name: str
    start_s: float
    end_s: float  # infinite while the fault is present
    requirement: Requirement


class Violation(NamedTuple):
    """Something that was not correct, from its first to its last occurrence."""

    kind: str
    start_s: float
    end_s: float
    times: int
    text: str


class _Deadlines(NamedTuple):
    """When a fault must be detected, and when OK must be back; waiting time is added."""

    interval: FaultInterval
    detected_s: float
    recovered_s: float


class LevelOracle:
    """Tells the correct levels of each moment."""

    def __init__(self, intervals: Sequence[FaultInterval], waits: Waits | None = None) -> None:
        """Know the faults and the waiting times of a soak test."""
        self._waits = waits or Waits()
        self._deadlines = [_Deadlines(
            one, self._extended(one.start_s, one.requirement.detect_s
                                + LATE_S * self.is_late(one.start_s)),
            self._extended(one.end_s, one.requirement.recover_s)) for one in intervals]

    def allowed(self, at_s: float) -> frozenset[AlertLevel]:
        """Give the correct levels; STALE is one of them when the machine makes inputs late."""
        near = self._near(at_s)
        late = frozenset({AlertLevel.STALE}) if self.is_late(at_s) else frozenset()
        required = [one.interval.requirement.levels for one in near
                    if one.detected_s < at_s <= one.interval.end_s]
        if required:
            return frozenset.intersection(*required) | late
        return ANY if near else NOMINAL | late

    def name(self, at_s: float) -> str:
        """Name the faults that matter at a moment."""
        names = [f'{one.interval.name}{"" if at_s <= one.interval.end_s else " (ended)"}'
                 for one in self._near(at_s)]
        return ', '.join(names) or 'no fault'

    def is_late(self, at_s: float) -> bool:
        """Tell whether the machine let one process wait so long that inputs may be late."""
        return was_late(self._waits, at_s)

    def is_due(self, interval: FaultInterval, at_s: float) -> bool:
        """Tell whether an alert must have named a fault, and the machine was not late."""
        return bool(interval.requirement.reason) and not self.is_late(at_s) and any(
            one.detected_s < at_s for one in self._deadlines if one.interval == interval)

    def _near(self, at_s: float) -> list[_Deadlines]:
        return [one for one in self._deadlines
                if one.interval.start_s <= at_s <= one.recovered_s]

    def _extended(self, start_s: float, bound_s: float) -> float:
        """Add to a bound the time that the processes waited in it."""
        if not math.isfinite(start_s):
            return start_s
        end_s = start_s + bound_s
        for _ in range(EXTENSIONS):  # they wait in the added time as well
            waited_s = min(MAX_EXTENSION_S, self._waits.within(start_s, end_s))
            end_s = start_s + bound_s + waited_s
        return end_s


def was_late(waits: Waits, at_s: float) -> bool:
    """Tell whether one process waited for a large share of the time before a moment."""
    waited_s = waits.longest_within(at_s - LATE_WINDOW_S, at_s)
    return waited_s >= LATE_SHARE * LATE_WINDOW_S


def check_levels(alerts: Iterable[Alert], oracle: LevelOracle) -> list[Violation]:
    """Find alerts whose level is not correct, or that are not OK and give no reason."""
    found = []
    for alert in alerts:
        allowed = oracle.allowed(alert.arrival_s)
        level = AlertLevel(alert.level)
        if level not in allowed:
            names = ' or '.join(sorted(one.name for one in allowed))
            found.append(_at(WRONG_LEVEL, alert, f'{level.name} in place of {names}, '
                             f'{oracle.name(alert.arrival_s)}: {_first(alert.reasons)}'))
        if level != AlertLevel.OK and not any(alert.reasons):
            found.append(_at(NO_REASON, alert, f'{level.name} without a reason, '
                             f'{oracle.name(alert.arrival_s)}'))
    return merged(found)


def check_reasons(alerts: Sequence[Alert], intervals: Sequence[FaultInterval],
                  oracle: LevelOracle) -> list[Violation]:
    """
    Find faults that no alert named, although one had a required level.

    A machine that was late at every alert after the bound may have hidden the reason.
    """
    found = []
    for one in intervals:
        during = [alert for alert in alerts if one.start_s <= alert.arrival_s <= one.end_s
                  and alert.level in one.requirement.levels]
        due = [alert for alert in during if oracle.is_due(one, alert.arrival_s)]
        if due and not any(re.search(one.requirement.reason, text) for alert in during
                           for text in alert.reasons):
            found.append(_at(WRONG_REASON, due[0], f'{one.name}, but no reason contains '
                             f'{one.requirement.reason!r}: {_first(due[0].reasons)}'))
    return found


def check_gaps(alerts: Sequence[Alert], begin_s: float, end_s: float, lease_s: float,
               intervals: Sequence[FaultInterval], waits: Waits | None = None) -> list[Violation]:
    """Find times without an alert that are longer than its lease, from begin_s to end_s."""
    silent = [one for one in intervals if one.requirement.silences_alert]
    arrivals_s = [alert.arrival_s for alert in alerts]
    gaps = long_gaps(arrivals_s, begin_s, end_s, lease_s, silent, waits)
    return [Violation(SILENT, before_s, after_s, 1, f'{after_s - before_s:.2f} s without an '
                      f'alert, the lease is {lease_s:g} s') for before_s, after_s in gaps]


def long_gaps(arrivals_s: Sequence[float], begin_s: float, end_s: float, bound_s: float,
              silent: Sequence[FaultInterval],
              waits: Waits | None = None) -> Iterator[tuple[float, float]]:
    """
    Give the gaps that are longer than bound_s and the time that the processes waited in them.

    The bound is longer by LATE_S while the machine is late. The time of a fault in `silent`, and
    of the recovery from it, is left out of the gaps.
    """
    waits = waits or Waits()
    inside = [arrival_s for arrival_s in arrivals_s if begin_s < arrival_s < end_s]
    for gap in pairwise([begin_s, *inside, end_s]):
        parts = [gap]
        for one in silent if gap[1] - gap[0] > bound_s else ():
            back_s = one.end_s + one.requirement.recover_s
            parts = [part for first_s, last_s in parts
                     for part in ((first_s, min(last_s, one.start_s)),
                                  (max(first_s, back_s), last_s))]
        yield from (part for part in parts
                    if part[1] - part[0] > bound_s + waits.within(*part)
                    + LATE_S * was_late(waits, part[1]))


def check_error_holds(alerts: Sequence[Alert], hold_s: float,
                      intervals: Sequence[FaultInterval]) -> list[Violation]:
    """
    Find errors that ended before hold_s, unless alert_node was started again.

    Below STALE an error cannot be seen, so that one after STALE may have begun before.
    """
    found, error_s = [], -math.inf
    restarted = [one for one in intervals if one.requirement.silences_alert]
    for before, after in pairwise(alerts):
        if before.level < AlertLevel.ERROR == after.level:
            error_s = after.arrival_s
        early = after.arrival_s < error_s + hold_s - HOLD_TOLERANCE_S
        if early and after.level < AlertLevel.ERROR <= before.level and not any(
                one.start_s <= after.arrival_s and error_s <= one.end_s
                + one.requirement.recover_s for one in restarted):
            found.append(_at(SHORT_ERROR, after, f'{AlertLevel(after.level).name} '
                             f'{after.arrival_s - error_s:.2f} s after ERROR began, which must '
                             f'hold {hold_s:g} s'))
    return found


def merged(violations: Sequence[Violation], gap_s: float = 1.) -> list[Violation]:
    """Join violations of one kind that follow each other within gap_s; the first text stays."""
    joined: list[Violation] = []
    for one in violations:
        index = next((i for i in reversed(range(len(joined)))
                      if joined[i].kind == one.kind), None)
        if index is not None and one.start_s - joined[index].end_s <= gap_s:
            joined[index] = joined[index]._replace(
                end_s=max(joined[index].end_s, one.end_s), times=joined[index].times + one.times)
        else:
            joined.append(one)
    return joined


def _at(kind: str, alert: Alert, text: str) -> Violation:
    return Violation(kind, alert.arrival_s, alert.arrival_s, 1, text)


def _first(reasons: Collection[str]) -> str:
    return next(iter(reasons), 'no reason')
