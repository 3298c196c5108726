# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Section of the page on out-of-distribution (OOD) detection by each score."""
from typing import Iterator

from bdl_perception.evaluation.drive_record import ALARM_SET
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
    'auroc': 'Area under the ROC curve (AUROC): the probability that an OOD frame scores above a '
             'nominal frame; .5 is chance',
    'aupr': 'Area under the precision-recall curve (AUPR), OOD frames as positive; compare within '
            'a row only, because it increases with the share of OOD frames',
    'fpr_95': 'False positive rate at 95 % recall (FPR95): nominal frames above the threshold '
              'that detects 95 % of the OOD frames; lower is better'}


def ood_section(evaluation: Values) -> Section:
    """Report the separation of each group from the nominal set."""
    ood = evaluation['ood']
    if 'not_measured' in ood:
        return Section(TITLE, [NotMeasured('Separation from nominal drives',
                                           ood['not_measured'])])
    return Section(TITLE, list(_ood_blocks(ood, evaluation)))


def _ood_blocks(ood: Values, evaluation: Values) -> Iterator[Block]:
    frames = {name: one['frames'] for name, one in evaluation['sets'].items()}
    counted = ', '.join(f'{name} {frames[name]}' for name in ood['groups'])
    yield Text(f'The frames of each set are compared with those of {evaluation["nominal"]} '
               f'({frames[evaluation["nominal"]]} frames). Frames: {counted}. Below each number '
               f'is its 95 % bootstrap interval (1000 resamplings of whole drives); a set of one '
               f'drive has none.')
    if ALARM_SET not in next(iter(ood['groups'].values())):
        yield NotMeasured(f'Score {ALARM_SET!r}',
                          'there is no calibration for this model and its options')
    if ood['fading_frames']:
        yield Text(fading_frames_note(ood))
    for metric, caption in METRIC_CAPTIONS.items():
        yield _metric_table(ood, metric, caption)
    yield from _tail_comparison(ood['tails'])
    yield Plots([_roc_plot(name, curves) for name, curves in ood['roc'].items()])
    yield Plots([_histogram_plot(score, found) for score, found in ood['histograms'].items()])


def _metric_table(ood: Values, metric: str, caption: str) -> Table:
    groups = {**ood['groups'], **({MEAN_TITLE: ood['mean']} if ood['mean'] else {})}
    scores = list(next(iter(groups.values())))
    return Table(caption, ('set', *scores),
                 [[name, *(format_with_interval(found[score], metric) for score in scores)]
                  for name, found in groups.items()])


def format_with_interval(found: Values, metric: str) -> str:
    """Format a value and its bootstrap interval, in two lines."""
    value, interval = format_number(found[metric]), (found['interval'] or {}).get(metric)
    if interval is None:
        return value
    return f'{value}\n{format_number(interval[0])} to {format_number(interval[1])}'


def _tail_comparison(tails: Values | None) -> Iterator[Block]:
    if tails is None:
        yield NotMeasured('One-tailed and two-tailed p-values',
                          'there is no calibration to compute them with')
        return
    yield Text('Comparison of one-tailed and two-tailed tests: should an unusually low score '
               'count as an anomaly? The anomaly score is 1 - p, where p is the conformal '
               'p-value among the calibration scores. All values above the highest calibration '
               'score have the same p-value, so these scores are coarser than the original ones.')
    scores = list(next(iter(tails.values())))
    yield Table('AUROC, one-tailed / two-tailed', ('set', *scores),
                [[name, *(f'{format_number(found[score]["one_tailed"])} / '
                          f'{format_number(found[score]["two_tailed"])}' for score in scores)]
                 for name, found in tails.items()])


def _roc_plot(name: str, curves: Values) -> Plot:
    with plot_figure(f'ROC curves of {", ".join(curves)} for {name}; the table above has their '
                     f'areas.', f'{name}: true positive rate against false positive rate.'
                     ) as drawing:
        for index, (score, points) in enumerate(curves.items()):
            drawing.axes.plot(*zip(*points, strict=True), **line_style(index), label=score,
                              linewidth=2.5 if score == ALARM_SET else 1.3)
        drawing.axes.plot([0, 1], [0, 1], color='gray', linewidth=.8, linestyle=':')
        drawing.axes.set_xlabel('false positive rate')
        drawing.axes.set_ylabel('true positive rate')
        drawing.axes.legend(loc='lower right')
    return drawing.plot


def _histogram_plot(score: str, found: Values) -> Plot:
    with plot_figure(f'Distribution of the score {score} over the frames of each set; the tables '
                     f'above measure their overlap.',
                     f'{score}: share of frames in each of 30 bins; values outside are in the '
                     f'outermost bins.') as drawing:
        for index, (name, counts) in enumerate(found['counts'].items()):
            total = max(sum(counts), 1)
            drawing.axes.stairs([count / total for count in counts], found['edges'], label=name,
                                fill=not index, alpha=1 if index else .35, linewidth=1.3,
                                **line_style(index))
        drawing.axes.set_xlabel(score.replace('_', ' '))
        drawing.axes.set_ylabel('share of frames')
        drawing.axes.legend()
    return drawing.plot
