# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Sections of the page on depth errors and on segmentation accuracy."""
from typing import Iterator

from bdl_perception.perception.data_types import CLASS_NAMES
from bdl_perception.report.blocks import (
    Block,
    COLOURS,
    NotMeasured,
    Plot,
    plot_figure,
    Plots,
    Section,
    Table,
    Text,
    Values,
)
from bdl_perception.report.markdown import DEPTH_TITLES, format_number


def depth_section(evaluation: Values) -> Section:
    """Report the depth errors of each set with ground-truth depth."""
    sets = {name: result for name, result in evaluation['sets'].items() if 'depth' in result}
    if not sets:
        return Section('Depth', [NotMeasured('Depth', 'no drive has ground-truth depth')])
    rows = [[name, str(result['drives']), str(result['frames']),
             *(format_number(result['depth'].get(key)) for key in DEPTH_TITLES)]
            for name, result in sets.items()]
    blocks: list[Block] = [
        Text('Errors are of pixels with a ground-truth depth of at most 80 m and a predicted '
             'depth. Answered is the share of the former that has the latter. Without it a model '
             'that predicts sky everywhere would have no error.'),
        Table('Depth of each set', ('set', 'drives', 'frames', *DEPTH_TITLES.values()), rows),
        Plots([_depth_bars(sets)])]
    return Section('Depth', blocks)


def _depth_bars(sets: Values) -> Plot:
    names = list(sets)
    values = [sets[name]['depth']['abs_rel'] or 0. for name in names]
    listed = ', '.join(f'{name} {value:.3f}' for name, value in zip(names, values, strict=True))
    with plot_figure(f'Bars of the absolute relative error of depth: {listed}.',
                     'Absolute relative error of depth, lower is better.') as drawing:
        bars = drawing.axes.barh(names, values, color=COLOURS[0])
        drawing.axes.bar_label(bars, fmt='%.3f', padding=3)
        drawing.axes.invert_yaxis()
        drawing.axes.set_xlabel('mean |d - t| / t')
        drawing.axes.margins(x=.15)
        drawing.axes.grid(False, axis='y')
    return drawing.plot


def segmentation_section(evaluation: Values) -> Section:
    """Report the IoU of each class and set with ground-truth classes."""
    sets = {name: result for name, result in evaluation['sets'].items() if 'classes' in result}
    if not sets:
        return Section('Segmentation', [
            NotMeasured('Segmentation', 'no drive has ground-truth classes')])
    return Section('Segmentation', list(_segmentation_blocks(sets, evaluation['nominal'])))


def _segmentation_blocks(sets: Values, nominal: str | None) -> Iterator[Block]:
    yield Text('Intersection over union of the single pass. Averaged: of the mean probability '
               'over the Monte Carlo samples. Dash: the class does not occur.')
    yield Table('IoU of each class', ('set', 'mean', 'averaged', 'pixel accuracy',
                                      'mean accuracy', *CLASS_NAMES),
                [[name, format_number(result['classes']['mean_iou']),
                  format_number(result.get('averaged', {}).get('mean_iou')),
                  *(format_number(result['classes'][key])
                    for key in ('pixel_accuracy', 'mean_accuracy')),
                  *(format_number(result['classes']['iou'][key]) for key in CLASS_NAMES)]
                 for name, result in sets.items()])
    shown = [name for name in sets if name == nominal or name.startswith('camvid')]
    yield Plots([plot for name in shown or list(sets)[:1]
                 for plot in _segmentation_plots(name, sets[name])])


def _segmentation_plots(name: str, result: Values) -> Iterator[Plot]:
    yield _iou_bars(name, result['classes']['iou'])
    if result.get('confusion'):
        yield _confusion_plot(name, result['confusion'])


def _iou_bars(name: str, iou: Values) -> Plot:
    known = {key: value for key, value in iou.items() if value is not None}
    listed = ', '.join(f'{key} {value:.2f}' for key, value in known.items())
    with plot_figure(f'Bars of the IoU of each class on {name}: {listed}.',
                     f'IoU of each class on {name}, higher is better.') as drawing:
        bars = drawing.axes.barh(list(known), list(known.values()), color=COLOURS[2])
        drawing.axes.bar_label(bars, fmt='%.2f', padding=3)
        drawing.axes.invert_yaxis()
        drawing.axes.set_xlim(0, 1.1)
        drawing.axes.grid(False, axis='y')
    return drawing.plot


def _confusion_plot(name: str, counts: list[list[float]]) -> Plot:
    shares = [[value / max(sum(row), 1) for value in row] for row in counts]
    confused = max((shares[i][j], i, j) for i in range(len(counts)) for j in range(len(counts))
                   if i != j)
    true, predicted = CLASS_NAMES[confused[1]], CLASS_NAMES[confused[2]]
    with plot_figure(f'Confusion matrix of classes on {name}; the most frequent error is '
                     f'{predicted} for {true}, {confused[0]:.0%} of its pixels.',
                     f'Predicted classes (columns) of each true class (row) on {name}; rows add '
                     f'up to 1.', (4.8, 4.2)) as drawing:
        drawing.axes.imshow(shares, cmap='Blues', vmin=0, vmax=1)
        ticks = range(len(CLASS_NAMES))
        drawing.axes.set_xticks(ticks, CLASS_NAMES, rotation=60, ha='right')
        drawing.axes.set_yticks(ticks, CLASS_NAMES)
        drawing.axes.grid(False)
        for i in ticks:
            for j in ticks:
                if shares[i][j] >= .05:
                    drawing.axes.text(j, i, f'{shares[i][j]:.2f}'.lstrip('0'), ha='center',
                                      va='center', fontsize=7,
                                      color='white' if shares[i][j] > .5 else 'black')
    return drawing.plot
