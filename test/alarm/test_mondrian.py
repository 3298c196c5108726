# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Each group of frames is tested by its own scores if they suffice, else by all."""
import math

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.mondrian import mondrian_group, NIGHT_LUMA_THRESHOLD
from bdl_perception.alarm.score_distribution import ScoreGroup
from calibrations import small_calibration, with_values
import pytest


def grouped(night: int, drives: int = 8) -> Calibration:
    """Make a calibration with the scores 11 to 29 of the day and as many from 101 at night."""
    day = {name: tuple(map(float, range(11, 30))) for name in ('energy', 'epistemic_depth')}
    dark = {name: tuple(map(float, range(101, 101 + night))) for name in day}
    return small_calibration(group_by='light', groups={
        'day': ScoreGroup(day, 8), 'night': ScoreGroup(dark, drives)})


def test_thresholds_by_hand() -> None:
    test = small_calibration().test  # .1 for each of two scores: k = ceil(20 * .9) = 18
    assert test.pooled.thresholds == {'energy': 18, 'epistemic_depth': 18}
    assert test.exceedances({'energy': 18, 'epistemic_depth': 18}) == ()
    assert test.exceedances({'energy': 18.5, 'epistemic_depth': 1}) == ('energy',)
    assert test.exceedances({'epistemic_depth': math.nan}) == ('epistemic_depth',)
    assert test.exceedances({'softmax': 1e9}) == ()  # not watched
    assert test.p_value({'energy': 20, 'epistemic_depth': 1}) == pytest.approx(2 / 20)


def test_two_sided_thresholds_by_hand() -> None:
    test = small_calibration(tails='two_sided').test  # .05 for each side: k = ceil(20 * .95) = 19
    assert test.pooled.thresholds == {'energy': 19, 'epistemic_depth': 19}
    assert test.pooled.low_thresholds == {'energy': 1, 'epistemic_depth': 1}
    assert test.pooled.exceedances({'energy': .5, 'epistemic_depth': 19.5}) == {
        'energy': 'too low', 'epistemic_depth': 'too high'}
    assert test.exceedances({'energy': 1, 'epistemic_depth': 19}) == ()
    assert test.exceedances({'energy': math.nan}) == ('energy',)
    assert test.p_value({'energy': .5, 'epistemic_depth': 10}) == pytest.approx(2 * 2 / 20)
    assert small_calibration().test.pooled.low_thresholds == {}


def test_the_brightness_of_a_frame_determines_its_group() -> None:
    assert mondrian_group('light', {'brightness': NIGHT_LUMA_THRESHOLD, 'energy': 0.}) == 'day'
    assert mondrian_group('light', {'brightness': NIGHT_LUMA_THRESHOLD - 1e-9}) == 'night'
    assert mondrian_group('light', {'energy': 0.}) is None
    assert mondrian_group('none', {'brightness': .5}) is None


def test_each_group_is_tested_by_its_own_scores() -> None:
    made = grouped(19)
    for brightness, high in ((.28, 28), (.279, 118)):  # day starts at .28
        values = {'energy': float(high), 'epistemic_depth': 1., 'brightness': brightness}
        assert made.test.test_for(values).thresholds == {'energy': high, 'epistemic_depth': high}
        assert made.test.exceedances(values) == () and made.fallback_reason(values) is None
        assert made.test.exceedances({**values, 'energy': high + .5}) == ('energy',)
        assert made.test.p_value(values) == pytest.approx(2 * 3 / 20)


NIGHT = {'energy': 18.5, 'epistemic_depth': 1., 'brightness': .1}


def test_a_group_with_too_few_observations_falls_back() -> None:
    made = grouped(8)  # 9 are needed
    assert made.test.exceedances(NIGHT) == ('energy',)
    assert made.fallback_reason(NIGHT) == (
        'calibration has 8 observations of night, 9 are needed: thresholds are of all drives')
    assert 'not known' in str(made.fallback_reason({'energy': 1.}))
    assert grouped(9).fallback_reason(NIGHT) is None
    assert small_calibration().fallback_reason(NIGHT) is None


def test_a_group_with_too_few_drives_falls_back() -> None:
    made = grouped(19, drives=7)
    assert made.test.exceedances(NIGHT) == ('energy',) and set(made.test.groups) == {'day'}
    assert made.fallback_reason(NIGHT) == (
        'calibration has 7 drives of night, 8 are needed: thresholds are of all drives')


def test_a_group_whose_evidence_cannot_increase_falls_back() -> None:
    # Two scores and exponent .3: log(.3 p ** -.7) is above 0 where p is below .179, from 11 on.
    made = with_values(grouped(10), exponent=.3)  # its thresholds need no more than 9
    extreme = {**NIGHT, 'energy': 1e9}
    assert made.fallback_reason(extreme) == (
        'calibration has 10 observations of night, 11 are needed: thresholds are of all drives')
    assert made.test.p_value(extreme) == pytest.approx(2 / 20)
    assert set(made.test.groups) == {'day'}
    sufficient = with_values(grouped(11), exponent=.3)
    assert sufficient.fallback_reason(extreme) is None
    assert sufficient.test.p_value(extreme) == pytest.approx(2 / 12)
