# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The minimum detection delay by hand, and against that of the alarm itself."""
from dataclasses import replace
import math
from typing import Any

from bdl_perception.alarm.calibration import AlarmLimits
from bdl_perception.alarm.detection_delay import min_detection_delay, min_slow_detection_delay
from bdl_perception.alarm.score_distribution import ScoreDistribution, ScoreGroup
import pytest
from records import fake_calibration

# 1000 observations, two scores: p is never below 2 / 1001.
GAIN = math.log(.02) - .98 * math.log(2 / 1001)
SLOW_GAIN = math.log(.3) - .7 * math.log(.05)  # of the most sensitive bet at the floor


def parts(**changes: Any) -> tuple[ScoreDistribution, AlarmLimits]:
    made = fake_calibration(**changes)
    return made.distribution, made.limits


@pytest.mark.parametrize('limit', [.5, 2., 9.6, 30.])
def test_the_fast_delay_is_the_limit_in_steps_of_the_largest_gain(limit: float) -> None:
    steps = math.ceil(limit / GAIN)
    assert min_detection_delay(*parts(cusum=limit)) == (steps, steps * .25)


@pytest.mark.parametrize('limit', [1., 8.19, 20.])
def test_the_slow_delay_is_bounded_by_the_largest_gain(limit: float) -> None:
    found = min_slow_detection_delay(*parts(slow=limit))
    least = math.ceil(limit / SLOW_GAIN)
    assert found is not None and least <= found.steps <= least + 3  # a mean of three bets
    assert found.seconds == found.steps * 2


@pytest.mark.parametrize(('drives', 'smallest_p'), [(8, 2 / 401), (7, 2 / 1001)])
def test_the_delay_is_that_of_the_smallest_group_with_a_test_of_its_own(
        drives: int, smallest_p: float) -> None:
    whole, limits = parts(cusum=30.)
    few = {name: whole.scores[name][:400] for name in whole.watched}
    night = ScoreGroup(few, drives)
    steps = math.ceil(30 / (math.log(.02) - .98 * math.log(smallest_p)))
    found = min_detection_delay(replace(whole, group_by='light', groups={'night': night}), limits)
    assert found is not None and found.steps == steps


def test_an_alarm_that_cannot_reach_its_limit_has_no_delay() -> None:
    few = dict.fromkeys(fake_calibration().distribution.scores, (1., 2., 3.))
    assert min_detection_delay(*parts(scores=few)) is None
    assert min_slow_detection_delay(*parts()) is None  # there is no slow alarm
