# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How far depth is off."""
from typing import Iterator

from bdl_perception.perception.types import CLASS_NAMES
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
    """Give errors of every set whose depth is known."""
    sets = {name: one for name, one in evaluation['sets'].items() if 'depth' in one}
    if not sets:
        return Section('Depth', [NotMeasured('Depth', 'no drive knows its true depth')])
    rows = [[name, str(one['drives']), str(one['frames']),
             *(format_number(one['depth'].get(key)) for key in DEPTH_TITLES)] for name, one in sets.items()]
    blocks: list[Block] = [
        Text('Judged where a true depth of at most 80 m and a predicted one exist. Answered is '
             'the share of the former that has the latter: a model that calls everything sky '
             'would be right where it speaks.'),
        Table('Depth of each set', ('set', 'drives', 'frames', *DEPTH_TITLES.values()), rows),
        Plots([_depth_bars(sets)])]
    return Section('Depth', blocks)


def _depth_bars(sets: Values) -> Plot:
    names = list(sets)
    values = [sets[name]['depth']['abs_rel'] or 0. for name in names]
    told = ', '.join(f'{name} {value:.3f}' for name, value in zip(names, values, strict=True))
    with plot_figure(f'Bars of the absolute relative error of depth: {told}.',
               'Absolute relative error of depth, lower is better.') as made:
        bars = made.axes.barh(names, values, color=COLOURS[0])
        made.axes.bar_label(bars, fmt='%.3f', padding=3)
        made.axes.invert_yaxis()
        made.axes.set_xlabel('mean |d - t| / t')
        made.axes.margins(x=.15)
        made.axes.grid(False, axis='y')
    return made.plot


def segmentation_section(evaluation: Values) -> Section:
    """Give the IoU of every class and set whose classes are known."""
    sets = {name: one for name, one in evaluation['sets'].items() if 'classes' in one}
    if not sets:
        return Section('Segmentation', [NotMeasured('Segmentation', 'no drive knows its classes')])
    return Section('Segmentation', list(_segmentation_blocks(sets, evaluation['nominal'])))


def _segmentation_blocks(sets: Values, nominal: str | None) -> Iterator[Block]:
    yield Text('Intersection over union, of the single pass; averaged: of the mean over the Monte '
               'Carlo samples. A dash: the class does not occur.')
    yield Table('IoU of each class', ('set', 'mean', 'averaged', 'pixel accuracy',
                                      'mean accuracy', *CLASS_NAMES),
                [[name, format_number(one['classes']['mean_iou']),
                  format_number(one.get('averaged', {}).get('mean_iou')),
                  *(format_number(one['classes'][key]) for key in ('pixel_accuracy', 'mean_accuracy')),
                  *(format_number(one['classes']['iou'][key]) for key in CLASS_NAMES)]
                 for name, one in sets.items()])
    shown = [name for name in sets if name == nominal or name.startswith('camvid')]
    yield Plots([plot for name in shown or list(sets)[:1] for plot in _segmentation_plots(name, sets[name])])


def _segmentation_plots(name: str, one: Values) -> Iterator[Plot]:
    yield _iou_bars(name, one['classes']['iou'])
    if one.get('confusion'):
        yield _confusion_plot(name, one['confusion'])


def _iou_bars(name: str, iou: Values) -> Plot:
    known = {key: value for key, value in iou.items() if value is not None}
    told = ', '.join(f'{key} {value:.2f}' for key, value in known.items())
    with plot_figure(f'Bars of the IoU of each class on {name}: {told}.',
               f'IoU of each class on {name}, higher is better.') as made:
        bars = made.axes.barh(list(known), list(known.values()), color=COLOURS[2])
        made.axes.bar_label(bars, fmt='%.2f', padding=3)
        made.axes.invert_yaxis()
        made.axes.set_xlim(0, 1.1)
        made.axes.grid(False, axis='y')
    return made.plot


def _confusion_plot(name: str, counts: list[list[float]]) -> Plot:
    shares = [[value / max(sum(row), 1) for value in row] for row in counts]
    wrong = max((shares[i][j], i, j) for i in range(len(counts)) for j in range(len(counts))
                if i != j)
    true, taken = CLASS_NAMES[wrong[1]], CLASS_NAMES[wrong[2]]
    with plot_figure(f'Confusion of classes on {name}; the most frequent mistake is {taken} for {true}, '
               f'{wrong[0]:.0%} of its pixels.',
               f'What each true class (row) is taken for on {name}; rows add up to 1.',
               (4.8, 4.2)) as made:
        made.axes.imshow(shares, cmap='Blues', vmin=0, vmax=1)
        ticks = range(len(CLASS_NAMES))
        made.axes.set_xticks(ticks, CLASS_NAMES, rotation=60, ha='right')
        made.axes.set_yticks(ticks, CLASS_NAMES)
        made.axes.grid(False)
        for i in ticks:
            for j in ticks:
                if shares[i][j] >= .05:
                    made.axes.text(j, i, f'{shares[i][j]:.2f}'.lstrip('0'), ha='center',
                                   va='center', fontsize=7,
                                   color='white' if shares[i][j] > .5 else 'black')
    return made.plot
