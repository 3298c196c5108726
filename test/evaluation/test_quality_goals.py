# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from math import nan
from typing import Any

from bdl_perception.evaluation.quality_goals import Goal, goals_for_held_out_sets, goals_for_set
import pytest

BINS = ('0-5 m', '5-10 m', '10-20 m')


def intervals(shares: list[float], mse: float = .001, scaled: float | None = None,
              calibrated: list[float] | None = None) -> dict[str, Any]:
    def by_range(values: list[float]) -> dict[str, Any]:
        return {name: {'0.5': 0., '0.9': value} for name, value in zip(BINS, values, strict=True)}
    return {'total': {'by_range': by_range(shares), 'calibration_mse': mse},
            'scaled': None if scaled is None else {'calibration_mse': scaled},
            'conformal_by_range': None if calibrated is None else by_range(calibrated)}


def quality(shares: tuple[float, ...] = (.88, .9, .92), classes: float = .0021,
            depth: float = .0036, ause: tuple[float, ...] = (.2, .3, .2)) -> dict[str, Any]:
    kinds = zip(('aleatoric', 'epistemic', 'total'), ause, strict=True)
    return {'conditions': [], 'intervals': intervals(list(shares), depth),
            'reliability': {'calibration_mse': classes},
            'sparsification': {'ause': {kind: {'abs_rel': value} for kind, value in kinds}}}


def verdicts(goals: list[Goal]) -> list[str]:
    return [goal.verdict for goal in goals]


def test_all_is_met_at_the_very_wish_and_a_little_less_is_missed() -> None:
    assert verdicts(goals_for_set(quality())) == ['met'] * 4
    assert verdicts(goals_for_set(quality((.9, .9, .921), .00214, .00364, (.2, .3, .201)))) == [
        'missed'] * 4
    assert verdicts(goals_for_set(quality((.879, .9, .9), ause=(.3, .2, .25)))) == [
        'missed', 'met', 'met', 'missed']


@pytest.mark.parametrize(('left', 'measured'), [
    ('intervals', [True, False, True, False]), ('reliability', [False, True, False, False]),
    ('sparsification', [False, False, False, True])])
def test_what_no_truth_was_there_for_is_neither_met_nor_missed(
        left: str, measured: list[bool]) -> None:
    found = goals_for_set({left: quality()[left]})
    assert [goal.verdict != 'not measured' for goal in found] == measured
    assert all(goal.found == '-' for goal in found if goal.verdict == 'not measured')
    assert verdicts(goals_for_set({})) == verdicts(list(goals_for_held_out_sets({}))) == ['not measured'] * 4
    of_one = list(goals_for_held_out_sets({'night': {}, 'fog': {left: quality()[left], 'conditions': []}}))
    assert [goal.verdict != 'not measured' for goal in of_one] == measured
    assert {goal.found for goal in of_one} == {'-', '1 of 1'}


def test_a_range_without_pixels_is_not_judged_and_none_with_any_is_missed() -> None:
    assert verdicts(goals_for_set(quality((.9, nan, .9))))[0] == 'met'
    none = goals_for_set(quality((nan, nan, nan)))[0]
    assert (none.verdict, none.found) == ('missed', 'as stated: no deviation was stated')


def test_it_is_said_whether_a_calibration_made_the_intervals() -> None:
    stated = goals_for_set({'intervals': intervals([.5, .5, .5], .1)})
    made = goals_for_set({'intervals': intervals([.5, .5, .5], .1, .001, [.9, .9, .9])})
    assert stated[0].found.startswith('as stated: 0-5 m 0.500')
    assert (stated[2].found, stated[2].verdict) == ('as stated: 0.10000', 'missed')
    assert made[0].found.startswith('calibrated: 0-5 m 0.900')
    assert (made[2].found, made[2].verdict) == ('scaled: 0.00100', 'met')


def test_a_calibration_shows_nothing_on_the_drives_that_it_was_made_of() -> None:
    good, bad = [.9, .9, .9], [.5, .5, .5]
    for shares, mse, verdict in ((good, .001, 'not shown'), (bad, .1, 'missed')):
        made = goals_for_set({'intervals': intervals(good, .001, mse, shares)}, used_for_calibration=True)
        assert (made[0].verdict, made[2].verdict) == (verdict, verdict)
    stated = goals_for_set({'intervals': intervals(good, .001)}, used_for_calibration=True)
    assert stated[0].verdict == stated[2].verdict == 'met'


def test_held_out_conditions_meet_a_goal_if_each_of_them_does() -> None:
    good, bad = quality(), quality((.5, .9, .9), depth=.1)
    assert verdicts(list(goals_for_held_out_sets({'night': good, 'fog': good}))) == ['met'] * 4
    found = list(goals_for_held_out_sets({'night': good, 'fog': bad, 'dirt': bad, 'camera': {}}))
    assert verdicts(found) == ['missed', 'met', 'missed', 'met']
    assert found[0].found == '1 of 3, not fog, dirt'
    assert found[0].what == '90 % intervals hold in each range: each held-out condition'


def test_a_set_without_truth_shows_nothing_of_its_condition() -> None:
    sets = {'night': {**quality(), 'conditions': ['night']}, 'fog': {'conditions': ['fog']}}
    found = list(goals_for_held_out_sets(sets, ('night', 'fog')))
    assert verdicts(found) == ['not shown'] * 4
    assert found[0].found == '1 of 1; over 1 of 2 held-out conditions, without fog'
