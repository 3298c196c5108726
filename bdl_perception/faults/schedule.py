# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Seeded schedule of a soak test: which fault is present when, with nominal time between them.

The faults are rows of the fault table, with the time until OK must be back. Level and bound of the
reaction are those of the table. Faults of damaged files, parameters and compressed images need
other processes and are left out, as are faults that end by themselves.
"""
from dataclasses import dataclass
from itertools import zip_longest
import random
from typing import Iterator, Mapping, NamedTuple, Sequence

from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.faults.catalogue import GROUPS
from bdl_perception.faults.oracle import ANY, NOMINAL, Requirement
from bdl_perception.faults.row import FaultRow, Observed, Setup
from bdl_perception.faults.row import START_S as PROCESS_START_S
from bdl_perception.nodes.authenticity import WINDOW_S

POLICY = AlertPolicy()
MARGIN_S = 2.  # a Monte Carlo cycle, and the way of a message
STALE_S = POLICY.recovery_s + MARGIN_S
ALERT_S = POLICY.hold_s + POLICY.clear_s + STALE_S
EVIDENCE_S = 2.  # until the evidence falls below half of its limit
START_S = PROCESS_START_S + MARGIN_S  # loads the model, is activated and completes a cycle
RECOVER_S: Mapping[str, float] = {  # group of the table -> s
    'Camera': STALE_S,
    'Images': ALERT_S + EVIDENCE_S,
    'Stamps': ALERT_S,
    'Malformed images and camera_info': ALERT_S,
    'Network': ALERT_S,
    'Processes': START_S,
    'Other nodes and their messages': ALERT_S,
    'governor_node': STALE_S,
}
SECOND_S = WINDOW_S + STALE_S  # the messages of this time are examined
RECOVER_BY_NAME_S = {
    'second_camera': SECOND_S, 'second_alert': SECOND_S, 'stop_perception_node': ALERT_S,
    'stop_alert_node': ALERT_S}
# What the alert cannot say, since alert_node or governor_node itself fails.
OWN_REQUIREMENTS: Mapping[str, Requirement] = {
    'stop_alert_node': Requirement(ANY, 0., RECOVER_BY_NAME_S['stop_alert_node'],
                                   silences_alert=True),
    'kill_alert_node': Requirement(ANY, 0., START_S, silences_alert=True),
    'kill_governor_node': Requirement(NOMINAL, 0., START_S, silences_command=True),
}
ALERT_IS_FALSE = ('second_alert',)  # any level may be received
NOT_ALWAYS_FOUND = ('channels_swapped',)  # where two successive images are of other colours
LARGE = ('encoding_1_mb', 'status_huge_fault', 'status_many_faults', 'scores_huge_key',
         'scores_many_keys')  # messages of megabytes, whose buffers stay


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
class SoakFault:
    """A fault that the schedule may draw, and what is required of the nodes."""

    name: str
    requirement: Requirement
    ends_process: bool = False
    is_large: bool = False

    @property
    def timing(self) -> FaultTiming:
        """Give what the schedule must know."""
        return FaultTiming(self.name, self.requirement.detect_s, self.requirement.recover_s,
                           self.ends_process, self.is_large)


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


def soak_faults(names: Sequence[str] = ()) -> tuple[SoakFault, ...]:
    """Give the faults with these names; all of them without names."""
    rows = [(group, row) for group, rows in GROUPS.items() for row in rows
            if _is_usable(group, row)]
    requirements = {**{row.name: _requirement(group, row) for group, row in rows},
                    **OWN_REQUIREMENTS}
    return tuple(SoakFault(name, requirement, name.startswith(('kill_', 'segv_')), name in LARGE)
                 for name, requirement in requirements.items() if not names or name in names)


def _is_usable(group: str, row: FaultRow) -> bool:
    """Tell whether a row is of the nodes of a soak test, and lasts as long as the fault."""
    same_nodes = row.setup is Setup.RAW or row.name.startswith('command_')
    found = row.lasts and row.name not in NOT_ALWAYS_FOUND
    return (group in RECOVER_S and same_nodes and found and row.injected == row.name
            and row.observed is not Observed.EXIT)


def _requirement(group: str, row: FaultRow) -> Requirement:
    recover_s = RECOVER_BY_NAME_S.get(row.name, RECOVER_S[group])
    if row.observed is Observed.COMMAND:
        return Requirement(ANY if row.name in ALERT_IS_FALSE else NOMINAL, row.bound_s, recover_s,
                           stops=True)
    levels = frozenset(level for level in AlertLevel if level >= row.level)
    return Requirement(levels, row.bound_s, recover_s, reason=row.reason)
