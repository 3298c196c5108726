# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tables of the two uncertainties: tests of the claims of Kendall & Gal 2017, section 5."""
from itertools import pairwise
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

BASE_KIND = 'both'  # the network that the claims are about
MAX_ALEATORIC_DRIFT = 0.10
TARGET_COVERAGE, COVERAGE_TOLERANCE = 0.90, 0.02


class EpistemicMeasure(NamedTuple):
    """One measure of epistemic uncertainty and its goals, from the paper's numbers."""

    name: str
    path: str  # of the nominal mean in a result
    score: str  # name of its score of a frame
    data_ratio: float  # 1/4 of the data : all
    ood_ratio: float  # out of distribution : nominal


EPISTEMIC_MEASURES = (
    EpistemicMeasure('variance of log-depth', 'nominal/epistemic_variance',
                     'epistemic_log_depth', 2.78, 1.75),
    EpistemicMeasure('variance of inverse depth, 1/m^2', 'nominal/epistemic_inverse_variance',
                     'epistemic_inverse_depth', 2.78, 1.75),
    EpistemicMeasure('mutual information of the classes, nat', 'nominal/mutual_information',
                     'mutual_information', 1.44, 8.7),
)
ACCURACY_METRICS = (('mean IoU', 'nominal/average/mean_iou'), ('RMS, m', 'nominal/average/rms_m'))


def data_size_table(results: Results) -> Table:
    """Compare epistemic uncertainty over shares of the data: it should decrease with data."""
    shares = results.shares()
    columns = ['nominal test drives', *(f'{format_percent(share)} of the drives'
                                        for share in shares)]
    paths = [(measure.name, measure.path) for measure in EPISTEMIC_MEASURES]
    rows = [[name, *(mean_std(results.values(BASE_KIND, path, share)) for share in shares)]
            for name, path in (*paths, *ACCURACY_METRICS)]
    return Table(
        '1. Epistemic uncertainty and the amount of data', columns, rows,
        [claim_decreases_with_data(results, measure) for measure in EPISTEMIC_MEASURES],
        results.missing_runs(BASE_KIND),
        f'All runs of `{BASE_KIND}` were trained on the same number of frames. The subsets are '
        'nested, drive by drive. The ratio of the classes in the paper, 1.44, is for CamVid; here '
        'it is for rendered drives.')


def claim_decreases_with_data(results: Results, measure: EpistemicMeasure) -> Claim:
    """Require a decrease at every step for every seed, and the ratio of the means."""
    shares = results.shares()
    steps = [results.values_by_seed(BASE_KIND, measure.path, share) for share in shares]
    goal = (f'falls at every step on every seed, {format_percent(shares[0])} : all >= '
            f'{measure.data_ratio}')
    seeds = sorted(set.intersection(*(set(step) for step in steps)))
    if not seeds or len(shares) < 2:
        return Claim(measure.name, goal, NO_VALUE, None)
    falling = sum(all(less[seed] > more[seed] for less, more in pairwise(steps)) for seed in seeds)
    all_data = sum(steps[-1][seed] for seed in seeds)
    ratio = sum(steps[0][seed] for seed in seeds) / all_data if all_data else 0.0
    return Claim(measure.name, goal, f'falls on {falling} of {len(seeds)} seeds, '
                 f'ratio {ratio:.3g}', falling == len(seeds) and ratio >= measure.data_ratio)


def ood_table(results: Results, part: str) -> Table:
    """Compare held-out conditions with nominal drives; part: validation or test."""
    scores = table_scores(results)
    columns = ['condition', *(f'ratio, {measure.name} (goal > {measure.ood_ratio})'
                              for measure in EPISTEMIC_MEASURES),
               *(f'AUROC {score}' for score in scores)]
    rows = [[split.removeprefix(f'{part}_'),
             *(_ood_ratio_cell(results, split, measure) for measure in EPISTEMIC_MEASURES),
             *(_auroc_cell(results, split, score) for score in scores)]
            for split in results.conditions(part)]
    role = ('Variants are chosen by these conditions.' if part == 'validation'
            else 'No choice was made by these drives. The corruptions (defocused, underexposed, '
            'half_lost) do not occur in validation at all.')
    return Table(
        f'2. Out of distribution, {part} drives', columns, rows,
        [claim_increases_on_ood(results, part, measure) for measure in EPISTEMIC_MEASURES],
        results.missing_runs(BASE_KIND, share=1.0),
        f'Ratio of the mean over frames to that of nominal {part} drives, and AUROC of frames '
        f'against those. {role} Unknown objects, the unseen mount and dirt occur by day only, '
        f'nominal drives at dusk and in haze as well.')


def table_scores(results: Results) -> list[str]:
    """List the known scores, then any other score in the results."""
    measured = [name for run in results.runs(BASE_KIND)
                for split in run['conditions'].values() for name in split['scores']]
    return list(dict.fromkeys((*SCORE_NAMES, *measured)))


def _ood_ratios(results: Results, split: str, measure: EpistemicMeasure) -> list[float]:
    return results.values(BASE_KIND, f'conditions/{split}/scores/{measure.score}/ratio')


def _ood_ratio_cell(results: Results, split: str, measure: EpistemicMeasure) -> str:
    ratios = _ood_ratios(results, split, measure)
    mean = mean_or_none(ratios)
    if mean is None:
        return NO_VALUE
    return f'{mean_std(ratios)} ({"holds" if mean > measure.ood_ratio else "does not hold"})'


def _auroc_cell(results: Results, split: str, score: str) -> str:
    return mean_std(results.values(BASE_KIND, f'conditions/{split}/scores/{score}/auroc'))


def claim_increases_on_ood(results: Results, part: str, measure: EpistemicMeasure) -> Claim:
    """Require the ratio on every condition; name the conditions that are below it."""
    means = {split.removeprefix(f'{part}_'): mean_or_none(_ood_ratios(results, split, measure))
             for split in results.conditions(part)}
    known = {name: mean for name, mean in means.items() if mean is not None}
    goal = f'> {measure.ood_ratio} times nominal on every condition'
    if not known or len(known) < len(means):
        return Claim(measure.name, goal, NO_VALUE, None)
    low = {name: mean for name, mean in known.items() if not mean > measure.ood_ratio}
    found = f'{len(known) - len(low)} of {len(known)}'
    if low:
        found += '; below: ' + ', '.join(f'{name} {mean:.3g}' for name, mean in low.items())
    return Claim(measure.name, goal, found, not low)


def aleatoric_constancy_table(results: Results) -> Table:
    """Compare aleatoric variance over shares of the data: it should stay constant."""
    shares, path = results.shares(), 'nominal/aleatoric_variance'
    means = [mean_or_none(results.values(BASE_KIND, path, share)) for share in shares]
    known = [mean for mean in means if mean is not None]
    goal = f'within {format_percent(MAX_ALEATORIC_DRIFT)} of the value with all data'
    claim = Claim('aleatoric variance of log-depth', goal, NO_VALUE, None)
    if len(known) == len(shares) and len(shares) > 1 and known[-1] > 0:
        drift = max(abs(mean / known[-1] - 1) for mean in known)
        claim = claim._replace(found=f'at most {format_percent(round(drift, 3))} away',
                               holds=drift <= MAX_ALEATORIC_DRIFT)
    return Table(
        '3. Aleatoric uncertainty and the amount of data',
        ['nominal test drives', *(f'{format_percent(share)} of the drives' for share in shares)],
        [['variance of log-depth',
          *(mean_std(results.values(BASE_KIND, path, share)) for share in shares)]],
        [claim], results.missing_runs(BASE_KIND))


def interval_table(results: Results) -> Table:
    """Compare the coverage of the 90 % interval with 90 %."""
    numbers = ('scale', 'coverage_before', 'coverage_after', 'nll_before', 'nll_after')
    kinds = ('aleatoric', 'epistemic', 'total')
    rows = [[kind, *(mean_std(results.values(BASE_KIND, f'intervals/{kind}/{name}'))
                     for name in numbers)] for kind in kinds]
    return Table(
        '6. Coverage of the 90 % interval',
        ['variance', 'factor of sigma', 'coverage before', 'coverage after', 'NLL before, nat',
         'NLL after, nat'], rows,
        [_coverage_claim(results, kind) for kind in ('total', 'aleatoric')],
        results.missing_runs(BASE_KIND, share=1.0),
        'One factor of sigma is fitted on nominal validation drives and evaluated on nominal test '
        'drives, over all pixels with known depth.')


def _coverage_claim(results: Results, kind: str) -> Claim:
    found = results.values(BASE_KIND, f'intervals/{kind}/coverage_after')
    goal = f'{TARGET_COVERAGE:g} +- {COVERAGE_TOLERANCE:g} after scaling, on every seed'
    holds = all(abs(coverage - TARGET_COVERAGE) <= COVERAGE_TOLERANCE for coverage in found)
    return Claim(f'interval of the {kind} variance', goal, mean_std(found),
                 holds if found else None)
