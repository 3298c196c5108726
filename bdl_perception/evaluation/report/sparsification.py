# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Whether the uncertain pixels of depth are the wrong ones."""
from typing import Any, Iterator

from bdl_perception.evaluation.report.blocks import Block
from bdl_perception.evaluation.report.blocks import Missing
from bdl_perception.evaluation.report.blocks import Plot
from bdl_perception.evaluation.report.blocks import Plots
from bdl_perception.evaluation.report.blocks import Section
from bdl_perception.evaluation.report.blocks import Table
from bdl_perception.evaluation.report.blocks import Text
from bdl_perception.evaluation.report.blocks import Values
from bdl_perception.evaluation.report.blocks import with_measure
from bdl_perception.evaluation.report.drawing import sheet
from bdl_perception.evaluation.report.drawing import style
from bdl_perception.evaluation.tables import number

TITLE = 'Sparsification'
ERRORS = {'abs_rel': 'abs. rel. error', 'rmse': 'RMSE, m', 'a1': 'share beyond 1.25'}
KINDS = ('aleatoric', 'epistemic', 'total')


def sparsification(evaluation: Values) -> Section:
    """Give AUSE and AURG of every set, and the curves of its absolute relative error."""
    found = with_measure(evaluation, 'sparsification')
    if not found:
        return Section(TITLE, [Missing('Sparsification', 'no drive knows its true depth')])
    return Section(TITLE, list(_blocks(found)))


def _blocks(found: Values) -> Iterator[Block]:
    yield Text('Dropping the most uncertain pixels of a picture must lower the error of the rest. '
               'AUSE is the area between that curve and the oracle, which drops by the error '
               'itself: 0 is the best. AURG is what is gained over dropping at random: above 0 '
               'is better. The convention is that of Poggi et al. 2020.')
    for key, title in (('ause', 'AUSE, lower is better'), ('aurg', 'AURG, higher is better')):
        yield Table(title, ('set', *(f'{error}, {kind}' for error in ERRORS.values()
                                     for kind in KINDS)),
                    [[name, *(number(one[key][kind][error]) for error in ERRORS
                              for kind in KINDS)] for name, one in found.items()])
    yield Plots([_plot(name, one) for name, one in found.items()])


def _plot(name: str, one: Values) -> Plot:
    with sheet(f'Sparsification curves of {name} for aleatoric, epistemic and total deviation '
               f'above the oracle; the tables have the areas.',
               f'{name}: absolute relative error of what is left, mean over '
               f'{one["pictures"]} pictures.') as made:
        for index, kind in enumerate(KINDS):
            _line(made.axes, one['curves'][kind]['abs_rel'], kind, index)
        _line(made.axes, one['oracle']['abs_rel'], 'oracle', 6)
        made.axes.set_xlabel('share of pixels dropped')
        made.axes.set_ylabel(ERRORS['abs_rel'])
        made.axes.legend()
    return made.plot


def _line(axes: Any, curve: list[float], title: str, index: int) -> None:
    """Draw all but the zero that the convention puts at the end."""
    made = curve[:-1]
    axes.plot([number_ / len(made) for number_ in range(len(made))], made, label=title,
              **style(index))
