# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Scores as the calibration sees them: by rank, on one side or on both.

One-sided: how few calibration scores are as high. Two-sided: how far the rank is from the middle,
so that a score that is lower than any nominal one is strange too. By hand, of calibration scores
1, 2, 3: a score of 0 has p = 1, one-sided strangeness 1 - p = 0, two-sided |p - 1/2| = 1/2.
"""
from typing import Mapping, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.conformal import p_value

ALARM_SET = 'alarm set'
ONE_SIDED, TWO_SIDED = 'one-sided', 'two-sided'


def one_sided(ordered: Sequence[float], score: float) -> float:
    """Give 1 - p; ordered are ascending calibration scores."""
    return 1 - p_value(ordered, score)


def two_sided(ordered: Sequence[float], score: float) -> float:
    """Give |p - 1/2|."""
    return abs(p_value(ordered, score) - .5)


def alarm_set(calibration: Calibration, values: Mapping[str, float]) -> float:
    """Give 1 - the p-value of all watched scores together: what the alarm acts on."""
    return 1 - calibration.p_value(values)


def by_rank(calibration: Calibration, name: str,
            scores: Sequence[float]) -> dict[str, list[float]]:
    """Give both kinds of strangeness of one score in each frame."""
    ordered = calibration.scores[name]
    return {ONE_SIDED: [one_sided(ordered, score) for score in scores],
            TWO_SIDED: [two_sided(ordered, score) for score in scores]}
