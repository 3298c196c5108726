# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Sections of the page on calibration: coverage of depth intervals, reliability of classes and depth.

A probability or interval of 90 % is calibrated when it is correct for 90 % of the pixels.
"""
from typing import Iterator, Mapping, NamedTuple

from bdl_perception.report.blocks import (
    Block,
    COLOURS,
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
from bdl_perception.report.labelled_sets import FITTED, FITTED_TITLE
from bdl_perception.report.markdown import format_number

COVERAGE_TITLE = 'Coverage by range'
PLOT_LEVEL = '0.9'
TARGET_COVERAGE = (.88, .92)  # of 90 % intervals
SIGMA_TITLES = {'aleatoric': 'aleatoric', 'total': 'aleatoric + epistemic',
                'scaled': 'scaled by the calibration'}


class IntervalKind(NamedTuple):
    """Coverage of one kind of interval on one set."""

    title: str
    overall: Mapping[str, float]  # level -> share inside
    by_range: Mapping[str, Values]  # range bin -> level -> share inside


def coverage_section(evaluation: Values) -> Section:
    """Report the coverage of intervals by level and range."""
    found = sets_with_metric(evaluation, 'intervals')
    if not found:
        return Section(COVERAGE_TITLE, [
            NotMeasured('Coverage', 'no drive has ground-truth depth')])
    fitted = sets_with_metric(evaluation, FITTED)
    kinds = {name: _interval_kinds(result, fitted.get(name)) for name, result in found.items()}
    return Section(COVERAGE_TITLE, list(_coverage_blocks(
        found, kinds, evaluation['calibrated_intervals'])))


def _interval_kinds(result: Values, fitted: Values | None) -> list[IntervalKind]:
    """List the kinds of intervals that a set has."""
    known = [IntervalKind(title, result[name]['coverage'], result[name]['by_range'])
             for name, title in SIGMA_TITLES.items() if result[name]]
    if result['conformal']:
        known.append(IntervalKind('calibrated by range', result['conformal'],
                                  result['conformal_by_range']))
    if fitted:
        known.append(IntervalKind(FITTED_TITLE, fitted['coverage'], fitted['by_range']))
    return known


def _coverage_blocks(found: Values, kinds: Mapping[str, list[IntervalKind]],
                     calibrated: Values) -> Iterator[Block]:
    yield Text('Coverage is the share of true log-depths within the interval; it should equal the '
               'level. Ranges are of predicted depth, which is known in operation. The '
               'calibration gives one scale factor (scaled) and multipliers for each range. '
               'Fitted to the other recordings (cross-validation): the multipliers of a recording '
               'come from the others of its set, as a calibration on such recordings would give '
               'them.')
    if 'not_measured' in calibrated:
        yield NotMeasured('Intervals after calibration', calibrated['not_measured'])
    elif shared := calibrated['drives_in_calibration']:
        yield Text(f'Warning: {len(shared)} of the nominal drives have the names of drives of the '
                   f'calibration. If they are the same, their coverage is no test of it.')
    first = next(iter(found.values()))
    levels, bins = list(first['total']['coverage']), list(first['pixels'])
    yield Table('Coverage of intervals of each level, over all ranges',
                ('set', 'interval', *levels),
                [[name, kind.title, *(format_number(kind.overall[level]) for level in levels)]
                 for name, known in kinds.items() for kind in known])
    for level in levels:
        yield Table(f'Coverage of {100 * float(level):.0f} % intervals in each range',
                    ('set', 'interval', *bins),
                    [[name, kind.title, *(format_number(kind.by_range[where][level])
                                          for where in bins)]
                     for name, known in kinds.items() for kind in known])
    yield Table('Valid pixels in each range', ('set', *bins),
                [[name, *(f'{result["pixels"][where]:,}' for where in bins)]
                 for name, result in found.items()])
    yield Plots([_coverage_plot(name, known, bins) for name, known in kinds.items()])


def _coverage_plot(name: str, kinds: list[IntervalKind], bins: list[str]) -> Plot:
    with plot_figure(f'Coverage of 90 % intervals on {name} in ranges {", ".join(bins)}; the '
                     f'tables above have the numbers.',
                     f'{name}: share within 90 % intervals by predicted depth; the band is .88 '
                     f'to .92.') as drawing:
        drawing.axes.axhspan(*TARGET_COVERAGE, color=COLOURS[2], alpha=.2, linewidth=0)
        for index, kind in enumerate(kinds):
            known = [(where, kind.by_range[key][PLOT_LEVEL]) for where, key in enumerate(bins)
                     if kind.by_range[key][PLOT_LEVEL] is not None]
            drawing.axes.plot([pair[0] for pair in known], [pair[1] for pair in known],
                              marker='o', label=kind.title, **line_style(index))
        drawing.axes.set_xticks(range(len(bins)), bins)
        drawing.axes.set_ylim(0, 1.02)
        drawing.axes.set_ylabel('share inside')
        drawing.axes.legend(loc='lower left')
    return drawing.plot


RELIABILITY_TITLE = 'Reliability'
RELIABILITY_COLUMNS = {  # name in ReliabilityQuality -> title of its column
    'ece': 'ECE', 'brier': 'Brier score', 'nll': 'NLL, nat', 'calibration_mse': 'curve MSE',
    'ece_single': 'ECE, single pass', 'calibration_mse_single': 'curve MSE, single pass'}
DEPTH_TITLES = {'aleatoric': 'depth, aleatoric', 'total': 'depth, total',
                'scaled': 'depth, scaled'}


def reliability_section(evaluation: Values) -> Section:
    """Report calibration errors and reliability diagrams of classes and of depth."""
    classes = sets_with_metric(evaluation, 'reliability')
    depth = sets_with_metric(evaluation, 'intervals')
    blocks = [*_class_blocks(classes), *_temperature_blocks(classes, evaluation),
              *_depth_blocks(depth)]
    names = list(dict.fromkeys([*classes, *depth]))
    plots = [_reliability_diagram(name, classes.get(name), depth.get(name)) for name in names]
    return Section(RELIABILITY_TITLE, [*blocks, *([Plots(plots)] if plots else [])])


def _class_blocks(found: Values) -> Iterator[Block]:
    if not found:
        yield NotMeasured('Reliability of classes', 'no drive has ground-truth classes')
        return
    yield Text('Classes: of the mean probability over the Monte Carlo samples, or of the single '
               'pass where given. ECE is of the most likely class. Curve MSE is the mean square '
               'distance of the curve below from the diagonal (Kendall & Gal 2017: .00214).')
    yield _class_table('Calibration of classes', found)


def _temperature_blocks(classes: Values, evaluation: Values) -> Iterator[Block]:
    calibrated = evaluation['calibrated_intervals']
    if classes and 'not_measured' in calibrated:
        yield NotMeasured('Classes after calibration', calibrated['not_measured'])
    elif classes:
        yield _class_table('Calibration of classes with the temperature of the calibration',
                           sets_with_metric(evaluation, 'tempered'))


def _class_table(caption: str, found: Values) -> Table:
    return Table(caption, ('set', *RELIABILITY_COLUMNS.values()),
                 [[name, *(format_significant(result[key]) for key in RELIABILITY_COLUMNS)]
                  for name, result in found.items()])


def _depth_blocks(found: Values) -> Iterator[Block]:
    if not found:
        yield NotMeasured('Reliability of depth', 'no drive has ground-truth depth')
        return
    yield Text('Depth: the share of true log-depths within a central interval of each level. '
               'Curve MSE as above (Kendall & Gal 2017: .00364). AUCE is the area between curve '
               'and diagonal. NLL and CRPS are of log-depth.')
    keys = {'calibration_mse': 'curve MSE', 'auce': 'AUCE', 'nll': 'NLL, nat', 'crps': 'CRPS'}
    yield Table('Calibration of depth', ('set', 'deviation', *keys.values()),
                [[name, title, *(format_significant(result[kind][key]) for key in keys)]
                 for name, result in found.items()
                 for kind, title in DEPTH_TITLES.items() if result[kind]])


def format_significant(value: float | None) -> str:
    """Format with three significant digits down to .002."""
    if value is None or abs(value) >= .1:
        return format_number(value)
    return f'{value:.5f}'.removeprefix('0')


def _reliability_diagram(name: str, classes: Values | None, depth: Values | None) -> Plot:
    lines = list(_diagram_lines(classes, depth))
    with plot_figure(f'Reliability diagram of {name}: {", ".join(title for title, _, _ in lines)} '
                     f'and the diagonal of perfect calibration; the tables above have the '
                     f'distances.',
                     f'{name}: observed share against predicted probability.') as drawing:
        for index, (title, predicted, observed) in enumerate(lines):
            drawing.axes.plot(predicted, observed, label=title, linewidth=1.5, **line_style(index))
        drawing.axes.plot([0, 1], [0, 1], color='gray', linewidth=.8, linestyle=':')
        drawing.axes.set_xlabel('predicted probability')
        drawing.axes.set_ylabel('observed share')
        drawing.axes.legend(loc='upper left')
    return drawing.plot


def _diagram_lines(classes: Values | None,
                   depth: Values | None) -> Iterator[tuple[str, list[float], list[float]]]:
    if classes:
        for title, key in (('classes', 'curve'), ('most likely class, single pass',
                                                  'curve_single')):
            pairs = [(predicted, observed) for predicted, observed in zip(
                classes[key]['probability'], classes[key]['correct'], strict=True)
                if observed is not None]
            yield title, [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if depth:
        for kind, title in DEPTH_TITLES.items():
            if depth[kind]:
                curve = depth[kind]['curve']
                levels = [(index + 1) / len(curve) for index in range(len(curve))]
                yield title, levels, curve
