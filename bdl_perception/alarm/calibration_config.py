# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What a calibration is asked for, and what no scores could give."""
from collections import Counter
from typing import Iterable, NamedTuple

from bdl_perception.alarm.conformal import min_threshold_sample_size, Tails
from bdl_perception.alarm.cusum import check_exponent, SLOW_ALARM_SHARE, ville_limit, WindowMedian
from bdl_perception.alarm.observations import Thinning
from bdl_perception.alarm.score_distribution import GroupBy, MIN_DRIVES
from bdl_perception.perception.regions import DEFAULT_REGIONS, Regions
from bdl_perception.perception.scores import check_watched, score_descriptions


class CalibrationConfig(NamedTuple):
    """What the alarm is asked to be."""

    # Chosen on validation drives, by drives missed and delay: the picture tells night and mount,
    # the corridor objects on the road. A nominal drive that stays strange in any of them raises
    # the ERROR limit, as the smallest p-value counts; `bdl calibrate` names it, and then a score
    # is better left out: so are the second and the last for the shipped model (see its card).
    watched: tuple[str, ...] = ('local_feature', 'local_feature_corridor',
                                'mutual_information_corridor', 'epistemic_depth_corridor')
    alpha: float = .01
    step_s: float = .1  # every Monte Carlo cycle of a camera at 10 Hz
    false_alarms_per_hour: float = 1.
    # Below p = .0095 evidence grows. With a larger exponent an unusual nominal drive gathers as
    # much as a strange one (.1: at p = .03 in every picture), with a smaller one small objects
    # gather too little; chosen on validation drives.
    exponent: float = .01
    tails: Tails = 'upper'
    group_by: GroupBy = 'none'
    slow_step_s: float = 2.  # a drift takes minutes; a passing car is gone
    decorrelate: bool = False  # thin the scores of the thresholds to the time that they remember


class PeakEvidence(NamedTuple):
    """Evidence of the two sequential alarms: the most that a drive gathers, or their limits."""

    fast: float
    slow: float


def count_recordings(names: Iterable[str]) -> int:
    """Count those that drives are of: all without a name, and each name once."""
    counts = Counter(names)
    return counts.pop('', 0) + len(counts)


def check_calibration_config(config: CalibrationConfig, drives: int, regions: Regions = DEFAULT_REGIONS) -> None:
    """Refuse, with a ValueError, what no scores of that many separate drives could give."""
    check_watched(config.watched, score_descriptions(regions))
    min_threshold_sample_size(config.alpha)
    Thinning(config.step_s)
    WindowMedian(config.slow_step_s)
    check_exponent(config.exponent)
    design_limits(config)
    if drives < MIN_DRIVES:
        raise ValueError(f'{drives} drives, at least {MIN_DRIVES} are needed: frames of one '
                         f'drive are alike, and pieces of one recording count as one drive; add '
                         f'{MIN_DRIVES - drives} more')


def design_limits(config: CalibrationConfig) -> PeakEvidence:
    """Share out the wished false alarms; ValueError when they cannot be had."""
    rate = config.false_alarms_per_hour
    return PeakEvidence(ville_limit(config.step_s, (1 - SLOW_ALARM_SHARE) * rate),
                   ville_limit(config.slow_step_s, SLOW_ALARM_SHARE * rate))
