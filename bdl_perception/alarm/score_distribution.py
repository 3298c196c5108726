# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The empirical distribution of the scores of nominal drives."""
from dataclasses import dataclass, field
import math
from typing import Literal, Mapping

from bdl_perception.alarm.conformal import (
    check_alpha,
    min_p_value,
    SortedScores,
    TAILS,
    Tails,
)
from bdl_perception.alarm.cusum import log_evidence
from bdl_perception.perception.scores import check_watched

GroupBy = Literal['none', 'light', 'camera']
GROUP_BY: tuple[GroupBy, ...] = ('none', 'light', 'camera')

# A new drive, exchangeable with D others, exceeds all of them with probability 1 / (D + 1). With
# fewer than eight drives that is above 11 %: the largest value would carry little information.
MIN_DRIVES = 8
# Observations of a drive, a step apart. The limit of an ERROR is compared with the evidence of
# held-out drives. The shipped alarm needs at least three observations to reach its limit
# (detection_delay.py), more with fewer calibration scores; a shorter drive could never reach it.
MIN_OBSERVATIONS = 6
MAX_SCORE = 1e6  # a frame cannot exceed larger ones; those of the shipped model are below 100


@dataclass(frozen=True)
class ScoreGroup:
    """The scores of one group of frames (day or night)."""

    scores: SortedScores  # of the watched names
    drives: int  # recordings with at least MIN_OBSERVATIONS observations of the group

    @property
    def observations(self) -> int:
        """Return the number of observations that have every watched score."""
        return min(map(len, self.scores.values()))


@dataclass(frozen=True)
class ScoreDistribution:
    """Sorted scores of nominal drives, and how they are tested; checks itself."""

    watched: tuple[str, ...]  # scores that can raise the alarm
    alpha: float  # of one frame, divided among the watched scores
    scores: SortedScores  # of every score, of all groups together
    tails: Tails = 'upper'
    group_by: GroupBy = 'none'
    groups: Mapping[str, ScoreGroup] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ValueError for settings or scores that cannot be used."""
        check_alpha(self.alpha)
        if self.tails not in TAILS:
            raise ValueError(f'calibration tails is {self.tails!r}, must be one of {TAILS}; '
                             f'calibrate again')
        check_watched(self.watched, self.scores)
        _check_sorted(self.scores)
        self._check_groups()

    @property
    def observations(self) -> int:
        """Return the number of observations that have every watched score."""
        return min(len(self.scores[name]) for name in self.watched)

    def _check_groups(self) -> None:
        if self.group_by not in ('none', 'light'):  # each camera has a distribution of its own
            raise ValueError(f"calibration group_by is {self.group_by!r}, must be 'none' or "
                             f"'light'; calibrate again")
        if self.groups and self.group_by == 'none':
            raise ValueError(f'calibration has the groups {sorted(self.groups)} but group_by '
                             f'none; calibrate again')
        for group in self.groups.values():
            check_watched(self.watched, group.scores)
            _check_sorted(group.scores)


def min_sample_size(scores: int, tails: Tails, exponent: float) -> int:
    """
    Return the smallest n with which the most extreme observation adds to the evidence of ERROR.

    By hand, e = 1/2 and one score: 1/2 p^(-1/2) is above 1 where p is below 1/4. The smallest p,
    1/(n + 1), is below 1/4 from n = 4 on.
    """
    def increases(count: int) -> bool:
        return log_evidence(min_p_value(count, scores, tails), exponent) > 0

    low, high = 0, 1  # without observations p is 1, and evidence decreases
    while not increases(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if increases(middle) else (middle, high)
    return high


def _check_sorted(scores: SortedScores) -> None:
    for name, values in scores.items():
        if not all(map(math.isfinite, values)) or list(values) != sorted(values):
            raise ValueError(f'calibration scores of {name} are not finite and ascending; '
                             f'calibrate again')
        if values and max(-values[0], values[-1]) > MAX_SCORE:
            raise ValueError(f'calibration scores of {name} reach {max(values, key=abs):.3g}, '
                             f'must be within {MAX_SCORE:g}; calibrate again')
