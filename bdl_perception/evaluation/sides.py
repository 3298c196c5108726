# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Scores as the calibration sees them: by rank, on one side or on both.

Strangeness is 1 - p of the alarm's own p-values (alarm.conformal). One-sided: how few calibration
scores are as high. Two-sided: how few are as far out at the nearer end, so that a score that is
lower than any nominal one is strange too. By hand, of calibration scores 1, 2, 3: a score of 0 has
one-sided p = 1, two-sided p = 2 * 1/4, strangeness 0 and 1/2; a score of 9 has 3/4 and 1/2.
"""
from typing import Mapping, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.conformal import comparable
from bdl_perception.alarm.conformal import p_value
from bdl_perception.alarm.conformal import two_sided_p_value

ALARM_SET = 'alarm set'
ONE_SIDED, TWO_SIDED = 'one-sided', 'two-sided'


def one_sided(ordered: Sequence[float], score: float) -> float:
    """Give 1 - p; ordered are ascending calibration scores."""
    return 1 - p_value(ordered, comparable(score))


def two_sided(ordered: Sequence[float], score: float) -> float:
    """Give 1 - p, p of both ends; the highest of all is as strange as the lowest."""
    return 1 - two_sided_p_value(ordered, comparable(score))


def alarm_set(calibration: Calibration, values: Mapping[str, float]) -> float:
    """Give 1 - the p-value of all watched scores together: what the alarm acts on."""
    return 1 - calibration.p_value(values)


def by_rank(calibration: Calibration, name: str,
            scores: Sequence[float]) -> dict[str, list[float]]:
    """Give both kinds of strangeness of one score in each frame."""
    ordered = calibration.scores[name]
    return {ONE_SIDED: [one_sided(ordered, score) for score in scores],
            TWO_SIDED: [two_sided(ordered, score) for score in scores]}
