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
import math
from statistics import median
from typing import Iterable, Mapping, NamedTuple, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration import check_watched
from bdl_perception.alarm.conformal import comparable
from bdl_perception.alarm.conformal import smallest_count
from bdl_perception.alarm.conformal import smallest_p_value
from bdl_perception.alarm.conformal import Tails
from bdl_perception.alarm.decorrelation import decorrelation_s
from bdl_perception.alarm.drift import EXPONENTS
from bdl_perception.alarm.drift import FLOOR
from bdl_perception.alarm.drift import highest_drift
from bdl_perception.alarm.drift import SHARE
from bdl_perception.alarm.drift import Windows
from bdl_perception.alarm.enough import FEWEST_DRIVES
from bdl_perception.alarm.enough import fewest_for_evidence
from bdl_perception.alarm.enough import FEWEST_OBSERVATIONS
from bdl_perception.alarm.evidence import Observation
from bdl_perception.alarm.groups import group_of
from bdl_perception.alarm.groups import GroupBy
from bdl_perception.alarm.regions import DEFAULT
from bdl_perception.alarm.regions import parse_regions
from bdl_perception.alarm.regions import Regions
from bdl_perception.alarm.scores import has_no_pixel
from bdl_perception.alarm.scores import score_meanings
from bdl_perception.alarm.sequential import check_exponent
from bdl_perception.alarm.sequential import highest
from bdl_perception.alarm.sequential import log_evidence
from bdl_perception.alarm.sequential import Thinning
from bdl_perception.alarm.sequential import ville_limit
from bdl_perception.alarm.status import Identity


class ScoredDrive(NamedTuple):
    """What a model said of one drive."""

    name: str
    observations: Sequence[Observation]
    camera: str | None = None  # that it is of; None: nobody said
    recording: str = ''  # drives of one recording are one road at one time; empty: of its own


class Prepared(NamedTuple):
    """Drives as they count."""

    thinned: list[ScoredDrive]  # to the steps of the alarm
    kept: list[ScoredDrive]  # of the thresholds
    score_step_s: float  # between what is kept
    observed_step_s: float | None
    decorrelation_s: dict[str, float]


class Wish(NamedTuple):
    """What the alarm is asked to be."""

    # Chosen on validation drives of the shipped model, by drives missed and delay: the picture
    # tells night and mount, the corridor objects on the road, and no nominal drive stays strange
    # in any of them for long, which would raise the ERROR limit: the smallest p-value counts.
    watched: tuple[str, ...] = ('local_feature', 'local_feature_corridor',
                                'mutual_information_corridor', 'epistemic_depth_corridor')
    alpha: float = .01
    step_s: float = .1  # every Monte Carlo cycle of a camera at 10 Hz
    false_alarms_per_hour: float = 1.
    # Below p = .0095 evidence grows. With a larger exponent an unusual nominal drive gathers as
    # much as a strange one (.1: at p = .03 in every picture), with a smaller one small objects
    # gather too little; chosen on validation drives.
    exponent: float = .01
    tails: Tails = 'upper'
    group_by: GroupBy = 'none'
    slow_step_s: float = 2.  # a drift takes minutes; a passing car is gone
    decorrelate: bool = False  # thin the scores of the thresholds to the time that they remember


class Highest(NamedTuple):
    """The most evidence that a drive gathers when the others are its calibration."""

    fast: float
    slow: float


def calibrate(drives: Sequence[ScoredDrive], identity: Identity, wish: Wish,
              software_version: str) -> Calibration:
    """Make the calibration; ValueError when the drives cannot give what is wished."""
    regions = parse_regions(identity.regions)
    check_wish(wish, count_recordings(drive.recording for drive in drives), regions)
    for drive in drives:
        _check_drive(drive, regions, wish.watched)
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
        windows=tuple(_windows(drive, wish.slow_step_s) for drive in thinned))


def count_recordings(names: Iterable[str]) -> int:
    """Count those that drives are of: all without a name, and each name once."""
    counts = Counter(names)
    return counts.pop('', 0) + len(counts)


def check_wish(wish: Wish, drives: int, regions: Regions = DEFAULT) -> None:
    """Refuse, with a ValueError, what no scores of that many separate drives could give."""
    check_watched(wish.watched, score_meanings(regions))
    smallest_count(wish.alpha)
    Thinning(wish.step_s)
    Windows(wish.slow_step_s)
    check_exponent(wish.exponent)
    _theory(wish)
    if drives < FEWEST_DRIVES:
        raise ValueError(f'{drives} drives, at least {FEWEST_DRIVES} are needed: frames of one '
                         f'drive are alike, and pieces of one recording count as one drive; add '
                         f'{FEWEST_DRIVES - drives} more')


def prepare(drives: Sequence[ScoredDrive], wish: Wish) -> Prepared:
    """Thin drives for the alarm and for its thresholds; ValueError names one that is none."""
    thinned = [thin(drive, wish.step_s) for drive in drives]
    _check_drives(thinned, wish.step_s)
    observed_s = _observed_step_s(thinned)
    memory = {name: decorrelation_s([_values(drive, name) for drive in thinned],
                                    observed_s or wish.step_s) for name in wish.watched}
    score_step_s = max(wish.step_s, *memory.values()) if wish.decorrelate else wish.step_s
    return Prepared(thinned, [thin(drive, score_step_s) for drive in drives], score_step_s,
                    observed_s, memory)


def thin(drive: ScoredDrive, step_s: float) -> ScoredDrive:
    """Keep observations that are at least step_s apart."""
    thinning = Thinning(step_s)
    kept = tuple(seen for seen in drive.observations if thinning.due(seen.stamp_ns))
    return drive._replace(observations=kept)


def held_out(thinned: Sequence[ScoredDrive], kept: Sequence[ScoredDrive], identity: Identity,
             wish: Wish) -> list[Highest]:
    """Judge every observation of each thinned drive by what is kept of other recordings."""
    found = []
    for index, drive in enumerate(thinned):
        rest = [one for one in (*kept[:index], *kept[index + 1:])
                if not one.recording or one.recording != drive.recording]
        if not rest:
            raise ValueError(f'nothing is left to judge drive {drive.name} by: every other drive '
                             f'is of its recording {drive.recording}; add other recordings')
        others = _unlimited(rest, identity, wish, wish.watched)
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
        identity=identity, alpha=wish.alpha, watched=wish.watched, scores=ordered(seen, names),
        drives=(), frames=0, step_s=wish.step_s,
        false_alarms_per_hour=wish.false_alarms_per_hour, cusum_limit=1., exponent=wish.exponent,
        software_version='', slow_step_s=wish.slow_step_s, tails=wish.tails,
        group_by=wish.group_by,
        groups={group: ordered(rows, wish.watched) for group, rows in sorted(groups.items())})


def _theory(wish: Wish) -> Highest:
    """Share out the wished false alarms; ValueError when they cannot be had."""
    rate = wish.false_alarms_per_hour
    return Highest(ville_limit(wish.step_s, (1 - SHARE) * rate),
                   ville_limit(wish.slow_step_s, SHARE * rate))


def _limits(judged: Sequence[Highest], count: int, wish: Wish) -> Highest:
    """Take the limits that theory asks for, or one best-paid step above what was seen."""
    # A single step cannot lift a further drive from the highest value seen over the limit.
    smallest_p = smallest_p_value(count, len(wish.watched), wish.tails)
    step = max(0., log_evidence(smallest_p, wish.exponent))
    slow_step = max(log_evidence(max(smallest_p, FLOOR), exponent) for exponent in EXPONENTS)
    theory = _theory(wish)
    return Highest(max(theory.fast, max(one.fast for one in judged) + step),
                   max(theory.slow, max(one.slow for one in judged) + max(0., slow_step)))


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


def ordered(seen: Sequence[Observation], names: Sequence[str]) -> Mapping[str, tuple[float, ...]]:
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


def _check_drives(thinned: Sequence[ScoredDrive], step_s: float) -> None:
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


def _check_drive(drive: ScoredDrive, regions: Regions, watched: Sequence[str]) -> None:
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
