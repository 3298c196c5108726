# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Drives and what a model said of them: thinned, and refused where they could not count."""
import math
from typing import NamedTuple, Sequence

from bdl_perception.alarm.enough import FEWEST_OBSERVATIONS
from bdl_perception.alarm.evidence import Observation
from bdl_perception.alarm.regions import Regions
from bdl_perception.alarm.scores import has_no_pixel
from bdl_perception.alarm.scores import score_meanings
from bdl_perception.alarm.sequential import Thinning


class ScoredDrive(NamedTuple):
    """What a model said of one drive."""

    name: str
    observations: Sequence[Observation]
    camera: str | None = None  # that it is of; None: nobody said
    recording: str = ''  # drives of one recording are one road at one time; empty: of its own


def thin(drive: ScoredDrive, step_s: float) -> ScoredDrive:
    """Keep observations that are at least step_s apart."""
    thinning = Thinning(step_s)
    kept = tuple(seen for seen in drive.observations if thinning.due(seen.stamp_ns))
    return drive._replace(observations=kept)


def check_drives(thinned: Sequence[ScoredDrive], step_s: float) -> None:
    """Refuse what is no drive of its own: too short, or another one under a second name."""
    known: dict[tuple[float, ...], str] = {}
    for drive in thinned:
        count = len(drive.observations)
        if count < FEWEST_OBSERVATIONS:
            raise ValueError(f'drive {drive.name} has {count} observations {step_s:g} s apart, at '
                             f'least {FEWEST_OBSERVATIONS} are needed; leave it out or drive on')
        scores = tuple(value for seen in drive.observations for value in seen.values.values())
        if scores in known:
            raise ValueError(f'drives {known[scores]} and {drive.name} have the very same scores; '
                             f'give each drive once, or it counts for more than it is')
        known[scores] = drive.name


def check_drive(drive: ScoredDrive, regions: Regions, watched: Sequence[str]) -> None:
    if not drive.observations:
        raise ValueError(f'drive {drive.name} gave no observation; is it empty?')
    for seen in drive.observations:
        where = f'drive {drive.name}, stamp {seen.stamp_ns}'
        empty = {name for name in score_meanings(regions) if has_no_pixel(name, seen.values)}
        if blind := sorted(empty.intersection(watched)):
            raise ValueError(f'{where}: nothing has a depth where {blind} is measured; watch '
                             f'another score, or leave the drive out')
        bad = [name for name in score_meanings(regions) if name not in empty
               and not math.isfinite(seen.values.get(name, math.nan))]
        if bad:
            raise ValueError(f'{where}: {bad} missing or not finite; leave the drive out or mend '
                             f'the model')
