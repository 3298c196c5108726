# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What uncertainty should be worth where the truth is known: goals for one set, and for each."""
import math
from typing import Any, Iterator, Mapping, Sequence

from bdl_perception.evaluation.goal import at_most
from bdl_perception.evaluation.goal import Goal
from bdl_perception.evaluation.goal import MET
from bdl_perception.evaluation.goal import MISSED
from bdl_perception.evaluation.goal import missing
from bdl_perception.evaluation.goal import NOT_MEASURED
from bdl_perception.evaluation.goal import NOT_SHOWN
from bdl_perception.evaluation.goal import over

Values = Mapping[str, Any]
CLASSES_MSE, DEPTH_MSE = .00214, .00364  # of Kendall & Gal 2017, to be beaten


def of_set(found: Values, fitted: bool = False) -> list[Goal]:
    """
    Ask a set for intervals that hold, curves that are straight, and a fair sum.

    fitted: drives of the set made the calibration, so that its intervals hold on them anyway.
    """
    intervals, classes = found.get('intervals'), found.get('reliability')
    return [_coverage(intervals, fitted), _classes(classes), _depth(intervals, fitted),
            _sparsification(found.get('sparsification'))]


def of_each(sets: Mapping[str, Values], asked: Sequence[str] = ()) -> Iterator[Goal]:
    """
    Ask the same of every held-out set; one that knows no truth is left out.

    asked: conditions that must be among those of the sets that are judged.
    """
    judged = {name: of_set(found) for name, found in sets.items()}
    for row, blank in enumerate(of_set({})):
        goals = {name: of_one[row] for name, of_one in judged.items()}
        seen = {condition for name, goal in goals.items() if goal.verdict != NOT_MEASURED
                for condition in sets[name]['conditions']}
        yield over(_joined(blank, goals), seen, asked)


def _joined(blank: Goal, goals: Mapping[str, Goal]) -> Goal:
    """Call a goal met where every set that could be judged meets it."""
    what = f'{blank.what}: each held-out condition'
    known = {name: goal for name, goal in goals.items() if goal.verdict != NOT_MEASURED}
    if not known:
        return missing(what, blank.wish)
    missed = [name for name, goal in known.items() if goal.verdict != MET]
    told = f'{len(known) - len(missed)} of {len(known)}'
    return Goal(what, blank.wish, f'{told}, not {", ".join(missed)}' if missed else told,
                MISSED if missed else MET)


def _of_interval(fine: bool, calibrated: object, fitted: bool) -> str:
    if not fine:
        return MISSED
    return NOT_SHOWN if calibrated and fitted else MET


def _coverage(intervals: Values | None, fitted: bool) -> Goal:
    """Look at the calibrated intervals, else at the stated ones; bins without pixels pass."""
    title, wish = '90 % intervals hold in each range', '0.88 to 0.92'
    if intervals is None:
        return missing(title, wish)
    calibrated = intervals['conformal_by_range']
    shares = calibrated or intervals['total']['by_range']
    found = {name: by_level['0.9'] for name, by_level in shares.items()
             if not math.isnan(by_level['0.9'])}
    told = ', '.join(f'{name} {share:.3f}' for name, share in found.items())
    fine = bool(found) and all(.88 <= share <= .92 for share in found.values())
    how = 'calibrated' if calibrated else 'as stated'
    return Goal(title, wish, f'{how}: {told or "no deviation was stated"}',
                _of_interval(fine, calibrated, fitted))


def _classes(found: Values | None) -> Goal:
    title, wish = 'calibration error of classes (MSE of the curve)', f'< {CLASSES_MSE}'
    if found is None:
        return missing(title, wish)
    mse = found['calibration_mse']
    return Goal(title, wish, f'{mse:.5f}', MET if mse < CLASSES_MSE else MISSED)


def _depth(intervals: Values | None, fitted: bool) -> Goal:
    """Look at the deviations that a calibration has scaled, else at the stated ones."""
    title, wish = 'calibration error of depth (MSE of the curve)', f'< {DEPTH_MSE}'
    if intervals is None:
        return missing(title, wish)
    scaled = intervals['scaled']
    mse = (scaled or intervals['total'])['calibration_mse']
    return Goal(title, wish, f'{"scaled" if scaled else "as stated"}: {mse:.5f}',
                _of_interval(mse < DEPTH_MSE, scaled, fitted))


def _sparsification(found: Values | None) -> Goal:
    """Ask that aleatoric and epistemic together tell the wrong pixels as well as either."""
    title, wish = 'AUSE of abs. rel. error, combined <= each', 'combined <= each'
    if found is None:
        return missing(title, wish)
    aleatoric, epistemic, total = (found['ause'][kind]['abs_rel']
                                   for kind in ('aleatoric', 'epistemic', 'total'))
    return Goal(title, wish, f'{total:.4f}; aleatoric {aleatoric:.4f}, epistemic '
                             f'{epistemic:.4f}', at_most(total, min(aleatoric, epistemic)))
