# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.evaluation.strangeness import by_drive
from bdl_perception.evaluation.strangeness import separations
from bdl_perception.evaluation.strangeness import sides
from bdl_perception.evaluation.strangeness import with_alarm_set
import numpy as np
import pytest
from records import changing_record
from records import fake_calibration
from records import night_record
from records import nominal_record

RECORDS = [nominal_record('a', [.1, .3]), nominal_record('b', [.2]), nominal_record('c', [.4]),
           night_record('d', [.35, .9]), night_record('e', [.8]),
           changing_record('f', [.1], [.2])]
FOG = 'test_changes: dense_fog'


def test_every_group_is_compared_with_the_nominal_set() -> None:
    found, _ = separations(RECORDS, 'test', ['test_night', FOG], [])
    assert found['test_night']['feature']['auroc'] == pytest.approx(11 / 12)
    assert found[FOG]['feature']['auroc'] == pytest.approx((1 + .5) / 4)


def test_one_drive_has_no_interval_and_two_have_one_that_holds_the_value() -> None:
    found, _ = separations(RECORDS, 'test', ['test_night', FOG], [])
    low, high = found['test_night']['energy']['interval']['auroc']
    assert low < 11 / 12 <= high
    assert 'interval' not in found[FOG]['energy']


def test_the_mean_is_over_the_groups_that_are_asked_for() -> None:
    both, mean = separations(RECORDS, 'test', ['test_night', FOG], ['test_night', FOG])
    assert mean['energy']['auroc'] == pytest.approx((11 / 12 + 1.5 / 4) / 2)
    assert 'interval' not in mean['energy']  # one of the groups has none
    _, alone = separations(RECORDS, 'test', ['test_night', FOG], ['test_night'])
    assert alone['energy']['interval'] == both['test_night']['energy']['interval']
    assert separations(RECORDS, 'test', [FOG], [])[1] == {}


def test_a_further_nominal_drive_changes_no_frame_of_a_condition() -> None:
    rng = np.random.default_rng(0)
    for count in range(4):
        more = [nominal_record(f'm{n}', rng.random(3).tolist()) for n in range(count)]
        for group in ('test_night', FOG):
            assert by_drive([*more, *RECORDS], group) == by_drive(RECORDS, group)


def test_the_alarm_set_is_one_more_score() -> None:
    record = with_alarm_set(night_record('n', [.5, 2.]), fake_calibration())
    assert record.scores['alarm set'] == pytest.approx((1 - min(1, 2 * 501 / 1001), 1 - 2 / 1001))
    assert record.scores['feature'] == (.5, 2.)


def test_two_sided_ranks_find_scores_that_are_too_low() -> None:
    records = [nominal_record('a', [.4, .5, .6]), night_record('b', [-1., .01])]
    found = sides(records, 'test', ['test_night'], fake_calibration())
    assert found['test_night']['energy'] == {'one-sided': 0., 'two-sided': 1.}
