# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Scored observations of drives: joining, thinning, decorrelation time and checks."""
import math
from typing import Mapping, NamedTuple, Sequence

from bdl_perception.alarm.cusum import check_step
from bdl_perception.alarm.score_distribution import MIN_OBSERVATIONS
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.regions import Regions
from bdl_perception.perception.scores import has_no_pixel, score_descriptions
import numpy as np
from numpy.typing import NDArray

DECORRELATION_LEVEL = 1 / math.e
MAX_STORED = 1000  # frames without their cycle; those of two seconds are fewer


class Observation(NamedTuple):
    """All scores of one frame, of the single pass and of its Monte Carlo cycle."""

    stamp_ns: int
    values: Mapping[str, float]


class ScoredDrive(NamedTuple):
    """The scores of one drive."""

    name: str
    observations: Sequence[Observation]
    camera: str | None = None  # None: not declared
    recording: str = ''  # simultaneous or consecutive pieces share one; empty: its own


class Joiner:
    """Stores the scores of frames until those of their Monte Carlo cycle arrive."""

    def __init__(self, max_wait_s: float) -> None:
        """Store frame scores until a frame that is max_wait_s younger has arrived."""
        self._max_wait_ns = round(max_wait_s * 1e9)
        self._pending: dict[int, Mapping[str, float]] = {}

    def add(self, scores: Scores) -> Observation | None:
        """Add scores; those of a cycle return the observation if its frame is stored."""
        if scores.cycle:
            frame = self._pending.get(scores.stamp_ns)
            return Observation(scores.stamp_ns, {**frame, **scores.values}) if frame else None
        oldest = scores.stamp_ns - self._max_wait_ns
        self._pending = {stamp: values for stamp, values in self._pending.items()
                         if stamp >= oldest}
        self._pending[scores.stamp_ns] = scores.values
        if len(self._pending) > MAX_STORED:  # stamps that only fall
            del self._pending[next(iter(self._pending))]
        return None


class Thinning:
    """
    Selects one stamp for each step: fewer values that depend less on each other.

    The stamps of a camera jitter. A stamp may be early by a quarter of a step, and the next step
    is longer by that time; otherwise an early stamp would cost a whole step. So two selected
    stamps are never closer than half a step, nor n + 1 within n steps less half a step.
    """

    def __init__(self, step_s: float) -> None:
        """Select the first stamp."""
        self._step_ns = round(check_step('step_s', step_s) * 1e9)
        self._early_ns = self._step_ns // 4
        self._next_ns: int | None = None

    def due(self, stamp_ns: int) -> bool:
        """Return whether a stamp is selected, and start the next step if so."""
        if self._next_ns is None:
            self._next_ns = stamp_ns + self._step_ns
            return True
        if stamp_ns < self._next_ns - self._early_ns:
            return False
        late_ns = max(0, stamp_ns - self._next_ns - self._early_ns)
        self._next_ns += late_ns + self._step_ns
        return True


def thin_drive(drive: ScoredDrive, step_s: float) -> ScoredDrive:
    """Return a drive with the observations that Thinning selects."""
    thinning = Thinning(step_s)
    return drive._replace(observations=tuple(
        observation for observation in drive.observations if thinning.due(observation.stamp_ns)))


def decorrelation_s(drives: Sequence[Sequence[float]], step_s: float) -> float:
    """
    Return the lag, s, at which the autocorrelation of a score falls below 1/e.

    drives: values step_s apart, one row for each drive, centred by its own mean. The
    autocorrelation is the mean product at a lag over all drives, divided by that at lag 0.
    Centring a short drive hides slower changes, so that the result is a lower bound. If the
    autocorrelation stays above 1/e for half of the longest drive, the result is that half. By
    hand: 1, -1, 1, -1 has -1 at the first lag, so one step. Constant drives: one step too.
    """
    centred = [np.asarray(row, float) - np.mean(row) for row in drives if len(row)]
    if not centred:
        raise ValueError('there is no value to measure a decorrelation time')
    variance, longest = _covariance(centred, 0), max(max(map(len, centred)) // 2, 1)
    for lag in range(1, longest):
        if not _covariance(centred, lag) >= DECORRELATION_LEVEL * variance > 0:
            return lag * step_s
    return longest * step_s


def _covariance(centred: Sequence[NDArray[np.float64]], lag: int) -> float:
    pairs = [(row[:len(row) - lag], row[lag:]) for row in centred if len(row) > lag]
    count = sum(len(first) for first, _ in pairs)
    return sum(float(np.dot(first, later)) for first, later in pairs) / count


def check_drives(thinned: Sequence[ScoredDrive], step_s: float) -> None:
    """Raise ValueError for a drive that is too short, or a copy of another one."""
    known: dict[tuple[float, ...], str] = {}
    for drive in thinned:
        count = len(drive.observations)
        if count < MIN_OBSERVATIONS:
            raise ValueError(f'drive {drive.name} has {count} observations {step_s:g} s apart, at '
                             f'least {MIN_OBSERVATIONS} are needed; leave it out or record a '
                             f'longer drive')
        scores = tuple(value for observation in drive.observations
                       for value in observation.values.values())
        if scores in known:
            raise ValueError(f'drives {known[scores]} and {drive.name} have the very same scores; '
                             f'give each drive once, or it has too much weight')
        known[scores] = drive.name


def check_drive(drive: ScoredDrive, regions: Regions, watched: Sequence[str]) -> None:
    """Raise ValueError for a drive without observations, or with a missing or NaN score."""
    if not drive.observations:
        raise ValueError(f'drive {drive.name} gave no observation; is it empty?')
    for observation in drive.observations:
        where = f'drive {drive.name}, stamp {observation.stamp_ns}'
        empty = {name for name in score_descriptions(regions)
                 if has_no_pixel(name, observation.values)}
        if watched_empty := sorted(empty.intersection(watched)):
            raise ValueError(f'{where}: no pixel has a depth where {watched_empty} is measured; '
                             f'watch another score, or leave the drive out')
        bad = [name for name in score_descriptions(regions) if name not in empty
               and not math.isfinite(observation.values.get(name, math.nan))]
        if bad:
            raise ValueError(f'{where}: {bad} missing or not finite; leave the drive out or '
                             f'repair the model')
