# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The choice of a recipe on validation, and the table of all recipes."""
from bdl_perception.experiments.claims import mean_or_none, NO_VALUE, Table
from bdl_perception.experiments.plan import DEPTH, RECIPES
from bdl_perception.experiments.results import get_number, Result, Results

MAX_RMS_SHARE = 1.05  # of the lowest RMS on validation, for a recipe that can win
SCORE = 'epistemic_log_depth'
RULE = (f'The winner has the highest mean AUROC of the variance of log-depth over the held-out '
        f'conditions and other data of validation, among the recipes whose RMS on nominal '
        f'validation frames is at most {MAX_RMS_SHARE:g} times the lowest.')

COLUMNS = {'validation RMS, m': 'validation/average/rms_m', 'RMS, m': 'test/average/rms_m',
           'abs. rel. error': 'test/average/abs_rel',
           '90 % interval holds, scaled': 'intervals/total/coverage_after',
           'calibration MSE, scaled': 'intervals/total/mse_after',
           'ratio on CamVid': 'conditions/test_camvid/scores/epistemic_log_depth/ratio',
           'on IDD': 'conditions/test_idd/scores/epistemic_log_depth/ratio'}
RUN_TIMES = {'training, s': 'training/elapsed_s', 'evaluation, s': 'evaluation_s'}
NOTES = ('`gaussian` is the likelihood of the paper (eq. 8), `laplace` its L1 form; `beta_50` and '
         '`beta_100` weight the mean by sigma and by sigma^2 (Seitzer et al. 2022); `warm_up` '
         'learns the mean alone at first; `faithful` teaches the mean by the squared error and '
         'the variance on detached features (Stirn et al. 2023). `concrete` (learned dropout '
         'probability), `dropout_50` and `all_levels` (masks on every level of the decoder) are '
         '`faithful` with other masks.')


def choose_recipe(results: Results, recipes: tuple[str, ...]) -> str:
    """Return the winner among the finished recipes, by RULE; the first planned one without any."""
    found = {kind: runs[0] for kind in recipes if (runs := results.runs(DEPTH, kind))}
    errors = {kind: error for kind, run in found.items()
              if (error := get_number(run, 'validation/average/rms_m')) is not None}
    if not errors:
        return recipes[0]
    allowed = [kind for kind in errors if errors[kind] <= MAX_RMS_SHARE * min(errors.values())]
    return max(allowed, key=lambda kind: mean_separation(found[kind], 'validation') or 0.0)


def mean_separation(run: Result, part: str, score: str = SCORE) -> float | None:
    """Average the AUROC over the conditions of a part; None if any has none."""
    found = [get_number(run, f'conditions/{split}/scores/{score}/auroc')
             for split in run['conditions'] if split.startswith(f'{part}_')]
    known = [value for value in found if value is not None]
    return mean_or_none(known) if len(known) == len(found) else None


def recipe_table(results: Results) -> Table:
    """Compare the recipes of depth, with the first seed."""
    kinds = list(dict.fromkeys(spec.kind for spec in results.specs
                               if spec.task == DEPTH and spec.kind in RECIPES))
    rows = [[f'**{kind}**' if kind == results.winner else kind,
             *(_cell(results, kind, path) for path in COLUMNS.values()),
             *(_separation_cell(results, kind, part) for part in ('validation', 'test')),
             *(_cell(results, kind, path) for path in RUN_TIMES.values())] for kind in kinds]
    return Table(
        '9. Recipes for depth',
        ['recipe', *COLUMNS, 'mean validation AUROC', 'mean test AUROC', *RUN_TIMES], rows, [],
        results.missing_runs(DEPTH, *kinds, share=1.0, seed=results.first_seed),
        f'{RULE} Seed {results.first_seed} only, all data. Values are of nominal test frames '
        f'where nothing else is written. The machine may have done other work meanwhile. {NOTES}')


def _cell(results: Results, kind: str, path: str) -> str:
    value = results.first_seed_value(DEPTH, kind, path)
    return NO_VALUE if value is None else f'{value:.3g}'


def _separation_cell(results: Results, kind: str, part: str) -> str:
    found = [run for run in results.runs(DEPTH, kind) if run['seed'] == results.first_seed]
    value = mean_separation(found[0], part) if found else None
    return NO_VALUE if value is None else f'{value:.3f}'
