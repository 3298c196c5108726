# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
From the scores of nominal drives to a calibration.

Frames of one drive are alike, so drives are what is counted: the observations of each are thinned,
for the thresholds to the time that the scores remember if so wished, and the limits of the two
sequential alarms are checked by leaving each drive out in turn.
"""
from collections import Counter
from dataclasses import replace
from statistics import median
from typing import NamedTuple, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration import Ordered
from bdl_perception.alarm.conformal import comparable
from bdl_perception.alarm.conformal import smallest_count
from bdl_perception.alarm.conformal import smallest_p_value
from bdl_perception.alarm.decorrelation import decorrelation_s
from bdl_perception.alarm.drift import EXPONENTS
from bdl_perception.alarm.drift import FLOOR
from bdl_perception.alarm.drift import highest_drift
from bdl_perception.alarm.drift import Windows
from bdl_perception.alarm.enough import fewest_for_evidence
from bdl_perception.alarm.enough import FEWEST_OBSERVATIONS
from bdl_perception.alarm.evidence import Observation
from bdl_perception.alarm.groups import group_of
from bdl_perception.alarm.odd_drives import refuse_late
from bdl_perception.alarm.regions import parse_regions
from bdl_perception.alarm.scored_drives import check_drive
from bdl_perception.alarm.scored_drives import check_drives
from bdl_perception.alarm.scored_drives import ScoredDrive
from bdl_perception.alarm.scored_drives import thin
from bdl_perception.alarm.scores import score_meanings
from bdl_perception.alarm.sequential import highest
from bdl_perception.alarm.sequential import log_evidence
from bdl_perception.alarm.status import Identity
from bdl_perception.alarm.wish import check_wish
from bdl_perception.alarm.wish import count_recordings
from bdl_perception.alarm.wish import Highest
from bdl_perception.alarm.wish import theory
from bdl_perception.alarm.wish import Wish

UNWATCHED = 5000  # observations that are kept of a score that only `bdl evaluate` compares with


class Prepared(NamedTuple):
    """Drives as they count."""

    thinned: list[ScoredDrive]  # to the steps of the alarm
    kept: list[ScoredDrive]  # of the thresholds
    score_step_s: float  # between what is kept
    observed_step_s: float | None
    decorrelation_s: dict[str, float]


def calibrate(drives: Sequence[ScoredDrive], identity: Identity, wish: Wish,
              software_version: str) -> Calibration:
    """Make the calibration; ValueError when the drives cannot give what is wished."""
    made = calibrate_late(drives, identity, wish, software_version)
    refuse_late(made, theory(wish))
    return made


def calibrate_late(drives: Sequence[ScoredDrive], identity: Identity, wish: Wish,
                   software_version: str) -> Calibration:
    """Make the calibration, however late its ERROR can be."""
    regions = parse_regions(identity.regions)
    check_wish(wish, count_recordings(drive.recording for drive in drives), regions)
    for drive in drives:
        check_drive(drive, regions, wish.watched)
    thinned, kept, score_step_s, observed_s, memory = prepare(drives, wish)
    _check_count(kept, wish)
    judged = held_out(thinned, kept, identity, wish)
    limits = _limits(judged, sum(len(drive.observations) for drive in kept), wish)
    return replace(
        _unlimited(kept, identity, wish, tuple(score_meanings(regions))),
        drives=tuple(drive.name for drive in drives),
        frames=sum(len(drive.observations) for drive in drives),
        cusum_limit=limits.fast, slow_limit=limits.slow, software_version=software_version,
        score_step_s=score_step_s, observed_step_s=observed_s, decorrelation_s=memory,
        held_out=tuple(comparable(one.fast) for one in judged),
        held_out_slow=tuple(comparable(one.slow) for one in judged),
        steps=tuple(len(drive.observations) for drive in thinned),
        windows=tuple(_windows(drive, wish.slow_step_s) for drive in thinned))


def prepare(drives: Sequence[ScoredDrive], wish: Wish) -> Prepared:
    """Thin drives for the alarm and for its thresholds; ValueError names one that is none."""
    thinned = [thin(drive, wish.step_s) for drive in drives]
    check_drives(thinned, wish.step_s)
    observed_s = _observed_step_s(thinned)
    memory = {name: decorrelation_s([_values(drive, name) for drive in thinned],
                                    observed_s or wish.step_s) for name in wish.watched}
    score_step_s = max(wish.step_s, *memory.values()) if wish.decorrelate else wish.step_s
    return Prepared(thinned, [thin(drive, score_step_s) for drive in drives], score_step_s,
                    observed_s, memory)


def held_out(thinned: Sequence[ScoredDrive], kept: Sequence[ScoredDrive], identity: Identity,
             wish: Wish) -> list[Highest]:
    """
    Judge every observation of each thinned drive by what is kept of other recordings.

    A group counts as many drives as in the end: one of just enough is judged by its own too.
    """
    found, counts = [], group_drives(kept, wish)
    for index, drive in enumerate(thinned):
        rest = [one for one in (*kept[:index], *kept[index + 1:])
                if not one.recording or one.recording != drive.recording]
        if not rest:
            raise ValueError(f'nothing is left to judge drive {drive.name} by: every other drive '
                             f'is of its recording {drive.recording}; add other recordings')
        others = _unlimited(rest, identity, wish, wish.watched)
        others = replace(others, group_drives={group: counts[group] for group in others.groups})
        p_values = [(seen.stamp_ns, others.p_value(seen.values)) for seen in drive.observations]
        found.append(Highest(highest((p for _, p in p_values), wish.exponent),
                             highest_drift(p_values, wish.slow_step_s)))
    return found


def _unlimited(kept: Sequence[ScoredDrive], identity: Identity, wish: Wish,
               names: Sequence[str]) -> Calibration:
    """Make the calibration whose limits are not known yet."""
    seen = [one for drive in kept for one in drive.observations]
    groups: dict[str, list[Observation]] = {}
    for one in seen:
        group = group_of(wish.group_by, one.values)
        if group is not None:
            groups.setdefault(group, []).append(one)
    return Calibration(
        identity=identity, alpha=wish.alpha, watched=wish.watched,
        scores=_scores(seen, names, wish), drives=(), frames=0, step_s=wish.step_s,
        false_alarms_per_hour=wish.false_alarms_per_hour, cusum_limit=1., exponent=wish.exponent,
        software_version='', slow_step_s=wish.slow_step_s, tails=wish.tails,
        group_by=wish.group_by,
        groups={group: ordered(rows, wish.watched) for group, rows in sorted(groups.items())},
        group_drives=group_drives(kept, wish))


def group_drives(kept: Sequence[ScoredDrive], wish: Wish) -> dict[str, int]:
    """Count the drives of each group: those with as many pictures of it as a drive must have."""
    found: dict[str, list[str]] = {}  # group -> recordings
    for drive in kept:
        counts = Counter(group_of(wish.group_by, seen.values) for seen in drive.observations)
        for group, count in counts.items():
            if group is not None:
                enough = count >= FEWEST_OBSERVATIONS  # a tunnel is no drive at night
                found.setdefault(group, []).extend([drive.recording] if enough else [])
    return {group: count_recordings(names) for group, names in sorted(found.items())}


def _limits(judged: Sequence[Highest], count: int, wish: Wish) -> Highest:
    """Take the limits that theory asks for, or one best-paid step above what was seen."""
    # A single step cannot lift a further drive from the highest value seen over the limit.
    smallest_p = smallest_p_value(count, len(wish.watched), wish.tails)
    step = max(0., log_evidence(smallest_p, wish.exponent))
    slow_step = max(log_evidence(max(smallest_p, FLOOR), exponent) for exponent in EXPONENTS)
    least = theory(wish)
    return Highest(max(least.fast, max(one.fast for one in judged) + step),
                   max(least.slow, max(one.slow for one in judged) + max(0., slow_step)))


def _check_count(kept: Sequence[ScoredDrive], wish: Wish) -> None:
    """Refuse too few observations for a threshold, or for evidence that could ever rise."""
    count = sum(len(drive.observations) for drive in kept)
    scores = len(wish.watched)
    share = wish.alpha / scores / (1 if wish.tails == 'upper' else 2)
    for needed, what, remedy in (
            (smallest_count(share), f'alpha {wish.alpha:g}', 'raise alpha'),
            (fewest_for_evidence(scores, wish.tails, wish.exponent),
             f'evidence that can rise with exponent {wish.exponent:g}', 'raise the exponent')):
        if count < needed:
            more = -(-(needed - count) * len(kept) // count)
            raise ValueError(
                f'{count} observations that count in {len(kept)} drives: {what} over {scores} '
                f'scores ({wish.tails}) needs {needed}, {needed - count} more; add {more} drives '
                f'like these or {remedy}')


def _scores(seen: Sequence[Observation], names: Sequence[str], wish: Wish) -> Ordered:
    """Sort all values of what is watched, and enough to compare with of what is not."""
    few = seen[::-(-len(seen) // UNWATCHED) or 1]
    return {name: values for name in names
            for values in ordered(seen if name in wish.watched else few, [name]).values()}


def ordered(seen: Sequence[Observation], names: Sequence[str]) -> Ordered:
    """Sort the values of each score; what nobody watches may be missing here and there."""
    return {name: tuple(sorted(comparable(one.values[name]) for one in seen if name in one.values))
            for name in names}


def _values(drive: ScoredDrive, name: str) -> list[float]:
    return [seen.values[name] for seen in drive.observations]


def _windows(drive: ScoredDrive, slow_step_s: float) -> int:
    """Count how often a drive feeds the slow alarm."""
    windows = Windows(slow_step_s)
    return sum(windows.add(seen.stamp_ns, 1.) is not None for seen in drive.observations)


def _observed_step_s(drives: Sequence[ScoredDrive]) -> float | None:
    """Give the usual time between two observations; None: no drive has two."""
    gaps = [later.stamp_ns - seen.stamp_ns for drive in drives for seen, later
            in zip(drive.observations, drive.observations[1:], strict=False)]
    return median(gaps) / 1e9 if gaps else None
