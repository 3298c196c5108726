# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tables of accuracy: ablation of the uncertainties, task weights, and cost of dropout."""
from bdl_perception.experiments.claims import (
    Claim,
    difference_claim,
    mean_or_none,
    mean_std,
    NO_VALUE,
    Table,
)
from bdl_perception.experiments.plan import ABLATION
from bdl_perception.experiments.results import Results
from bdl_perception.experiments.scores import SAMPLED_SCORES

IOU, RMS, ABS_REL, CLASS_NLL = 'mean_iou', 'rms_m', 'abs_rel', 'class_nll'
METRICS = {IOU: 'mean IoU', RMS: 'RMS, m', ABS_REL: 'abs. rel. error',
           CLASS_NLL: 'NLL of the classes, nat'}
SINGLE, AVERAGE = 'nominal/single', 'nominal/average'
LIKELIHOOD_VARIANTS = ('plain_likelihood', 'squared_error')  # other beta of the same network
MAX_IOU_COST, MAX_RMS_COST = 0.5, 1.0  # allowed of dropout: points, %


def ablation_table(results: Results) -> Table:
    """Compare no uncertainty, one of them, and both."""
    kinds = (*ABLATION, 'both')
    variants = [kind for kind in results.kinds() if kind in LIKELIHOOD_VARIANTS]
    rows = [[kind, *(mean_std(results.values(kind, f'{AVERAGE}/{name}')) for name in METRICS)]
            for kind in (*kinds, *variants)]
    gain = point_differences(results, 'both', 'none', f'{AVERAGE}/{IOU}')
    change = percent_changes(results, 'both', 'none', f'{AVERAGE}/{RMS}')
    return Table(
        '4. Effect of modelling uncertainty on accuracy', ['network', *METRICS.values()], rows,
        [difference_claim('both against none, mean IoU', 'higher (paper: +.4 points)',
                          _format_change(gain, 'points'), gain, 0, more_is_better=True),
         difference_claim('both against none, RMS', 'lower (paper: -2.1 %)',
                          _format_change(change, '%'), change, 0, more_is_better=False)],
        results.missing_runs(*kinds, share=1.0),
        'Nominal test drives; the mean of the Monte Carlo samples where there is dropout. '
        'The weight of the classes is learned in each network, so it differs: see table 5. '
        '`both` is trained with beta = .5; `plain_likelihood` is the same with 0 and '
        '`squared_error` with 1, one seed each. Differences are taken seed by seed. A claim is '
        'undecided where the 90 % interval of their mean contains the limit.')


def task_weight_table(results: Results) -> Table:
    """Compare learned task weights with fixed ones, of the same seed."""
    fixed = results.kinds('weight_')
    rows = [['learned' if kind == 'both' else kind.removeprefix('weight_') + ' %',
             *(_first_seed_cell(results, kind, name) for name in METRICS)]
            for kind in ('both', *fixed)]
    return Table(
        '5. Learned task weights against a grid', ['weight of depth', *METRICS.values()], rows,
        [_grid_claim(results, fixed, IOU, 1), _grid_claim(results, fixed, RMS, -1)],
        results.missing_runs('both', *fixed, share=1.0, seed=results.first_seed),
        f'Nominal test drives, mean of the Monte Carlo samples, seed {results.first_seed} only. '
        'The weight of the classes is learned; the likelihood of depth has a predicted sigma.')


def _first_seed_cell(results: Results, kind: str, name: str) -> str:
    value = results.first_seed_value(kind, f'{AVERAGE}/{name}')
    return NO_VALUE if value is None else f'{value:.4g}'


def _grid_claim(results: Results, fixed: list[str], name: str, sign: int) -> Claim:
    """Require learned weights no worse than the best fixed ones; sign: 1 if more is better."""
    path = f'{AVERAGE}/{name}'
    learned = results.first_seed_value('both', path)
    grid = {kind: value for kind in fixed for value in results.values(kind, path)}
    subject, goal = f'learned task weights, {METRICS[name]}', 'no worse than the best fixed ones'
    if learned is None or not grid:
        return Claim(subject, goal, NO_VALUE, None)
    best = max(grid, key=lambda kind: sign * grid[kind])
    return Claim(subject, goal, f'{learned:.4g}; best fixed {grid[best]:.4g} ({best})',
                 sign * learned >= sign * grid[best])


def dropout_cost_table(results: Results) -> Table:
    """Compare the accuracy and the OOD detection of three placements of dropout."""
    kinds = {'none': 'aleatoric', 'coarsest map of the decoder': 'both',
             'everywhere': 'everywhere'}
    rows = [[title, *(mean_std(results.values(kind, f'{way}/{name}'))
                      for name in (IOU, RMS) for way in (SINGLE, AVERAGE)),
             *(mean_std([*mean_aurocs(results, kind, part, score).values()])
               for part in ('validation', 'test')
               for score in SAMPLED_SCORES)] for title, kind in kinds.items()]
    columns = ['dropout', *(f'{METRICS[name]}, {way}' for name in (IOU, RMS)
                            for way in ('one pass', 'samples')),
               *(f'mean {part} AUROC, {score}' for part in ('validation', 'test')
                 for score in SAMPLED_SCORES)]
    return Table(
        '7. The cost of dropout', columns, rows,
        [*_dropout_cost_claims(results),
         *(_auroc_claim(results, score) for score in SAMPLED_SCORES)],
        results.missing_runs(*kinds.values(), share=1.0),
        'Nominal test drives, with aleatoric noise in all three; AUROC over held-out conditions.')


def _dropout_cost_claims(results: Results) -> list[Claim]:
    """Assess the deterministic pass, which runs on every frame."""
    iou = point_differences(results, 'both', 'aleatoric', f'{SINGLE}/{IOU}')
    rms = percent_changes(results, 'both', 'aleatoric', f'{SINGLE}/{RMS}')
    return [
        difference_claim('cost of dropout on the coarsest map, mean IoU of one pass',
                         f'at most {MAX_IOU_COST:g} points', _format_change(iou, 'points'), iou,
                         -MAX_IOU_COST, more_is_better=True),
        difference_claim('cost of dropout on the coarsest map, RMS of one pass',
                         f'at most {MAX_RMS_COST:g} %', _format_change(rms, '%'), rms,
                         MAX_RMS_COST, more_is_better=False)]


def _auroc_claim(results: Results, score: str) -> Claim:
    decoder, everywhere = (mean_aurocs(results, kind, 'test', score)
                           for kind in ('both', 'everywhere'))
    changes = [decoder[seed] - everywhere[seed] for seed in decoder if seed in everywhere]
    found = f'{mean_std([*decoder.values()])} against {mean_std([*everywhere.values()])}'
    return difference_claim(f'masks on the coarsest map against everywhere, mean test AUROC, '
                            f'{score}', 'higher', found, changes, 0, more_is_better=True)


def mean_aurocs(results: Results, kind: str, part: str, score: str) -> dict[int, float]:
    """Average over the conditions of a part, for each seed that has all of them."""
    paths = [f'conditions/{split}/scores/{score}/auroc' for split in results.conditions(part)]
    columns = [results.values_by_seed(kind, path) for path in paths]
    seeds = sorted(set.intersection(*(set(column) for column in columns))) if columns else []
    return {seed: sum(column[seed] for column in columns) / len(columns) for seed in seeds}


def point_differences(results: Results, kind: str, other: str, path: str) -> list[float]:
    """Return the difference to another kind seed by seed, in hundredths: .62 and .60 are 2."""
    return [100 * (value - base) for value, base in _paired_values(results, kind, other, path)]


def percent_changes(results: Results, kind: str, other: str, path: str) -> list[float]:
    """Return the change from another kind seed by seed, in percent: 2.9 and 3 are -3.3."""
    return [100 * (value / base - 1) for value, base in _paired_values(results, kind, other, path)
            if base]


def _paired_values(results: Results, kind: str, other: str,
                   path: str) -> list[tuple[float, float]]:
    values, bases = results.values_by_seed(kind, path), results.values_by_seed(other, path)
    return [(values[seed], bases[seed]) for seed in values if seed in bases]


def _format_change(changes: list[float], unit: str) -> str:
    mean = mean_or_none(changes)
    return NO_VALUE if mean is None else f'{"+" if mean >= 0 else ""}{mean_std(changes)} {unit}'
