# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tables of all scores that detect out-of-distribution frames."""
from typing import Any, Iterator, Mapping

from bdl_perception.experiments.claims import mean_or_none, NO_VALUE, Table
from bdl_perception.experiments.data import OTHER_DATA
from bdl_perception.experiments.plan import CLASSES, DEPTH, ENSEMBLE, LAPLACE_SAMPLES
from bdl_perception.experiments.results import Results
from bdl_perception.experiments.scores import SAMPLED_SCORES, SCORE_NAMES, SEPARATIONS

SEPARATION_NAMES = {'auroc': 'AUROC', 'aupr': 'AUPR', 'fpr_95': 'FPR95'}
PREFIXES = {ENSEMBLE: 'ensemble ', LAPLACE_SAMPLES: 'last-layer '}  # of scores of samples
NOTES = ('`epistemic_*` and `mutual_information` are of Monte Carlo dropout; `ensemble` of the '
         'three seeds of the winner; `last-layer` of samples of the last layer in place of masks. '
         '`laplace` is the last-layer Laplace variance, without samples; `feature` the '
         'Mahalanobis distance of pooled encoder features.')


def mean_score_table(results: Results) -> Table:
    """Average the separation by each score over the test conditions, best first."""
    return Table(
        '10. Scores for out-of-distribution detection',
        ['task', 'score', 'AUROC, other data', *SEPARATION_NAMES.values()],
        [row for task in (DEPTH, CLASSES) for row in _mean_rows(results, task)], [],
        _missing(results),
        f'Means over the conditions of test, seed {results.first_seed}, on the same frames; the '
        f'best mean AUROC is first. Chance is an AUROC of .5. Each condition, with 95 % intervals '
        f'over drives: [scores.md](scores.md). {NOTES}')


def _mean_rows(results: Results, task: str) -> list[list[str]]:
    """Return a row for each score of a task."""
    columns = {split.removeprefix('test_'): dict(condition_scores(results, task, split))
               for split in results.conditions(task, 'test')}
    names = dict.fromkeys(name for scores in columns.values() for name in scores)

    def mean(name: str, kind: str, chosen: tuple[str, ...]) -> float:
        return mean_or_none([scores[name][kind] for split, scores in columns.items()
                             if split in chosen and name in scores]) or 0.0

    every = tuple(columns)
    ranked = sorted(names, key=lambda name: mean(name, 'auroc', every), reverse=True)
    return [[task, name, f'{mean(name, "auroc", OTHER_DATA[task]):.3f}',
             *(f'{mean(name, kind, every):.3f}' for kind in SEPARATIONS)] for name in ranked]


def _missing(results: Results) -> list[str]:
    return [name for task in (DEPTH, CLASSES)
            for name in results.missing_runs(task, results.winner, *PREFIXES, share=1.0,
                                             seed=results.first_seed)]


def score_table(results: Results) -> Table:
    """Compare all scores of the winner's first seed, and the ensemble's, on each condition."""
    rows = [[task, split.removeprefix('test_'), name,
             *(separation_cell(score, kind) for kind in SEPARATIONS)]
            for task in (DEPTH, CLASSES) for split in results.conditions(task, 'test')
            for name, score in condition_scores(results, task, split)]
    return Table(
        'Frames of each condition against nominal frames',
        ['task', 'condition', 'score', *SEPARATION_NAMES.values()], rows, [],
        _missing(results),
        f'Frames of each test condition against nominal test frames, seed {results.first_seed}, '
        'with 95 % intervals over resampled drives (blocks of 10 frames for real sequences). '
        f'Chance is an AUROC of .5. {NOTES}')


def condition_scores(results: Results, task: str,
                     split: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each score of the first seed, then the sampled ones of other kinds of samples."""
    for kind, prefix in {results.winner: '', **PREFIXES}.items():
        for run in results.runs(task, kind):
            scores = run['conditions'].get(split, {'scores': {}})['scores']
            names = SAMPLED_SCORES if prefix else SCORE_NAMES
            if run['seed'] == results.first_seed:
                yield from ((f'{prefix}{name}', scores[name]) for name in names if name in scores)


def separation_cell(score: Mapping[str, Any], name: str) -> str:
    """Format a value with its interval."""
    value = score.get(name)
    if value is None:
        return NO_VALUE
    low, high = score[f'{name}_interval']
    return f'{value:.3f} ({low:.2f} to {high:.2f})'
