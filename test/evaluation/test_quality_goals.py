# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from math import nan

from bdl_perception.evaluation.quality_goals import (
    Goal,
    goals_for_held_out_sets,
    goals_for_set,
)
from bdl_perception.evaluation.set_results import SetResults
from bdl_perception.metrics.interval_coverage import Coverage, IntervalQuality
from bdl_perception.metrics.registry import MetricResults
from bdl_perception.metrics.reliability import ReliabilityCurve, ReliabilityQuality
from bdl_perception.metrics.sparsification import SparsificationQuality
import pytest

BINS = ('0-5 m', '5-10 m', '10-20 m')
NO_CURVE = ReliabilityCurve((), (), ())


def by_range(shares: list[float]) -> dict[str, dict[str, float]]:
    return {name: {'0.5': 0., '0.9': share} for name, share in zip(BINS, shares, strict=True)}


def coverage(mse: float, shares: list[float] | None = None) -> Coverage:
    return Coverage({}, by_range(shares) if shares else {}, (), 0., 0., 0., mse)


def intervals(shares: list[float], mse: float = .001, scaled: float | None = None,
              calibrated: list[float] | None = None) -> MetricResults:
    return MetricResults(intervals=IntervalQuality(
        1., {}, coverage(mse), coverage(mse, shares), None if scaled is None else coverage(scaled),
        None, None if calibrated is None else by_range(calibrated)))


def quality(shares: tuple[float, ...] = (.88, .9, .92), classes: float = .0021,
            depth: float = .0036, ause: tuple[float, ...] = (.2, .3, .2)) -> MetricResults:
    kinds = zip(('aleatoric', 'epistemic', 'total'), ause, strict=True)
    return MetricResults(
        intervals=intervals(list(shares), depth).intervals,
        reliability=ReliabilityQuality(0., 0., 0., classes, 0., 0., NO_CURVE, NO_CURVE),
        sparsification=SparsificationQuality(
            1, {kind: {'abs_rel': value} for kind, value in kinds}, {}, {}, {}))


def results(metrics: MetricResults, *conditions: str) -> SetResults:
    return SetResults(1, 1, True, conditions, metrics)


def verdicts(goals: list[Goal]) -> list[str]:
    return [goal.verdict for goal in goals]


def test_goals_are_met_at_the_target_and_missed_below() -> None:
    assert verdicts(goals_for_set(quality())) == ['met'] * 4
    assert verdicts(goals_for_set(quality((.9, .9, .921), .00214, .00364, (.2, .3, .201)))) == [
        'missed'] * 4
    assert verdicts(goals_for_set(quality((.879, .9, .9), ause=(.3, .2, .25)))) == [
        'missed', 'met', 'met', 'missed']


@pytest.mark.parametrize(('left', 'measured'), [
    ('intervals', [True, False, True, False]), ('reliability', [False, True, False, False]),
    ('sparsification', [False, False, False, True])])
def test_goals_without_ground_truth_are_not_measured(
        left: str, measured: list[bool]) -> None:
    metrics = MetricResults(**{left: getattr(quality(), left)})
    found = goals_for_set(metrics)
    assert [goal.verdict != 'not measured' for goal in found] == measured
    assert all(goal.found == '-' for goal in found if goal.verdict == 'not measured')
    assert verdicts(goals_for_set(MetricResults())) == ['not measured'] * 4
    assert verdicts(list(goals_for_held_out_sets({}))) == ['not measured'] * 4
    of_one = list(goals_for_held_out_sets({
        'night': results(MetricResults()), 'fog': results(metrics)}))
    assert [goal.verdict != 'not measured' for goal in of_one] == measured
    assert {goal.found for goal in of_one} == {'-', '1 of 1'}


def test_empty_range_bins_pass_unless_all_are_empty() -> None:
    assert verdicts(goals_for_set(quality((.9, nan, .9))))[0] == 'met'
    none = goals_for_set(quality((nan, nan, nan)))[0]
    assert (none.verdict, none.found) == ('missed', 'as predicted: no usable sigma')


def test_a_goal_names_the_source_of_its_intervals() -> None:
    predicted = goals_for_set(intervals([.5, .5, .5], .1))
    made = goals_for_set(intervals([.5, .5, .5], .1, .001, [.9, .9, .9]))
    assert predicted[0].found.startswith('as predicted: 0-5 m 0.500')
    assert (predicted[2].found, predicted[2].verdict) == ('as predicted: 0.10000', 'missed')
    assert made[0].found.startswith('calibrated: 0-5 m 0.900')
    assert (made[2].found, made[2].verdict) == ('scaled: 0.00100', 'met')


def test_calibrated_goals_are_not_shown_on_calibration_drives() -> None:
    good, bad = [.9, .9, .9], [.5, .5, .5]
    for shares, mse, verdict in ((good, .001, 'not shown'), (bad, .1, 'missed')):
        made = goals_for_set(intervals(good, .001, mse, shares), used_for_calibration=True)
        assert (made[0].verdict, made[2].verdict) == (verdict, verdict)
    predicted = goals_for_set(intervals(good, .001), used_for_calibration=True)
    assert predicted[0].verdict == predicted[2].verdict == 'met'


def test_held_out_conditions_meet_a_goal_if_each_does() -> None:
    good, bad = results(quality()), results(quality((.5, .9, .9), depth=.1))
    assert verdicts(list(goals_for_held_out_sets({'night': good, 'fog': good}))) == ['met'] * 4
    found = list(goals_for_held_out_sets({'night': good, 'fog': bad, 'dirt': bad,
                                          'camera': results(MetricResults())}))
    assert verdicts(found) == ['missed', 'met', 'missed', 'met']
    assert found[0].found == '1 of 3, not fog, dirt'
    assert found[0].name == '90 % intervals hold in each range: each held-out condition'


def test_a_set_without_ground_truth_does_not_cover_its_condition() -> None:
    sets = {'night': results(quality(), 'night'), 'fog': results(MetricResults(), 'fog')}
    found = list(goals_for_held_out_sets(sets, ('night', 'fog')))
    assert verdicts(found) == ['not shown'] * 4
    assert found[0].found == '1 of 1; over 1 of 2 held-out conditions, without fog'
