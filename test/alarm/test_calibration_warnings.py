# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Each weakness of a calibration gives one warning, and a good calibration gives none."""
import math

from bdl_perception.alarm.calibration_warnings import calibration_warnings
from bdl_perception.alarm.score_distribution import ScoreGroup
from calibrations import with_values
from uniform_calibration import camera, uniform_calibration


def test_a_slow_limit_above_its_design_value_is_a_warning() -> None:
    made = with_values(uniform_calibration(20, math.log(28800)), slow=math.log(3600))
    assert calibration_warnings(made) == ()
    assert 'slow limit above the 8.19' in calibration_warnings(with_values(made, slow=9.))[0]


def test_a_slow_limit_that_no_drive_can_reach_is_theoretical() -> None:
    made = with_values(uniform_calibration(20, math.log(28800)), slow=math.log(3600),
                       windows_per_drive=(2,) * 20)
    warning, = calibration_warnings(made)
    assert warning.startswith('none of 20 drives have the 1') and 'only theoretical' in warning
    few, = calibration_warnings(with_values(made, windows_per_drive=(*[2] * 13, *[60] * 7)))
    assert few.startswith('7 of 20 drives') and 'mainly theoretical' in few
    assert calibration_warnings(with_values(made, windows_per_drive=(60,) * 20)) == ()


def test_a_cusum_limit_that_no_drive_can_reach_is_theoretical() -> None:
    # a step adds 1.61 at most: the limit of 9.57 takes six
    made = with_values(uniform_calibration(20, math.log(14400)), steps_per_drive=(5,) * 20)
    warning, = calibration_warnings(made)
    assert warning.startswith('none of 20 drives have the 6 steps of 0.25 s (1.5 s) that reaching '
                              'the CUSUM limit takes: the limit is only theoretical')
    few, = calibration_warnings(with_values(made, steps_per_drive=(*[5] * 13, *[6] * 7)))
    assert few.startswith('7 of 20 drives') and 'mainly theoretical' in few
    assert calibration_warnings(with_values(made, steps_per_drive=(*[5] * 12, *[6] * 8))) == ()


def test_a_long_minimum_detection_delay_is_a_warning() -> None:
    # a step adds 1.61 at most and .25 s: twenty are not above 32.3
    short = calibration_warnings(uniform_calibration(20, 20 * 1.6))
    assert short and 'too late' not in str(short)
    assert any('minimum detection delay of ERROR is 5.25 s, which is too late' in text
               for text in calibration_warnings(uniform_calibration(20, 20.5 * 1.61)))


def test_a_group_that_falls_back_and_a_slow_camera_are_warnings() -> None:
    made = uniform_calibration(20, math.log(14400))
    step, night = calibration_warnings(with_values(
        made, group_by='light', observed_step_s=.5,
        groups={'day': ScoreGroup(made.distribution.scores, 20)}))
    assert '0 drives of night, 8 are needed' in night
    assert '0.5 s apart' in step and '0.25 s' in step


def test_each_camera_has_its_own_warnings() -> None:
    limit = math.log(14400)
    few, raised, roof, pooled = calibration_warnings(with_values(
        uniform_calibration(34, limit + 1), slow=8., cameras={
            'front': camera(tuple('abcdefghijklmnopqrstu'), limit, 8., score_step_s=.5),
            'rear': camera(tuple('abcdefgh'), limit + 1, 7.,
                           decorrelation_s={'epistemic_depth': .75}),
            'roof': camera(tuple('abcde'), observations=1)}))
    assert few.startswith('rear: 8 drives are few') and '(22%)' in few
    assert raised.startswith('rear: held-out drives raise the CUSUM limit')
    assert roof == ('calibration has 5 drives of roof, 8 are needed; the thresholds of all drives '
                    'are used')
    assert pooled.startswith('all drives: held-out drives')


def test_few_drives_and_a_raised_limit_are_warnings() -> None:
    few, raised = calibration_warnings(uniform_calibration(9, 12))
    assert '9 drives are few' in few and 'at most 2 of 10' in few and '20%' in few
    assert 'raise the CUSUM limit above the 9.57' in raised


def test_drives_that_raised_a_limit_are_named_with_their_delay() -> None:
    # a step of .25 s adds 1.61 at most: 6 steps to 9.57 and 18 to 28.4
    one = with_values(uniform_calibration(20, 28.4), held_out_peaks=(*[1.5] * 18, 28.4, 28.4))
    raised, = calibration_warnings(one)
    for part in ('CUSUM limit above the 9.57', 'longer by 3 s, now 4.5 s',
                 'd19 (28.40), d18 (28.40):'):
        assert part in raised
    all_equal, = calibration_warnings(with_values(one, held_out_peaks=(28.4,) * 20,
                                                  drives=tuple('abcdefghijklmnopqrst')))
    assert 't (28.40), s (28.40), r (28.40) and 17 more' in all_equal
    older, = calibration_warnings(with_values(one, held_out_peaks=(*[1.5] * 19, 26.)))
    assert 'drives with this evidence are d19 (26.00): remove' in older  # a limit of 0.1.0
    unknown, = calibration_warnings(with_values(one, held_out_peaks=()))
    assert 'the evidence of each drive is not known' in unknown


def test_an_outlier_drive_above_a_limit_is_named() -> None:
    made = with_values(uniform_calibration(20, math.log(28800)), slow=math.log(3600),
                       held_out_peaks=(*[1.5] * 19, 107.), held_out_slow_peaks=(*[.5] * 18, 9., 8))
    fast, slow = calibration_warnings(made)
    assert fast.startswith('1 of 20 drives exceed the CUSUM limit 10.27 when the others')
    assert 'd19 (107.00). A drive like them raises a false ERROR' in fast
    assert slow.startswith('1 of 20 drives exceed the slow limit 8.19') and 'd18 (9.00)' in slow


def test_the_drive_that_raised_the_slow_limit_is_named() -> None:
    made = with_values(uniform_calibration(20, math.log(28800)), slow=20.,
                       held_out_peaks=(0.,) * 20, held_out_slow_peaks=(*[.5] * 18, 20., 20.))
    raised, = calibration_warnings(made)
    for part in ('slow limit above the 8.19', 'longer by 26 s, now 48 s', 'd19 (20.00)'):
        assert part in raised
