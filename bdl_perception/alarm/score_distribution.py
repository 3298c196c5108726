# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the watched scores were on nominal drives, and how strange new ones are beside them."""
from dataclasses import dataclass
from functools import cached_property
import math
from typing import Literal, Mapping

from bdl_perception.alarm.conformal import (
    combined_p_value,
    low_threshold,
    min_p_value,
    round_score,
    Tails,
    threshold,
    threshold_rank,
)
from bdl_perception.alarm.cusum import log_evidence
from bdl_perception.perception.scores import BRIGHTNESS


@dataclass(frozen=True)
class ScoreDistribution:
    """Ascending scores of each watched name; alpha is shared out among them (Bonferroni)."""

    scores: Mapping[str, tuple[float, ...]]
    score_alpha: float  # of each score
    tails: Tails = 'upper'

    @cached_property
    def thresholds(self) -> dict[str, float]:
        """Give the highest ordinary value of each score, +Inf where there are too few scores."""
        return {name: threshold(values, self.tail_alpha) if self.has_threshold(name) else math.inf
                for name, values in self.scores.items()}

    @cached_property
    def low_thresholds(self) -> dict[str, float]:
        """Give the lowest ordinary values, as above; empty when only high ones are strange."""
        if self.tails == 'upper':
            return {}
        return {name: low_threshold(values, self.tail_alpha) if self.has_threshold(name) else -math.inf
                for name, values in self.scores.items()}

    @property
    def tail_alpha(self) -> float:
        """Give what of alpha one side of one score has."""
        return self.score_alpha / (1 if self.tails == 'upper' else 2)

    def exceedances(self, values: Mapping[str, float]) -> dict[str, str]:
        """Say of which of values that they are too high or too low; NaN is too high."""
        low = self.low_thresholds
        found = {}
        for name, limit in self.thresholds.items():
            if name not in values:
                continue
            value = round_score(values[name])
            if not value <= limit:
                found[name] = 'too high'
            elif name in low and value < low[name]:
                found[name] = 'too low'
        return found

    def p_value(self, values: Mapping[str, float]) -> float:
        """Give the combined p-value of values, which must have every score."""
        return combined_p_value(self.scores, {name: round_score(values[name])
                                              for name in self.scores}, self.tails)

    def has_threshold(self, name: str) -> bool:
        """Tell whether a score was seen often enough for a threshold."""
        count = len(self.scores[name])
        return threshold_rank(count, self.tail_alpha) <= count


GroupBy = Literal['none', 'light', 'camera']
GROUP_BY: tuple[GroupBy, ...] = ('none', 'light', 'camera')
# Of the mean luma: rendered nights lie near 0.2, overcast days above 0.35.
NIGHT_LUMA_THRESHOLD = .28


def mondrian_group(group_by: GroupBy, values: Mapping[str, float]) -> str | None:
    """Name the group of a picture with these values; None: they do not tell one."""
    if group_by != 'light' or BRIGHTNESS not in values:
        return None
    return 'night' if values[BRIGHTNESS] < NIGHT_LUMA_THRESHOLD else 'day'


# A further drive, exchangeable with D others, tops all of them with probability 1 / (D + 1). With
# fewer than eight drives that is above 11 %: the largest value seen would say next to nothing.
MIN_DRIVES = 8
# Of a drive, a step apart. The limit of an ERROR is held against what drives gather when they are
# left out. The shipped alarm takes five pictures to its limit, were each the strangest of all
# (soonest.py computes it of any calibration; of fewer observations it is more), so that a drive of
# four could not have reached it whatever it showed; six leave one to spare.
MIN_OBSERVATIONS = 6


def min_sample_size(scores: int, tails: Tails, exponent: float) -> int:
    """
    Give the smallest n of which the strangest picture adds to the evidence of an ERROR.

    By hand, e = 1/2 and one score: 1/2 p^(-1/2) is above 1 where p is below 1/4, and p = 1/(n + 1)
    of the strangest is from n = 4 on.
    """
    def rises(count: int) -> bool:
        return log_evidence(min_p_value(count, scores, tails), exponent) > 0

    low, high = 0, 1  # of nothing p is 1, and evidence falls
    while not rises(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if rises(middle) else (middle, high)
    return high
