# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The least time to an alarm, by hand and never more than the alarm itself takes."""
from dataclasses import replace
import math

from bdl_perception.alarm.detection_delay import min_detection_delay, min_slow_detection_delay
import pytest
from records import fake_calibration

# 1000 observations, two scores: p is never below 2 / 1001.
GAIN = math.log(.02) - .98 * math.log(2 / 1001)
SLOW_GAIN = math.log(.3) - .7 * math.log(.05)  # of the bet that pays most at the floor


@pytest.mark.parametrize('limit', [.5, 2., 9.6, 30.])
def test_the_fast_alarm_takes_the_limit_in_steps_of_the_largest_gain(limit: float) -> None:
    steps = math.ceil(limit / GAIN)
    assert min_detection_delay(fake_calibration(cusum_limit=limit)) == (steps, steps * .25)


@pytest.mark.parametrize('limit', [1., 8.19, 20.])
def test_the_slow_alarm_takes_no_less_than_its_largest_gain_allows(limit: float) -> None:
    found = min_slow_detection_delay(fake_calibration(slow_limit=limit))
    least = math.ceil(limit / SLOW_GAIN)
    assert found is not None and least <= found.steps <= least + 3  # a mean of three bets
    assert found.seconds == found.steps * 2


def test_what_cannot_speak_has_no_time() -> None:
    few = dict.fromkeys(fake_calibration().scores, (1., 2., 3.))
    assert min_detection_delay(replace(fake_calibration(), scores=few)) is None
    assert min_slow_detection_delay(fake_calibration()) is None  # there is no slow alarm
