# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Goals for the quality of depth and class uncertainty, and the verdicts of all goals."""
import math
from typing import Collection, Iterator, Mapping, NamedTuple, Sequence

from bdl_perception.evaluation.set_results import SetResults
from bdl_perception.metrics.interval_coverage import IntervalQuality
from bdl_perception.metrics.registry import MetricResults
from bdl_perception.metrics.reliability import ReliabilityQuality
from bdl_perception.metrics.sparsification import SparsificationQuality

MET, MISSED, NOT_SHOWN, NOT_MEASURED = 'met', 'missed', 'not shown', 'not measured'
MAX_CLASS_MSE, MAX_DEPTH_MSE = .00214, .00364  # of Kendall & Gal 2017
MIN_COVERAGE_90, MAX_COVERAGE_90 = .88, .92
COVERAGE_NAME = '90 % intervals hold in each range'
COVERAGE_TARGET = f'{MIN_COVERAGE_90} to {MAX_COVERAGE_90}'


class Goal(NamedTuple):
    """One row of the summary."""

    name: str
    target: str
    found: str
    verdict: str


def verdict_at_least(value: float, target: float) -> str:
    """Return MET or MISSED; NaN is missed."""
    return MET if value >= target else MISSED


def verdict_at_most(value: float, target: float) -> str:
    """Return MET or MISSED; NaN is missed."""
    return MET if value <= target else MISSED


def not_measured(name: str, target: str) -> Goal:
    """Return a goal without data, which is neither met nor missed."""
    return Goal(name, target, '-', NOT_MEASURED)


def require_conditions(goal: Goal, evaluated: Collection[str], required: Sequence[str]) -> Goal:
    """
    Add how many of the required held-out conditions a goal was evaluated on.

    Without all of them it is NOT_SHOWN at best: the alarm may fail on the missing one.
    """
    missing = [name for name in required if name not in evaluated]
    if goal.verdict == NOT_MEASURED or not required:
        return goal
    without = f', without {", ".join(missing)}' if missing else ''
    return goal._replace(
        found=f'{goal.found}; over {len(required) - len(missing)} of {len(required)} held-out '
              f'conditions{without}',
        verdict=NOT_SHOWN if missing and goal.verdict == MET else goal.verdict)


def goals_for_set(metrics: MetricResults, used_for_calibration: bool = False) -> list[Goal]:
    """
    Assess coverage, calibration curves and sparsification of one set.

    used_for_calibration: drives of the set made the calibration, so its intervals hold on them.
    """
    return [_coverage_goal(metrics.intervals, used_for_calibration),
            _class_calibration_goal(metrics.reliability),
            _depth_calibration_goal(metrics.intervals, used_for_calibration),
            _sparsification_goal(metrics.sparsification)]


def goals_for_held_out_sets(sets: Mapping[str, SetResults],
                            required: Sequence[str] = ()) -> Iterator[Goal]:
    """Assess the same goals over all held-out sets; those without ground truth are left out."""
    by_set = {name: {goal.name: goal for goal in goals_for_set(one.metrics)}
              for name, one in sets.items()}
    for blank in goals_for_set(MetricResults()):
        goals = {name: by_name[blank.name] for name, by_name in by_set.items()
                 if by_name[blank.name].verdict != NOT_MEASURED}
        evaluated = {condition for name in goals for condition in sets[name].conditions}
        yield require_conditions(_combined_goal(blank, goals), evaluated, required)


def _combined_goal(blank: Goal, goals: Mapping[str, Goal]) -> Goal:
    """Combine a goal over sets: met where every measured set meets it."""
    title = f'{blank.name}: each held-out condition'
    if not goals:
        return not_measured(title, blank.target)
    missed = [name for name, goal in goals.items() if goal.verdict != MET]
    found = f'{len(goals) - len(missed)} of {len(goals)}'
    return Goal(title, blank.target, f'{found}, not {", ".join(missed)}' if missed else found,
                MISSED if missed else MET)


def _interval_verdict(holds: bool, calibrated: bool, used_for_calibration: bool) -> str:
    if not holds:
        return MISSED
    return NOT_SHOWN if calibrated and used_for_calibration else MET


def _coverage_goal(intervals: IntervalQuality | None, used_for_calibration: bool) -> Goal:
    """Assess the calibrated intervals, else the predicted ones."""
    if intervals is None:
        return not_measured(COVERAGE_NAME, COVERAGE_TARGET)
    calibrated = intervals.conformal_by_range
    goal = coverage_goal(calibrated or intervals.total.by_range,
                         'calibrated' if calibrated else 'as predicted')
    return goal._replace(verdict=_interval_verdict(
        goal.verdict == MET, bool(calibrated), used_for_calibration))


def coverage_goal(by_range: Mapping[str, Mapping[str, float]], source: str) -> Goal:
    """Assess the 90 % intervals of each range bin; empty bins pass, but not all of them."""
    found = {range_bin: by_level['0.9'] for range_bin, by_level in by_range.items()
             if not math.isnan(by_level['0.9'])}
    listed = ', '.join(f'{range_bin} {share:.3f}' for range_bin, share in found.items())
    holds = bool(found) and all(MIN_COVERAGE_90 <= share <= MAX_COVERAGE_90
                                for share in found.values())
    return Goal(COVERAGE_NAME, COVERAGE_TARGET, f'{source}: {listed or "no usable sigma"}',
                MET if holds else MISSED)


def _class_calibration_goal(reliability: ReliabilityQuality | None) -> Goal:
    name, target = 'calibration error of classes (MSE of the curve)', f'< {MAX_CLASS_MSE}'
    if reliability is None:
        return not_measured(name, target)
    mse = reliability.calibration_mse
    return Goal(name, target, f'{mse:.5f}', MET if mse < MAX_CLASS_MSE else MISSED)


def _depth_calibration_goal(intervals: IntervalQuality | None,
                            used_for_calibration: bool) -> Goal:
    """Assess the sigma that the calibration has scaled, else the predicted one."""
    name, target = 'calibration error of depth (MSE of the curve)', f'< {MAX_DEPTH_MSE}'
    if intervals is None:
        return not_measured(name, target)
    mse = (intervals.scaled or intervals.total).calibration_mse
    source = 'scaled' if intervals.scaled else 'as predicted'
    return Goal(name, target, f'{source}: {mse:.5f}', _interval_verdict(
        mse < MAX_DEPTH_MSE, intervals.scaled is not None, used_for_calibration))


def _sparsification_goal(sparsification: SparsificationQuality | None) -> Goal:
    """Require that the total uncertainty finds wrong pixels as well as either of its parts."""
    name, target = 'AUSE of abs. rel. error, combined <= each', 'combined <= each'
    if sparsification is None:
        return not_measured(name, target)
    aleatoric, epistemic, total = (sparsification.ause[kind]['abs_rel']
                                   for kind in ('aleatoric', 'epistemic', 'total'))
    return Goal(name, target, f'{total:.4f}; aleatoric {aleatoric:.4f}, epistemic '
                              f'{epistemic:.4f}',
                verdict_at_most(total, min(aleatoric, epistemic)))
