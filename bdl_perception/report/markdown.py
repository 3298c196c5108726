# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""An evaluation as JSON and as the Markdown tables of a model card."""
import math
import re
from typing import Any, Mapping, Sequence

from bdl_perception.evaluation.alarm_metrics import ABRUPT_S, FAST, OTHER, SLOW
from bdl_perception.evaluation.alarm_replay import MAX_GAP_MEDIANS
from bdl_perception.perception.types import CLASS_NAMES

Values = Mapping[str, Any]
DEPTH_TITLES = {  # name in DepthQuality -> what the table calls it
    'abs_rel': 'abs. rel. error', 'rms_m': 'RMS, m', 'delta_125': 'delta < 1.25',
    'delta_125_2': 'delta < 1.25^2', 'delta_125_3': 'delta < 1.25^3', 'log10': 'log10',
    'silog': 'SILog', 'answered': 'answered', 'inside_90_aleatoric': 'in 90 % interval, aleatoric',
    'inside_90_total': 'in 90 % interval, total'}
CAUSE_TITLES = {FAST: 'by fast evidence', SLOW: 'by slow evidence', OTHER: 'by neither evidence'}
GOAL_HEAD = ('goal', 'wish', 'found', 'verdict')
MEAN_TITLE = 'mean of held-out conditions'
SEPARATION_TITLES = {  # measure -> title of its table
    'auroc': 'Frame AUROC of each score', 'aupr': 'Area under precision and recall',
    'fpr_95': 'Nominal frames above a threshold that finds 95 % of the strange ones',
    'mean_ratio': 'Mean of each score, as a multiple of the nominal one'}
WARN_HEAD = ('set', 'frames above a threshold, %', 'frames at WARN or worse, %')
FADE_HEAD = ('set', 'fade, s', 'median to WARN, s', 'strength at WARN', 'median to ERROR, s',
             'strength at ERROR')
FADE_NOTE = f"""
Conditions that fade in, from the beginning of the fade; the strength is the share of the condition
that was there at that moment, 1 after the whole fade. A slow fade gives single nominal frames time
to raise a WARN by chance. One of more than {ABRUPT_S:g} s is no abrupt change: it has a row of its
own and is left out of the goal for delays.
""".strip()
DELAY_NOTE = """
The delay is from the beginning of the change, and of its fade, to the first ERROR. A missed drive
counts as an endless delay: a dash in a column of delays means that so many were missed. Cut short:
it was missed, but the condition ended, or the drive did, before it had wholly faded in; that says
nothing of the whole condition. Early: ERROR stood before the change. The time to clear is from the
end of the condition, where it begins to fade back, and is seen only where ERROR stood then. Until
then a nominal part of such a drive is at WARN or worse for what was there before it.
""".strip()
POISSON_NOTE = ('The interval is exact for ERRORs that come independently (Poisson); those of one '
           'drive do not, so count the drives that they came from.')
NOTES = """
Depth is judged where a true one of at most 80 m and a predicted one exist; *answered* is the share
of the former that has the latter. Intervals are of log-depth: 90 % would be right. IoU is of the
single pass, *averaged* of the mean over the Monte Carlo samples, both over the classes that occur
and without unlabelled pixels; CamVid's is of whole frames at their own size. AUROC is by frames,
against those of the nominal set; .5 is a coin. Frames of one drive are alike: count drives. The
mean is over the conditions that were held out. After a frame above a threshold the alert stays at
WARN for `clear_s`, so more frames are at WARN than above. Every picture had its Monte Carlo cycle
at once; on line cycles are as frequent as there is time for, and late by as much, which `bdl
bench` measures.
""".strip()


def to_json_values(values: Any) -> Any:
    """Make values fit for JSON, which knows no NaN and no infinity: they are null."""
    if isinstance(values, Mapping):
        return {key: to_json_values(value) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [to_json_values(value) for value in values]
    if isinstance(values, float) and not math.isfinite(values):
        return None
    return values


def markdown(evaluation: Values) -> str:
    """Write the tables of an evaluation that plain() has seen."""
    sets: Mapping[str, Values] = evaluation['sets']
    parts = [f'# Evaluation of {evaluation["model"]}', _head(evaluation), NOTES,
             '## Goals', _table(GOAL_HEAD, [list(goal.values()) for goal in evaluation['goals']]),
             '## Depth and classes', _quality(sets), '## IoU of each class', _classes(sets)]
    strange = evaluation['strange']
    if 'not_measured' in strange:
        parts += ['## Strangeness', f'Not measured: {strange["not_measured"]}.']
    else:
        parts += [fading_frames_note(strange)] if strange['half_strange'] else []
        parts += [part for measure, title in SEPARATION_TITLES.items()
                  for part in (f'## {title}', _separation(strange, measure))]
    return '\n\n'.join([*parts, '## Alarm', _alarm(evaluation['alarm'])]) + '\n'


def _head(evaluation: Values) -> str:
    ms, counts = evaluation['ms'], evaluation['parameters']
    names = ('software_version', 'nominal', 'samples', 'seed', 'stride', 'quality_every',
             'backend', 'threads', 'fit_mode')
    rows = [[name.replace('_', ' '), str(evaluation[name])] for name in names]
    rows += [['sha256', f'perceive {evaluation["perceive_sha256"][:12]}, '
                        f'sample {evaluation["sample_sha256"][:12]}'],
             ['numbers in the graphs', f'perceive {counts["perceive"]:,}, '
                                       f'sample {counts["sample"]:,}'],
             ['time, median', f'one perceive {ms["perceive"]:.1f} ms, '
                              f'{evaluation["samples"]} samples {ms["samples"]:.1f} ms'],
             ['command', f'`{evaluation["command"]}`']]
    rows += [['failed', f'{name}: {error}'] for name, error in evaluation['failed'].items()]
    return _table(['', ''], rows)


def _quality(sets: Mapping[str, Values]) -> str:
    head = ['set', 'drives', 'frames', *DEPTH_TITLES.values(), 'mean IoU', 'averaged']
    rows = [[name, str(one['drives']), str(one['frames']),
             *(format_number(one.get('depth', {}).get(key)) for key in DEPTH_TITLES),
             *(format_number(one.get(kind, {}).get('mean_iou')) for kind in ('classes', 'averaged'))]
            for name, one in sets.items()]
    return _table(head, rows)


def _classes(sets: Mapping[str, Values]) -> str:
    rows = [[name, *(format_number(one['classes']['iou'][key]) for key in CLASS_NAMES)]
            for name, one in sets.items() if 'classes' in one]
    return _table(['set', *CLASS_NAMES], rows)


def _separation(strange: Values, measure: str) -> str:
    groups = dict(strange['groups'])
    if strange['mean'] and measure != 'mean_ratio':
        groups[MEAN_TITLE] = strange['mean']
    scores = list(next(iter(groups.values())))
    rows = [[name, *(format_number(found[score][measure]) for score in scores)]
            for name, found in groups.items()]
    return _table(['set', *scores], rows)


def fading_frames_note(ood: Values) -> str:
    """Say how many frames the means leave out."""
    return (f'{ood["half_strange"]} frames lie within the fade of a change: they are neither '
            f'nominal nor strange, have a row of their own, and are left out of every mean over '
            f'conditions.')


def _alarm(alarm: Values) -> str:
    if 'not_measured' in alarm:
        return f'Not measured: {alarm["not_measured"]}.'
    return '\n\n'.join([
        *calibration_notes(alarm['calibration']), _false_alarms(alarm['false_alarms']),
        _table(WARN_HEAD, warn_rows(alarm)), DELAY_NOTE,
        _table(['set', 'drives', 'missed', 'early', 'median delay, s', '95th percentile, s',
                'median time to clear, s'],
               [[name, str(one['drives']), missed_cell(one), str(one['early']),
                 *(format_number(one[key]) for key in ('median_s', 'percentile_95_s',
                                                'clear_median_s'))]
                for name, one in alarm['conditions'].items()]),
        *missed_drive_notes(alarm['conditions']),
        *([FADE_NOTE, _table(FADE_HEAD, rows)] if (rows := fade_rows(alarm['conditions'])) else [])])


def calibration_notes(known: Values) -> list[str]:
    """Say how soon the alarm can speak at all, and what its calibration warns of."""
    soonest = [f'{kind} evidence takes {format_number(known[key])} s' for kind, key in (
        ('fast', 'soonest_s'), ('slow', 'soonest_slow_s')) if known[key] is not None]
    said = [f'Of the strangest pictures {" and ".join(soonest)} to its limit at the least: of a '
            f'drive that is strange for less, silence says nothing.'] if soonest else []
    return said + [f'The calibration warns: {text}.' for text in known['warnings']]


def false_error_note(found: Values) -> str:
    """Name the nominal drives with an ERROR."""
    names = found['drives_with_error']
    named = f': {", ".join(names)}' if names else ''
    return f'{len(names)} of {found["drives"]} nominal drives raise an ERROR{named}.'


def missed_drive_notes(conditions: Values) -> list[str]:
    """Name the drives of each condition that raised no ERROR."""
    missed = {name: [_missed_drive(drive) for drive in one['found'] if drive['delay_s'] is None]
              for name, one in conditions.items()}
    return [f'Missed of {name}: {", ".join(drives)}.' for name, drives in missed.items() if drives]


def missed_cell(one: Values) -> str:
    """Count the drives without an ERROR, and those of them that never showed it all."""
    cut = f' ({one["cut_short"]} cut short)' if one['cut_short'] else ''
    return f'{one["missed"]}{cut}'


def _missed_drive(drive: Values) -> str:
    if drive['there'] >= 1:
        return str(drive['drive'])
    return f'{drive["drive"]} (cut short with {int(100 * drive["there"])}% of it there)'


def warn_rows(alarm: Values) -> list[list[str]]:
    """Say of each set how many frames pass a threshold, and at how many the alert says so."""
    return [[name, f'{100 * share:.1f}', f'{100 * alarm["warned"][name]:.1f}']
            for name, share in alarm['exceeded'].items()]


def fade_rows(conditions: Values) -> list[list[str]]:
    """Say when and at which strength of the condition the alarm spoke, where it faded in."""
    return [[name, format_number(one['fade_s']), *(format_number(one[key]) for key in (
        'warn_median_s', 'warn_strength_median', 'median_s', 'strength_median'))]
        for name, one in conditions.items() if one['fade_s']]


def _false_alarms(found: Values) -> str:
    if 'not_measured' in found:
        return f'False alarms were not measured: {found["not_measured"]}.'
    titles = {'apart': 'each drive by itself', 'in_a_row': 'all drives in a row'}
    rows = [[title, events_cell(found, key), *cause_cells(found[key]),
             format_number(found[key]['hours']),
             format_number(found[key]['per_hour']), format_number(found[key]['low']),
             format_number(found[key]['high'])] for key, title in titles.items()]
    table = _table(['nominal drives', 'false ERRORs', *CAUSE_TITLES.values(), 'hours', 'an hour',
                    'at least (95 %)', 'at most (95 %)'], rows)
    return '\n\n'.join([f'{false_error_note(found)} {POISSON_NOTE}', *pause_notes(found), table])


def events_cell(found: Values, key: str) -> str:
    """Count the false ERRORs, and the drives that they came from: 3 in 2 of 72 drives."""
    return f'{found[key]["events"]} in {found[key]["in_drives"]} of {found["drives"]} drives'


def cause_cells(found: Values) -> list[str]:
    """Say how many ERRORs each kind of evidence raised; the fast one where both were high."""
    return [str(found['causes'][cause]) for cause in CAUSE_TITLES]


def pause_notes(found: Values) -> list[str]:
    """Say how long the drives paused, which nobody watched; nothing to say where none did."""
    hours = found['paused_hours']
    return [f'The hours are without pauses: of gaps between frames of one drive, what is above '
            f'{MAX_GAP_MEDIANS} median ones and 1 s ({hours:.3g} h) is left out.'] if hours else []


def format_number(value: float | None) -> str:
    """Write three digits after the point; a dash where nothing is known."""
    return '-' if value is None else re.sub(r'^(-?)0\.', r'\1.', f'{value:.3f}')


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; a | within a cell, as of a drive's name, would end the cell."""
    lines = [head, ['---'] * len(head), *([cell.replace('|', r'\|') for cell in row]
                                          for row in rows)]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
