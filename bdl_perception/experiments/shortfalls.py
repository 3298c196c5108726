# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
A paragraph for each claim: what was tried, and what the paper had that is missing here.

Printed only where the claim does not hold or is undecided. Numbers in braces come from the
results; numbers of the papers are written out.
"""
from typing import Mapping, NamedTuple, Sequence

from bdl_perception.experiments.claims import Claim, mean_std, Table, UNDECIDED
from bdl_perception.experiments.plan import CLASSES, DEPTH, ENSEMBLE, RECIPES
from bdl_perception.experiments.results import Results
from bdl_perception.experiments.uncertainty_tables import find_decrease, MEASURES, share_recipes

NO_NUMBER = '(not run)'


class Shortfall(NamedTuple):
    """The two parts of a paragraph."""

    tried: str
    paper_had: str


TRAINING = ('The paper has larger networks, with dropout before every weight layer and 50 '
            'samples; here a run has {images} training frames with repetitions, masks on '
            '{masks} and {samples} samples.')
DATA = Shortfall(
    'All shares of the data were trained for the same number of steps, and a larger share '
    'contains every smaller one. Accuracy with the smallest share and with all data: {gain}. The '
    'uncertainty can only decrease as far as more data changes the network. With a fixed dropout '
    'probability the spread of the samples need not decrease (Osband 2016).',
    'With four times the frames its accuracy rises from 5.76 to 3.87 m RMS and from 57.2 to 67.5 '
    f'% IoU. {TRAINING}')
DATA_DEPTH = Shortfall(f'{DATA.tried}{{share_recipes}}', DATA.paper_had)
OTHER = ('Its other data are rooms (NYUv2), for networks trained on outdoor scenes. Here other '
         'data are streets too.')
OTHER_DEPTH = Shortfall(
    'The recipes were compared with one seed: {recipes_camvid} times nominal on CamVid, '
    '{recipes_idd} on IDD.', OTHER)
OTHER_INVERSE = Shortfall(
    'The recipes were compared with one seed: {recipes_inverse_camvid} times nominal on CamVid, '
    '{recipes_inverse_idd} on IDD. A variance of inverse depth is large where the predicted depth '
    'is small, so it also measures how near everything is.', OTHER)
OTHER_CLASSES = Shortfall(
    'An ensemble of the seeds was compared: its mutual information is {ensemble_rendered} times '
    'nominal on rendered drives and {ensemble_idd} times on IDD.', f'{OTHER} {TRAINING}')
CONSTANT_DEPTH = Shortfall(
    'The variance is learned from the errors of the network, and the errors change with the '
    'number of frames: {depth_gain}. So it contains a part that more data removes.',
    'Its own values are .506, .521 and .485 for a quarter, a half and all of the data. Its '
    f'networks fit the data better. {TRAINING}')
CONSTANT_CLASSES = Shortfall(
    'A variance of logits has no fixed unit: larger logits need larger noise. Accuracy with the '
    'smallest share and with all data: {class_gain}.',
    'Its own values, an entropy, are .106, .156 and .111 for a quarter, a half and all of the '
    'data: up to 41 % away.')
ACCURACY_DEPTH = Shortfall(
    'The recipes differ in how the variance acts on the mean. RMS in m with one seed: '
    '{recipes_rms}; without any uncertainty {none_rms}, with the learned variance alone '
    '{aleatoric_rms}.',
    'Its RMS is 2.1 % lower on NYUv2 only. On Make3D, the outdoor set, it is 4.1 % higher with '
    'both than without.')
ACCURACY_CLASSES = Shortfall(
    'Each task has its own network, so no task weight changes with the loss. Mean IoU with both: '
    '{both_iou}; without: {none_iou}.', f'Its gain is .4 points of 67.1. {TRAINING}')
WEIGHTS = Shortfall(
    'One seed, and {grid} fixed weights of depth. Learned weights follow the size of the losses, '
    'not the accuracy of the tasks.', 'Its networks have three tasks: classes, instances, depth.')
CALIBRATION_DEPTH = Shortfall(
    'One factor of sigma is fitted on validation: {recipes_mse} for the recipes with one seed. '
    'One factor cannot correct the shape of the distribution of the errors.',
    'Its best value is that of the epistemic variance alone.')
CALIBRATION_CLASSES = Shortfall(
    'The probabilities are the mean of the samples, without a temperature. Networks without any '
    'uncertainty: {none_class_mse}.', TRAINING)
COVERAGE = Shortfall(
    'One factor of sigma for all pixels is fitted on other streets than those of test: '
    '{recipes_coverage} for the recipes with one seed.',
    'Nothing that is missing here: its intervals are not scaled and have a coverage of about .69 '
    '(aleatoric) and .82 (epistemic), read from its figure.')
RECALL = Shortfall(
    'Pixels are sorted by the total variance, or by the entropy of the mean of the samples; the '
    'table has the other uncertainties.',
    f'In its figure the RMS on Make3D is about 1.0 m for half of the pixels. {TRAINING}')
COST_DEPTH = Shortfall(
    'RMS of one pass in m: {recipes_single} for the recipes with one seed; without masks '
    '{aleatoric_single}.',
    'It has no such number. Its RMS on Make3D is 3.87 m with epistemic uncertainty, 3.92 m '
    f'without. {TRAINING}')
COST_CLASSES = Shortfall(
    'Mean IoU of one pass with masks: {both_single_iou}; without: {aleatoric_single_iou}.',
    'It has no such number. Its IoU is 67.2 with epistemic uncertainty, 67.1 without. '
    f'{TRAINING}')
PLACES = Shortfall(
    'Both kinds of masks were trained with the same seeds and steps. Masks just below the heads '
    'change every prediction, for nominal frames too.',
    'It has dropout before every weight layer and does not compare places.')

_INVERSE, _DATA = 'variance of inverse depth, 1/m^2', 'variance of log-depth'
_INFORMATION = 'mutual information, nat'
SHORTFALLS: Mapping[tuple[str, str], Shortfall] = {  # number of the table and claim
    ('1', f'depth: {_DATA}'): DATA_DEPTH, ('1', f'depth: {_INVERSE}'): DATA_DEPTH,
    ('1', f'classes: {_INFORMATION}'): DATA,
    ('2', f'depth: {_DATA}'): OTHER_DEPTH, ('2', f'depth: {_INVERSE}'): OTHER_INVERSE,
    ('2', f'classes: {_INFORMATION}'): OTHER_CLASSES,
    ('3', 'depth: aleatoric variance of log-depth'): CONSTANT_DEPTH,
    ('3', 'classes: noise variance of the logits'): CONSTANT_CLASSES,
    ('4', 'depth: both against none, RMS, m'): ACCURACY_DEPTH,
    ('4', 'classes: both against none, mean IoU'): ACCURACY_CLASSES,
    ('5', 'both tasks: learned weights, RMS, m'): WEIGHTS,
    ('5', 'both tasks: learned weights, mean IoU'): WEIGHTS,
    ('6', 'depth: calibration MSE of the total variance, after scaling'): CALIBRATION_DEPTH,
    ('6', 'classes: calibration MSE of the probabilities'): CALIBRATION_CLASSES,
    ('6', 'depth: 90 % interval of the total variance'): COVERAGE,
    ('6', 'depth: 90 % interval of the aleatoric variance'): COVERAGE,
    ('7', 'depth: the more certain half of the pixels, by total'): RECALL,
    ('7', 'classes: the more certain half of the pixels, by entropy'): RECALL,
    ('8', 'depth: cost of dropout, RMS, m of one pass'): COST_DEPTH,
    ('8', 'classes: cost of dropout, mean IoU of one pass'): COST_CLASSES,
    ('8', 'depth: masks of the winner against other masks, mean test AUROC'): PLACES,
    ('8', 'classes: masks of the winner against other masks, mean test AUROC'): PLACES}


def shortfall_section(results: Results, tables: Sequence[Table]) -> str:
    """Render a paragraph for all claims that do not hold or are undecided; empty without any."""
    groups: dict[tuple[str, str, Shortfall], list[Claim]] = {}  # claims with the same paragraph
    for table in tables:
        for claim in table.claims:
            if claim.holds is False or claim.verdict == UNDECIDED:
                task = claim.subject.partition(':')[0]
                shortfall = SHORTFALLS[table.number, claim.subject]
                groups.setdefault((table.number, task, shortfall), []).append(claim)
    paragraphs = [_paragraph(results, number, task, shortfall, claims)
                  for (number, task, shortfall), claims in groups.items()]
    return '\n\n'.join(['## Claims that do not hold, or are undecided', *paragraphs]
                       if paragraphs else [])


def _paragraph(results: Results, number: str, task: str, shortfall: Shortfall,
               claims: Sequence[Claim]) -> str:
    values = {**_values(results), 'gain': _gain(results, task)}
    tried, paper = (text.format(**values) for text in shortfall)
    found = '\n'.join(f'- {claim.subject}: {claim.found}. Goal: {claim.goal}. '
                      f'**{claim.verdict.capitalize()}.**' for claim in claims)
    return (f'### Section {number}, {task}\n\n{found}\n\n*Tried.* {tried}\n\n'
            f'*What the paper had.* {paper}')


def _values(results: Results) -> dict[str, str]:
    """Format the numbers of the paragraphs."""
    winner, ratio = results.winner, 'conditions/test_{}/scores/{}/ratio'
    log_depth, inverse = 'epistemic_log_depth', 'epistemic_inverse_depth'
    recipes = {'camvid': ratio.format('camvid', log_depth), 'idd': ratio.format('idd', log_depth),
               'inverse_camvid': ratio.format('camvid', inverse),
               'inverse_idd': ratio.format('idd', inverse), 'rms': 'test/average/rms_m',
               'single': 'test/single/rms_m', 'mse': 'intervals/total/mse_after',
               'coverage': 'intervals/total/coverage_after'}
    means = {'none_rms': (DEPTH, 'none', 'test/average/rms_m'),
             'aleatoric_rms': (DEPTH, 'aleatoric', 'test/average/rms_m'),
             'aleatoric_single': (DEPTH, 'aleatoric', 'test/single/rms_m'),
             'both_iou': (CLASSES, winner, 'test/average/mean_iou'),
             'none_iou': (CLASSES, 'none', 'test/average/mean_iou'),
             'both_single_iou': (CLASSES, winner, 'test/single/mean_iou'),
             'aleatoric_single_iou': (CLASSES, 'aleatoric', 'test/single/mean_iou'),
             'none_class_mse': (CLASSES, 'none', 'test/calibration/mse'),
             'ensemble_rendered': (CLASSES, ENSEMBLE,
                                   ratio.format('rendered', 'mutual_information')),
             'ensemble_idd': (CLASSES, ENSEMBLE, ratio.format('idd', 'mutual_information'))}
    return {**_sizes(results), 'depth_gain': _gain(results, DEPTH),
            'class_gain': _gain(results, CLASSES), 'share_recipes': _share_recipes(results),
            **{f'recipes_{name}': _recipe_range(results, path) for name, path in recipes.items()},
            **{name: _known(results.values(*place)) for name, place in means.items()}}


def _share_recipes(results: Results) -> str:
    """State how the variances of the other recipes change with the amount of data."""
    found = [(recipe, measure.name, find_decrease(results, measure, recipe))
             for recipe in share_recipes(results) for measure in MEASURES if measure.task == DEPTH]
    return ''.join(f' With `{recipe}` the {name} {decrease}.' for recipe, name, decrease in found
                   if decrease is not None)


def _sizes(results: Results) -> dict[str, str]:
    chosen = [spec for spec in results.specs if spec.kind == results.winner]
    images = {spec.task: spec.images for spec in chosen}
    masks = {len(spec.config.network.mask_channels) for spec in chosen}
    weights = {spec.kind for spec in results.specs if spec.kind.startswith('weight_')}
    return {'images': ' or '.join(f'{count:,} ({task})' for task, count in images.items()),
            'masks': f'{max(masks, default=0)} of the maps',
            'samples': str(max((spec.samples for spec in chosen), default=0)),
            'grid': str(len(weights))}


def _known(values: Sequence[float]) -> str:
    return mean_std(values) if values else NO_NUMBER


def _recipe_range(results: Results, path: str) -> str:
    """Name the recipes with the lowest and the highest value, with the first seed."""
    found = {kind: value for kind in RECIPES
             if (value := results.first_seed_value(DEPTH, kind, path)) is not None}
    if not found:
        return NO_NUMBER
    low, high = min(found, key=lambda kind: found[kind]), max(found, key=lambda kind: found[kind])
    return f'{found[low]:.3g} (`{low}`) to {found[high]:.3g} (`{high}`)'


def _gain(results: Results, task: str) -> str:
    """Format the accuracy with the smallest share of the data and with all of it."""
    name, path = {DEPTH: ('RMS in m', 'test/average/rms_m')}.get(
        task, ('mean IoU', 'test/average/mean_iou'))
    ends = (_known(results.values(task, results.winner, path, share))
            for share in (results.shares()[0], 1.0))
    return f'{name} {" and ".join(ends)}'
