# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Sections of the page on the quality of uncertainty: selective prediction, PAvPU, sparsification.

Useful uncertainty is higher at the pixels with higher errors.
"""
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

SELECTIVE_TITLE = 'Selective prediction'
BEST_PAVPU = 'highest PAvPU'


def selective_prediction_section(evaluation: Values) -> Section:
    """Report precision and error of the most certain pixels, and PAvPU of patches."""
    selective = sets_with_metric(evaluation, 'selective_prediction')
    if not selective:
        return Section(SELECTIVE_TITLE, [
            NotMeasured(SELECTIVE_TITLE, 'no drive has ground truth')])
    return Section(SELECTIVE_TITLE, [*_selective_blocks(selective),
                                     *_pavpu_blocks(sets_with_metric(evaluation, 'pavpu'))])


def _selective_blocks(found: Values) -> Iterator[Block]:
    yield Text('Pixels of a set are sorted by uncertainty. Recall is the share of the most '
               'certain pixels that remain (Kendall & Gal 2017, figure 2). With useful '
               'uncertainty the curves get worse towards recall 1.')
    yield Plots([plot for name, result in found.items()
                 for plot in _selective_plots(name, result)])


def _selective_plots(name: str, result: Values) -> Iterator[Plot]:
    for key, label, what in (('precision', 'share of correct classes', 'classes'),
                             ('rms_m', 'RMS error of depth, m', 'depth')):
        known = {kind: values for kind, values in result[key].items()
                 if any(value is not None for value in values)}
        if known:
            yield _selective_plot(f'{name}, {what}', label, result['recall'], known)


def _selective_plot(title: str, label: str, recall: list[float], curves: Values) -> Plot:
    ends = '; '.join(f'{kind} {format_number(values[len(values) // 2])} at recall '
                     f'{recall[len(recall) // 2]:.2g}, {format_number(values[-1])} at 1'
                     for kind, values in curves.items())
    with plot_figure(f'{label} against recall, {title}: {ends}.',
                     f'{title}: {label} against recall.') as drawing:
        for index, (kind, values) in enumerate(curves.items()):
            drawing.axes.plot(recall, values, label=kind.replace('_', ' '), **line_style(index))
        drawing.axes.set_xlabel('recall')
        drawing.axes.set_ylabel(label)
        drawing.axes.legend()
    return drawing.plot


def _pavpu_blocks(found: Values) -> Iterator[Block]:
    if not found:
        yield NotMeasured('Patches (PAvPU)',
                          'no drive has ground-truth classes at the size of the maps')
        return
    yield Text('Patches of 4 x 4 pixels are accurate or not, and certain or not. PAvPU is the '
               'share of patches that are accurate and certain, or inaccurate and uncertain '
               '(Mukhoti & Gal 2018). The threshold is the best on the same data, so the number '
               'is optimistic. Compare it with the share of accurate patches, the PAvPU of a '
               'model that is always certain.')
    kinds = list(next(iter(found.values()))['curves'])
    yield Table('PAvPU at its best threshold',
                ('set', 'patches', 'accurate', *(f'{kind.replace("_", " ")}: {what}'
                 for kind in kinds for what in (BEST_PAVPU, 'threshold, nat'))),
                [[name, str(result['patches']), format_number(result['accurate']),
                  *(format_number(result['curves'][kind][key]) for kind in kinds
                    for key in ('best', 'best_threshold'))] for name, result in found.items()])


SPARSIFICATION_TITLE = 'Sparsification'
ERROR_TITLES = {'abs_rel': 'abs. rel. error', 'rmse': 'RMSE, m', 'a1': 'share beyond 1.25'}
UNCERTAINTIES = ('aleatoric', 'epistemic', 'total')


def sparsification_section(evaluation: Values) -> Section:
    """Report AUSE and AURG of each set, and the curves of the absolute relative error."""
    found = sets_with_metric(evaluation, 'sparsification')
    if not found:
        return Section(SPARSIFICATION_TITLE, [
            NotMeasured('Sparsification', 'no drive has ground-truth depth')])
    return Section(SPARSIFICATION_TITLE, list(_sparsification_blocks(found)))


def _sparsification_blocks(found: Values) -> Iterator[Block]:
    yield Text('Without the most uncertain pixels of a frame the error of the others should '
               'decrease. AUSE is the area between this curve and that of the oracle, which drops '
               'the pixels with the highest errors: 0 is optimal. AURG is the gain over dropping '
               'at random: higher is better. The convention is that of Poggi et al. 2020.')
    for key, title in (('ause', 'AUSE, lower is better'), ('aurg', 'AURG, higher is better')):
        yield Table(title, ('set', *(f'{error}, {kind}' for error in ERROR_TITLES.values()
                                     for kind in UNCERTAINTIES)),
                    [[name, *(format_number(result[key][kind][error]) for error in ERROR_TITLES
                              for kind in UNCERTAINTIES)] for name, result in found.items()])
    yield Plots([_sparsification_plot(name, result) for name, result in found.items()])


def _sparsification_plot(name: str, result: Values) -> Plot:
    with plot_figure(f'Sparsification curves of {name} for aleatoric, epistemic and total '
                     f'deviation above the oracle; the tables have the areas.',
                     f'{name}: absolute relative error of the remaining pixels, mean over '
                     f'{result["frames"]} frames.') as drawing:
        for index, kind in enumerate(UNCERTAINTIES):
            _draw_curve(drawing.axes, result['curves'][kind]['abs_rel'], kind, index)
        _draw_curve(drawing.axes, result['oracle']['abs_rel'], 'oracle', 6)
        drawing.axes.set_xlabel('share of pixels dropped')
        drawing.axes.set_ylabel(ERROR_TITLES['abs_rel'])
        drawing.axes.legend()
    return drawing.plot


def _draw_curve(axes: Any, curve: list[float], title: str, index: int) -> None:
    """Draw a curve without its last point, which is 0 by convention."""
    errors = curve[:-1]
    axes.plot([step / len(errors) for step in range(len(errors))], errors, label=title,
              **line_style(index))
