# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The table of all out-of-distribution scores on the same frames."""
from typing import Any, Iterator, Mapping

from bdl_perception.experiments.claims import NO_VALUE, Table
from bdl_perception.experiments.plan import CLASSES, DEPTH, ENSEMBLE
from bdl_perception.experiments.results import Results
from bdl_perception.experiments.scores import SAMPLED_SCORES, SCORE_NAMES, SEPARATIONS

SEPARATION_NAMES = {'auroc': 'AUROC', 'aupr': 'AUPR', 'fpr_95': 'FPR95'}


def score_table(results: Results) -> Table:
    """Compare all scores of the winner's first seed, and those of the ensemble, on test."""
    rows = [[task, split.removeprefix('test_'), name,
             *(separation_cell(score, kind) for kind in SEPARATIONS)]
            for task in (DEPTH, CLASSES) for split in results.conditions(task, 'test')
            for name, score in condition_scores(results, task, split)]
    return Table(
        '10. Scores for out-of-distribution detection',
        ['task', 'condition', 'score', *SEPARATION_NAMES.values()], rows, [],
        [name for task in (DEPTH, CLASSES)
         for name in results.missing_runs(task, results.winner, ENSEMBLE, share=1.0,
                                          seed=results.first_seed)],
        f'Frames of each test condition against nominal test frames, seed {results.first_seed}, '
        'with 95 % intervals over resampled drives (blocks of 10 frames for real sequences). '
        'Chance is an AUROC of .5. `epistemic_*` and `mutual_information` are of Monte Carlo '
        'dropout; `ensemble` of the three seeds of the winner; `laplace` is the last-layer '
        'Laplace variance, `feature` the Mahalanobis distance of pooled encoder features.')


def condition_scores(results: Results, task: str,
                     split: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each score of the first seed, and the sampled ones of the ensemble."""
    for kind, names in ((results.winner, SCORE_NAMES), (ENSEMBLE, SAMPLED_SCORES)):
        for run in results.runs(task, kind):
            scores = run['conditions'].get(split, {'scores': {}})['scores']
            if run['seed'] == results.first_seed:
                yield from ((f'ensemble {name}' if kind == ENSEMBLE else name, scores[name])
                            for name in names if name in scores)


def separation_cell(score: Mapping[str, Any], name: str) -> str:
    """Format a value with its interval."""
    value = score.get(name)
    if value is None:
        return NO_VALUE
    low, high = score[f'{name}_interval']
    return f'{value:.3f} ({low:.2f} to {high:.2f})'
