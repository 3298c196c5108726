# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tests."""
from bdl_perception.evaluation.ood_results import (
    alarm_set_score,
    one_tailed_score,
    p_value_scores,
    scores_by_drive,
    separations,
    tail_aurocs,
    two_tailed_score,
    with_alarm_set_score,
)
import numpy as np
import pytest
from records import changing_record, fake_calibration, night_record, nominal_record


@pytest.mark.parametrize(('score', 'one', 'two'), [
    (0, 0, .5), (1, 0, 0), (2, .25, 0), (2.5, .5, 0), (9, .75, .5)])
def test_ranks_by_hand(score: float, one: float, two: float) -> None:
    assert one_tailed_score((1, 2, 3), score) == one
    assert two_tailed_score((1, 2, 3), score) == two


def test_only_two_sided_finds_what_is_too_low() -> None:
    ranks = p_value_scores(fake_calibration(), 'feature', [.5, -1.])
    assert ranks['one-sided'][1] < ranks['one-sided'][0]
    assert ranks['two-sided'][1] > ranks['two-sided'][0]


def test_what_is_above_every_calibration_score_is_as_strange_as_what_is_below() -> None:
    ranks = p_value_scores(fake_calibration(), 'feature', [-1., 0., .001, .5, .999, 2.])['two-sided']
    assert ranks[0] == ranks[-1] == max(ranks) == pytest.approx(1 - 2 / 1001)
    assert ranks[3] == min(ranks)


def test_the_alarm_set_is_as_strange_as_its_strangest_score() -> None:
    values = {'feature': 5., 'epistemic_depth': .5, 'softmax': 9.}
    assert alarm_set_score(fake_calibration(), values) == pytest.approx(1 - 2 / 1001)
    assert alarm_set_score(fake_calibration(), {**values, 'feature': .5}) < .1


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
            assert scores_by_drive([*more, *RECORDS], group) == scores_by_drive(RECORDS, group)


def test_the_alarm_set_is_one_more_score() -> None:
    record = with_alarm_set_score(night_record('n', [.5, 2.]), fake_calibration())
    assert record.scores['alarm set'] == pytest.approx((1 - min(1, 2 * 501 / 1001), 1 - 2 / 1001))
    assert record.scores['feature'] == (.5, 2.)


def test_two_sided_ranks_find_scores_that_are_too_low() -> None:
    records = [nominal_record('a', [.4, .5, .6]), night_record('b', [-1., .01])]
    found = tail_aurocs(records, 'test', ['test_night'], fake_calibration())
    assert found['test_night']['energy'] == {'one-sided': 0., 'two-sided': 1.}
