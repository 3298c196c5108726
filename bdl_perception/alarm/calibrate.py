# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
From the scores of nominal drives to a calibration.

Frames of one drive are alike, so drives are what is counted: the observations of each are thinned
to step_s, and the limit of the sequential alarm is checked by leaving each drive out in turn.
"""
import math
from typing import Iterator, Mapping, NamedTuple, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration import check_watched
from bdl_perception.alarm.conformal import combined_p_value
from bdl_perception.alarm.conformal import smallest_count
from bdl_perception.alarm.evidence import Observation
from bdl_perception.alarm.scores import SCORE_NAMES
from bdl_perception.alarm.sequential import check_exponent
from bdl_perception.alarm.sequential import highest
from bdl_perception.alarm.sequential import log_evidence
from bdl_perception.alarm.sequential import Thinning
from bdl_perception.alarm.sequential import ville_limit
from bdl_perception.alarm.status import Identity

# A further drive, exchangeable with D others, tops all of them with probability 1 / (D + 1). With
# fewer than eight drives that is above 11 %: the largest value seen would say next to nothing.
FEWEST_DRIVES = 8


class ScoredDrive(NamedTuple):
    """What a model said of one drive."""

    name: str
    observations: Sequence[Observation]


class Wish(NamedTuple):
    """What the alarm is asked to be."""

    # Of the shipped model these tell validation's strange drives best; the model card has all.
    watched: tuple[str, ...] = ('feature', 'epistemic_depth', 'mutual_information')
    alpha: float = .01
    step_s: float = .25
    false_alarms_per_hour: float = 1.
    # Below p = .018 evidence grows. With a larger exponent (.1) an unusual nominal drive, at
    # p = .03 in every picture, gathers as much as a strange one.
    exponent: float = .02


def calibrate(drives: Sequence[ScoredDrive], identity: Identity, wish: Wish,
              software_version: str) -> Calibration:
    """Make the calibration; ValueError when the drives cannot give what is wished."""
    check_wish(wish, len(drives))
    for drive in drives:
        _check_drive(drive)
    thinned = [thin(drive, wish.step_s) for drive in drives]
    count = sum(len(drive.observations) for drive in thinned)
    needed = smallest_count(wish.alpha / len(wish.watched))
    if count < needed:
        raise ValueError(
            f'{count} observations {wish.step_s} s apart in {len(drives)} drives: alpha '
            f'{wish.alpha:g} over {len(wish.watched)} scores needs {needed}, {needed - count} '
            f'more; add drives or raise alpha')
    return Calibration(
        identity=identity, alpha=wish.alpha, watched=wish.watched, scores=_ordered(thinned),
        drives=tuple(drive.name for drive in drives),
        frames=sum(len(drive.observations) for drive in drives), step_s=wish.step_s,
        false_alarms_per_hour=wish.false_alarms_per_hour,
        cusum_limit=_cusum_limit(thinned, wish, count), exponent=wish.exponent,
        software_version=software_version)


def check_wish(wish: Wish, drives: int) -> None:
    """Refuse, with a ValueError, what no scores of that many drives could give."""
    check_watched(wish.watched, SCORE_NAMES)
    smallest_count(wish.alpha)
    Thinning(wish.step_s)
    check_exponent(wish.exponent)
    ville_limit(wish.step_s, wish.false_alarms_per_hour)
    if drives < FEWEST_DRIVES:
        raise ValueError(f'{drives} drives, at least {FEWEST_DRIVES} are needed: frames of one '
                         f'drive are alike; add {FEWEST_DRIVES - drives} more')


def thin(drive: ScoredDrive, step_s: float) -> ScoredDrive:
    """Keep observations that are at least step_s apart."""
    thinning = Thinning(step_s)
    kept = tuple(seen for seen in drive.observations if thinning.due(seen.stamp_ns))
    return drive._replace(observations=kept)


def held_out_highest(thinned: Sequence[ScoredDrive], watched: Sequence[str],
                     exponent: float) -> list[float]:
    """Give the highest CUSUM of each drive when the others are its calibration."""
    return [highest(_held_out_p_values(thinned, watched, index), exponent)
            for index in range(len(thinned))]


def _held_out_p_values(thinned: Sequence[ScoredDrive], watched: Sequence[str],
                       index: int) -> Iterator[float]:
    others = _ordered([*thinned[:index], *thinned[index + 1:]])
    chosen = {name: others[name] for name in watched}
    return (combined_p_value(chosen, seen.values) for seen in thinned[index].observations)


def _cusum_limit(thinned: Sequence[ScoredDrive], wish: Wish, count: int) -> float:
    """Take the limit that theory asks for, or one best-paid step above what was seen."""
    # A single step cannot lift a further drive from the highest value seen over the limit.
    smallest_p = min(1., len(wish.watched) / (count + 1))
    step = max(0., log_evidence(smallest_p, wish.exponent))
    seen = max(held_out_highest(thinned, wish.watched, wish.exponent)) + step
    return max(ville_limit(wish.step_s, wish.false_alarms_per_hour), seen)


def _ordered(drives: Sequence[ScoredDrive]) -> Mapping[str, tuple[float, ...]]:
    observations = [seen for drive in drives for seen in drive.observations]
    return {name: tuple(sorted(seen.values[name] for seen in observations))
            for name in SCORE_NAMES}


def _check_drive(drive: ScoredDrive) -> None:
    if not drive.observations:
        raise ValueError(f'drive {drive.name} gave no observation; is it empty?')
    for seen in drive.observations:
        bad = [name for name in SCORE_NAMES if not math.isfinite(seen.values.get(name, math.nan))]
        if bad:
            raise ValueError(f'drive {drive.name}, stamp {seen.stamp_ns}: {bad} missing or not '
                             f'finite; leave the drive out or mend the model')
