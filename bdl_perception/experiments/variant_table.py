# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Which way to epistemic uncertainty tells strange from known best, and what each costs."""
from bdl_perception.experiments.cost import cost_of
from bdl_perception.experiments.plan import KINDS
from bdl_perception.experiments.results import Results
from bdl_perception.experiments.scores import ANALYTIC
from bdl_perception.experiments.scores import IN_CORRIDOR
from bdl_perception.experiments.scores import SAMPLED
from bdl_perception.experiments.table import Claim
from bdl_perception.experiments.table import mean_of
from bdl_perception.experiments.table import NOTHING
from bdl_perception.experiments.table import Table

EPISTEMIC = (*SAMPLED, *IN_CORRIDOR, *ANALYTIC)
COST = (
    'Multiply-adds are those of the convolutions for one picture, counted and not timed: the pass '
    'that every frame gets, and all T Monte Carlo samples beside it, at every pixel of the '
    "decoder's map. Biases, norms, activations, interpolation and masks are left out. Samples "
    'repeat what comes after the first mask, so that those of dropout in the decoder alone do not '
    'repeat the encoder. Analytic scores take no samples; their own matrix products, at the usual '
    'widths at most a fifth of a frame, are not counted.')
CENTRE = (
    'Moving the centre of log-depth is no variant: it would change nothing but where the bias of '
    'the depth head starts.')
OF_KINDS = {
    'randomised_prior':
        'For each member of `randomised_prior` the code repeats the decoder and the heads of all '
        'members, where one pass would do: its samples are dearer here than they need be.',
    'longer':
        f'`longer` is `both` after {KINDS["longer"].length} times as many pictures, and takes '
        f'part in the ranking.'}  # said where the kind is planned


def variants(results: Results) -> Table:
    """Compare ways to get epistemic uncertainty; chosen on validation, reported on test."""
    planned = [kind for kind in results.kinds() if kind not in (
        'none', 'aleatoric', 'epistemic') and not kind.startswith('weight_')]
    rows = [[kind, _millions(results, kind), *_billions(results, kind, score), score,
             *(_summary(results, kind, part, score) for part in ('validation', 'test'))]
            for kind in planned for score in EPISTEMIC]
    return Table(
        '8. Variants of epistemic uncertainty',
        ['network', 'million numbers', 'frame, billion multiply-adds',
         'samples, billion multiply-adds (T)', 'score',
         *(f'{part}: mean ratio, mean AUROC (lowest)' for part in ('validation', 'test'))], rows,
        [_winner(results, planned)],
        results.missing(*planned, share=1.0, seed=results.first_seed),
        ' '.join([
            f'Means over the held-out conditions, seed {results.first_seed} alone. The winner has '
            'the highest mean AUROC on validation conditions; test conditions only report it.',
            COST, *(said for kind, said in OF_KINDS.items() if kind in planned), CENTRE]))


def _millions(results: Results, kind: str) -> str:
    count = results.first(kind, 'training/parameters')
    return NOTHING if count is None else f'{count / 1e6:.2f}'


def _billions(results: Results, kind: str, score: str) -> tuple[str, str]:
    """Write the cost of the frame pass, and of the samples that the score takes beside it."""
    spec = results.planned(kind)
    cost = cost_of(spec)
    samples = f'{cost.samples / 1e9:.3g} ({spec.samples})' if cost.samples else NOTHING
    return f'{cost.frame / 1e9:.3g}', '0' if score in ANALYTIC else samples


def _conditions_of(results: Results, kind: str, part: str, leaf: str) -> list[float]:
    """Give the number of each condition; nothing where one is not measured."""
    found = [results.first(kind, f'conditions/{split}/scores/{leaf}')
             for split in results.conditions(part)]
    known = [value for value in found if value is not None]
    return known if len(known) == len(found) else []


def _summary(results: Results, kind: str, part: str, score: str) -> str:
    ratios = _conditions_of(results, kind, part, f'{score}/ratio')
    areas = _conditions_of(results, kind, part, f'{score}/auroc')
    if not (ratios and areas):
        return NOTHING
    return f'{mean_of(ratios):.3g}, {mean_of(areas):.3g} ({min(areas):.3g})'


def _winner(results: Results, kinds: list[str]) -> Claim:
    """Take the best on validation conditions; want it to rise on every test condition."""
    ranked = {(kind, score): mean for kind in kinds for score in EPISTEMIC
              if (mean := mean_of(_conditions_of(
                  results, kind, 'validation', f'{score}/auroc'))) is not None}
    subject = 'epistemic uncertainty of the winner on validation conditions'
    goal = 'above nominal (ratio > 1) on every test condition'
    if not ranked:
        return Claim(subject, goal, NOTHING, None)
    kind, score = max(ranked, key=lambda pair: ranked[pair])
    ratios = _conditions_of(results, kind, 'test', f'{score}/ratio')
    if not ratios:
        return Claim(subject, goal, f'{kind}, {score}: {NOTHING}', None)
    return Claim(subject, goal, f'{kind}, {score}: ratios {min(ratios):.3g} to '
                 f'{max(ratios):.3g}', min(ratios) > 1)
