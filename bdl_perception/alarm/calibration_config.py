# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Calibration settings and their feasibility checks."""
from collections import Counter
from dataclasses import dataclass
from typing import Iterable

from bdl_perception.alarm.calibration import design_limits
from bdl_perception.alarm.conformal import check_alpha, TAILS, Tails
from bdl_perception.alarm.cusum import check_exponent, check_step
from bdl_perception.alarm.score_distribution import GROUP_BY, GroupBy, MIN_DRIVES
from bdl_perception.perception.regions import DEFAULT_REGIONS, Regions
from bdl_perception.perception.scores import check_watched, score_descriptions


@dataclass(frozen=True)
class CalibrationConfig:
    """Settings of a calibration; ValueError for values that no drives can satisfy."""

    # Selected on rendered drives (nominal ones of `test`, others of `validation`) and real drives
    # together (docs/alarm.md). A further score can add false alarms: the largest one decides.
    watched: tuple[str, ...] = 'mutual_information', 'mutual_information_corridor'
    alpha: float = .002  # with .01, WARN was active in 5 to 7 % of nominal test frames
    step_s: float = .1  # every Monte Carlo cycle of a camera at 10 Hz
    false_alarms_per_hour: float = 1.
    # Below p = .0095 evidence increases. With a larger exponent an unusual nominal drive gathers
    # as much as an out-of-distribution one (.1: at p = .03 in every frame), with a smaller one
    # small objects gather too little. Selected on validation drives.
    exponent: float = .01
    tails: Tails = 'upper'
    group_by: GroupBy = 'none'
    slow_step_s: float = 2.  # a drift takes minutes; a passing car is gone after one step
    decorrelate: bool = False  # thin threshold scores to their decorrelation time

    def __post_init__(self) -> None:
        """Raise ValueError for an infeasible value."""
        check_alpha(self.alpha)
        check_exponent(self.exponent)
        check_step('step_s', self.step_s)
        check_step('slow_step_s', self.slow_step_s)
        design_limits(self.false_alarms_per_hour, self.step_s, self.slow_step_s, self.exponent)
        for name, known in (('tails', TAILS), ('group_by', GROUP_BY)):
            if getattr(self, name) not in known:
                raise ValueError(f'{name} is {getattr(self, name)!r}, must be one of '
                                 f'{", ".join(known)}')


def count_recordings(names: Iterable[str]) -> int:
    """Count the recordings of drives: each drive without a name, and each name once."""
    counts = Counter(names)
    return counts.pop('', 0) + len(counts)


def check_calibration_config(config: CalibrationConfig, recordings: int,
                             regions: Regions = DEFAULT_REGIONS) -> None:
    """Raise ValueError for scores that a model does not have, or too few recordings."""
    check_watched(config.watched, score_descriptions(regions))
    if recordings < MIN_DRIVES:
        raise ValueError(f'{recordings} drives, at least {MIN_DRIVES} are needed: frames of one '
                         f'drive are alike, and pieces of one recording count as one drive; add '
                         f'{MIN_DRIVES - recordings} more')
