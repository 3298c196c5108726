# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from math import inf, nan
from typing import Any

from bdl_perception.evaluation.goals import assess_goals
from bdl_perception.evaluation.quality_goals import Goal
import pytest


def strange(worst: float, mean: float, fpr_95: float) -> dict[str, Any]:
    scores = ('alarm set', 'epistemic_depth')
    return {'mean_over': ['night', 'fog'],
            'mean': {name: {'auroc': mean, 'fpr_95': fpr_95} for name in scores},
            'groups': {group: {name: {'auroc': value} for name in scores}
                       for group, value in (('night', worst), ('fog', 1.), ('camvid', 0.))}}


def alarm(per_hour: float, high: float, delays: list[float]) -> dict[str, Any]:
    rate = {'events': 0, 'in_drives': 0, 'hours': 1., 'per_hour': per_hour, 'low': 0.,
            'high': high}
    return {'seen_in_calibration': [], 'false_alarms': {
        'apart': rate, 'in_a_row': rate, 'drives': 9},
            'conditions': {
        'night': {'found': [found(delay) for delay in delays]}, 'fog': {'found': []}}}


def found(delay_s: float, early: bool = False, fade_s: float = .5,
          condition: str = 'night') -> dict[str, Any]:
    return {'delay_s': delay_s, 'early': early, 'fade_s': fade_s, 'condition': condition}


def verdicts(strange_: dict[str, Any], alarm_: dict[str, Any]) -> list[str]:
    return [goal.verdict for goal in judged(strange_, alarm_)[:8]]


def judged(strange_: dict[str, Any], alarm_: dict[str, Any], nominal: str | None = None,
           sets: dict[str, Any] | None = None, seen: tuple[str, ...] = (),
           asked: tuple[str, ...] = ()) -> list[Goal]:
    known = {name: {'held_out': True, 'conditions': [name]}
             for name in strange_.get('mean_over', ())} if sets is None else sets
    return assess_goals({'strange': strange_, 'alarm': alarm_, 'nominal': nominal, 'sets': known,
                  'calibrated_intervals': {'seen_in_calibration': seen},
                  'asked_conditions': asked})


def test_all_is_met_at_the_very_wish() -> None:
    found = verdicts(strange(.9, .97, .15), alarm(1., 1., [.5, .5, 2.]))
    assert found == ['met'] * 8


def test_a_little_less_is_missed() -> None:
    found = verdicts(strange(.899, .949, .151), alarm(1.01, 9., [.5, .51, 2.01]))
    assert found == ['missed'] * 8


def test_epistemic_variance_is_judged_in_the_parts_of_the_picture_where_it_is_watched() -> None:
    seen = strange(1, 1, 0)
    for scores in (seen['mean'], *seen['groups'].values()):
        scores['epistemic_depth_ahead'] = {**scores['epistemic_depth'], 'auroc': .5}
    watched = ['feature', 'epistemic_depth', 'epistemic_depth_ahead']
    goals = judged(seen, {**alarm(0., 1., []), 'calibration': {'watched': watched}})
    alone = [(goal.what, goal.verdict) for goal in goals if ' alone' in goal.what]
    assert alone == [
        ('frame AUROC, epistemic variance of depth alone: mean', 'met'),
        ('frame AUROC, epistemic variance of depth alone: each condition', 'met'),
        ('frame AUROC, epistemic_depth_ahead alone: mean', 'missed'),
        ('frame AUROC, epistemic_depth_ahead alone: each condition', 'missed')]


def test_a_rate_that_may_be_luck_is_not_shown() -> None:
    assert verdicts(strange(1, 1, 0), alarm(0., 3.69, [.1]))[5] == 'not shown'


@pytest.mark.parametrize('worse', ['apart', 'in_a_row'])
def test_the_worse_of_both_counts_of_false_alarms_is_judged(worse: str) -> None:
    some = alarm(0., 1., [])
    two = {'events': 2, 'in_drives': 1, 'per_hour': 2.}
    some['false_alarms'][worse] = {**some['false_alarms'][worse], **two}
    goal = judged({}, some)[5]
    assert goal.verdict == 'missed' and goal.found.startswith('2 in 1 h, in 1 of 9 drives: 2')


def test_a_rate_on_drives_of_the_calibration_shows_nothing() -> None:
    for per_hour, verdict in ((.5, 'not shown'), (1.5, 'missed')):
        told = judged({}, {**alarm(per_hour, 1., []),
                           'seen_in_calibration': ['test_0000', 'test_0001']})[5]
        assert told.verdict == verdict
        assert '2 drives named as in the calibration' in told.found


def test_what_was_not_measured_is_neither() -> None:
    assert verdicts({'not_measured': 'x'}, {'not_measured': 'x'}) == ['not measured'] * 8
    assert verdicts(strange(1, 1, 0), alarm(0., 1., []))[6:] == ['not measured'] * 2


def test_a_missed_drive_is_an_endless_delay_and_no_number_is_no_success() -> None:
    goals = judged(strange(nan, nan, nan), alarm(0., 1., [.1, inf]))[:8]
    assert [goal.verdict for goal in goals] == ['missed'] * 5 + ['met', 'met', 'missed']
    assert goals[-1].found == 'not within the drive (1 of 2 drives missed)'


def test_the_truth_is_asked_of_the_nominal_set_and_of_held_out_conditions_alone() -> None:
    def classes(mse: float, held_out: bool | None) -> dict[str, Any]:
        return {'held_out': held_out, 'conditions': [], 'reliability': {'calibration_mse': mse}}

    goals = judged({}, {}, 'test', {
        'test': classes(.001, False), 'night': classes(.002, True), 'fog': classes(.003, True),
        'camvid_test': classes(1., None)})
    assert [(goal.found, goal.verdict) for goal in goals if 'error of classes' in goal.what] == [
        ('0.00100', 'met'), ('1 of 2, not fog', 'missed')]
    without = judged({}, {}, None, {'camvid_test': classes(0., None)})
    assert {goal.verdict for goal in without} == {'not measured'} and len(without) == 16


def test_intervals_of_a_calibration_show_nothing_on_its_own_nominal_drives() -> None:
    held = {'by_range': {'0-5 m': {'0.9': .9}}, 'calibration_mse': 0.}
    one = {'held_out': False, 'intervals': {'total': held, 'scaled': held,
                                            'conformal_by_range': held['by_range']}}
    for seen, verdict in (((), 'met'), (('test_0000',), 'not shown')):
        goals = judged({}, {}, 'test', {'test': one}, seen)
        assert [goal.verdict for goal in goals if goal.found != '-'] == [verdict] * 2


def test_drives_that_fade_in_slowly_or_alarm_early_are_counted_apart() -> None:
    some = alarm(0., 1., [.4, inf, .3])
    some['conditions']['fog']['found'] = [found(0., early=True)]
    some['conditions']['fog, slow'] = {'found': [found(30., fade_s=90.), found(9., fade_s=.51)]}
    median = judged(strange(1, 1, 0), some)[6]
    assert (median.what, median.verdict) == ('detection delay after an abrupt change, median',
                                             'met')
    assert median.found == '0.40 s (1 of 3 drives missed, 1 early left out, 2 slow left out)'
    some['conditions']['night']['found'] = []
    assert verdicts(strange(1, 1, 0), some)[6:] == ['not measured'] * 2


@pytest.mark.parametrize(('count', 'verdict'), [(19, 'missed'), (20, 'met')])
def test_one_of_twenty_may_be_late(count: int, verdict: str) -> None:
    assert verdicts(strange(1, 1, 0), alarm(0, 1, [.1] * (count - 1) + [9.]))[7] == verdict


@pytest.mark.parametrize(('asked', 'told', 'verdict'), [
    (('night', 'fog'), 'over 2 of 2 held-out conditions', 'met'),
    (('night', 'rain', 'fog', 'dirt'), 'over 2 of 4 held-out conditions, without rain, dirt',
     'not shown')])
def test_a_goal_over_held_out_conditions_is_not_met_without_one_that_is_asked_for(
        asked: tuple[str, ...], told: str, verdict: str) -> None:
    def whole(condition: str) -> dict[str, Any]:
        return {'held_out': True, 'conditions': [condition],
                'reliability': {'calibration_mse': 0.}}

    some = alarm(0., 1., [.1])
    some['conditions']['fog']['found'] = [found(.2, condition='fog')]
    goals = judged(strange(1, 1, 0), some, sets={name: whole(name) for name in ('night', 'fog')},
                   asked=asked)
    over = [goal for goal in goals if 'held-out conditions' in goal.found]
    assert len(over) == 5 + 2 + 1 and {goal.verdict for goal in over} == {verdict}
    assert all(goal.found.endswith(f'; {told}') for goal in over)


def test_a_condition_that_is_missing_excuses_no_goal_that_others_miss() -> None:
    goals = judged(strange(0, 0, 1), alarm(0., 1., [9.]), asked=('rain',))
    assert [goal.verdict for goal in goals[:8]] == ['missed'] * 5 + ['met'] + ['missed'] * 2


def test_a_stretch_of_which_no_delay_can_be_told_shows_nothing_of_its_condition() -> None:
    some = alarm(0., 1., [.1])
    some['conditions']['fog']['found'] = [found(0., early=True, condition='fog'),
                                          found(.1, fade_s=9., condition='fog')]
    assert judged({}, some, asked=('night', 'fog'))[6].found.endswith(
        'over 1 of 2 held-out conditions, without fog')
