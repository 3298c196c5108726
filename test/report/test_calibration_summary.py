# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The summary has the numbers of the calibration and its warnings."""
import math
import sys
from typing import Any

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.image_range import ImageRange
from bdl_perception.alarm.score_distribution import ScoreGroup
from bdl_perception.perception.status import Identity
from bdl_perception.report.calibration_summary import calibration_text, draw_calibration
from calibrations import make_calibration, with_values
import cv2
import numpy as np
import pytest
from uniform_calibration import camera, uniform_calibration


def test_the_text_has_the_numbers_of_the_calibration() -> None:
    text = calibration_text(uniform_calibration(20, math.log(14400)))
    for part in ('street, 16 samples', '20 (d0, d1', '99, 0.25 s apart, from 300', '1.00%',
                 'epistemic_depth           0.099 1 ', '0.001 to 0.099', '9.57 for ERROR'):
        assert part in text
    assert 'warning' not in text


def test_the_text_has_the_false_alarm_rate_that_the_drives_show() -> None:
    # 7200 frames .25 s apart: half an hour, 40 drives an hour
    calibration = with_values(uniform_calibration(20, 9.), frames=7200,
                              held_out_peaks=(*[1.] * 19, 9.))
    text = calibration_text(calibration)
    assert 'about 0.5 h\nfalse ERRORs  0 of 20 drives' in text
    assert 'at most 4.8% raise one' in text and 'at most 13.9%: 1.9 and 5.6 per hour' in text
    two = calibration_text(with_values(calibration, slow=3.,
                                       held_out_peaks=(*[1.] * 18, 9.1, 107.),
                                       held_out_slow_peaks=(*[0.] * 18, 3., 3.1)))
    assert 'false ERRORs  2 of 20 drives' in two and '14.3%' in two  # 3 / 21
    assert 'about 1 h\n' in calibration_text(with_values(calibration, observed_step_s=.5))


def test_the_text_has_the_slow_limit_and_decorrelation_times() -> None:
    calibration = with_values(uniform_calibration(20, math.log(28800)), slow=math.log(3600),
                              decorrelation_s={'epistemic_depth': .75}, score_step_s=.5)
    text = calibration_text(calibration)
    for part in ('slow limit    8.19 for ERROR, in steps of 2 s; 50%', 'decorrelated after 0.75 s',
                 '99, 0.5 s apart', '(upper)'):
        assert part in text
    assert 'warning' not in text


def test_the_text_has_the_limits_of_the_images() -> None:
    calibration = uniform_calibration(20, math.log(14400))
    assert 'images        not compared' in calibration_text(calibration)
    text = calibration_text(with_values(calibration, image_range=ImageRange(
        {'bright_level': 41.5}, {'noise': 9.})))
    assert '  darker                 level of the bright parts below 41.5\n' in text
    assert '  noisier                noise above 9\n' in text


def test_the_text_has_the_minimum_detection_delay_of_each_limit() -> None:
    # 9.57 takes six steps of 1.61
    text = calibration_text(with_values(uniform_calibration(20, math.log(14400)),
                                        slow=math.log(3600)))
    assert 'minimum detection delay 1.5 s' in text
    assert 'minimum detection delay 22 s' in text


def test_the_text_has_the_windows_of_the_slow_alarm() -> None:
    text = calibration_text(with_values(uniform_calibration(20, math.log(28800)),
                                        slow=math.log(3600), windows_per_drive=(2,) * 20))
    assert '40 of 2 s in all drives, 2 in the longest' in text


def test_the_text_has_the_thresholds_of_each_group_and_tail() -> None:
    calibration = uniform_calibration(20, math.log(14400))
    grouped = with_values(calibration, group_by='light', groups={
        'day': ScoreGroup(calibration.distribution.scores, 20)})
    assert '(day, range 0.001' in calibration_text(grouped)
    two_sided = with_values(calibration, tails='two_sided', alpha=.1)
    assert '0.005 to 0.095' in calibration_text(two_sided)


def test_the_text_has_drives_and_limits_of_each_camera() -> None:
    limit = math.log(14400)
    text = calibration_text(with_values(
        uniform_calibration(34, 12.), slow=8., cameras={
            'front': camera(tuple('abcdefghijklmnopqrstu'), limit, 8., score_step_s=.5),
            'rear': camera(tuple('abcdefgh'), limit + 1, 7.,
                           decorrelation_s={'epistemic_depth': .75}),
            'roof': camera(tuple('abcde'), observations=1)}))
    for part in ('front       21 drives, 99 observations 0.5 s apart; CUSUM limit 9.57, slow '
                 'limit 8.00; minimum detection delay 1.5 s',
                 'rear        8 drives, 99 observations 0.25 s apart; CUSUM limit 10.57, slow',
                 'roof        5 drives, 1 observations: too few, uses all drives',
                 '(front, range 0.001 to 0.099)',
                 '(rear, range 0.001 to 0.099, decorrelated after 0.75 s)',
                 'CUSUM limit   12.00'):
        assert part in text


def test_the_text_ends_with_the_warnings() -> None:
    text = calibration_text(uniform_calibration(9, 12))
    assert 'warning: 9 drives are few' in text.splitlines()[-2]


VALUES = tuple(index / 100 for index in range(200))


def calibration(**values: Any) -> Calibration:
    return make_calibration(
        identity=Identity('street', 'a', 'b', 16, 0, 192, 320), alpha=.02,
        watched=('epistemic_depth',), scores={'epistemic_depth': VALUES}, frames=200, step_s=.1,
        false_alarms_per_hour=1., cusum=9., exponent=.5, software_version='', **values)


@pytest.mark.parametrize('changes', [
    {}, {'slow': 8., 'held_out_peaks': (1., 2.), 'held_out_slow_peaks': (0., 3.)},
    {'tails': 'two_sided', 'group_by': 'light', 'groups': {
        'day': ScoreGroup({'epistemic_depth': VALUES}, 8),
        'night': ScoreGroup({'epistemic_depth': VALUES[:3]}, 8)}}])
def test_a_plot_is_drawn(changes: dict) -> None:
    made = calibration(drives=('a', 'b'), **changes)
    png = np.frombuffer(draw_calibration(made), np.uint8)
    image = cv2.imdecode(png, cv2.IMREAD_COLOR)
    assert image is not None and image.std() > 10


def test_missing_matplotlib_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
    made = calibration(drives=('a',))
    with pytest.raises(ModuleNotFoundError, match='matplotlib'):
        draw_calibration(made)
