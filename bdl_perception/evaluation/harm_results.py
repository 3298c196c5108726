# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The alarm evaluated by harm: ERROR where the network is wrong, and where it is right."""
from dataclasses import dataclass
import math
from typing import Iterable, Mapping, NamedTuple, Sequence

from bdl_perception.drives.description import held_out_conditions, STAMP_TOLERANCE_S
from bdl_perception.evaluation.alarm_replay import AlertStep
from bdl_perception.evaluation.drive_record import DriveRecord, NOMINAL_PART
from bdl_perception.evaluation.harm import WRONG_FOR_S, wrong_since_s
from bdl_perception.evaluation.set_results import NotMeasured

MAX_DELAY_S = 2.  # from the first wrong frame to ERROR
NO_TRUTH = 'no drive has depth and classes as ground truth'


class HarmfulDrive(NamedTuple):
    """A drive on which the network is wrong for WRONG_FOR_S."""

    drive: str
    condition: str
    since_s: float  # first wrong frame, after the first frame of the drive
    kinds: tuple[str, ...]  # what is wrong within WRONG_FOR_S of it
    delay_s: float  # from there to ERROR, 0 if it was active; +Inf: missed


class HarmCounts(NamedTuple):
    """Drives of one condition."""

    harmful: int
    in_time: int  # of these, with ERROR within MAX_DELAY_S
    missed: int  # of these, without ERROR
    harmless: int
    harmless_alarmed: int  # of these, with an ERROR although the network is right


@dataclass(frozen=True)
class HarmResults:
    """Harm by condition, nominal drives among them, and over all drives."""

    conditions: Mapping[str, HarmCounts]
    total: HarmCounts
    drives: tuple[HarmfulDrive, ...]
    compared_drives: int
    max_delay_s: float = MAX_DELAY_S


def harm_results(replayed: Iterable[tuple[DriveRecord, Sequence[AlertStep]]],
                 ) -> HarmResults | NotMeasured:
    """Judge every drive that has ground truth."""
    counts: dict[str, HarmCounts] = {}
    harmful: list[HarmfulDrive] = []
    for record, steps in replayed:
        if not record.wrong:
            continue
        found = _harmful_drive(record, steps)
        harmful += [found] if found else []
        name = _condition(record)
        counts[name] = _add(counts.get(name, HarmCounts(0, 0, 0, 0, 0)),
                            _count(found, any(step.error for step in steps)))
    if not counts:
        return NotMeasured(NO_TRUTH)
    total = HarmCounts(*map(sum, zip(*counts.values(), strict=True)))
    return HarmResults(counts, total, tuple(harmful), total.harmful + total.harmless)


def _condition(record: DriveRecord) -> str:
    return ', '.join(held_out_conditions(record.origin.segments)) or NOMINAL_PART


def _harmful_drive(record: DriveRecord, steps: Sequence[AlertStep]) -> HarmfulDrive | None:
    """Return when a drive becomes harmful, and the delay of ERROR; None: it never does."""
    times_s = record.times_s()
    since_s = wrong_since_s(times_s, map(record.wrong.get, range(len(times_s))))
    if since_s is None:
        return None
    begun = since_s - STAMP_TOLERANCE_S
    kinds = {kind for index, found in record.wrong.items()
             if begun <= times_s[index] <= since_s + WRONG_FOR_S for kind in found}
    raised = [time_s for time_s, step in zip(times_s, steps, strict=True)
              if step.error and time_s >= begun]
    delay_s = max(0., raised[0] - since_s) if raised else math.inf
    return HarmfulDrive(record.origin.name, _condition(record), since_s, tuple(sorted(kinds)),
                        delay_s)


def _count(found: HarmfulDrive | None, alarmed: bool) -> HarmCounts:
    if found is None:
        return HarmCounts(0, 0, 0, 1, int(alarmed))
    in_time = found.delay_s <= MAX_DELAY_S + STAMP_TOLERANCE_S
    return HarmCounts(1, int(in_time), int(math.isinf(found.delay_s)), 0, 0)


def _add(first: HarmCounts, second: HarmCounts) -> HarmCounts:
    return HarmCounts(*(one + other for one, other in zip(first, second, strict=True)))
