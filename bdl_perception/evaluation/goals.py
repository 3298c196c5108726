# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Goals of an evaluation: OOD detection, false alarms, detection delay and uncertainty."""
import math
from typing import Iterator, Mapping, Sequence

from bdl_perception.evaluation.alarm_metrics import ABRUPT_S, Detection
from bdl_perception.evaluation.alarm_results import AlarmResults
from bdl_perception.evaluation.drive_record import ALARM_SET
from bdl_perception.evaluation.ood_results import OodResults
from bdl_perception.evaluation.quality_goals import (
    Goal,
    goals_for_held_out_sets,
    goals_for_set,
    MET,
    not_measured,
    NOT_SHOWN,
    require_conditions,
    verdict_at_least,
    verdict_at_most,
)
from bdl_perception.evaluation.set_results import NotMeasured, SetResults
from bdl_perception.metrics.registry import MetricResults

EPISTEMIC_SCORE = 'epistemic_depth'
DELAY_TARGETS = {'median': (.5, .5), '95th percentile': (.95, 2.)}  # share of the drives, s
MAX_FPR_95 = .15
MIN_AUROC = .9  # of each condition
MIN_HARMFUL_IN_TIME = .95

Ood = OodResults | NotMeasured
Alarm = AlarmResults | NotMeasured


def assess_goals(sets: Mapping[str, SetResults], ood: Ood, alarm: Alarm, nominal: str | None,
                 required: Sequence[str] = (), used_for_calibration: bool = False) -> list[Goal]:
    """
    Assess every goal.

    required: held-out conditions; a goal over held-out conditions is not met without each of them.
    used_for_calibration: nominal drives made the calibration, so its intervals hold on them.
    """
    held_out = {name: one for name, one in sets.items() if one.held_out}
    nominal_metrics = (sets[nominal].metrics if nominal is not None and nominal in sets
                       else MetricResults())
    return [*_ood_goals(sets, ood, alarm, required), _false_alarm_goal(alarm),
            *_delay_goals(alarm, required),
            *goals_for_set(nominal_metrics, used_for_calibration),
            *goals_for_held_out_sets(held_out, required), _harm_goal(alarm)]


def _ood_goals(sets: Mapping[str, SetResults], ood: Ood, alarm: Alarm,
               required: Sequence[str]) -> Iterator[Goal]:
    evaluated = {condition for name in (() if isinstance(ood, NotMeasured) else ood.mean_over)
                 for condition in sets[name].conditions}
    goals = [*_separation_goals(ood, ALARM_SET, 'default alarm set', .97),
             *_separation_goals(ood, EPISTEMIC_SCORE, 'epistemic variance of depth alone', .95),
             *(goal for name in _watched_region_scores(alarm)
               for goal in _separation_goals(ood, name, f'{name} alone', .95)),
             _fpr_goal(ood)]
    return (require_conditions(goal, evaluated, required) for goal in goals)


def _watched_region_scores(alarm: Alarm) -> list[str]:
    """Return the watched scores of the epistemic variance in a region of the frame."""
    if isinstance(alarm, NotMeasured):
        return []
    return [name for name in alarm.calibration.watched
            if name.startswith(EPISTEMIC_SCORE) and name != EPISTEMIC_SCORE]


def _separation_goals(ood: Ood, score: str, title: str, min_mean: float) -> Iterator[Goal]:
    """Require a mean AUROC over the held-out conditions, and MIN_AUROC of each."""
    mean_name, each_name = f'frame AUROC, {title}: mean', f'frame AUROC, {title}: each condition'
    mean_target, each_target = f'>= {min_mean:.2f}', f'>= {MIN_AUROC:.2f}'
    if isinstance(ood, NotMeasured) or score not in ood.mean:
        yield not_measured(mean_name, mean_target)
        yield not_measured(each_name, each_target)
        return
    mean = ood.mean[score].auroc
    yield Goal(mean_name, mean_target, f'{mean:.3f}', verdict_at_least(mean, min_mean))
    each = {name: ood.groups[name][score].auroc for name in ood.mean_over}
    name = min(each, key=lambda group: each[group])
    yield Goal(each_name, each_target, f'{each[name]:.3f} ({name})',
               verdict_at_least(each[name], MIN_AUROC))


def _fpr_goal(ood: Ood) -> Goal:
    name, target = 'FPR at 95 % recall, default alarm set: mean', f'<= {MAX_FPR_95:.2f}'
    if isinstance(ood, NotMeasured) or ALARM_SET not in ood.mean:
        return not_measured(name, target)
    rate = ood.mean[ALARM_SET].fpr_95
    return Goal(name, target, f'{rate:.3f}', verdict_at_most(rate, MAX_FPR_95))


def _false_alarm_goal(alarm: Alarm) -> Goal:
    """
    Require at most one false alarm per hour, in the worse of both ways of replay.

    A rate whose interval exceeds one may be met by chance, and drives of the calibration prove
    nothing: both are NOT_SHOWN.
    """
    name, target = 'false alarms an hour, ERROR', '<= 1'
    if isinstance(alarm, NotMeasured) or isinstance(alarm.false_alarms, NotMeasured):
        return not_measured(name, target)
    found = alarm.false_alarms
    rate = max(found.separate, found.concatenated, key=lambda one: one.events)
    known = len(alarm.drives_in_calibration)
    verdict = verdict_at_most(rate.per_hour, 1)
    if verdict == MET and (rate.high > 1 or known):
        verdict = NOT_SHOWN
    note = f'; {known} drives named as in the calibration' if known else ''
    return Goal(name, target, f'{rate.events} in {rate.hours:.3g} h, in {rate.in_drives} '
                              f'of {found.drives} drives: {rate.per_hour:.3g}, '
                              f'at most {rate.high:.3g} (95 %){note}', verdict)


def _harm_goal(alarm: Alarm) -> Goal:
    """Require ERROR in time on the drives where the network is wrong in the corridor."""
    name, target = 'harmful drives with ERROR within 2 s', f'>= {MIN_HARMFUL_IN_TIME:.0%}'
    harm = None if isinstance(alarm, NotMeasured) else alarm.harm
    if harm is None or isinstance(harm, NotMeasured) or not harm.total.harmful:
        return not_measured(name, target)
    total = harm.total
    share = total.in_time / total.harmful
    return Goal(name, target, f'{share:.0%} ({total.in_time} of {total.harmful} drives)',
                verdict_at_least(share, MIN_HARMFUL_IN_TIME))


def _delay_goals(alarm: Alarm, required: Sequence[str]) -> Iterator[Goal]:
    """
    Assess the delays of all abrupt changes together; a missed one has an infinite delay.

    Slow fades are no abrupt changes, and a change during an ERROR has no delay.
    """
    found = [] if isinstance(alarm, NotMeasured) else [
        one for summary in alarm.conditions.values() for one in summary.detections]
    abrupt = [one for one in found if one.fade_s <= ABRUPT_S]
    valid = [one for one in abrupt if not one.early]
    counts = {'early': len(abrupt) - len(valid), 'slow': len(found) - len(abrupt)}
    note = ''.join(f', {count} {kind} left out' for kind, count in counts.items() if count)
    for quantile, (share, target_s) in DELAY_TARGETS.items():
        name = f'detection delay after an abrupt change, {quantile}'
        if not valid:
            yield not_measured(name, f'<= {target_s:g} s')
            continue
        goal = _delay_goal(name, valid, share, target_s, note)
        yield require_conditions(goal, {one.condition for one in valid}, required)


def _delay_goal(name: str, valid: Sequence[Detection], share: float, target_s: float,
                note: str) -> Goal:
    delays = sorted(one.delay_s for one in valid)
    delay_s = delays[math.ceil(share * len(delays)) - 1]
    missed = sum(map(math.isinf, delays))
    value = 'not within the drive' if math.isinf(delay_s) else f'{delay_s:.2f} s'
    return Goal(name, f'<= {target_s:g} s',
                f'{value} ({missed} of {len(delays)} drives missed{note})',
                verdict_at_most(delay_s, target_s))
