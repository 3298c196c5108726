# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from math import inf, nan
from types import SimpleNamespace
from typing import Any, Sequence

from bdl_perception.evaluation.alarm_metrics import Detection, summarise_delays
from bdl_perception.evaluation.alarm_results import AlarmResults, FalseAlarmRate, FalseAlarms
from bdl_perception.evaluation.goals import assess_goals
from bdl_perception.evaluation.harm_results import HarmCounts, HarmResults
from bdl_perception.evaluation.ood_results import OodResults, ScoreSeparation
from bdl_perception.evaluation.quality_goals import Goal
from bdl_perception.evaluation.set_results import NotMeasured, SetResults
from bdl_perception.metrics.interval_coverage import Coverage, IntervalQuality
from bdl_perception.metrics.registry import MetricResults
from bdl_perception.metrics.reliability import ReliabilityCurve, ReliabilityQuality
import pytest

NOTHING = NotMeasured('x')
NO_CURVE = ReliabilityCurve((), (), ())


def ood_results(worst: float, mean: float, fpr_95: float, **means: float) -> OodResults:
    """Make results of the conditions night and fog; means: mean AUROC of further scores."""
    by_score = {'alarm set': (worst, mean), 'epistemic_depth': (worst, mean),
                **{name: (value, value) for name, value in means.items()}}
    return OodResults(
        {group: {name: ScoreSeparation(low if group == 'night' else 1., nan, nan)
                 for name, (low, _) in by_score.items()} for group in ('night', 'fog', 'camvid')},
        {name: ScoreSeparation(value, nan, fpr_95) for name, (_, value) in by_score.items()},
        ('night', 'fog'), 0, None, {}, {})


def detection(delay_s: float, early: bool = False, fade_s: float = .5,
              condition: str = 'night') -> Detection:
    return Detection('x', delay_s, early, None, fade_s, condition=condition)


def alarm_results(per_hour: float, high: float, delays: Sequence[float],
                  watched: Sequence[str] = (), known: Sequence[str] = (),
                  **conditions: list[Detection]) -> AlarmResults:
    """Make results with delays at night, and detections of other conditions."""
    rate = FalseAlarmRate(0, 1., per_hour, 0., high, 0, {})
    found = {'night': [detection(delay) for delay in delays], **conditions}
    return AlarmResults(
        SimpleNamespace(watched=watched), tuple(known), FalseAlarms(rate, rate, 0., 9, ()),
        {name: summarise_delays(ones) for name, ones in found.items()}, {}, {}, {})


def assess(ood: Any, alarm: Any, nominal: str | None = None,
           sets: dict[str, SetResults] | None = None, used_for_calibration: bool = False,
           required: Sequence[str] = ()) -> list[Goal]:
    if sets is None:
        sets = {name: SetResults(1, 1, True, (name,)) for name in getattr(ood, 'mean_over', ())}
    return assess_goals(sets, ood, alarm, nominal, required, used_for_calibration)


def verdicts(ood: Any, alarm: Any) -> list[str]:
    return [goal.verdict for goal in assess(ood, alarm)[:8]]


def class_results(mse: float, held_out: bool | None, *conditions: str) -> SetResults:
    reliability = ReliabilityQuality(0., 0., 0., mse, 0., 0., NO_CURVE, NO_CURVE)
    return SetResults(1, 1, held_out, conditions, MetricResults(reliability=reliability))


def test_goals_are_met_at_the_target() -> None:
    found = verdicts(ood_results(.9, .97, .15), alarm_results(1., 1., [.5, .5, 2.]))
    assert found == ['met'] * 8


def test_goals_are_missed_below_the_target() -> None:
    found = verdicts(ood_results(.899, .949, .151), alarm_results(1.01, 9., [.5, .51, 2.01]))
    assert found == ['missed'] * 8


def test_epistemic_variance_is_assessed_in_each_watched_region() -> None:
    watched = ['feature', 'epistemic_depth', 'epistemic_depth_ahead']
    goals = assess(ood_results(1, 1, 0, epistemic_depth_ahead=.5),
                   alarm_results(0., 1., [], watched))
    alone = [(goal.name, goal.verdict) for goal in goals if ' alone' in goal.name]
    assert alone == [
        ('frame AUROC, epistemic variance of depth alone: mean', 'met'),
        ('frame AUROC, epistemic variance of depth alone: each condition', 'met'),
        ('frame AUROC, epistemic_depth_ahead alone: mean', 'missed'),
        ('frame AUROC, epistemic_depth_ahead alone: each condition', 'missed')]


def test_a_rate_that_may_be_chance_is_not_shown() -> None:
    assert verdicts(ood_results(1, 1, 0), alarm_results(0., 3.69, [.1]))[5] == 'not shown'


@pytest.mark.parametrize('worse', ['separate', 'concatenated'])
def test_the_worse_way_of_replay_counts(worse: str) -> None:
    alarm = alarm_results(0., 1., [])
    rate = alarm.false_alarms.separate._replace(events=2, in_drives=1, per_hour=2.)
    alarm = replace(alarm, false_alarms=replace(alarm.false_alarms, **{worse: rate}))
    goal = assess(NOTHING, alarm)[5]
    assert goal.verdict == 'missed' and goal.found.startswith('2 in 1 h, in 1 of 9 drives: 2')


@pytest.mark.parametrize(('per_hour', 'verdict'), [(.5, 'not shown'), (1.5, 'missed')])
def test_a_rate_on_drives_of_the_calibration_is_not_shown(per_hour: float, verdict: str) -> None:
    alarm = alarm_results(per_hour, 1., [], known=['test_0000', 'test_0001'])
    goal = assess(NOTHING, alarm)[5]
    assert goal.verdict == verdict
    assert '2 drives named as in the calibration' in goal.found


def test_missing_results_are_not_measured() -> None:
    assert verdicts(NOTHING, NOTHING) == ['not measured'] * 8
    found = verdicts(ood_results(1, 1, 0), alarm_results(0., 1., []))
    assert found[6:] == ['not measured'] * 2


def test_a_missed_drive_is_an_infinite_delay_and_nan_is_missed() -> None:
    goals = assess(ood_results(nan, nan, nan), alarm_results(0., 1., [.1, inf]))[:8]
    assert [goal.verdict for goal in goals] == ['missed'] * 5 + ['met', 'met', 'missed']
    assert goals[-1].found == 'not within the drive (1 of 2 drives missed)'


def test_quality_goals_are_of_the_nominal_and_held_out_sets() -> None:
    goals = assess(NOTHING, NOTHING, 'test', {
        'test': class_results(.001, False), 'night': class_results(.002, True),
        'fog': class_results(.003, True), 'camvid_test': class_results(1., None)})
    assert [(goal.found, goal.verdict) for goal in goals if 'error of classes' in goal.name] == [
        ('0.00100', 'met'), ('1 of 2, not fog', 'missed')]
    without = assess(NOTHING, NOTHING, None, {'camvid_test': class_results(0., None)})
    assert {goal.verdict for goal in without} == {'not measured'} and len(without) == 17


@pytest.mark.parametrize(('used', 'verdict'), [(False, 'met'), (True, 'not shown')])
def test_calibrated_intervals_are_not_shown_on_calibration_drives(
        used: bool, verdict: str) -> None:
    shares = {'0-5 m': {'0.9': .9}}
    coverage = Coverage({}, shares, (), 0., 0., 0., 0.)
    intervals = IntervalQuality(1., {}, coverage, coverage, coverage, None, shares)
    sets = {'test': SetResults(1, 1, False, (), MetricResults(intervals=intervals))}
    goals = assess(NOTHING, NOTHING, 'test', sets, used)
    assert [goal.verdict for goal in goals if goal.found != '-'] == [verdict] * 2


def test_slow_fades_and_early_alarms_are_left_out() -> None:
    others = {'fog': [detection(0., early=True)],
              'slow_fog': [detection(30., fade_s=90.), detection(9., fade_s=.51)]}
    median = assess(ood_results(1, 1, 0), alarm_results(0., 1., [.4, inf, .3], **others))[6]
    assert (median.name, median.verdict) == ('detection delay after an abrupt change, median',
                                             'met')
    assert median.found == '0.40 s (1 of 3 drives missed, 1 early left out, 2 slow left out)'
    none = alarm_results(0., 1., [], **others)
    assert verdicts(ood_results(1, 1, 0), none)[6:] == ['not measured'] * 2


@pytest.mark.parametrize(('count', 'verdict'), [(19, 'missed'), (20, 'met')])
def test_one_of_twenty_may_be_late(count: int, verdict: str) -> None:
    alarm = alarm_results(0, 1, [.1] * (count - 1) + [9.])
    assert verdicts(ood_results(1, 1, 0), alarm)[7] == verdict


@pytest.mark.parametrize(('required', 'note', 'verdict'), [
    (('night', 'fog'), 'over 2 of 2 held-out conditions', 'met'),
    (('night', 'rain', 'fog', 'dirt'), 'over 2 of 4 held-out conditions, without rain, dirt',
     'not shown')])
def test_a_goal_needs_every_required_condition(
        required: tuple[str, ...], note: str, verdict: str) -> None:
    alarm = alarm_results(0., 1., [.1], fog=[detection(.2, condition='fog')])
    sets = {name: class_results(0., True, name) for name in ('night', 'fog')}
    goals = assess(ood_results(1, 1, 0), alarm, sets=sets, required=required)
    over = [goal for goal in goals if 'held-out conditions' in goal.found]
    assert len(over) == 5 + 2 + 1 and {goal.verdict for goal in over} == {verdict}
    assert all(goal.found.endswith(f'; {note}') for goal in over)


def test_a_missed_goal_stays_missed_without_a_condition() -> None:
    goals = assess(ood_results(0, 0, 1), alarm_results(0., 1., [9.]), required=('rain',))
    assert [goal.verdict for goal in goals[:8]] == ['missed'] * 5 + ['met'] + ['missed'] * 2


def test_early_and_slow_detections_do_not_cover_their_condition() -> None:
    alarm = alarm_results(0., 1., [.1], fog=[
        detection(0., early=True, condition='fog'), detection(.1, fade_s=9., condition='fog')])
    assert assess(NOTHING, alarm, required=('night', 'fog'))[6].found.endswith(
        'over 1 of 2 held-out conditions, without fog')


@pytest.mark.parametrize(('in_time', 'verdict'), [(19, 'met'), (18, 'missed')])
def test_harmful_drives_need_an_error_in_time(in_time: int, verdict: str) -> None:
    total = HarmCounts(20, in_time, 0, 5, 5)
    alarm = replace(alarm_results(0., 1., []), harm=HarmResults({}, total, (), 25))
    goal = assess(NOTHING, alarm)[-1]
    assert goal.name == 'harmful drives with ERROR within 2 s' and goal.verdict == verdict
    assert f'({in_time} of 20 drives)' in goal.found
    none = replace(alarm, harm=HarmResults({}, HarmCounts(0, 0, 0, 5, 5), (), 5))
    assert [assess(NOTHING, one)[-1].verdict for one in (none, NOTHING)] == ['not measured'] * 2
