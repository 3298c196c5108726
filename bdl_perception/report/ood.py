# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How well scores tell what was never taught."""
from typing import Iterator

from bdl_perception.evaluation.ood_results import ALARM_SET, ONE_TAILED, TWO_TAILED
from bdl_perception.report.blocks import (
    Block,
    line_style,
    NotMeasured,
    Plot,
    plot_figure,
    Plots,
    Section,
    Table,
    Text,
    Values,
)
from bdl_perception.report.markdown import fading_frames_note, format_number, MEAN_TITLE

TITLE = 'Out of distribution'
METRIC_CAPTIONS = {  # name -> caption of its table
    'auroc': 'Area under the ROC curve (AUROC): the chance that a strange frame scores above a '
             'nominal one; .5 is a coin',
    'aupr': 'Area under precision and recall (AUPR), strange frames as positive; compare within '
            'a row only, for it grows with the share of strange frames',
    'fpr_95': 'False positive rate at 95 % recall (FPR95): nominal frames above a threshold that '
              'finds 95 % of the strange ones; lower is better'}


def ood_section(evaluation: Values) -> Section:
    """Give the separation of every group from the nominal set."""
    strange = evaluation['strange']
    if 'not_measured' in strange:
        return Section(TITLE, [NotMeasured('Separation from nominal drives',
                                       strange['not_measured'])])
    return Section(TITLE, list(_ood_blocks(strange, evaluation)))


def _ood_blocks(strange: Values, evaluation: Values) -> Iterator[Block]:
    frames = {name: one['frames'] for name, one in evaluation['sets'].items()}
    counted = ', '.join(f'{name} {frames[name]}' for name in strange['groups'])
    yield Text(f'Every score of every frame against the frames of {evaluation["nominal"]} '
               f'({frames[evaluation["nominal"]]} frames). Frames: {counted}. Below each number '
               f'the 95 % interval when whole drives are drawn anew 1000 times; a set of one '
               f'drive has none.')
    if ALARM_SET not in next(iter(strange['groups'].values())):
        yield NotMeasured(f'Score {ALARM_SET!r}', 'there is no calibration of this model as it was '
                                              'run')
    if strange['half_strange']:
        yield Text(fading_frames_note(strange))
    for measure, caption in METRIC_CAPTIONS.items():
        yield _metric_table(strange, measure, caption)
    yield from _tail_comparison(strange['sides'])
    yield Plots([_roc_plot(name, curves) for name, curves in strange['roc'].items()])
    yield Plots([_histogram_plot(score, found) for score, found in strange['histograms'].items()])


def _metric_table(strange: Values, measure: str, caption: str) -> Table:
    groups = {**strange['groups'], **({MEAN_TITLE: strange['mean']} if strange['mean'] else {})}
    scores = list(next(iter(groups.values())))
    return Table(caption, ('set', *scores),
                 [[name, *(format_with_interval(found[score], measure) for score in scores)]
                  for name, found in groups.items()])


def format_with_interval(found: Values, metric: str) -> str:
    """Write a value and what it may be with other drives."""
    between = found.get('interval', {}).get(metric)
    if between is None:
        return format_number(found[metric])
    return f'{format_number(found[metric])}\n{format_number(between[0])} to {format_number(between[1])}'


def _tail_comparison(sides: Values | None) -> Iterator[Block]:
    if sides is None:
        yield NotMeasured('One-sided against two-sided', 'there is no calibration to rank by')
        return
    yield Text('By rank among the calibration scores: does it help to call a score strange that '
               'is unusually low? Strangeness is 1 - p of one-sided and of two-sided conformal '
               'p-values. What lies above every calibration score has one rank, so these are '
               'coarser than the scores themselves.')
    scores = list(next(iter(sides.values())))
    yield Table('AUROC, one-sided / two-sided', ('set', *scores),
                [[name, *(f'{format_number(found[score][ONE_TAILED])} / {format_number(found[score][TWO_TAILED])}'
                          for score in scores)] for name, found in sides.items()])


def _roc_plot(name: str, curves: Values) -> Plot:
    told = ', '.join(curves)
    with plot_figure(f'ROC curves of {told} for {name}; the table above has their areas.',
               f'{name}: share of its frames found against share of nominal frames called '
               f'strange.') as made:
        for index, (score, points) in enumerate(curves.items()):
            made.axes.plot(*zip(*points, strict=True), **line_style(index), label=score,
                           linewidth=2.5 if score == ALARM_SET else 1.3)
        made.axes.plot([0, 1], [0, 1], color='gray', linewidth=.8, linestyle=':')
        made.axes.set_xlabel('false positive rate')
        made.axes.set_ylabel('true positive rate')
        made.axes.legend(loc='lower right')
    return made.plot


def _histogram_plot(score: str, found: Values) -> Plot:
    with plot_figure(f'Distribution of the score {score} over the frames of each set; the tables above '
               f'say how far they overlap.',
               f'{score}: share of frames in each of 30 bins; what is outside is in the outermost '
               f'ones.') as made:
        for index, (name, counts) in enumerate(found['counts'].items()):
            total = max(sum(counts), 1)
            made.axes.stairs([count / total for count in counts], found['edges'], label=name,
                             fill=not index, alpha=1 if index else .35, linewidth=1.3,
                             **line_style(index))
        made.axes.set_xlabel(score.replace('_', ' '))
        made.axes.set_ylabel('share of frames')
        made.axes.legend()
    return made.plot
