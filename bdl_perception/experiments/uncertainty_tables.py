# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tables of the two uncertainties over the amount of data, and on other data."""
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
from bdl_perception.experiments.data import OTHER_DATA
from bdl_perception.experiments.plan import CLASSES, DEPTH
from bdl_perception.experiments.results import Results

MAX_ALEATORIC_DRIFT = 0.10


class Decrease(NamedTuple):
    """How a mean changes from the smallest share of the data to all of it."""

    falling: int  # seeds on which it falls at every step
    seeds: int
    ratio: float  # smallest share : all data, of the means over seeds

    def __str__(self) -> str:
        """Render the numbers in words."""
        return f'falls on {self.falling} of {self.seeds} seeds, ratio {self.ratio:.3g}'


class Measure(NamedTuple):
    """One measure of epistemic uncertainty and its goals, from the paper's numbers."""

    task: str
    name: str
    mean: str  # name of the mean over nominal frames, of validation and of test
    score: str  # name of its score of a frame
    data_ratio: float  # 1/4 of the data : all
    ood_ratio: float  # other data : nominal


MEASURES = (
    Measure(DEPTH, 'variance of log-depth', 'epistemic_variance', 'epistemic_log_depth',
            2.78, 1.75),
    Measure(DEPTH, 'variance of inverse depth, 1/m^2', 'epistemic_inverse_variance',
            'epistemic_inverse_depth', 2.78, 1.75),
    Measure(CLASSES, 'mutual information, nat', 'mutual_information', 'mutual_information',
            1.44, 8.7),
)
ALEATORIC = ((DEPTH, 'aleatoric variance of log-depth', 'test/aleatoric_variance'),
             (CLASSES, 'noise variance of the logits', 'test/logit_variance'))
PAPER_DRIFT = {DEPTH: 'at most 7 % away', CLASSES: 'at most 41 % away (entropy)'}
ACCURACY_ROWS = ((DEPTH, 'RMS, m', 'test/average/rms_m'),
                 (CLASSES, 'mean IoU', 'test/average/mean_iou'))


def data_size_table(results: Results) -> Table:
    """Compare epistemic uncertainty over shares of the data: it should decrease with data."""
    rows = [(measure.task, f'{measure.name}{note}', f'{part}/{measure.mean}')
            for part, note in (('test', ''), ('validation', ', validation frames'))
            for measure in MEASURES]
    others = share_recipes(results)
    return Table(
        '1. Epistemic uncertainty and the amount of data', _share_columns(results),
        [*_share_rows(results, [*rows, *ACCURACY_ROWS]), *_other_share_rows(results, others)],
        [claim_decreases_with_data(results, measure) for measure in MEASURES],
        [*_missing(results), *results.missing_runs(DEPTH, *others)],
        'Nominal test frames where nothing else is written. Every share was trained on the same '
        'number of frames, with repetitions. A larger share contains every smaller one. In the '
        'paper accuracy rises from a quarter of the data to all of it: RMS 5.76 to 3.87 m, IoU '
        '57.2 to 67.5. Rows with the name of a recipe are of another one than the winner; no '
        'claim is about them.')


def share_recipes(results: Results) -> list[str]:
    """List the recipes of depth, beside the winner, that are planned for every share."""
    return list(dict.fromkeys(spec.kind for spec in results.specs if spec.task == DEPTH
                              and spec.share < 1 and spec.kind != results.winner))


def _other_share_rows(results: Results, recipes: list[str]) -> list[list[str]]:
    return [[DEPTH, f'{name}, `{recipe}`', *(mean_std(results.values(DEPTH, recipe, path, share))
                                             for share in results.shares())]
            for recipe in recipes
            for task, name, path in (*((each.task, each.name, f'test/{each.mean}')
                                       for each in MEASURES), *ACCURACY_ROWS) if task == DEPTH]


def _share_columns(results: Results) -> list[str]:
    return ['task', 'value', *(f'{format_percent(share)} of the frames'
                               for share in results.shares())]


def _share_rows(results: Results, rows: list[tuple[str, str, str]]) -> list[list[str]]:
    return [[task, name, *(mean_std(results.values(task, results.winner, path, share))
                           for share in results.shares())] for task, name, path in rows]


def _missing(results: Results, share: float | None = None) -> list[str]:
    """List the missing runs of the winner, of both tasks."""
    return [name for task in (DEPTH, CLASSES)
            for name in results.missing_runs(task, results.winner, share=share)]


def claim_decreases_with_data(results: Results, measure: Measure) -> Claim:
    """Require a decrease at every step for every seed, and the ratio of the means."""
    goal = (f'falls at every step on every seed, {format_percent(results.shares()[0])} : all >= '
            f'{measure.data_ratio}')
    claim = Claim(f'{measure.task}: {measure.name}', goal, NO_VALUE, None,
                  paper=f'{measure.data_ratio}')
    found = find_decrease(results, measure, results.winner)
    if found is None:
        return claim
    validation = find_decrease(results, measure, results.winner, 'validation')
    return claim._replace(found=f'{found}; validation frames: {validation}' if validation
                          else str(found),
                          holds=found.falling == found.seeds
                          and found.ratio >= measure.data_ratio)


def find_decrease(results: Results, measure: Measure, recipe: str,
                  part: str = 'test') -> Decrease | None:
    """Compare the shares of the data, seed by seed; None without all runs of the recipe."""
    shares = results.shares()
    steps = [results.values_by_seed(measure.task, recipe, f'{part}/{measure.mean}', share)
             for share in shares]
    seeds = sorted(set.intersection(*(set(step) for step in steps)))
    if len(shares) < 2 or not seeds or results.missing_runs(measure.task, recipe):
        return None
    falling = sum(all(less[seed] > more[seed] for less, more in pairwise(steps)) for seed in seeds)
    all_data = sum(steps[-1][seed] for seed in seeds)
    ratio = sum(steps[0][seed] for seed in seeds) / all_data if all_data else 0.0
    return Decrease(falling, len(seeds), ratio)


def other_data_table(results: Results, part: str) -> Table:
    """Compare held-out conditions with nominal frames; part: validation or test."""
    rows = [[measure.task, split.removeprefix(f'{part}_'), measure.name,
             _ratio_cell(results, split, measure), f'> {measure.ood_ratio}']
            for measure in MEASURES for split in results.conditions(measure.task, part)]
    role = ('The recipe was chosen by these conditions.' if part == 'validation'
            else 'No choice was made by these frames.')
    return Table(
        f'2. Other data and held-out conditions, {part}',
        ['task', 'condition', 'value', 'ratio to nominal', 'goal'], rows,
        [claim_increases_on_other_data(results, measure) for measure in MEASURES]
        if part == 'test' else [], _missing(results, 1.0),
        f'Ratio of the mean over frames to that of nominal {part} frames. {role} The claims are '
        'about other data sets, as in the paper (depth: CamVid and IDD; classes: rendered drives '
        'and IDD). The other rows are conditions and faults of the same camera.')


def _ratios(results: Results, split: str, measure: Measure) -> list[float]:
    return results.values(measure.task, results.winner,
                          f'conditions/{split}/scores/{measure.score}/ratio')


def _ratio_cell(results: Results, split: str, measure: Measure) -> str:
    ratios = _ratios(results, split, measure)
    mean = mean_or_none(ratios)
    if mean is None:
        return NO_VALUE
    return f'{mean_std(ratios)} ({"above" if mean > measure.ood_ratio else "below"})'


def claim_increases_on_other_data(results: Results, measure: Measure) -> Claim:
    """Require the ratio on every other data set; count the other conditions that exceed it."""
    splits = results.conditions(measure.task, 'test')
    means = {split.removeprefix('test_'): mean_or_none(_ratios(results, split, measure))
             for split in splits}
    goal = f'> {measure.ood_ratio} times nominal on {" and ".join(OTHER_DATA[measure.task])}'
    claim = Claim(f'{measure.task}: {measure.name}', goal, NO_VALUE, None,
                  paper=f'{measure.ood_ratio}')
    wanted = {name: means.get(name) for name in OTHER_DATA[measure.task]}
    known = {name: mean for name, mean in wanted.items() if mean is not None}
    if len(known) < len(wanted) or results.missing_runs(measure.task, results.winner, share=1.0):
        return claim
    others = [mean for name, mean in means.items() if name not in wanted and mean is not None]
    above = sum(mean > measure.ood_ratio for mean in others)
    text = ', '.join(f'{name} {mean:.3g}' for name, mean in known.items())
    return claim._replace(found=f'{text}; of {len(others)} other conditions {above} are above',
                          holds=all(mean > measure.ood_ratio for mean in known.values()))


def aleatoric_constancy_table(results: Results) -> Table:
    """Compare aleatoric variance over shares of the data: it should stay constant."""
    return Table(
        '3. Aleatoric uncertainty and the amount of data', _share_columns(results),
        _share_rows(results, [*ALEATORIC, (CLASSES, 'entropy, nat', 'test/entropy')]),
        [_constancy_claim(results, *entry) for entry in ALEATORIC], _missing(results),
        'Nominal test frames, pixels with ground truth. The claims are about means over seeds. '
        'The number of the paper for classes is an entropy.')


def _constancy_claim(results: Results, task: str, name: str, path: str) -> Claim:
    means = [mean_or_none(results.values(task, results.winner, path, share))
             for share in results.shares()]
    known = [mean for mean in means if mean is not None]
    goal = f'within {format_percent(MAX_ALEATORIC_DRIFT)} of the value with all data'
    claim = Claim(f'{task}: {name}', goal, NO_VALUE, None, paper=PAPER_DRIFT[task])
    if (len(known) < len(means) or len(means) < 2 or not known[-1] > 0
            or results.missing_runs(task, results.winner)):
        return claim
    drift = max(abs(mean / known[-1] - 1) for mean in known)
    return claim._replace(found=f'at most {format_percent(round(drift, 3))} away; one seed: '
                                f'{_largest_drift(results, task, path)}',
                          holds=drift <= MAX_ALEATORIC_DRIFT)


def _largest_drift(results: Results, task: str, path: str) -> str:
    """Format the largest distance of a seed from its own value with all data."""
    steps = [results.values_by_seed(task, results.winner, path, share)
             for share in results.shares()]
    drifts = [abs(step[seed] / base - 1) for seed, base in steps[-1].items() if base
              for step in steps if seed in step]
    return f'at most {format_percent(round(max(drifts, default=0.0), 3))}'
