# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Table of the variants of epistemic uncertainty: OOD detection and inference cost."""
from functools import cache
from typing import Callable, NamedTuple

from bdl_perception.experiments.claims import Claim, mean_or_none, NO_VALUE, Table
from bdl_perception.experiments.mc_sampling import mc_masks
from bdl_perception.experiments.plan import KINDS, RunSpec
from bdl_perception.experiments.results import Results
from bdl_perception.experiments.scores import ANALYTIC_SCORES, CORRIDOR_SCORES, SAMPLED_SCORES
from bdl_perception.network.model import Network, NetworkConfig
import torch
from torch.utils.flop_counter import FlopCounterMode

EPISTEMIC_SCORES = (*SAMPLED_SCORES, *CORRIDOR_SCORES, *ANALYTIC_SCORES)
COST_NOTE = (
    'Multiply-adds are those of the convolutions for one frame, counted and not timed: the '
    'deterministic pass of every frame, and all T Monte Carlo samples in addition, at every pixel '
    "of the decoder's map. Biases, norms, activations, interpolation and masks are left out. "
    'Samples repeat only the layers behind the first mask: with dropout in the decoder they do '
    'not repeat the encoder. Analytic scores take no samples; their own matrix products, at the '
    'default widths at most a fifth of a frame, are not counted.')
CENTRE_NOTE = (
    'A different centre of log-depth is no variant: it would change only the initial bias of the '
    'depth head.')
KIND_NOTES = {  # for planned kinds only
    'randomised_prior':
        'For each member of `randomised_prior` the code repeats the decoder and the heads of all '
        'members, where one pass would suffice: its samples cost more than necessary.',
    'longer':
        f'`longer` is `both` after {KINDS["longer"].epoch_factor} times as many frames, and takes '
        f'part in the ranking.'}


class InferenceCost(NamedTuple):
    """Multiply-adds of the convolutions for one frame."""

    frame: int  # of the deterministic pass
    samples: int  # of all T Monte Carlo samples in addition; 0 without dropout


def inference_cost(spec: RunSpec) -> InferenceCost:
    """
    Count the multiply-adds of a run's network for one (3, H, W) frame; no training is needed.

    Only convolutions: biases, norms, activations, interpolation and masks are left out. The count
    depends on the definition of the network, not on the machine. ValueError if the network cannot
    be built.
    """
    return _count_cost(spec.build, spec.config.network, spec.samples)


@cache  # many runs share one network
@torch.no_grad()
def _count_cost(build: Callable[[NetworkConfig], Network], config: NetworkConfig,
                samples: int) -> InferenceCost:
    network = build(config).eval()
    with FlopCounterMode(display=False) as frame:
        encoded = network.encode(torch.zeros(1, 3, config.height, config.width))
        network.decode(encoded.features, None)
    masks = mc_masks(network, samples)
    if not masks:
        return InferenceCost(_multiply_adds(frame), 0)
    with FlopCounterMode(display=False) as sample:
        network.forward_encoded(encoded, [mask[:1] for mask in masks])
    return InferenceCost(_multiply_adds(frame), len(masks[0]) * _multiply_adds(sample))


def _multiply_adds(counter: FlopCounterMode) -> int:
    """Halve the operations: the counter counts a multiplication and an addition as two."""
    return int(counter.get_total_flops()) // 2


def variants_table(results: Results) -> Table:
    """Compare variants of epistemic uncertainty; chosen on validation, reported on test."""
    planned = [kind for kind in results.kinds() if kind not in (
        'none', 'aleatoric', 'epistemic') and not kind.startswith('weight_')]
    rows = [[kind, _parameter_cell(results, kind), *_cost_cells(results, kind, score), score,
             *(_summary_cell(results, kind, part, score) for part in ('validation', 'test'))]
            for kind in planned for score in EPISTEMIC_SCORES]
    return Table(
        '8. Variants of epistemic uncertainty',
        ['network', 'million parameters', 'frame, billion multiply-adds',
         'samples, billion multiply-adds (T)', 'score',
         *(f'{part}: mean ratio, mean AUROC (lowest)' for part in ('validation', 'test'))], rows,
        [_winner_claim(results, planned)],
        results.missing_runs(*planned, share=1.0, seed=results.first_seed),
        ' '.join([
            f'Means over the held-out conditions, seed {results.first_seed} only. The winner has '
            'the highest mean AUROC on validation conditions; test conditions only report it.',
            COST_NOTE, *(note for kind, note in KIND_NOTES.items() if kind in planned),
            CENTRE_NOTE]))


def _parameter_cell(results: Results, kind: str) -> str:
    count = results.first_seed_value(kind, 'training/parameters')
    return NO_VALUE if count is None else f'{count / 1e6:.2f}'


def _cost_cells(results: Results, kind: str, score: str) -> tuple[str, str]:
    """Format the cost of the deterministic pass, and of the samples that the score needs."""
    spec = results.first_seed_spec(kind)
    cost = inference_cost(spec)
    samples = f'{cost.samples / 1e9:.3g} ({spec.samples})' if cost.samples else NO_VALUE
    return f'{cost.frame / 1e9:.3g}', '0' if score in ANALYTIC_SCORES else samples


def _condition_values(results: Results, kind: str, part: str, leaf: str) -> list[float]:
    """Return the number of each condition; empty if any is missing."""
    found = [results.first_seed_value(kind, f'conditions/{split}/scores/{leaf}')
             for split in results.conditions(part)]
    known = [value for value in found if value is not None]
    return known if len(known) == len(found) else []


def _summary_cell(results: Results, kind: str, part: str, score: str) -> str:
    ratios = _condition_values(results, kind, part, f'{score}/ratio')
    areas = _condition_values(results, kind, part, f'{score}/auroc')
    if not (ratios and areas):
        return NO_VALUE
    return f'{mean_or_none(ratios):.3g}, {mean_or_none(areas):.3g} ({min(areas):.3g})'


def _winner_claim(results: Results, kinds: list[str]) -> Claim:
    """Take the best on validation conditions; require an increase on every test condition."""
    ranked = {(kind, score): mean for kind in kinds for score in EPISTEMIC_SCORES
              if (mean := mean_or_none(_condition_values(
                  results, kind, 'validation', f'{score}/auroc'))) is not None}
    subject = 'epistemic uncertainty of the winner on validation conditions'
    goal = 'above nominal (ratio > 1) on every test condition'
    if not ranked:
        return Claim(subject, goal, NO_VALUE, None)
    kind, score = max(ranked, key=lambda pair: ranked[pair])
    ratios = _condition_values(results, kind, 'test', f'{score}/ratio')
    if not ratios:
        return Claim(subject, goal, f'{kind}, {score}: {NO_VALUE}', None)
    return Claim(subject, goal, f'{kind}, {score}: ratios {min(ratios):.3g} to '
                 f'{max(ratios):.3g}', min(ratios) > 1)
