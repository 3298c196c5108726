# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How well scores tell what was never taught."""
from typing import Iterator

from bdl_perception.evaluation.report.blocks import Block
from bdl_perception.evaluation.report.blocks import Missing
from bdl_perception.evaluation.report.blocks import Plot
from bdl_perception.evaluation.report.blocks import Plots
from bdl_perception.evaluation.report.blocks import Section
from bdl_perception.evaluation.report.blocks import Table
from bdl_perception.evaluation.report.blocks import Text
from bdl_perception.evaluation.report.blocks import Values
from bdl_perception.evaluation.report.drawing import sheet
from bdl_perception.evaluation.report.drawing import style
from bdl_perception.evaluation.sides import ALARM_SET
from bdl_perception.evaluation.sides import ONE_SIDED
from bdl_perception.evaluation.sides import TWO_SIDED
from bdl_perception.evaluation.tables import MEAN
from bdl_perception.evaluation.tables import number
from bdl_perception.evaluation.tables import told_half_strange

TITLE = 'Out of distribution'
MEASURES = {  # name -> caption of its table
    'auroc': 'Area under the ROC curve (AUROC): the chance that a strange frame scores above a '
             'nominal one; .5 is a coin',
    'aupr': 'Area under precision and recall (AUPR), strange frames as positive; compare within '
            'a row only, for it grows with the share of strange frames',
    'fpr_95': 'False positive rate at 95 % recall (FPR95): nominal frames above a threshold that '
              'finds 95 % of the strange ones; lower is better'}


def strangeness(evaluation: Values) -> Section:
    """Give the separation of every group from the nominal set."""
    strange = evaluation['strange']
    if 'not_measured' in strange:
        return Section(TITLE, [Missing('Separation from nominal drives',
                                       strange['not_measured'])])
    return Section(TITLE, list(_blocks(strange, evaluation)))


def _blocks(strange: Values, evaluation: Values) -> Iterator[Block]:
    frames = {name: one['frames'] for name, one in evaluation['sets'].items()}
    counted = ', '.join(f'{name} {frames[name]}' for name in strange['groups'])
    yield Text(f'Every score of every frame against the frames of {evaluation["nominal"]} '
               f'({frames[evaluation["nominal"]]} frames). Frames: {counted}. Below each number '
               f'the 95 % interval when whole drives are drawn anew 1000 times; a set of one '
               f'drive has none.')
    if ALARM_SET not in next(iter(strange['groups'].values())):
        yield Missing(f'Score {ALARM_SET!r}', 'there is no calibration of this model as it was '
                                              'run')
    if strange['half_strange']:
        yield Text(told_half_strange(strange))
    for measure, caption in MEASURES.items():
        yield _table(strange, measure, caption)
    yield from _sides(strange['sides'])
    yield Plots([_roc(name, curves) for name, curves in strange['roc'].items()])
    yield Plots([_histogram(score, found) for score, found in strange['histograms'].items()])


def _table(strange: Values, measure: str, caption: str) -> Table:
    groups = {**strange['groups'], **({MEAN: strange['mean']} if strange['mean'] else {})}
    scores = list(next(iter(groups.values())))
    return Table(caption, ('set', *scores),
                 [[name, *(with_interval(found[score], measure) for score in scores)]
                  for name, found in groups.items()])


def with_interval(found: Values, measure: str) -> str:
    """Write a value and what it may be with other drives."""
    between = found.get('interval', {}).get(measure)
    if between is None:
        return number(found[measure])
    return f'{number(found[measure])}\n{number(between[0])} to {number(between[1])}'


def _sides(sides: Values | None) -> Iterator[Block]:
    if sides is None:
        yield Missing('One-sided against two-sided', 'there is no calibration to rank by')
        return
    yield Text('By rank among the calibration scores: does it help to call a score strange that '
               'is unusually low? Strangeness is 1 - p of one-sided and of two-sided conformal '
               'p-values. What lies above every calibration score has one rank, so these are '
               'coarser than the scores themselves.')
    scores = list(next(iter(sides.values())))
    yield Table('AUROC, one-sided / two-sided', ('set', *scores),
                [[name, *(f'{number(found[score][ONE_SIDED])} / {number(found[score][TWO_SIDED])}'
                          for score in scores)] for name, found in sides.items()])


def _roc(name: str, curves: Values) -> Plot:
    told = ', '.join(curves)
    with sheet(f'ROC curves of {told} for {name}; the table above has their areas.',
               f'{name}: share of its frames found against share of nominal frames called '
               f'strange.') as made:
        for index, (score, points) in enumerate(curves.items()):
            made.axes.plot(*zip(*points, strict=True), **style(index), label=score,
                           linewidth=2.5 if score == ALARM_SET else 1.3)
        made.axes.plot([0, 1], [0, 1], color='gray', linewidth=.8, linestyle=':')
        made.axes.set_xlabel('false positive rate')
        made.axes.set_ylabel('true positive rate')
        made.axes.legend(loc='lower right')
    return made.plot


def _histogram(score: str, found: Values) -> Plot:
    with sheet(f'Distribution of the score {score} over the frames of each set; the tables above '
               f'say how far they overlap.',
               f'{score}: share of frames in each of 30 bins; what is outside is in the outermost '
               f'ones.') as made:
        for index, (name, counts) in enumerate(found['counts'].items()):
            total = max(sum(counts), 1)
            made.axes.stairs([count / total for count in counts], found['edges'], label=name,
                             fill=not index, alpha=1 if index else .35, linewidth=1.3,
                             **style(index))
        made.axes.set_xlabel(score.replace('_', ' '))
        made.axes.set_ylabel('share of frames')
        made.axes.legend()
    return made.plot
