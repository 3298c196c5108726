# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What is gained by listening to the uncertainty: precision against recall, and patches."""
from typing import Any, Iterator

from bdl_perception.report.blocks import (
    Block,
    line_style,
    NotMeasured,
    Plot,
    plot_figure,
    Plots,
    Section,
    sets_with_metric,
    Table,
    Text,
    Values,
)
from bdl_perception.report.markdown import format_number

SELECTIVE_TITLE = 'Precision against uncertainty'
BEST_PAVPU = 'highest PAvPU'


def selective_prediction_section(evaluation: Values) -> Section:
    """Draw precision and error of the most certain pixels, and give PAvPU of patches."""
    recall, patches = sets_with_metric(evaluation, 'selective_prediction'), sets_with_metric(evaluation, 'pavpu')
    if not recall:
        return Section(SELECTIVE_TITLE, [NotMeasured(SELECTIVE_TITLE, 'no drive knows any truth')])
    return Section(SELECTIVE_TITLE, [*_selective_blocks(recall), *_pavpu_blocks(patches)])


def _selective_blocks(found: Values) -> Iterator[Block]:
    yield Text('All pixels of a set are sorted by uncertainty; recall is the share that is kept, '
               'the most certain first (Kendall & Gal 2017, figure 2). A curve must get worse '
               'towards recall 1.')
    yield Plots([plot for name, one in found.items() for plot in _selective_plots(name, one)])


def _selective_plots(name: str, one: Values) -> Iterator[Plot]:
    for key, label, what in (('precision', 'share of right classes', 'classes'),
                             ('rms_m', 'RMS error of depth, m', 'depth')):
        known = {kind: values for kind, values in one[key].items()
                 if any(value is not None for value in values)}
        if known:
            yield _selective_plot(f'{name}, {what}', label, one['recall'], known)


def _selective_plot(title: str, label: str, recall: list[float], curves: Values) -> Plot:
    ends = '; '.join(f'{kind} {format_number(values[len(values) // 2])} at recall '
                     f'{recall[len(recall) // 2]:.2g}, {format_number(values[-1])} at 1'
                     for kind, values in curves.items())
    with plot_figure(f'{label} against recall, {title}: {ends}.', f'{title}: {label} against recall.',
               ) as made:
        for index, (kind, values) in enumerate(curves.items()):
            made.axes.plot(recall, values, label=kind.replace('_', ' '), **line_style(index))
        made.axes.set_xlabel('recall')
        made.axes.set_ylabel(label)
        made.axes.legend()
    return made.plot


def _pavpu_blocks(found: Values) -> Iterator[Block]:
    if not found:
        yield NotMeasured('Patches (PAvPU)', 'no drive knows its classes at the size of the maps')
        return
    yield Text('Patches of 4 x 4 pixels are accurate or not, and certain or not (Mukhoti & Gal '
               '2018): PAvPU is the share that is accurate and certain or neither. The threshold '
               'is the best on these very data, so the number flatters; compare it with the '
               'share of accurate patches, which a model that is always certain has.')
    kinds = list(next(iter(found.values()))['curves'])
    yield Table('PAvPU at its best threshold',
                ('set', 'patches', 'accurate', *(f'{kind.replace("_", " ")}: {what}'
                 for kind in kinds for what in (BEST_PAVPU, 'threshold, nat'))),
                [[name, str(one['patches']), format_number(one['accurate']),
                  *(format_number(one['curves'][kind][key]) for kind in kinds
                    for key in ('best', 'best_threshold'))] for name, one in found.items()])


SPARSIFICATION_TITLE = 'Sparsification'
ERROR_TITLES = {'abs_rel': 'abs. rel. error', 'rmse': 'RMSE, m', 'a1': 'share beyond 1.25'}
UNCERTAINTIES = ('aleatoric', 'epistemic', 'total')


def sparsification_section(evaluation: Values) -> Section:
    """Give AUSE and AURG of every set, and the curves of its absolute relative error."""
    found = sets_with_metric(evaluation, 'sparsification')
    if not found:
        return Section(SPARSIFICATION_TITLE, [NotMeasured('Sparsification', 'no drive knows its true depth')])
    return Section(SPARSIFICATION_TITLE, list(_sparsification_blocks(found)))


def _sparsification_blocks(found: Values) -> Iterator[Block]:
    yield Text('Dropping the most uncertain pixels of a picture must lower the error of the rest. '
               'AUSE is the area between that curve and the oracle, which drops by the error '
               'itself: 0 is the best. AURG is what is gained over dropping at random: above 0 '
               'is better. The convention is that of Poggi et al. 2020.')
    for key, title in (('ause', 'AUSE, lower is better'), ('aurg', 'AURG, higher is better')):
        yield Table(title, ('set', *(f'{error}, {kind}' for error in ERROR_TITLES.values()
                                     for kind in UNCERTAINTIES)),
                    [[name, *(format_number(one[key][kind][error]) for error in ERROR_TITLES
                              for kind in UNCERTAINTIES)] for name, one in found.items()])
    yield Plots([_sparsification_plot(name, one) for name, one in found.items()])


def _sparsification_plot(name: str, one: Values) -> Plot:
    with plot_figure(f'Sparsification curves of {name} for aleatoric, epistemic and total deviation '
               f'above the oracle; the tables have the areas.',
               f'{name}: absolute relative error of what is left, mean over '
               f'{one["frames"]} frames.') as made:
        for index, kind in enumerate(UNCERTAINTIES):
            _draw_curve(made.axes, one['curves'][kind]['abs_rel'], kind, index)
        _draw_curve(made.axes, one['oracle']['abs_rel'], 'oracle', 6)
        made.axes.set_xlabel('share of pixels dropped')
        made.axes.set_ylabel(ERROR_TITLES['abs_rel'])
        made.axes.legend()
    return made.plot


def _draw_curve(axes: Any, curve: list[float], title: str, index: int) -> None:
    """Draw all but the zero that the convention puts at the end."""
    made = curve[:-1]
    axes.plot([number_ / len(made) for number_ in range(len(made))], made, label=title,
              **line_style(index))
