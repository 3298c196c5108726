# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tables of accuracy: ablation of the uncertainties, task weights, and cost of dropout."""
from typing import NamedTuple

from bdl_perception.experiments.claims import (
    Claim,
    difference_claim,
    mean_or_none,
    mean_std,
    NO_VALUE,
    Table,
    unless_missing,
)
from bdl_perception.experiments.plan import BOTH_TASKS, CLASSES, DEPTH, LEARNED_WEIGHTS
from bdl_perception.experiments.recipes import mean_separation
from bdl_perception.experiments.results import Results

METRICS = {'mean_iou': 'mean IoU', 'rms_m': 'RMS, m', 'abs_rel': 'abs. rel. error',
           'class_nll': 'NLL of the classes, nat'}
TASK_METRICS = {DEPTH: ('rms_m', 'abs_rel'), CLASSES: ('mean_iou', 'class_nll')}


class AccuracyGoal(NamedTuple):
    """The allowed change of the main metric of a task."""

    task: str
    metric: str
    unit: str  # points, or % of the base
    more_is_better: bool
    paper_gain: str  # of both uncertainties
    max_cost: float  # of dropout


GOALS = (AccuracyGoal(DEPTH, 'rms_m', '%', False, '-2.1 % (NYUv2), +4.1 % (Make3D)', 1.0),
         AccuracyGoal(CLASSES, 'mean_iou', 'points', True, '+.4 points (CamVid)', -0.5))


def ablation_table(results: Results) -> Table:
    """Compare no uncertainty, one of them, and both."""
    kinds = {'none': 'none', 'aleatoric': 'aleatoric', 'epistemic': 'epistemic',
             'both': results.winner}
    rows = [[task, title, *(mean_std(results.values(task, kind, f'test/average/{name}'))
                            for name in METRICS)]
            for task in (DEPTH, CLASSES) for title, kind in kinds.items()]
    claims = [_change_claim(results, goal, f'{goal.task}: both against none, '
                            f'{METRICS[goal.metric]}', (results.winner, 'none'), 'average', 0.0,
                            goal.paper_gain)._replace(goal='not worse') for goal in GOALS]
    return Table(
        '4. Effect of modelling uncertainty on accuracy', ['task', 'network', *METRICS.values()],
        rows, claims, [name for task in (DEPTH, CLASSES)
                       for name in results.missing_runs(task, *kinds.values(), share=1.0)],
        'Nominal test frames; the mean of the Monte Carlo samples where there is dropout. '
        'Differences are taken seed by seed. A claim holds or fails where the 90 % interval of '
        'their mean (Student t) lies on one side of the limit; it is undecided where the interval '
        'contains it. `epistemic` has the first seed only; no claim needs it.')


def _change_claim(results: Results, goal: AccuracyGoal, subject: str, kinds: tuple[str, str],
                  way: str, limit: float, paper: str = NO_VALUE) -> Claim:
    """Assess the change of a metric from the second kind to the first, seed by seed."""
    path = f'test/{way}/{goal.metric}'
    values, bases = (results.values_by_seed(goal.task, kind, path) for kind in kinds)
    pairs = [(values[seed], bases[seed]) for seed in values if seed in bases]
    changes = [100 * (value - base) if goal.unit == 'points' else 100 * (value / base - 1)
               for value, base in pairs if base]
    word = 'at least' if goal.more_is_better else 'at most'
    claim = difference_claim(subject, f'{word} {limit:+g} {goal.unit}',
                             format_change(changes, goal.unit), changes, limit,
                             more_is_better=goal.more_is_better, paper=paper)
    return unless_missing(claim, results.missing_runs(goal.task, *kinds, share=1.0))


def format_change(changes: list[float], unit: str) -> str:
    """Format the mean change with its sign and its deviation."""
    mean = mean_or_none(changes)
    return NO_VALUE if mean is None else f'{"+" if mean >= 0 else ""}{mean_std(changes)} {unit}'


def task_weight_table(results: Results) -> Table:
    """Compare learned task weights with fixed ones, in a network of both tasks."""
    kinds = list(dict.fromkeys(spec.kind for spec in results.specs if spec.task == BOTH_TASKS))
    fixed = [kind for kind in kinds if kind != LEARNED_WEIGHTS]
    rows = [['learned' if kind == LEARNED_WEIGHTS else kind.removeprefix('weight_') + ' %',
             *(_first_seed_cell(results, kind, f'{part}/average/{name}')
               for part in ('validation', 'test') for name in ('rms_m', 'mean_iou'))]
            for kind in kinds]
    missing = results.missing_runs(BOTH_TASKS, *kinds)
    return Table(
        '5. Learned task weights against a grid',
        ['weight of depth', *(f'{part} {METRICS[name]}' for part in ('validation', 'test')
                              for name in ('rms_m', 'mean_iou'))], rows,
        [unless_missing(_grid_claim(results, fixed, name, sign), missing)
         for name, sign in (('rms_m', -1), ('mean_iou', 1))], missing,
        f'Networks of both tasks on rendered drives, mean of the Monte Carlo samples, seed '
        f'{results.first_seed} only. The best fixed weight is the best of validation.')


def _first_seed_cell(results: Results, kind: str, path: str) -> str:
    value = results.first_seed_value(BOTH_TASKS, kind, path)
    return NO_VALUE if value is None else f'{value:.4g}'


def _grid_claim(results: Results, fixed: list[str], name: str, sign: int) -> Claim:
    """Require learned weights no worse than the best fixed ones; sign: 1 if more is better."""
    def value(kind: str, part: str) -> float | None:
        return results.first_seed_value(BOTH_TASKS, kind, f'{part}/average/{name}')

    claim = Claim(f'both tasks: learned weights, {METRICS[name]}',
                  'no worse than the fixed weight that is best on validation', NO_VALUE, None,
                  paper='better')
    ranked = {kind: sign * found for kind in fixed
              if (found := value(kind, 'validation')) is not None}
    learned = value(LEARNED_WEIGHTS, 'test')
    if learned is None or not ranked:
        return claim
    best = max(ranked, key=lambda kind: ranked[kind])
    other = value(best, 'test')
    if other is None:
        return claim
    return claim._replace(found=f'{learned:.4g}; fixed {other:.4g} ({best})',
                          holds=sign * learned >= sign * other)


def dropout_cost_table(results: Results) -> Table:
    """Compare the accuracy and the OOD detection of placements of dropout."""
    kinds = {'none': 'aleatoric', 'the winner': results.winner, 'other masks': 'other_masks'}
    rows = [[goal.task, title, *(mean_std(results.values(goal.task, kind,
                                                         f'test/{way}/{goal.metric}'))
                                 for way in ('single', 'average')),
             mean_std([*mean_aurocs(results, goal.task, kind).values()])]
            for goal in GOALS for title, kind in kinds.items()]
    claims = [_change_claim(results, goal, f'{goal.task}: cost of dropout, '
                            f'{METRICS[goal.metric]} of one pass', (results.winner, 'aleatoric'),
                            'single', goal.max_cost) for goal in GOALS]
    return Table(
        '8. The cost of dropout, and where the masks are',
        ['task', 'dropout', 'RMS, m or mean IoU, one pass', 'the same, samples',
         'mean test AUROC'], rows,
        [*claims, *(_placement_claim(results, goal.task) for goal in GOALS)],
        [name for task in (DEPTH, CLASSES)
         for name in results.missing_runs(task, *kinds.values(), share=1.0)],
        'Nominal test frames, with aleatoric noise in all. The winner has masks on the coarsest '
        'map of the decoder and `other masks` on all its levels, or the reverse where all levels '
        'won. AUROC of the variance of log-depth, or of the mutual information, over all '
        'conditions of test.')


def mean_aurocs(results: Results, task: str, kind: str) -> dict[int, float]:
    """Average the AUROC of the epistemic score over the test conditions, for each seed."""
    score = 'mutual_information' if task == CLASSES else 'epistemic_log_depth'
    found = {run['seed']: mean_separation(run, 'test', score) for run in results.runs(task, kind)}
    return {seed: value for seed, value in found.items() if value is not None}


def _placement_claim(results: Results, task: str) -> Claim:
    chosen, other = (mean_aurocs(results, task, kind) for kind in (results.winner, 'other_masks'))
    changes = [chosen[seed] - other[seed] for seed in chosen if seed in other]
    found = f'{mean_std([*chosen.values()])} against {mean_std([*other.values()])}'
    claim = difference_claim(f'{task}: masks of the winner against other masks, mean test AUROC',
                             'higher', found, changes, 0, more_is_better=True)
    return unless_missing(claim, results.missing_runs(task, results.winner, 'other_masks',
                                                      share=1.0))
