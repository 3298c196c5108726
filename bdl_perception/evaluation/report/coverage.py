# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Whether intervals hold near and far."""
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

TITLE = 'Coverage by range'
LEVEL = '0.9'
BEST = (.88, .92)  # the goal for intervals of 90 %
KINDS = {'aleatoric': 'aleatoric', 'total': 'aleatoric + epistemic',
         'scaled': 'scaled by the calibration', 'conformal': 'calibrated by range'}


def coverage(evaluation: Values) -> Section:
    """Give the share of true depths within intervals of each level and range."""
    found = with_measure(evaluation, 'intervals')
    if not found:
        return Section(TITLE, [Missing('Coverage', 'no drive knows its true depth')])
    return Section(TITLE, list(_blocks(found, evaluation['calibrated_intervals'])))


def shares_by_range(one: Values, kind: str) -> Values | None:
    """Give range bin -> level -> share of one kind of interval; None without a calibration."""
    if kind == 'conformal':
        shares: Values | None = one['conformal_by_range']
        return shares
    return one[kind]['by_range'] if one[kind] else None


def _blocks(found: Values, calibrated: Values) -> Iterator[Block]:
    yield Text('The share of true log-depths within the stated interval; right is the level '
               'itself. Ranges are of predicted depth, so that nobody needs the truth to pick '
               'one. After the calibration: one factor for all, and multipliers for each range.')
    if 'not_measured' in calibrated:
        yield Missing('Intervals after calibration', calibrated['not_measured'])
    elif seen := calibrated['seen_in_calibration']:
        yield Text(f'Warning: {len(seen)} of the nominal drives are named like drives of the '
                   f'calibration. If they are the same, its intervals hold on them anyway.')
    first = next(iter(found.values()))
    levels, bins = list(first['total']['coverage']), list(first['pixels'])
    yield Table('Coverage of intervals of each level, over all ranges',
                ('set', 'interval', *levels),
                [[name, title, *(number(overall[level]) for level in levels)]
                 for name, one in found.items() for kind, title in KINDS.items()
                 if (overall := _overall(one, kind))])
    for level in levels:
        yield Table(f'Coverage of {100 * float(level):.0f} % intervals in each range',
                    ('set', 'interval', *bins),
                    [[name, title, *(number(shares[where][level]) for where in bins)]
                     for name, one in found.items() for kind, title in KINDS.items()
                     if (shares := shares_by_range(one, kind))])
    yield Table('Judged pixels in each range', ('set', *bins),
                [[name, *(f'{one["pixels"][where]:,}' for where in bins)]
                 for name, one in found.items()])
    yield Plots([_plot(name, one, bins) for name, one in found.items()])


def _overall(one: Values, kind: str) -> Values | None:
    if kind == 'conformal':
        overall: Values | None = one['conformal']
        return overall
    return one[kind]['coverage'] if one[kind] else None


def _plot(name: str, one: Values, bins: list[str]) -> Plot:
    shown = [(title, shares) for kind, title in KINDS.items()
             if (shares := shares_by_range(one, kind))]
    with sheet(f'Coverage of 90 % intervals on {name} in ranges {", ".join(bins)}; the tables '
               f'above have the numbers.',
               f'{name}: share within 90 % intervals by predicted depth; the band is .88 to '
               f'.92.') as made:
        made.axes.axhspan(*BEST, color='#2a9d72', alpha=.2, linewidth=0)
        for index, (title, shares) in enumerate(shown):
            known = [(where, shares[key][LEVEL]) for where, key in enumerate(bins)
                     if shares[key][LEVEL] is not None]
            made.axes.plot([pair[0] for pair in known], [pair[1] for pair in known], marker='o',
                           label=title, **style(index))
        made.axes.set_xticks(range(len(bins)), bins)
        made.axes.set_ylim(0, 1.02)
        made.axes.set_ylabel('share inside')
        made.axes.legend(loc='lower left')
    return made.plot
