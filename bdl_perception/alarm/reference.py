# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the watched scores were on nominal drives, and how strange new ones are beside them."""
from dataclasses import dataclass
from functools import cached_property
import math
from typing import Mapping

from bdl_perception.alarm.conformal import combined_p_value
from bdl_perception.alarm.conformal import comparable
from bdl_perception.alarm.conformal import low_threshold
from bdl_perception.alarm.conformal import rank
from bdl_perception.alarm.conformal import Tails
from bdl_perception.alarm.conformal import threshold


@dataclass(frozen=True)
class Reference:
    """Ascending scores of each watched name; alpha is shared out among them (Bonferroni)."""

    scores: Mapping[str, tuple[float, ...]]
    score_alpha: float  # of each score
    tails: Tails = 'upper'

    @cached_property
    def thresholds(self) -> dict[str, float]:
        """Give the highest ordinary value of each score, +Inf where there are too few scores."""
        return {name: threshold(values, self.side_alpha) if self.suffices(name) else math.inf
                for name, values in self.scores.items()}

    @cached_property
    def low_thresholds(self) -> dict[str, float]:
        """Give the lowest ordinary values, as above; empty when only high ones are strange."""
        if self.tails == 'upper':
            return {}
        return {name: low_threshold(values, self.side_alpha) if self.suffices(name) else -math.inf
                for name, values in self.scores.items()}

    @property
    def side_alpha(self) -> float:
        """Give what of alpha one side of one score has."""
        return self.score_alpha / (1 if self.tails == 'upper' else 2)

    def strange(self, values: Mapping[str, float]) -> dict[str, str]:
        """Say of which of values that they are too high or too low; NaN is too high."""
        low = self.low_thresholds
        found = {}
        for name, limit in self.thresholds.items():
            if name not in values:
                continue
            value = comparable(values[name])
            if not value <= limit:
                found[name] = 'too high'
            elif name in low and value < low[name]:
                found[name] = 'too low'
        return found

    def p_value(self, values: Mapping[str, float]) -> float:
        """Give the combined p-value of values, which must have every score."""
        return combined_p_value(self.scores, {name: comparable(values[name])
                                              for name in self.scores}, self.tails)

    def suffices(self, name: str) -> bool:
        """Tell whether a score was seen often enough for a threshold."""
        count = len(self.scores[name])
        return rank(count, self.side_alpha) <= count
