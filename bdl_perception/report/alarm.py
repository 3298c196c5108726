# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the alarm does, drive by drive."""
from typing import Iterator

from bdl_perception.evaluation.alarm_metrics import ABRUPT_S, FAST, SLOW
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
from bdl_perception.report.markdown import (
    calibration_notes,
    cause_cells,
    CAUSE_TITLES,
    DELAY_NOTE,
    events_cell,
    FADE_HEAD,
    FADE_NOTE,
    fade_rows,
    false_error_note,
    format_number,
    missed_cell,
    missed_drive_notes,
    pause_notes,
    POISSON_NOTE,
    WARN_HEAD,
    warn_rows,
)

TITLE = 'Alarm'
REPLAY_TITLES = {'apart': 'each drive by itself', 'in_a_row': 'all drives in a row'}


def alarm_section(evaluation: Values) -> Section:
    """Give false alarms, delays and the evidence over time."""
    found = evaluation['alarm']
    if 'not_measured' in found:
        return Section(TITLE, [NotMeasured('The alarm', found['not_measured'])])
    return Section(TITLE, list(_alarm_blocks(found)))


def _alarm_blocks(found: Values) -> Iterator[Block]:
    known = found['calibration']
    slow = f', slow evidence above {known["slow_limit"]:.2f}' if known['slow_limit'] else ''
    yield Text(f'Every drive was played to the alert machine that alert_node runs, at the times '
               f'of its own stamps. Every picture had its Monte Carlo cycle at once: on line '
               f'cycles are as frequent as there is time for, and late by as much, which `bdl '
               f'bench` measures. It watches {", ".join(known["watched"])}, calibrated on '
               f'{known["drives"]} drives; {known["alpha"]:.1%} of nominal frames are asked to '
               f'pass a threshold, after which WARN stays for clear_s, and an ERROR is asked '
               f'{known["false_alarms_per_hour"]:g} times an hour (fast evidence '
               f'above {known["cusum_limit"]:.2f}{slow}).')
    if known['by_all_cameras']:
        yield Text('Warning: the calibration is of several cameras, and these drives were judged '
                   'by the drives of all of them, not by those of their own camera.')
    if found['seen_in_calibration']:
        yield Text(f'Warning: {len(found["seen_in_calibration"])} of the nominal drives are named '
                   f'like drives of the calibration. If they are the same, false alarms look '
                   f'rarer here than they are.')
    yield from map(Text, calibration_notes(known))
    yield from _false_alarms(found['false_alarms'])
    yield Table('Frames above a threshold, and at WARN, which stays for clear_s after them',
                WARN_HEAD, warn_rows(found))
    yield from _delays(found['conditions'])
    yield Text('Fast evidence (the conformal CUSUM) and, where there is such an alarm, slow '
               'evidence (of a drift), each as a multiple of its limit, over one drive of each '
               'set; of the nominal set the drive with the most of either. A line at its top: '
               'ERROR stands, for a while after the evidence has fallen too.')
    yield Plots([_timeline_plot(name, one, known) for name, one in found['timelines'].items()])


def _false_alarms(found: Values) -> Iterator[Block]:
    if 'not_measured' in found:
        yield NotMeasured('False alarms', found['not_measured'])
        return
    yield Text(f'{false_error_note(found)} By itself each drive starts without evidence; in a row the '
               f'evidence of one is carried into the next, as on a long road. {POISSON_NOTE}')
    yield from map(Text, pause_notes(found))
    yield Table('False alarms of the ERROR level on nominal drives',
                ('drives', 'false ERRORs', *CAUSE_TITLES.values(), 'hours watched', 'an hour',
                 '95 % interval'),
                [[title, events_cell(found, key), *cause_cells(found[key]),
                  f'{found[key]["hours"]:.3g}',
                  f'{found[key]["per_hour"]:.3g}',
                  f'{found[key]["low"]:.3g} to {found[key]["high"]:.3g}']
                 for key, title in REPLAY_TITLES.items()])


def _delays(conditions: Values) -> Iterator[Block]:
    if not conditions:
        yield NotMeasured('Detection delay', 'no drive has a condition that was held out')
        return
    yield Text(DELAY_NOTE)
    yield Table('Detection of each held-out condition',
                ('set', 'drives', 'missed', 'early', 'median delay, s', '95th percentile, s',
                 'median time to clear, s'),
                [[name, str(one['drives']), missed_cell(one), str(one['early']),
                  *(format_number(one[key]) for key in ('median_s', 'percentile_95_s',
                                                 'clear_median_s'))]
                 for name, one in conditions.items()])
    yield from map(Text, missed_drive_notes(conditions))
    if rows := fade_rows(conditions):
        yield Table(FADE_NOTE, FADE_HEAD, rows)
    abrupt = {name: one for name, one in conditions.items() if one['fade_s'] <= ABRUPT_S}
    if any(one['delay_s'] is not None for own in abrupt.values() for one in own['found']):
        yield Plots([_delay_plot(abrupt)])


def _delay_plot(conditions: Values) -> Plot:
    """Draw each drive's delay as a dot, missed ones at the right; minutes would hide seconds."""
    seconds = [one['delay_s'] for own in conditions.values() for one in own['found']
               if one['delay_s'] is not None]
    right = 1.25 * max(seconds) + .1
    missed = sum(own['missed'] for own in conditions.values())
    with plot_figure(f'Detection delay of each drive by condition, from {min(seconds):.1f} to '
               f'{max(seconds):.1f} s; {missed} drives were missed.',
               'Delay of each drive without a slow fade; a cross at the right: missed.') as made:
        for index, own in enumerate(conditions.values()):
            told = [one for one in own['found'] if not one['early']]
            for number_, one in enumerate(told):
                there = index + .5 * ((number_ + .5) / len(told) - .5)
                hit = one['delay_s'] is not None
                made.axes.plot(one['delay_s'] if hit else right, there, 'o' if hit else 'x',
                               color=COLOURS[0 if hit else 7], markersize=4)
        made.axes.set_yticks(range(len(conditions)), list(conditions))
        made.axes.invert_yaxis()
        made.axes.set_xlabel('s')
        made.axes.set_xlim(0, 1.05 * right)
    return made.plot


def _timeline_plot(name: str, one: Values, known: Values) -> Plot:
    sums = {FAST: (one['cusum'], known['cusum_limit']), SLOW: (one['slow'], known['slow_limit'])}
    lines = {kind: [value / limit for value in values]
             for kind, (values, limit) in sums.items() if limit}
    raised = [second for second, error in zip(one['seconds'], one['error'], strict=True) if error]
    told = (f'first ERROR at {raised[0]:.1f} s {CAUSE_TITLES[one["raised_by"][0]]}' if raised
            else 'no ERROR')
    peaks = ', '.join(f'{kind} at most {max(values):.2f} of its limit'
                      for kind, values in lines.items())
    with plot_figure(f'Evidence over time in {one["drive"]}: {peaks}, {told}.',
               f'{name}: {one["drive"]}, {told}.', (4.8, 2.6)) as made:
        axes, peak = made.axes, max(1, *map(max, lines.values()))
        for segment in one['segments']:
            if segment['held_out']:
                axes.axvspan(segment['start_s'], segment['end_s'], color=COLOURS[5], alpha=.15,
                             linewidth=0, label=segment['name'].replace('_', ' '))
        for colour, marker, (kind, values) in zip(COLOURS, '.x', lines.items(), strict=False):
            axes.plot(one['seconds'], values, color=colour, marker=marker, label=kind)
        axes.axhline(1, color=COLOURS[7], linestyle='--', linewidth=1, label='limit')
        axes.plot(raised, [1.15 * peak] * len(raised), 's', color=COLOURS[7], markersize=3)
        axes.set_ylim(min(0, *map(min, lines.values())) - .05 * peak, 1.25 * peak)
        axes.set_xlabel('s')
        axes.set_ylabel('evidence / limit')
        axes.legend(loc='center right')
    return made.plot
