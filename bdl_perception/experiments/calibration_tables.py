# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tables of calibration, and of the accuracy of the most certain pixels."""
from bdl_perception.experiments.claims import Claim, mean_std, NO_VALUE, Table, unless_missing
from bdl_perception.experiments.curves import RECALLS
from bdl_perception.experiments.plan import CLASSES, DEPTH
from bdl_perception.experiments.results import Result, Results

TARGET_COVERAGE, COVERAGE_TOLERANCE = 0.90, 0.02
MAX_CLASS_MSE, MAX_DEPTH_MSE = 0.00214, 0.00364  # Kendall & Gal 2017, fig. 3
PAPER_COVERAGE = {'aleatoric': 'about .69, not scaled'}  # read from the figure, Make3D
HALF = RECALLS.index(0.5)
RECALL_CURVES = ((DEPTH, 'rms_m', 'total', 'RMS, m', -1),
                 (CLASSES, 'correct', 'entropy', 'share correct', 1))


def calibration_table(results: Results) -> Table:
    """Compare coverage with the level of intervals, and correct classes with probabilities."""
    kinds = ('aleatoric', 'epistemic', 'total')
    columns = ('scale', 'coverage_before', 'coverage_after', 'mse_before', 'mse_after')
    rows = [[f'depth, {kind}', *(mean_std(_depth(results, f'{kind}/{name}')) for name in columns)]
            for kind in kinds]
    mse = results.values(CLASSES, results.winner, 'test/calibration/mse')
    rows.append(['classes', NO_VALUE, NO_VALUE, NO_VALUE, mean_std(mse), NO_VALUE])
    missing = {task: results.missing_runs(task, results.winner, share=1.0)
               for task in (DEPTH, CLASSES)}
    claims = [_mse_claim('depth: calibration MSE of the total variance, after scaling',
                         _depth(results, 'total/mse_after'), MAX_DEPTH_MSE, missing[DEPTH]),
              _mse_claim('classes: calibration MSE of the probabilities', mse, MAX_CLASS_MSE,
                         missing[CLASSES]),
              *(_coverage_claim(results, kind, missing[DEPTH]) for kind in ('total',
                                                                            'aleatoric'))]
    return Table(
        '6. Calibration', ['prediction', 'factor of sigma', '90 % interval holds, before',
                           'after', 'calibration MSE, before', 'after'], rows, claims,
        [*missing[DEPTH], *missing[CLASSES]],
        'One factor of sigma is fitted on nominal validation frames and evaluated on nominal test '
        'frames, over all pixels with known depth. Class probabilities are not scaled.')


def _depth(results: Results, path: str) -> list[float]:
    return results.values(DEPTH, results.winner, f'intervals/{path}')


def _mse_claim(subject: str, found: list[float], limit: float, missing: list[str]) -> Claim:
    holds = all(value < limit for value in found) if found else None
    return unless_missing(Claim(subject, f'below {limit} on every seed', mean_std(found), holds,
                                paper=f'{limit}'), missing)


def _coverage_claim(results: Results, kind: str, missing: list[str]) -> Claim:
    found = _depth(results, f'{kind}/coverage_after')
    goal = f'{TARGET_COVERAGE:g} +- {COVERAGE_TOLERANCE:g} after scaling, on every seed'
    holds = all(abs(coverage - TARGET_COVERAGE) <= COVERAGE_TOLERANCE for coverage in found)
    return unless_missing(Claim(f'depth: 90 % interval of the {kind} variance', goal,
                                mean_std(found), holds if found else None,
                                paper=PAPER_COVERAGE.get(kind, NO_VALUE)), missing)


def recall_table(results: Results) -> Table:
    """Compare the most certain pixels with all of them (Kendall & Gal 2017, fig. 2)."""
    rows, claims, missing = [], [], []
    for task, metric, uncertainty, title, sign in RECALL_CURVES:
        runs = results.runs(task, results.winner)
        for name in recall_uncertainties(runs, metric):
            curves = [run['test']['recall_curves'][metric][name] for run in runs]
            rows.append([task, f'{title} by {name}',
                         *(mean_std([curve[RECALLS.index(recall)] for curve in curves])
                           for recall in (.1, .5, .9, 1.0))])
        lost = results.missing_runs(task, results.winner, share=1.0)
        claims.append(unless_missing(_recall_claim(runs, task, metric, uncertainty, sign), lost))
        missing += lost
    return Table(
        '7. The most certain pixels', ['task', 'value', *(f'{recall:.0%} of the pixels'
                                                          for recall in (.1, .5, .9, 1.0))],
        rows, claims, missing,
        'Nominal test frames. Pixels are sorted by uncertainty; the most certain ones remain.')


def recall_uncertainties(runs: list[Result], metric: str) -> list[str]:
    """List the uncertainties by which pixels were sorted."""
    return list(runs[0]['test']['recall_curves'].get(metric, ())) if runs else []


def _recall_claim(runs: list[Result], task: str, metric: str, uncertainty: str,
                  sign: int) -> Claim:
    claim = Claim(f'{task}: the more certain half of the pixels, by {uncertainty}',
                  'better than all pixels, on every seed', NO_VALUE, None,
                  paper='better')
    curves = [run['test']['recall_curves'][metric][uncertainty] for run in runs]
    if not curves:
        return claim
    return claim._replace(
        found=f'{mean_std([curve[HALF] for curve in curves])}; all: '
              f'{mean_std([curve[-1] for curve in curves])}',
        holds=all(sign * curve[HALF] > sign * curve[-1] for curve in curves))
