# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What uncertainty should be worth where the truth is known: goals for one set, and for each."""
import math
from typing import Any, Collection, Iterator, Mapping, NamedTuple, Sequence

MET, MISSED, NOT_SHOWN, NOT_MEASURED = 'met', 'missed', 'not shown', 'not measured'


class Goal(NamedTuple):
    """One line of the summary."""

    what: str
    wish: str
    found: str
    verdict: str


def verdict_at_least(value: float, target: float) -> str:
    """Give the verdict; NaN is missed."""
    return MET if value >= target else MISSED


def verdict_at_most(value: float, target: float) -> str:
    """Give the verdict; NaN is missed."""
    return MET if value <= target else MISSED


def require_conditions(goal: Goal, evaluated: Collection[str], required: Sequence[str]) -> Goal:
    """
    Tell how many of the held-out conditions that are asked for a goal was judged on.

    It is not met without all of them: the alarm may fail on the very one that is missing.
    """
    lacking = [name for name in required if name not in evaluated]
    if goal.verdict == NOT_MEASURED or not required:
        return goal
    without = f', without {", ".join(lacking)}' if lacking else ''
    return goal._replace(
        found=f'{goal.found}; over {len(required) - len(lacking)} of {len(required)} held-out '
              f'conditions{without}',
        verdict=NOT_SHOWN if lacking and goal.verdict == MET else goal.verdict)


def not_measured(what: str, target: str) -> Goal:
    """Give a goal that no data was there to judge, which is neither met nor missed."""
    return Goal(what, target, '-', NOT_MEASURED)


Values = Mapping[str, Any]
MAX_CLASS_MSE, MAX_DEPTH_MSE = .00214, .00364  # of Kendall & Gal 2017, to be beaten


def goals_for_set(found: Values, used_for_calibration: bool = False) -> list[Goal]:
    """
    Ask a set for intervals that hold, curves that are straight, and a fair sum.

    fitted: drives of the set made the calibration, so that its intervals hold on them anyway.
    """
    intervals, classes = found.get('intervals'), found.get('reliability')
    return [_coverage_goal(intervals, used_for_calibration), _class_calibration_goal(classes), _depth_calibration_goal(intervals, used_for_calibration),
            _sparsification_goal(found.get('sparsification'))]


def goals_for_held_out_sets(sets: Mapping[str, Values], required: Sequence[str] = ()) -> Iterator[Goal]:
    """
    Ask the same of every held-out set; one that knows no truth is left out.

    asked: conditions that must be among those of the sets that are judged.
    """
    judged = {name: goals_for_set(found) for name, found in sets.items()}
    for row, blank in enumerate(goals_for_set({})):
        goals = {name: of_one[row] for name, of_one in judged.items()}
        seen = {condition for name, goal in goals.items() if goal.verdict != NOT_MEASURED
                for condition in sets[name]['conditions']}
        yield require_conditions(_combined_goal(blank, goals), seen, required)


def _combined_goal(blank: Goal, goals: Mapping[str, Goal]) -> Goal:
    """Call a goal met where every set that could be judged meets it."""
    what = f'{blank.what}: each held-out condition'
    known = {name: goal for name, goal in goals.items() if goal.verdict != NOT_MEASURED}
    if not known:
        return not_measured(what, blank.wish)
    missed = [name for name, goal in known.items() if goal.verdict != MET]
    told = f'{len(known) - len(missed)} of {len(known)}'
    return Goal(what, blank.wish, f'{told}, not {", ".join(missed)}' if missed else told,
                MISSED if missed else MET)


def _interval_verdict(fine: bool, calibrated: object, fitted: bool) -> str:
    if not fine:
        return MISSED
    return NOT_SHOWN if calibrated and fitted else MET


def _coverage_goal(intervals: Values | None, fitted: bool) -> Goal:
    """Look at the calibrated intervals, else at the stated ones; bins without pixels pass."""
    title, wish = '90 % intervals hold in each range', '0.88 to 0.92'
    if intervals is None:
        return not_measured(title, wish)
    calibrated = intervals['conformal_by_range']
    shares = calibrated or intervals['total']['by_range']
    found = {name: by_level['0.9'] for name, by_level in shares.items()
             if not math.isnan(by_level['0.9'])}
    told = ', '.join(f'{name} {share:.3f}' for name, share in found.items())
    fine = bool(found) and all(.88 <= share <= .92 for share in found.values())
    how = 'calibrated' if calibrated else 'as stated'
    return Goal(title, wish, f'{how}: {told or "no deviation was stated"}',
                _interval_verdict(fine, calibrated, fitted))


def _class_calibration_goal(found: Values | None) -> Goal:
    title, wish = 'calibration error of classes (MSE of the curve)', f'< {MAX_CLASS_MSE}'
    if found is None:
        return not_measured(title, wish)
    mse = found['calibration_mse']
    return Goal(title, wish, f'{mse:.5f}', MET if mse < MAX_CLASS_MSE else MISSED)


def _depth_calibration_goal(intervals: Values | None, fitted: bool) -> Goal:
    """Look at the deviations that a calibration has scaled, else at the stated ones."""
    title, wish = 'calibration error of depth (MSE of the curve)', f'< {MAX_DEPTH_MSE}'
    if intervals is None:
        return not_measured(title, wish)
    scaled = intervals['scaled']
    mse = (scaled or intervals['total'])['calibration_mse']
    return Goal(title, wish, f'{"scaled" if scaled else "as stated"}: {mse:.5f}',
                _interval_verdict(mse < MAX_DEPTH_MSE, scaled, fitted))


def _sparsification_goal(found: Values | None) -> Goal:
    """Ask that aleatoric and epistemic together tell the wrong pixels as well as either."""
    title, wish = 'AUSE of abs. rel. error, combined <= each', 'combined <= each'
    if found is None:
        return not_measured(title, wish)
    aleatoric, epistemic, total = (found['ause'][kind]['abs_rel']
                                   for kind in ('aleatoric', 'epistemic', 'total'))
    return Goal(title, wish, f'{total:.4f}; aleatoric {aleatoric:.4f}, epistemic '
                             f'{epistemic:.4f}', verdict_at_most(total, min(aleatoric, epistemic)))
