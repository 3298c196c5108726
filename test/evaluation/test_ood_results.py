# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from bdl_perception.evaluation.ood_results import (
    p_value_scores,
    scores_by_drive,
    separations,
    tail_aurocs,
    with_alarm_set_score,
)
import numpy as np
import pytest
from records import changing_record, fake_calibration, night_record, nominal_record


@pytest.mark.parametrize(('score', 'one', 'two'), [
    (0, 0, .5), (1, 0, 0), (2, .25, 0), (2.5, .5, 0), (9, .75, .5)])
def test_p_values_match_hand_computation(score: float, one: float, two: float) -> None:
    assert p_value_scores((1, 2, 3), [score]) == ([one], [two])


def test_only_two_tails_find_low_scores() -> None:
    found = p_value_scores(fake_calibration().distribution.scores['feature'], [.5, -1.])
    assert found.one_tailed[1] < found.one_tailed[0]
    assert found.two_tailed[1] > found.two_tailed[0]


def test_both_ends_have_the_same_two_tailed_score() -> None:
    scores = [-1., 0., .001, .5, .999, 2.]
    found = p_value_scores(fake_calibration().distribution.scores['feature'], scores).two_tailed
    assert found[0] == found[-1] == max(found) == pytest.approx(1 - 2 / 1001)
    assert found[3] == min(found)


RECORDS = [nominal_record('a', [.1, .3]), nominal_record('b', [.2]), nominal_record('c', [.4]),
           night_record('d', [.35, .9]), night_record('e', [.8]),
           changing_record('f', [.1], [.2])]
FOG = 'test_changes: dense_fog'


def test_every_group_is_compared_with_the_nominal_set() -> None:
    found, _ = separations(RECORDS, 'test', ['test_night', FOG], [])
    assert found['test_night']['feature'].auroc == pytest.approx(11 / 12)
    assert found[FOG]['feature'].auroc == pytest.approx((1 + .5) / 4)


def test_an_interval_needs_two_drives_and_holds_the_value() -> None:
    found, _ = separations(RECORDS, 'test', ['test_night', FOG], [])
    low, high = found['test_night']['energy'].interval['auroc']
    assert low < 11 / 12 <= high
    assert found[FOG]['energy'].interval is None


def test_the_mean_is_over_the_requested_groups() -> None:
    both, mean = separations(RECORDS, 'test', ['test_night', FOG], ['test_night', FOG])
    assert mean['energy'].auroc == pytest.approx((11 / 12 + 1.5 / 4) / 2)
    assert mean['energy'].interval is None  # one of the groups has none
    _, alone = separations(RECORDS, 'test', ['test_night', FOG], ['test_night'])
    assert alone['energy'].interval == both['test_night']['energy'].interval
    assert separations(RECORDS, 'test', [FOG], [])[1] == {}


def test_more_nominal_drives_leave_conditions_as_they_are() -> None:
    rng = np.random.default_rng(0)
    for count in range(4):
        more = [nominal_record(f'm{n}', rng.random(3).tolist()) for n in range(count)]
        for group in ('test_night', FOG):
            assert scores_by_drive([*more, *RECORDS], group) == scores_by_drive(RECORDS, group)


def test_the_alarm_set_follows_its_highest_watched_score() -> None:
    record = night_record('n', [.5, .5])
    record = replace(record, scores={**record.scores, 'feature': (5., .5), 'softmax': (9., 9.)})
    first, second = with_alarm_set_score(record, fake_calibration()).scores['alarm set']
    assert first == pytest.approx(1 - 2 / 1001) and second < .1


def test_the_alarm_set_is_one_more_score() -> None:
    record = with_alarm_set_score(night_record('n', [.5, 2.]), fake_calibration())
    assert record.scores['alarm set'] == pytest.approx((1 - min(1, 2 * 501 / 1001), 1 - 2 / 1001))
    assert record.scores['feature'] == (.5, 2.)


def test_two_tailed_auroc_finds_low_scores() -> None:
    records = [nominal_record('a', [.4, .5, .6]), night_record('b', [-1., .01])]
    found = tail_aurocs(records, 'test', ['test_night'], fake_calibration())
    assert found['test_night']['energy'] == (0., 1.)
