# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How far depth is off."""
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
from bdl_perception.evaluation.tables import DEPTH
from bdl_perception.evaluation.tables import number


def depth(evaluation: Values) -> Section:
    """Give errors of every set whose depth is known."""
    sets = {name: one for name, one in evaluation['sets'].items() if 'depth' in one}
    if not sets:
        return Section('Depth', [Missing('Depth', 'no drive knows its true depth')])
    rows = [[name, str(one['drives']), str(one['frames']),
             *(number(one['depth'].get(key)) for key in DEPTH)] for name, one in sets.items()]
    blocks: list[Block] = [
        Text('Judged where a true depth of at most 80 m and a predicted one exist. Answered is '
             'the share of the former that has the latter: a model that calls everything sky '
             'would be right where it speaks.'),
        Table('Depth of each set', ('set', 'drives', 'frames', *DEPTH.values()), rows),
        Plots([_bars(sets)])]
    return Section('Depth', blocks)


def _bars(sets: Values) -> Plot:
    names = list(sets)
    values = [sets[name]['depth']['abs_rel'] or 0. for name in names]
    told = ', '.join(f'{name} {value:.3f}' for name, value in zip(names, values, strict=True))
    with sheet(f'Bars of the absolute relative error of depth: {told}.',
               'Absolute relative error of depth, lower is better.') as made:
        bars = made.axes.barh(names, values, color=COLOURS[0])
        made.axes.bar_label(bars, fmt='%.3f', padding=3)
        made.axes.invert_yaxis()
        made.axes.set_xlabel('mean |d - t| / t')
        made.axes.margins(x=.15)
        made.axes.grid(False, axis='y')
    return made.plot
