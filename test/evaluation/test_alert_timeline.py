# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The numbers of a replayed drive, and which of its moments are shown."""
import math

from bdl_perception.alarm.alert_types import AlertLevel, AlertState
from bdl_perception.evaluation.alert_timeline import (
    AlertTimeline,
    level_periods,
    LevelPeriod,
    rank_moments,
    representative_moments,
    select_moments,
    threshold_ratio,
)
from hypothesis import given, strategies
import numpy as np
import pytest

OK, WARN, ERROR, STALE = AlertLevel


def made_timeline(levels, scores, thresholds=None, rate_hz=10.):
    timeline = AlertTimeline()
    for index, (level, score) in enumerate(zip(levels, scores, strict=True)):
        timeline.append(round(index * 1e9 / rate_hz),
                        AlertState(level, (), thresholds=thresholds or {}), {'feature': score})
    return timeline


@pytest.mark.parametrize(('score', 'threshold', 'low', 'ratio'), [
    (3., 2., None, 1.5), (1., 8., 2., 2.), (10., 8., 2., 1.25), (-3., -4., None, math.e),
    (math.nan, 1., None, math.inf), (1e9, -1., None, math.exp(700))])
def test_a_ratio_above_one_is_anomalous(score, threshold, low, ratio):
    assert threshold_ratio(score, threshold, low) == pytest.approx(ratio)


def test_the_ratios_are_those_to_the_threshold_of_each_frame():
    timeline = AlertTimeline()
    for threshold in (2., 4.):
        timeline.append(len(timeline), AlertState(OK, (), thresholds={'feature': threshold}),
                        {'feature': 8., 'entropy': 1.})
    assert {name: list(row) for name, row in timeline.ratios().items()} == {'feature': [4., 2.]}
    assert list(timeline.severity()) == [4., 2.]


def test_the_evidence_is_divided_by_its_limit():
    timeline = AlertTimeline()
    timeline.append(0, AlertState(OK, (), cusum=3., cusum_limit=6., slow=1., slow_limit=4.), {})
    assert {name: row[0] for name, row in timeline.ratios().items()} == {
        'evidence': .5, 'slow evidence': .25}


def test_without_a_calibration_the_drive_itself_is_the_reference():
    timeline = made_timeline([STALE] * 101, range(101))
    assert not timeline.has_thresholds
    assert timeline.ratios()['feature'][95] == 1


def test_a_score_that_appears_late_was_absent_before():
    timeline = AlertTimeline()
    timeline.append(0, AlertState(OK, ()), {'a': 1.})
    timeline.append(1, AlertState(OK, ()), {'b': 2.})
    np.testing.assert_array_equal(timeline.scores()['a'], [1., math.nan])
    np.testing.assert_array_equal(timeline.scores()['b'], [math.nan, 2.])


def test_a_score_that_is_no_number_is_the_worst():
    timeline = made_timeline([OK] * 30, [1.] * 20 + [math.nan] + [50.] * 9, {'feature': 2.})
    assert rank_moments(timeline, range(30), 1) == [20]


def test_an_error_is_worse_than_a_higher_score_without_one():
    timeline = made_timeline([OK] * 20 + [ERROR] + [OK] * 20, [9.] * 20 + [2.] + [9.] * 20,
                             {'feature': 1.})
    assert rank_moments(timeline, range(41), 2)[0] == 20


def test_the_worst_moments_are_a_second_apart():
    timeline = made_timeline([OK] * 40, [10 - abs(index - 20) for index in range(40)],
                             {'feature': 5.})
    assert rank_moments(timeline, range(40), 3) == [20, 10, 30]


@given(strategies.lists(strategies.sampled_from(list(AlertLevel)), max_size=30))
def test_periods_cover_all_frames_and_change_the_level(levels):
    periods = list(level_periods(levels))
    assert [one.level for one in periods for _ in range(one.first, one.last + 1)] == levels
    assert all(before.level != after.level
               for before, after in zip(periods, periods[1:], strict=False))


def test_periods_by_hand():
    assert list(level_periods([0, 0, 2])) == [LevelPeriod(OK, 0, 1), LevelPeriod(ERROR, 2, 2)]


@given(strategies.data(), strategies.integers(1, 12))
def test_the_selected_moments_are_candidates_in_order(data, count):
    levels = data.draw(strategies.lists(strategies.sampled_from(list(AlertLevel)), min_size=1,
                                        max_size=60))
    candidates = data.draw(strategies.lists(
        strategies.integers(0, len(levels) - 1), unique=True, min_size=1))
    timeline = made_timeline(levels, np.linspace(0, 3, len(levels)), {'feature': 1.})
    chosen = select_moments(timeline, candidates, count)
    assert chosen == sorted(set(chosen)) and set(chosen) <= set(candidates)
    assert 1 <= len(chosen) <= count


def test_the_start_of_an_error_and_the_worst_moment_are_selected():
    levels = [OK] * 500 + [ERROR] * 100 + [OK] * 400
    scores = [.5] * 500 + [2.] * 60 + [7.] + [2.] * 39 + [.5] * 400
    chosen = select_moments(made_timeline(levels, scores, {'feature': 1.}), range(1000), 12)
    assert {500, 560} <= set(chosen)
    assert min(chosen) < 100 and max(chosen) > 900


def test_the_course_of_an_alert_is_shown_by_one_frame_of_each_period():
    levels = [OK] * 40 + [ERROR] * 20 + [OK] * 60
    scores = [.5] * 45 + [9.] + [2.] * 74
    assert representative_moments(made_timeline(levels, scores, {'feature': 1.}), 3) == [
        19, 45, 89]


def test_an_error_is_shown_although_there_are_fewer_rows_than_periods():
    levels = [OK] * 50 + [WARN] * 3 + [ERROR] * 2 + [OK] * 50
    timeline = made_timeline(levels, [1.] * 105, {'feature': 1.})
    [shown] = representative_moments(timeline, 1)
    assert levels[shown] == ERROR
