# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How good the classes are."""
from typing import Iterator

from bdl_perception.evaluation.report.blocks import Block
from bdl_perception.evaluation.report.blocks import Missing
from bdl_perception.evaluation.report.blocks import Plot
from bdl_perception.evaluation.report.blocks import Plots
from bdl_perception.evaluation.report.blocks import Section
from bdl_perception.evaluation.report.blocks import Table
from bdl_perception.evaluation.report.blocks import Text
from bdl_perception.evaluation.report.blocks import Values
from bdl_perception.evaluation.report.drawing import COLOURS
from bdl_perception.evaluation.report.drawing import sheet
from bdl_perception.evaluation.tables import number
from bdl_perception.perception.classes import CLASS_NAMES


def segmentation(evaluation: Values) -> Section:
    """Give the IoU of every class and set whose classes are known."""
    sets = {name: one for name, one in evaluation['sets'].items() if 'classes' in one}
    if not sets:
        return Section('Segmentation', [Missing('Segmentation', 'no drive knows its classes')])
    return Section('Segmentation', list(_blocks(sets, evaluation['nominal'])))


def _blocks(sets: Values, nominal: str | None) -> Iterator[Block]:
    yield Text('Intersection over union, of the single pass; averaged: of the mean over the Monte '
               'Carlo samples. A dash: the class does not occur.')
    yield Table('IoU of each class', ('set', 'mean', 'averaged', 'pixel accuracy',
                                      'mean accuracy', *CLASS_NAMES),
                [[name, number(one['classes']['mean_iou']),
                  number(one.get('averaged', {}).get('mean_iou')),
                  *(number(one['classes'][key]) for key in ('pixel_accuracy', 'mean_accuracy')),
                  *(number(one['classes']['iou'][key]) for key in CLASS_NAMES)]
                 for name, one in sets.items()])
    shown = [name for name in sets if name == nominal or name.startswith('camvid')]
    yield Plots([plot for name in shown or list(sets)[:1] for plot in _plots(name, sets[name])])


def _plots(name: str, one: Values) -> Iterator[Plot]:
    yield _bars(name, one['classes']['iou'])
    if one.get('confusion'):
        yield _confusion(name, one['confusion'])


def _bars(name: str, iou: Values) -> Plot:
    known = {key: value for key, value in iou.items() if value is not None}
    told = ', '.join(f'{key} {value:.2f}' for key, value in known.items())
    with sheet(f'Bars of the IoU of each class on {name}: {told}.',
               f'IoU of each class on {name}, higher is better.') as made:
        bars = made.axes.barh(list(known), list(known.values()), color=COLOURS[2])
        made.axes.bar_label(bars, fmt='%.2f', padding=3)
        made.axes.invert_yaxis()
        made.axes.set_xlim(0, 1.1)
        made.axes.grid(False, axis='y')
    return made.plot


def _confusion(name: str, counts: list[list[float]]) -> Plot:
    shares = [[value / max(sum(row), 1) for value in row] for row in counts]
    wrong = max((shares[i][j], i, j) for i in range(len(counts)) for j in range(len(counts))
                if i != j)
    true, taken = CLASS_NAMES[wrong[1]], CLASS_NAMES[wrong[2]]
    with sheet(f'Confusion of classes on {name}; the most frequent mistake is {taken} for {true}, '
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
