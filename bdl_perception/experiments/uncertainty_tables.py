# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Whether the two uncertainties do what they are meant to (Kendall & Gal 2017, section 5)."""
from typing import NamedTuple

from bdl_perception.experiments.claims import (
    Claim,
    format_percent,
    mean_or_none,
    mean_std,
    NO_VALUE,
    Table,
)
from bdl_perception.experiments.results import Results
from bdl_perception.experiments.scores import SCORE_NAMES

BASE_KIND = 'both'  # the kind of network that the claims are about
MAX_ALEATORIC_DRIFT = 0.10
TARGET_COVERAGE, COVERAGE_TOLERANCE = 0.90, 0.02


class EpistemicMeasure(NamedTuple):
    """One measure of epistemic uncertainty and what the paper's numbers ask of it."""

    name: str
    path: str  # in a result
    score: str
    data_ratio: float  # 1/4 of the data : all
    ood_ratio: float  # out of distribution : nominal


EPISTEMIC_MEASURES = (
    EpistemicMeasure('variance of log-depth', 'nominal/epistemic_variance', 'epistemic_log_depth',
              2.78, 1.75),
    EpistemicMeasure('variance of inverse depth, 1/m^2', 'nominal/epistemic_inverse_variance',
              'epistemic_inverse_depth', 2.78, 1.75),
    EpistemicMeasure('mutual information of the classes, nat', 'nominal/mutual_information',
              'mutual_information', 1.44, 8.7),
)
ACCURACY_METRICS = (('mean IoU', 'nominal/average/mean_iou'), ('RMS, m', 'nominal/average/rms_m'))


def data_size_table(results: Results) -> Table:
    """Tell whether ignorance falls with data."""
    shares = results.shares()
    rows = [[name, *(mean_std(results.values(BASE_KIND, path, share)) for share in shares)]
            for name, path in (*((one.name, one.path) for one in EPISTEMIC_MEASURES), *ACCURACY_METRICS)]
    return Table(
        '1. Epistemic uncertainty and the size of the data',
        ['nominal test drives', *(f'{format_percent(share)} of the drives' for share in shares)], rows,
        [_claim_decreases_with_data(results, one) for one in EPISTEMIC_MEASURES], results.missing_runs(BASE_KIND),
        f'All runs of `{BASE_KIND}` saw the same number of pictures. The subsets are nested, drive by '
        'drive. The paper has its ratio of the classes, 1.44, from CamVid; here it is of rendered '
        'drives.')


def _claim_decreases_with_data(results: Results, one: EpistemicMeasure) -> Claim:
    """Want a fall at every step for every seed, and the ratio of the means."""
    shares = results.shares()
    steps = [results.values_by_seed(BASE_KIND, one.path, share) for share in shares]
    goal = f'falls at every step on every seed, {format_percent(shares[0])} : all >= {one.data_ratio}'
    seeds = sorted(set.intersection(*(set(step) for step in steps)))
    if not seeds or len(shares) < 2:
        return Claim(one.name, goal, NO_VALUE, None)
    falling = sum(all(few[seed] > more[seed] for few, more in zip(steps, steps[1:], strict=False))
                  for seed in seeds)
    most = sum(steps[-1][seed] for seed in seeds)
    ratio = sum(steps[0][seed] for seed in seeds) / most if most else 0.0
    return Claim(one.name, goal, f'falls on {falling} of {len(seeds)} seeds, ratio {ratio:.3g}',
                 falling == len(seeds) and ratio >= one.data_ratio)


def ood_table(results: Results, part: str) -> Table:
    """Tell whether ignorance rises on held-out conditions; part: validation or test."""
    conditions = results.conditions(part)
    rows = [[split.removeprefix(f'{part}_'), *(_ood_ratio_cell(results, split, one) for one in EPISTEMIC_MEASURES),
             *(_auroc_cell(results, split, score) for score in table_scores(results))]
            for split in conditions]
    columns = ['condition', *(f'ratio, {one.name} (goal > {one.ood_ratio})'
                              for one in EPISTEMIC_MEASURES),
               *(f'AUROC {score}' for score in table_scores(results))]
    role = ('Free to choose by.' if part == 'validation'
            else 'None of these drives took part in choosing, and of the camera faults '
            '(defocused, underexposed, half_lost) not even the kind did.')
    return Table(
        f'2. Out of distribution, {part} drives', columns, rows,
        [_claim_increases_on_ood(results, part, one) for one in EPISTEMIC_MEASURES],
        results.missing_runs(BASE_KIND, share=1.0),
        f'Ratio of the mean over frames to that of nominal {part} drives, and AUROC of frames '
        f'against those. {role} Unknown objects, the unseen mount and dirt are by day only, '
        f'nominal drives at dusk and in haze as well.')


def table_scores(results: Results) -> list[str]:
    """List the scores of the tables, then those that are measured beside them."""
    measured = [name for run in results.runs(BASE_KIND)
                for split in run['conditions'].values() for name in split['scores']]
    return list(dict.fromkeys((*SCORE_NAMES, *measured)))


def _ood_ratios(results: Results, split: str, one: EpistemicMeasure) -> list[float]:
    return results.values(BASE_KIND, f'conditions/{split}/scores/{one.score}/ratio')


def _ood_ratio_cell(results: Results, split: str, one: EpistemicMeasure) -> str:
    ratios = _ood_ratios(results, split, one)
    mean = mean_or_none(ratios)
    if mean is None:
        return NO_VALUE
    return f'{mean_std(ratios)} ({"holds" if mean > one.ood_ratio else "does not hold"})'


def _auroc_cell(results: Results, split: str, score: str) -> str:
    return mean_std(results.values(BASE_KIND, f'conditions/{split}/scores/{score}/auroc'))


def _claim_increases_on_ood(results: Results, part: str, one: EpistemicMeasure) -> Claim:
    """Want the ratio on every condition; name those that fall short."""
    means = {split.removeprefix(f'{part}_'): mean_or_none(_ood_ratios(results, split, one))
             for split in results.conditions(part)}
    known = {name: mean for name, mean in means.items() if mean is not None}
    goal = f'> {one.ood_ratio} times nominal on every condition'
    if not known or len(known) < len(means):
        return Claim(one.name, goal, NO_VALUE, None)
    short = {name: mean for name, mean in known.items() if not mean > one.ood_ratio}
    found = f'{len(known) - len(short)} of {len(known)}'
    if short:
        found += '; short: ' + ', '.join(f'{name} {mean:.3g}' for name, mean in short.items())
    return Claim(one.name, goal, found, not short)


def aleatoric_constancy_table(results: Results) -> Table:
    """Tell whether the noise in the data stays what it is when there is more of it."""
    shares, path = results.shares(), 'nominal/aleatoric_variance'
    means = [mean_or_none(results.values(BASE_KIND, path, share)) for share in shares]
    known = [mean for mean in means if mean is not None]
    goal = f'within {format_percent(MAX_ALEATORIC_DRIFT)} of that with all the data'
    claim = Claim('aleatoric variance of log-depth', goal, NO_VALUE, None)
    if len(known) == len(shares) and len(shares) > 1 and known[-1] > 0:
        drift = max(abs(mean / known[-1] - 1) for mean in known)
        claim = claim._replace(found=f'at most {format_percent(round(drift, 3))} away',
                               holds=drift <= MAX_ALEATORIC_DRIFT)
    return Table(
        '3. Aleatoric uncertainty and the size of the data',
        ['nominal test drives', *(f'{format_percent(share)} of the drives' for share in shares)],
        [['variance of log-depth',
          *(mean_std(results.values(BASE_KIND, path, share)) for share in shares)]],
        [claim], results.missing_runs(BASE_KIND))


def interval_table(results: Results) -> Table:
    """Tell whether truth lies in the 90 % interval in 90 % of the pixels."""
    numbers = ('scale', 'coverage_before', 'coverage_after', 'nll_before', 'nll_after')
    kinds = ('aleatoric', 'epistemic', 'total')
    rows = [[kind, *(mean_std(results.values(BASE_KIND, f'intervals/{kind}/{name}'))
                     for name in numbers)] for kind in kinds]
    return Table(
        '6. Does the 90 % interval hold?',
        ['variance', 'factor of sigma', 'inside before', 'inside after', 'NLL before, nat',
         'NLL after, nat'], rows,
        [_coverage_claim(results, kind) for kind in ('total', 'aleatoric')],
        results.missing_runs(BASE_KIND, share=1.0),
        'One factor of sigma is fitted on nominal validation drives; measured on nominal test '
        'drives, over all pixels with known depth.')


def _coverage_claim(results: Results, kind: str) -> Claim:
    found = results.values(BASE_KIND, f'intervals/{kind}/coverage_after')
    goal = f'{TARGET_COVERAGE:g} +- {COVERAGE_TOLERANCE:g} after scaling, on every seed'
    holds = all(abs(one - TARGET_COVERAGE) <= COVERAGE_TOLERANCE for one in found) if found else None
    return Claim(f'interval of the {kind} variance', goal, mean_std(found), holds)
