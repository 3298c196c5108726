# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Mondrian conformal prediction: each group of frames is tested by its own scores.

Thresholds of day and night together are too high for one and too low for the other. With one test
for each group the guarantee holds within the group, and each group needs as many drives and scores
as a calibration of its own. The light is measured in each frame. The cameras of a vehicle are
groups too; they are chosen once, by Calibration.for_camera.
"""
from dataclasses import dataclass
from functools import cached_property
from typing import Mapping

from bdl_perception.alarm.conformal import ConformalTest, min_threshold_sample_size
from bdl_perception.alarm.score_distribution import (
    GroupBy,
    MIN_DRIVES,
    min_sample_size,
    ScoreDistribution,
)
from bdl_perception.perception.scores import BRIGHTNESS

NIGHT_LUMA_THRESHOLD = .28  # mean luma: rendered nights are near 0.2, overcast days above 0.35


def mondrian_group(group_by: GroupBy, values: Mapping[str, float]) -> str | None:
    """Return the group of a frame with these values; None: they do not determine it."""
    if group_by != 'light' or BRIGHTNESS not in values:
        return None
    return 'night' if values[BRIGHTNESS] < NIGHT_LUMA_THRESHOLD else 'day'


@dataclass(frozen=True)
class MondrianTest:
    """The conformal tests of a score distribution: of all frames, and of each large group."""

    distribution: ScoreDistribution
    exponent: float  # of the bets on the p-values (cusum.py)

    @cached_property
    def pooled(self) -> ConformalTest:
        """Return the test by the scores of all frames."""
        known = self.distribution
        return ConformalTest({name: known.scores[name] for name in known.watched}, known.alpha,
                             known.tails)

    @cached_property
    def groups(self) -> Mapping[str, ConformalTest]:
        """Return the tests of the groups with sufficient drives and observations."""
        known = self.distribution
        return {name: ConformalTest({score: group.scores[score] for score in known.watched},
                                    known.alpha, known.tails)
                for name, group in known.groups.items() if not self.group_rejection(name)}

    @cached_property
    def min_observations(self) -> int:
        """Return how many observations a group needs for thresholds and rising evidence."""
        return max(min_threshold_sample_size(self.pooled.tail_alpha),
                   self.min_evidence_observations)

    @cached_property
    def min_evidence_observations(self) -> int:
        """Return how many observations are needed so that the most extreme adds evidence."""
        known = self.distribution
        return min_sample_size(len(known.watched), known.tails, self.exponent)

    def group_rejection(self, name: str) -> str | None:
        """Return why a group has no test of its own; None: it has one."""
        group = self.distribution.groups.get(name)
        return (self.sample_size_rejection(name, group.drives, group.observations) if group
                else self.sample_size_rejection(name, 0, 0))

    def sample_size_rejection(self, name: str, drives: int, observations: int) -> str | None:
        """Return why so many drives and observations of a group or camera are too few."""
        if drives < MIN_DRIVES:
            return f'calibration has {drives} drives of {name}, {MIN_DRIVES} are needed'
        if observations < self.min_observations:
            return (f'calibration has {observations} observations of {name}, '
                    f'{self.min_observations} are needed')
        return None

    def test_for(self, values: Mapping[str, float]) -> ConformalTest:
        """Return the test for a frame with these values: that of its group, or the pooled one."""
        group = mondrian_group(self.distribution.group_by, values)
        return self.pooled if group is None else self.groups.get(group, self.pooled)

    def p_value(self, values: Mapping[str, float]) -> float:
        """Return the combined p-value of values, which must have every watched score."""
        return self.test_for(values).p_value(values)

    def exceedances(self, values: Mapping[str, float]) -> tuple[str, ...]:
        """Return the watched names whose values are beyond their thresholds; NaN is."""
        return tuple(self.test_for(values).exceedances(values))
