# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Section of the page on the alarm: false alarms, detection delays, evidence over time."""
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
    CYCLE_NOTE,
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
REPLAY_TITLES = {'separate': 'each drive separately', 'concatenated': 'all drives concatenated'}


def alarm_section(evaluation: Values) -> Section:
    """Report false alarms, detection delays and the evidence over time."""
    found = evaluation['alarm']
    if 'not_measured' in found:
        return Section(TITLE, [NotMeasured('The alarm', found['not_measured'])])
    return Section(TITLE, list(_alarm_blocks(found)))


def _alarm_blocks(found: Values) -> Iterator[Block]:
    calibration = found['calibration']
    slow_limit = calibration['slow_limit']
    slow = f', slow evidence above {slow_limit:.2f}' if slow_limit else ''
    yield Text(f'Each drive is replayed through the alert machine of alert_node, at the times of '
               f'its stamps. {CYCLE_NOTE} Watched scores: {", ".join(calibration["watched"])}, '
               f'calibrated on {calibration["drives"]} drives. Targets: '
               f'{calibration["alpha"]:.1%} of nominal frames exceed a threshold, after which '
               f'WARN stays for clear_s; {calibration["false_alarms_per_hour"]:g} false ERRORs '
               f'per hour (fast evidence above {calibration["cusum_limit"]:.2f}{slow}).')
    if calibration['all_cameras']:
        yield Text('Warning: the calibration is of several cameras. These drives are compared '
                   'with the drives of all of them, not with those of their own camera.')
    if found['drives_in_calibration']:
        yield Text(f'Warning: {len(found["drives_in_calibration"])} of the nominal drives have '
                   f'the names of drives of the calibration. If they are the same, the '
                   f'false-alarm rate is underestimated.')
    yield from map(Text, calibration_notes(calibration))
    yield from _false_alarms(found['false_alarms'])
    yield Table('Frames above a threshold, and frames at WARN, which stays for clear_s after them',
                WARN_HEAD, warn_rows(found))
    yield from _delays(found['conditions'])
    yield Text('Evidence of one drive of each set, relative to its limit: fast evidence (the '
               'conformal CUSUM) and, where the calibration has such an alarm, slow evidence (of '
               'a drift). Of the nominal set it is the drive with the highest evidence. The line '
               'at the top marks ERROR, which stays for some time after the evidence falls.')
    yield Plots([_timeline_plot(name, timeline, calibration)
                 for name, timeline in found['timelines'].items()])


def _false_alarms(found: Values) -> Iterator[Block]:
    if 'not_measured' in found:
        yield NotMeasured('False alarms', found['not_measured'])
        return
    yield Text(f'{false_error_note(found)} Separately, each drive starts without evidence. '
               f'Concatenated, the evidence at the end of a drive is carried into the next one, '
               f'as in one long drive. {POISSON_NOTE}')
    yield from map(Text, pause_notes(found))
    yield Table('False alarms of the ERROR level on nominal drives',
                ('drives', 'false ERRORs', *CAUSE_TITLES.values(), 'hours', 'per hour',
                 '95 % interval'),
                [[title, events_cell(found, key), *cause_cells(found[key]),
                  f'{found[key]["hours"]:.3g}',
                  f'{found[key]["per_hour"]:.3g}',
                  f'{found[key]["low"]:.3g} to {found[key]["high"]:.3g}']
                 for key, title in REPLAY_TITLES.items()])


def _delays(conditions: Values) -> Iterator[Block]:
    if not conditions:
        yield NotMeasured('Detection delay', 'no drive has a held-out condition')
        return
    yield Text(DELAY_NOTE)
    yield Table('Detection of each held-out condition',
                ('set', 'drives', 'missed', 'early', 'median delay, s', '95th percentile, s',
                 'median time to clear, s'),
                [[name, str(condition['drives']), missed_cell(condition), str(condition['early']),
                  *(format_number(condition[key])
                    for key in ('median_s', 'percentile_95_s', 'clear_median_s'))]
                 for name, condition in conditions.items()])
    yield from map(Text, missed_drive_notes(conditions))
    if rows := fade_rows(conditions):
        yield Table(FADE_NOTE, FADE_HEAD, rows)
    abrupt = {name: condition for name, condition in conditions.items()
              if condition['fade_s'] <= ABRUPT_S}
    if _delays_s(abrupt):
        yield Plots([_delay_plot(abrupt)])


def _delays_s(conditions: Values) -> list[float]:
    return [drive['delay_s']
            for condition in conditions.values() for drive in condition['detections']
            if drive['delay_s'] is not None]


def _delay_plot(conditions: Values) -> Plot:
    """Draw the delay of each drive as a dot, and missed drives as crosses at the right."""
    delays_s = _delays_s(conditions)
    right = 1.25 * max(delays_s) + .1
    missed = sum(condition['missed'] for condition in conditions.values())
    with plot_figure(f'Detection delay of each drive by condition, from {min(delays_s):.1f} to '
                     f'{max(delays_s):.1f} s; {missed} drives were missed.',
                     'Delay of each drive without a slow fade; cross at the right: missed.'
                     ) as drawing:
        for index, condition in enumerate(conditions.values()):
            drives = [drive for drive in condition['detections'] if not drive['early']]
            for place, drive in enumerate(drives):
                y = index + .5 * ((place + .5) / len(drives) - .5)
                hit = drive['delay_s'] is not None
                drawing.axes.plot(drive['delay_s'] if hit else right, y, 'o' if hit else 'x',
                                  color=COLOURS[0 if hit else 7], markersize=4)
        drawing.axes.set_yticks(range(len(conditions)), list(conditions))
        drawing.axes.invert_yaxis()
        drawing.axes.set_xlabel('s')
        drawing.axes.set_xlim(0, 1.05 * right)
    return drawing.plot


def _timeline_plot(name: str, timeline: Values, calibration: Values) -> Plot:
    evidence = {FAST: (timeline['cusum'], calibration['cusum_limit']),
                SLOW: (timeline['slow'], calibration['slow_limit'])}
    lines = {kind: [value / limit for value in values]
             for kind, (values, limit) in evidence.items() if limit}
    raised = [second for second, error in zip(timeline['seconds'], timeline['error'], strict=True)
              if error]
    summary = (f'first ERROR at {raised[0]:.1f} s {CAUSE_TITLES[timeline["causes"][0]]}'
               if raised else 'no ERROR')
    peaks = ', '.join(f'{kind} at most {max(values):.2f} of its limit'
                      for kind, values in lines.items())
    with plot_figure(f'Evidence over time in {timeline["drive"]}: {peaks}, {summary}.',
                     f'{name}: {timeline["drive"]}, {summary}.', (4.8, 2.6)) as drawing:
        axes, peak = drawing.axes, max(1, *map(max, lines.values()))
        for segment in timeline['segments']:
            if segment['held_out']:
                axes.axvspan(segment['start_s'], segment['end_s'], color=COLOURS[5], alpha=.15,
                             linewidth=0, label=segment['name'].replace('_', ' '))
        for colour, marker, (kind, values) in zip(COLOURS, '.x', lines.items(), strict=False):
            axes.plot(timeline['seconds'], values, color=colour, marker=marker, label=kind)
        axes.axhline(1, color=COLOURS[7], linestyle='--', linewidth=1, label='limit')
        axes.plot(raised, [1.15 * peak] * len(raised), 's', color=COLOURS[7], markersize=3)
        axes.set_ylim(min(0, *map(min, lines.values())) - .05 * peak, 1.25 * peak)
        axes.set_xlabel('s')
        axes.set_ylabel('evidence / limit')
        axes.legend(loc='center right')
    return drawing.plot
