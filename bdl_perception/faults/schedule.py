# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Seeded schedule of a soak test: which fault is present when, with nominal time between them."""
from dataclasses import dataclass
from itertools import zip_longest
import random
from typing import Iterator, NamedTuple, Sequence


@dataclass(frozen=True)
class FaultTiming:
    """What the schedule must know about a fault."""

    name: str
    detect_s: float  # bound of the time until the required level
    recover_s: float  # bound of the time from the end of the fault until OK
    ends_process: bool = False  # a process is started again, and its resources with it
    is_large: bool = False  # its first message raises the memory that a process keeps

    def __post_init__(self) -> None:
        """Check the bounds; ValueError."""
        if self.detect_s < 0 or self.recover_s < 0:
            raise ValueError(f'{self.name}: detect_s is {self.detect_s} and recover_s is '
                             f'{self.recover_s}, both must be at least 0')


@dataclass(frozen=True)
class SchedulePolicy:
    """Durations of the parts of a schedule, s."""

    first_s: float = 10.  # nominal time before the first fault
    present_s: tuple[float, float] = (2., 5.)  # of a fault after its detection bound
    nominal_s: tuple[float, float] = (3., 8.)  # after the recovery bound of a fault
    early_share: float = .25  # of the duration: before the resources are compared


class Phase(NamedTuple):
    """A scheduled fault; times count from the begin of the soak test."""

    start_s: float
    duration_s: float
    name: str
    recover_s: float  # nominal afterwards, but OK is not required yet

    @property
    def end_s(self) -> float:
        """Give the end of the fault."""
        return self.start_s + self.duration_s


def make_schedule(faults: Sequence[FaultTiming], duration_s: float, seed: int,
                  policy: SchedulePolicy | None = None) -> tuple[Phase, ...]:
    """
    Draw faults until the duration is used up; the same arguments give the same schedule.

    Every round has each fault once, in a new order. Faults that end a process are in the first
    quarter only, so that each process has one long series of resources afterwards. Large ones
    are there for the first time, so that they may raise the memory once and not again. There,
    each second fault is one of these until all were drawn.
    """
    policy = policy or SchedulePolicy()
    rng = random.Random(f'faults {seed}')  # a text: the same in every version of Python
    phases: list[Phase] = []
    drawn: set[str] = set()
    now_s = policy.first_s
    for fault in _rounds(faults, rng):
        length_s = fault.detect_s + rng.uniform(*policy.present_s)
        nominal_s = rng.uniform(*policy.nominal_s)
        if now_s + length_s > policy.early_share * duration_s:
            usable = [one for one in faults if not _is_early(one)
                      or (one.name in drawn and not one.ends_process)]
            if not usable:
                break
            if fault not in usable:
                continue
        if now_s + length_s + fault.recover_s + nominal_s > duration_s:
            break
        drawn.add(fault.name)
        phases.append(Phase(now_s, length_s, fault.name, fault.recover_s))
        now_s = phases[-1].end_s + fault.recover_s + nominal_s
    return tuple(phases)


def _rounds(faults: Sequence[FaultTiming], rng: random.Random) -> Iterator[FaultTiming]:
    """Give all faults in a random order, again and again; those for the begin first."""
    if faults:
        first = rng.sample(faults, len(faults))
        early = sorted(filter(_is_early, first), key=lambda fault: not fault.ends_process)
        others = [fault for fault in first if not _is_early(fault)]
        for pair in zip_longest(early, others):
            yield from filter(None, pair)
    while faults:
        yield from rng.sample(faults, len(faults))


def _is_early(fault: FaultTiming) -> bool:
    return fault.ends_process or fault.is_large
