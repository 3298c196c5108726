# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Whether a probability of 90 % is right nine times of ten."""
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

TITLE = 'Reliability'
COLUMNS = {  # name in ReliabilityQuality -> head of its column
    'ece': 'ECE', 'brier': 'Brier score', 'nll': 'NLL, nat', 'calibration_mse': 'curve MSE',
    'ece_single': 'ECE, single pass', 'calibration_mse_single': 'curve MSE, single pass'}
DEPTH = {'aleatoric': 'depth, aleatoric', 'total': 'depth, total', 'scaled': 'depth, scaled'}


def reliability(evaluation: Values) -> Section:
    """Draw what is right against what is stated, of classes and of depth."""
    classes = with_measure(evaluation, 'reliability')
    depth = with_measure(evaluation, 'intervals')
    blocks = [*_classes(classes), *_tempered(classes, evaluation), *_depth(depth)]
    names = list(dict.fromkeys([*classes, *depth]))
    plots = [_diagram(name, classes.get(name), depth.get(name)) for name in names]
    return Section(TITLE, [*blocks, *([Plots(plots)] if plots else [])])


def _classes(found: Values) -> Iterator[Block]:
    if not found:
        yield Missing('Reliability of classes', 'no drive knows its classes')
        return
    yield Text('Of classes: the mean probability over the Monte Carlo samples, unless it says '
               'single pass. ECE looks at the most likely class, curve MSE at the mean square '
               'distance of the curve below from the diagonal (Kendall & Gal 2017: .00214).')
    yield _table('Calibration of classes', found)


def _tempered(classes: Values, evaluation: Values) -> Iterator[Block]:
    calibrated = evaluation['calibrated_intervals']
    if classes and 'not_measured' in calibrated:
        yield Missing('Classes after calibration', calibrated['not_measured'])
    elif classes:
        yield _table('Calibration of classes with the temperature of the calibration',
                     with_measure(evaluation, 'tempered'))


def _table(caption: str, found: Values) -> Table:
    return Table(caption, ('set', *COLUMNS.values()),
                 [[name, *(digits(one[key]) for key in COLUMNS)] for name, one in found.items()])


def _depth(found: Values) -> Iterator[Block]:
    if not found:
        yield Missing('Reliability of depth', 'no drive knows its true depth')
        return
    yield Text('Of depth: the share of true log-depths within a central interval of each level. '
               'Curve MSE as above (Kendall & Gal 2017: .00364); AUCE is the area between curve '
               'and diagonal; NLL and CRPS are of log-depth.')
    keys = {'calibration_mse': 'curve MSE', 'auce': 'AUCE', 'nll': 'NLL, nat', 'crps': 'CRPS'}
    yield Table('Calibration of depth', ('set', 'deviation', *keys.values()),
                [[name, title, *(digits(one[kind][key]) for key in keys)]
                 for name, one in found.items() for kind, title in DEPTH.items() if one[kind]])


def digits(value: float | None) -> str:
    """Write three significant digits of what may be as small as .002."""
    if value is None or abs(value) >= .1:
        return number(value)
    return f'{value:.5f}'.removeprefix('0')


def _diagram(name: str, classes: Values | None, depth: Values | None) -> Plot:
    lines = list(_lines(classes, depth))
    with sheet(f'Reliability diagram of {name}: {", ".join(title for title, _, _ in lines)} '
               f'against the diagonal of perfect calibration; the tables above have the '
               f'distances.', f'{name}: share that is right against what is stated.') as made:
        for index, (title, stated, right) in enumerate(lines):
            made.axes.plot(stated, right, label=title, linewidth=1.5, **style(index))
        made.axes.plot([0, 1], [0, 1], color='gray', linewidth=.8, linestyle=':')
        made.axes.set_xlabel('stated probability')
        made.axes.set_ylabel('share right')
        made.axes.legend(loc='upper left')
    return made.plot


def _lines(classes: Values | None,
           depth: Values | None) -> Iterator[tuple[str, list[float], list[float]]]:
    if classes:
        for title, key in (('classes', 'curve'), ('most likely class, single pass',
                                                  'curve_single')):
            pairs = [(stated, right) for stated, right in zip(
                classes[key]['probability'], classes[key]['right'], strict=True)
                if right is not None]
            yield title, [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if depth:
        for kind, title in DEPTH.items():
            if depth[kind]:
                curve = depth[kind]['curve']
                levels = [(index + 1) / len(curve) for index in range(len(curve))]
                yield title, levels, curve
