# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The summary names what was used and warns of what is weak."""
from dataclasses import replace
import math

from bdl_perception.alarm.calibration import Calibration, CameraCalibration
from bdl_perception.perception.status import Identity
from bdl_perception.report.calibration_text import calibration_text, calibration_warnings


def calibration(drives: int, cusum_limit: float) -> Calibration:
    return Calibration(
        Identity('street', 'a', 'b', 16, 0, 192, 320), .01, ('epistemic_depth',),
        {'epistemic_depth': tuple(index / 1000 for index in range(1, 100))},
        tuple(f'd{index}' for index in range(drives)), 300, .25, 1., cusum_limit, .5, '')


def test_it_tells_the_numbers() -> None:
    text = calibration_text(calibration(20, math.log(14400)))
    for part in ('street, 16 samples', '20 (d0, d1', '99, 0.25 s apart, of 300', '1.00%',
                 'epistemic_depth           0.099 1 ', '0.001 to 0.099', '9.57 of an ERROR'):
        assert part in text
    assert 'warning' not in text


def test_it_tells_how_long_the_drives_are_and_what_they_can_show_at_best() -> None:
    made = replace(calibration(20, 9.), frames=7200)  # .25 s apart: half an hour, of 90 s each
    assert ('about 0.5 h; were no drive to raise an ERROR, 20 could show no less than one in 21 '
            'drives, 1.9 an hour') in calibration_text(made)  # 3600 / (21 * 90)
    assert 'about 1 h;' in calibration_text(replace(made, observed_step_s=.5))


def test_it_tells_of_the_slow_alarm_and_of_what_scores_remember() -> None:
    made = replace(calibration(20, math.log(28800)), slow_limit=math.log(3600),
                   decorrelation_s={'epistemic_depth': .75}, score_step_s=.5)
    text = calibration_text(made)
    for part in ('slow limit    8.19 of an ERROR, in steps of 2 s; 50%', 'remembers 0.75 s',
                 '99, 0.5 s apart', '(upper)'):
        assert part in text
    assert 'warning' not in text
    assert 'slow limit of 8.19' in calibration_warnings(replace(made, slow_limit=9.))[0]


def test_it_tells_how_soon_each_alarm_can_speak() -> None:
    # p is never below 1/100: log(.5 * 10) = 1.61 of 9.57 are six steps of .25 s
    text = calibration_text(replace(calibration(20, math.log(14400)), slow_limit=math.log(3600)))
    assert 'the strangest scene reaches it in 1.5 s at the least' in text
    assert 'the strangest scene reaches it in 22 s at the least' in text


def test_a_slow_limit_that_no_drive_could_reach_is_called_theory() -> None:
    made = replace(calibration(20, math.log(28800)), slow_limit=math.log(3600), windows=(2,) * 20)
    warning, = calibration_warnings(made)
    assert warning.startswith('none of 20 drives held the 1') and 'theory alone' in warning
    assert '40 of 2 s in all drives, 2 in the longest' in calibration_text(made)
    few, = calibration_warnings(replace(made, windows=(*[2] * 13, *[60] * 7)))
    assert few.startswith('7 of 20 drives') and 'theory more than measured' in few
    assert calibration_warnings(replace(made, windows=(60,) * 20)) == ()


def test_a_fast_limit_that_no_drive_could_reach_is_called_theory_too() -> None:
    # a step adds 1.61 at most: the limit of 9.57 takes six
    made = replace(calibration(20, math.log(14400)), steps=(5,) * 20)
    warning, = calibration_warnings(made)
    assert warning.startswith('none of 20 drives held the 6 steps of 0.25 s (1.5 s) that the fast '
                              'limit takes to reach: it is theory alone')
    few, = calibration_warnings(replace(made, steps=(*[5] * 13, *[6] * 7)))
    assert few.startswith('7 of 20 drives') and 'theory more than measured' in few
    assert calibration_warnings(replace(made, steps=(*[5] * 12, *[6] * 8))) == ()


def test_an_error_that_takes_too_long_at_the_least_is_a_warning() -> None:
    # a step adds 1.61 at most and .25 s: twenty are not above 32.3
    assert calibration_warnings(calibration(20, 20 * 1.6)) and 'too late' not in str(
        calibration_warnings(calibration(20, 20 * 1.6)))
    assert any('ERROR takes 5.25 s of the strangest pictures at the least, too late' in text
               for text in calibration_warnings(calibration(20, 20.5 * 1.61)))


def test_a_group_that_falls_back_and_a_slow_camera_are_warnings() -> None:
    scores = calibration(20, 9).scores
    made = replace(calibration(20, math.log(14400)), group_by='light', observed_step_s=.5,
                   groups={'day': scores}, group_drives={'day': 20})
    step, night = calibration_warnings(made)
    assert '0 drives of night, 8 are needed' in night
    assert '0.5 s apart' in step and '0.25 s' in step
    assert '(day, seen 0.001' in calibration_text(made)
    low = replace(made, tails='two_sided', alpha=.1, group_by='none', groups={})
    assert '0.005 to 0.095' in calibration_text(low)


def test_each_camera_is_told_with_its_drives_and_what_judges_it() -> None:
    scores = dict(calibration(20, 9).scores)
    limit = math.log(14400)
    made = replace(
        calibration(34, 12.), group_by='camera', slow_limit=8.,
        groups={'front': scores, 'rear': scores, 'roof': {'epistemic_depth': (.5,)}},
        cameras={'front': CameraCalibration(tuple('abcdefghijklmnopqrstu'), 200, limit, 8., .5),
                 'rear': CameraCalibration(tuple('abcdefgh'), 90, limit + 1, 7., decorrelation_s={
                     'epistemic_depth': .75}),
                 'roof': CameraCalibration(tuple('abcde'), 10)})
    text = calibration_text(made)
    for part in ('front       21 drives, 99 observations 0.5 s apart; CUSUM limit 9.57, slow '
                 'limit 8.00; the strangest scene reaches it in 1.5 s',
                 'rear        8 drives, 99 observations 0.25 s apart; CUSUM limit 10.57, slow',
                 'roof        5 drives, 1 observations: too few, judged by all drives',
                 '(front, seen 0.001 to 0.099)', '(rear, seen 0.001 to 0.099, remembers 0.75 s)',
                 'CUSUM limit   12.00'):
        assert part in text
    few, raised, roof, every = calibration_warnings(replace(made, cusum_limit=limit + 1))
    assert few.startswith('rear: 8 drives are few') and '11%' in few
    assert raised.startswith('rear: held-out drives came near or above')
    assert roof == ('calibration has 5 drives of roof, 8 are needed: there the thresholds of all '
                    'drives are used')
    assert every.startswith('all drives: held-out drives')


def test_few_drives_and_a_raised_limit_are_warnings() -> None:
    few, raised = calibration_warnings(calibration(9, 12))
    assert '9 drives are few' in few and '10%' in few
    assert 'raised' in raised and '9.57' in raised
    assert 'warning: 9 drives are few' in calibration_text(calibration(9, 12))


def test_the_drive_that_raised_a_limit_is_named_with_what_it_costs() -> None:
    # p is never below 1/100: a step of .25 s adds 1.61 at most, 6 steps to 9.57 and 19 to 30
    odd = replace(calibration(20, 30.), held_out=(*[1.5] * 18, 28.4, 3.25))
    raised, = calibration_warnings(odd)
    for part in ('CUSUM limit of 9.57', 'the soonest ERROR by 3.25 s, 4.75 s',
                 'drive d18 gathered 28.40, the next one 3.25:'):
        assert part in raised
    twins = replace(odd, held_out=(28.4,) * 20, drives=tuple('abcdefghijklmnopqrst'))
    assert 'drive a, b, c' in calibration_warnings(twins)[0] and 'the next' not in calibration_warnings(twins)[0]


def test_a_drive_that_raised_the_slow_limit_is_named_too() -> None:
    made = replace(calibration(20, math.log(28800)), slow_limit=20.,
                   held_out=(0.,) * 20, held_out_slow=(*[.5] * 19, 18.))
    raised, = calibration_warnings(made)
    for part in ('slow limit of 8.19', 'the soonest ERROR by 26 s, 48 s',
                 'drive d19 gathered 18.00, the next one 0.50:'):
        assert part in raised
