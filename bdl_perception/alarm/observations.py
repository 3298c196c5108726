# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Drives and what a model said of them: thinned, and refused where they could not count."""
import math
from typing import Mapping, NamedTuple, Sequence

from bdl_perception.alarm.score_distribution import MIN_OBSERVATIONS
from bdl_perception.perception.regions import Regions
from bdl_perception.perception.scores import has_no_pixel, score_descriptions
from bdl_perception.perception.types import Scores
import numpy as np
from numpy.typing import NDArray

DECORRELATION_LEVEL = 1 / math.e


def decorrelation_s(drives: Sequence[Sequence[float]], step_s: float) -> float:
    """
    Give the lag, s, at which the autocorrelation of a score falls below 1/e.

    drives: values step_s apart, one row a drive, centred by its own mean; the autocorrelation is
    the mean product at a lag over all drives, divided by that at lag 0. Centring a short drive
    hides what changes slower than it, so that the answer is a lower bound. If it never falls so
    far within half of the longest drive: that half. By hand: 1, -1, 1, -1 has -1 at the first lag,
    so one step; constant drives remember nothing that could be measured: one step too.
    """
    centred = [np.asarray(row, float) - np.mean(row) for row in drives if len(row)]
    if not centred:
        raise ValueError('there is no value to measure how long a score remembers')
    variance, longest = _covariance(centred, 0), max(max(map(len, centred)) // 2, 1)
    for lag in range(1, longest):
        if not _covariance(centred, lag) >= DECORRELATION_LEVEL * variance > 0:
            return lag * step_s
    return longest * step_s


def _covariance(centred: Sequence[NDArray[np.float64]], lag: int) -> float:
    pairs = [(row[:len(row) - lag], row[lag:]) for row in centred if len(row) > lag]
    count = sum(len(first) for first, _ in pairs)
    return sum(float(np.dot(first, later)) for first, later in pairs) / count


class Thinning:
    """
    Lets through one stamp each step_s: fewer values that depend less on each other.

    A camera's clock trembles, and a stamp that came a little early must not cost a whole step: it
    may be early by a quarter of one, and what it was early by is taken from the next. So there
    are never two within half a step, nor n + 1 within n steps less half of one.
    """

    def __init__(self, step_s: float) -> None:
        """Let the first stamp through."""
        if not 0 < step_s < math.inf:
            raise ValueError(f'step_s is {step_s}, must be positive')
        self._step_ns = round(step_s * 1e9)
        self._early_ns = self._step_ns // 4
        self._next_ns: int | None = None

    def due(self, stamp_ns: int) -> bool:
        """Tell whether this one is let through, and remember it if so."""
        if self._next_ns is None:
            self._next_ns = stamp_ns + self._step_ns
            return True
        if stamp_ns < self._next_ns - self._early_ns:
            return False
        late_ns = max(0, stamp_ns - self._next_ns - self._early_ns)
        self._next_ns += late_ns + self._step_ns
        return True


class Observation(NamedTuple):
    """Every score of one picture, of the single pass and of its Monte Carlo cycle."""

    stamp_ns: int
    values: Mapping[str, float]


class Joiner:
    """Waits with the scores of frames for the cycle that was run on one of them."""

    def __init__(self, max_wait_s: float) -> None:
        """Keep frame scores until a frame that is keep_s younger has come."""
        self._max_wait_ns = round(max_wait_s * 1e9)
        self._pending: dict[int, Mapping[str, float]] = {}

    def add(self, scores: Scores) -> Observation | None:
        """Take scores; those of a cycle give the observation if its frame was seen."""
        if scores.cycle:
            frame = self._pending.get(scores.stamp_ns)
            return Observation(scores.stamp_ns, {**frame, **scores.values}) if frame else None
        oldest = scores.stamp_ns - self._max_wait_ns
        self._pending = {stamp: kept for stamp, kept in self._pending.items() if stamp >= oldest}
        self._pending[scores.stamp_ns] = scores.values
        return None

    def reset(self) -> None:
        """Wait for nothing any more: stamps have begun anew."""
        self._pending.clear()


class ScoredDrive(NamedTuple):
    """What a model said of one drive."""

    name: str
    observations: Sequence[Observation]
    camera: str | None = None  # that it is of; None: nobody said
    recording: str = ''  # drives of one recording are one road at one time; empty: of its own


def thin_drive(drive: ScoredDrive, step_s: float) -> ScoredDrive:
    """Keep observations that are at least step_s apart."""
    thinning = Thinning(step_s)
    kept = tuple(seen for seen in drive.observations if thinning.due(seen.stamp_ns))
    return drive._replace(observations=kept)


def check_drives(thinned: Sequence[ScoredDrive], step_s: float) -> None:
    """Refuse what is no drive of its own: too short, or another one under a second name."""
    known: dict[tuple[float, ...], str] = {}
    for drive in thinned:
        count = len(drive.observations)
        if count < MIN_OBSERVATIONS:
            raise ValueError(f'drive {drive.name} has {count} observations {step_s:g} s apart, at '
                             f'least {MIN_OBSERVATIONS} are needed; leave it out or drive on')
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
        empty = {name for name in score_descriptions(regions) if has_no_pixel(name, seen.values)}
        if blind := sorted(empty.intersection(watched)):
            raise ValueError(f'{where}: nothing has a depth where {blind} is measured; watch '
                             f'another score, or leave the drive out')
        bad = [name for name in score_descriptions(regions) if name not in empty
               and not math.isfinite(seen.values.get(name, math.nan))]
        if bad:
            raise ValueError(f'{where}: {bad} missing or not finite; leave the drive out or mend '
                             f'the model')
