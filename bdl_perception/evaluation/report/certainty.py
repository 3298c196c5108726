# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What is gained by listening to the uncertainty: precision against recall, and patches."""
from typing import Iterator

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

TITLE = 'Precision against uncertainty'
BEST = 'highest PAvPU'


def certainty(evaluation: Values) -> Section:
    """Draw precision and error of the most certain pixels, and give PAvPU of patches."""
    recall, patches = with_measure(evaluation, 'recall'), with_measure(evaluation, 'pavpu')
    if not recall:
        return Section(TITLE, [Missing(TITLE, 'no drive knows any truth')])
    return Section(TITLE, [*_recall(recall), *_patches(patches)])


def _recall(found: Values) -> Iterator[Block]:
    yield Text('All pixels of a set are sorted by uncertainty; recall is the share that is kept, '
               'the most certain first (Kendall & Gal 2017, figure 2). A curve must get worse '
               'towards recall 1.')
    yield Plots([plot for name, one in found.items() for plot in _curves(name, one)])


def _curves(name: str, one: Values) -> Iterator[Plot]:
    for key, label, what in (('precision', 'share of right classes', 'classes'),
                             ('rms_m', 'RMS error of depth, m', 'depth')):
        known = {kind: values for kind, values in one[key].items()
                 if any(value is not None for value in values)}
        if known:
            yield _plot(f'{name}, {what}', label, one['recall'], known)


def _plot(title: str, label: str, recall: list[float], curves: Values) -> Plot:
    ends = '; '.join(f'{kind} {number(values[len(values) // 2])} at recall '
                     f'{recall[len(recall) // 2]:.2g}, {number(values[-1])} at 1'
                     for kind, values in curves.items())
    with sheet(f'{label} against recall, {title}: {ends}.', f'{title}: {label} against recall.',
               ) as made:
        for index, (kind, values) in enumerate(curves.items()):
            made.axes.plot(recall, values, label=kind.replace('_', ' '), **style(index))
        made.axes.set_xlabel('recall')
        made.axes.set_ylabel(label)
        made.axes.legend()
    return made.plot


def _patches(found: Values) -> Iterator[Block]:
    if not found:
        yield Missing('Patches (PAvPU)', 'no drive knows its classes at the size of the maps')
        return
    yield Text('Patches of 4 x 4 pixels are accurate or not, and certain or not (Mukhoti & Gal '
               '2018): PAvPU is the share that is accurate and certain or neither. The threshold '
               'is the best on these very data, so the number flatters; compare it with the '
               'share of accurate patches, which a model that is always certain has.')
    kinds = list(next(iter(found.values()))['curves'])
    yield Table('PAvPU at its best threshold',
                ('set', 'patches', 'accurate', *(f'{kind.replace("_", " ")}: {what}'
                 for kind in kinds for what in (BEST, 'threshold, nat'))),
                [[name, str(one['patches']), number(one['accurate']),
                  *(number(one['curves'][kind][key]) for kind in kinds
                    for key in ('best', 'best_threshold'))] for name, one in found.items()])
