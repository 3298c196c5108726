# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Evaluation results as JSON values and as the Markdown tables of a model card."""
import math
import re
from typing import Any, Mapping, Sequence

from bdl_perception.evaluation.alarm_metrics import ABRUPT_S, FAST, OTHER, SLOW
from bdl_perception.evaluation.alarm_replay import MAX_GAP_MEDIANS
from bdl_perception.perception.data_types import CLASS_NAMES
from bdl_perception.report.blocks import Plots, Table, Text
from bdl_perception.report.harm import harm_section
from bdl_perception.report.labelled_sets import labelled_set_tables, note
from bdl_perception.report.labelled_sets import TITLE as LABELLED_SETS

Values = Mapping[str, Any]
DEPTH_TITLES = {  # name in DepthQuality -> title of its column
    'abs_rel': 'abs. rel. error', 'rms_m': 'RMS, m', 'delta_125': 'delta < 1.25',
    'delta_125_2': 'delta < 1.25^2', 'delta_125_3': 'delta < 1.25^3', 'log10': 'log10',
    'silog': 'SILog', 'answered': 'answered', 'inside_90_aleatoric': 'in 90 % interval, aleatoric',
    'inside_90_total': 'in 90 % interval, total'}
CAUSE_TITLES = {FAST: 'by fast evidence', SLOW: 'by slow evidence', OTHER: 'by neither evidence'}
GOAL_HEAD = ('goal', 'target', 'result', 'verdict')
MEAN_TITLE = 'mean of held-out conditions'
SEPARATION_TITLES = {  # metric -> title of its table
    'auroc': 'Frame AUROC of each score', 'aupr': 'Area under precision and recall',
    'fpr_95': 'False positive rate at 95 % recall (nominal frames above the threshold)',
    'mean_ratio': 'Mean of each score, relative to its nominal mean'}
WARN_HEAD = ('set', 'frames above a threshold, %', 'frames at WARN or worse, %')
FADE_HEAD = ('set', 'fade, s', 'median to WARN, s', 'strength at WARN', 'median to ERROR, s',
             'strength at ERROR')
FADE_NOTE = f"""
Conditions that fade in; times are from the beginning of the fade. The strength is the share of the
condition that is present at that time, 1 after the whole fade. During a slow fade single nominal
frames can raise WARN by chance. A fade of more than {ABRUPT_S:g} s is not an abrupt change: it has
its own row and is excluded from the goal for delays.
""".strip()
DELAY_NOTE = """
The detection delay is the time from the beginning of the change (of its fade) to the first ERROR.
A missed drive counts as an infinite delay; a dash in a column of delays means an infinite value.
Cut short: the drive was missed, but condition or drive ended before the fade was complete, so the
whole condition was not tested. Early: ERROR was active before the change. The time to clear is
from the end of the condition, where it begins to fade out; it is measured only where ERROR was
active then. Until the alert clears, nominal frames of such a drive are at WARN or worse.
""".strip()
POISSON_NOTE = ('The interval is exact for independent ERRORs (Poisson). ERRORs of one drive are '
                'not independent; therefore the number of drives with an ERROR is given too.')
CYCLE_NOTE = ('Each frame has its Monte Carlo cycle at once; in operation cycles are less '
              'frequent and delayed, as `bdl bench` measures.')
NOTES = f"""
Depth errors are of pixels with a ground-truth depth of at most 80 m and a predicted depth;
*answered* is the share of the former that has the latter. Intervals are of log-depth; the correct
share is 90 %. IoU is of the single pass, *averaged* of the mean probability over the Monte Carlo
samples, both over the classes that occur and without unlabelled pixels; that of CamVid is of whole
frames at their own size. AUROC compares frames with those of the nominal set; .5 is chance. Frames
of one drive are correlated, so the number of drives matters. Means are over the held-out
conditions. After a frame above a threshold the alert stays at WARN for `clear_s`, so more frames
are at WARN than above a threshold. {CYCLE_NOTE}
""".strip()


def to_json_values(values: Any) -> Any:
    """Replace NaN and infinity, which JSON does not have, by null."""
    if isinstance(values, Mapping):
        return {key: to_json_values(value) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [to_json_values(value) for value in values]
    if isinstance(values, float) and not math.isfinite(values):
        return None
    return values


def markdown(evaluation: Values) -> str:
    """Write the tables of an evaluation; its values are those of to_json_values."""
    sets: Mapping[str, Values] = evaluation['sets']
    parts = [f'# Evaluation of {evaluation["model"]}', _head(evaluation),
             *_harm(evaluation), NOTES, '## Goals',
             _table(GOAL_HEAD, [list(goal.values()) for goal in evaluation['goals']]),
             '## Depth and classes', _quality(sets), '## IoU of each class', _classes(sets)]
    if tables := list(labelled_set_tables(evaluation)):
        parts += [f'## {LABELLED_SETS}', note(evaluation)]
        parts += [part for one in tables
                  for part in (f'### {one.caption}', _table(one.head, one.rows))]
    ood = evaluation['ood']
    if 'not_measured' in ood:
        parts += ['## Out of distribution', f'Not measured: {ood["not_measured"]}.']
    else:
        parts += [fading_frames_note(ood)] if ood['fading_frames'] else []
        parts += [part for metric, title in SEPARATION_TITLES.items()
                  for part in (f'## {title}', _separation(ood, metric))]
    return '\n\n'.join([*parts, '## Alarm', _alarm(evaluation['alarm'])]) + '\n'


def _harm(evaluation: Values) -> list[str]:
    section = harm_section(evaluation)
    return [f'## {section.title}', *(
        _table(block.head, block.rows) if isinstance(block, Table) else
        block.text if isinstance(block, Text) else f'Not measured: {block.reason}.'
        for block in section.blocks if not isinstance(block, Plots))]


def _head(evaluation: Values) -> str:
    ms, counts = evaluation['ms'], evaluation['parameters']
    names = ('software_version', 'nominal', 'samples', 'seed', 'stride', 'quality_every',
             'backend', 'threads', 'fit_mode')
    rows = [['terms of the training data', evaluation['model_terms']],
            *([name.replace('_', ' '), str(evaluation[name])] for name in names)]
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
    rows = [[name, str(result['drives']), str(result['frames']),
             *(format_number(result.get('depth', {}).get(key)) for key in DEPTH_TITLES),
             *(format_number(result.get(kind, {}).get('mean_iou'))
               for kind in ('classes', 'averaged'))]
            for name, result in sets.items()]
    return _table(head, rows)


def _classes(sets: Mapping[str, Values]) -> str:
    rows = [[name, *(format_number(result['classes']['iou'][key]) for key in CLASS_NAMES)]
            for name, result in sets.items() if 'classes' in result]
    return _table(['set', *CLASS_NAMES], rows)


def _separation(ood: Values, metric: str) -> str:
    groups = dict(ood['groups'])
    if ood['mean'] and metric != 'mean_ratio':
        groups[MEAN_TITLE] = ood['mean']
    scores = list(next(iter(groups.values())))
    rows = [[name, *(format_number(found[score][metric]) for score in scores)]
            for name, found in groups.items()]
    return _table(['set', *scores], rows)


def fading_frames_note(ood: Values) -> str:
    """Give the number of frames that the means exclude."""
    return (f'{ood["fading_frames"]} frames lie within the fade of a change. They are neither '
            f'nominal nor out of distribution, have their own row, and are excluded from each '
            f'mean over conditions.')


def _alarm(alarm: Values) -> str:
    if 'not_measured' in alarm:
        return f'Not measured: {alarm["not_measured"]}.'
    return '\n\n'.join([
        *calibration_notes(alarm['calibration']), _false_alarms(alarm['false_alarms']),
        _table(WARN_HEAD, warn_rows(alarm)), DELAY_NOTE,
        _table(['set', 'drives', 'missed', 'early', 'median delay, s', '95th percentile, s',
                'median time to clear, s'],
               [[name, str(result['drives']), missed_cell(result), str(result['early']),
                 *(format_number(result[key]) for key in ('median_s', 'percentile_95_s',
                                                          'clear_median_s'))]
                for name, result in alarm['conditions'].items()]),
        *missed_drive_notes(alarm['conditions']),
        *([FADE_NOTE, _table(FADE_HEAD, rows)]
          if (rows := fade_rows(alarm['conditions'])) else [])])


def calibration_notes(known: Values) -> list[str]:
    """Give the minimum detection delays and the warnings of the calibration."""
    delays = [f'{kind} evidence takes {format_number(known[key])} s' for kind, key in (
        ('fast', 'min_delay_s'), ('slow', 'min_slow_delay_s')) if known[key] is not None]
    notes = [f'Minimum detection delay: with maximal scores {" and ".join(delays)} to its limit. '
             f'A shorter anomaly cannot be detected.'] if delays else []
    return notes + [f'Warning of the calibration: {text}.' for text in known['warnings']]


def false_error_note(found: Values) -> str:
    """List the nominal drives with an ERROR."""
    names = found['drives_with_error']
    named = f': {", ".join(names)}' if names else ''
    return f'{len(names)} of {found["drives"]} nominal drives raise an ERROR{named}.'


def missed_drive_notes(conditions: Values) -> list[str]:
    """List the drives of each condition without an ERROR."""
    missed = {name: [_missed_drive(drive) for drive in condition['detections']
                     if drive['delay_s'] is None] for name, condition in conditions.items()}
    return [f'Missed of {name}: {", ".join(drives)}.' for name, drives in missed.items() if drives]


def missed_cell(condition: Values) -> str:
    """Count the drives without an ERROR, and those of them that ended within the fade."""
    cut = f' ({condition["cut_short"]} cut short)' if condition['cut_short'] else ''
    return f'{condition["missed"]}{cut}'


def _missed_drive(drive: Values) -> str:
    if drive['final_strength'] >= 1:
        return str(drive['drive'])
    return f'{drive["drive"]} (cut short at a strength of {int(100 * drive["final_strength"])}%)'


def warn_rows(alarm: Values) -> list[list[str]]:
    """Give the percentages of frames above a threshold and at WARN or worse, of each set."""
    return [[name, f'{100 * share:.1f}', f'{100 * alarm["warned"][name]:.1f}']
            for name, share in alarm['exceeded'].items()]


def fade_rows(conditions: Values) -> list[list[str]]:
    """Give time and strength at WARN and at ERROR of each condition that fades in."""
    return [[name, format_number(result['fade_s']), *(format_number(result[key]) for key in (
        'warn_median_s', 'warn_strength_median', 'median_s', 'strength_median'))]
        for name, result in conditions.items() if result['fade_s']]


def _false_alarms(found: Values) -> str:
    if 'not_measured' in found:
        return f'False alarms were not measured: {found["not_measured"]}.'
    titles = {'separate': 'each drive separately', 'concatenated': 'all drives concatenated'}
    rows = [[title, events_cell(found, key), *cause_cells(found[key]),
             format_number(found[key]['hours']),
             format_number(found[key]['per_hour']), format_number(found[key]['low']),
             format_number(found[key]['high'])] for key, title in titles.items()]
    table = _table(['nominal drives', 'false ERRORs', *CAUSE_TITLES.values(), 'hours', 'per hour',
                    'at least (95 %)', 'at most (95 %)'], rows)
    return '\n\n'.join([f'{false_error_note(found)} {POISSON_NOTE}', *pause_notes(found), table])


def events_cell(found: Values, key: str) -> str:
    """Count the false ERRORs and the drives with one: 3 in 2 of 72 drives."""
    return f'{found[key]["events"]} in {found[key]["in_drives"]} of {found["drives"]} drives'


def cause_cells(found: Values) -> list[str]:
    """Count the ERRORs of each kind of evidence; fast evidence where both exceed."""
    return [str(found['causes'][cause]) for cause in CAUSE_TITLES]


def pause_notes(found: Values) -> list[str]:
    """Give the duration of pauses in drives, which are not monitored; empty without pauses."""
    hours = found['paused_hours']
    return [f'The hours exclude pauses: the part of gaps between frames that is longer than '
            f'{MAX_GAP_MEDIANS} median gaps and 1 s ({hours:.3g} h).'] if hours else []


def format_number(value: float | None) -> str:
    """Format with three decimals; a dash for None."""
    return '-' if value is None else re.sub(r'^(-?)0\.', r'\1.', f'{value:.3f}')


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; a | within a cell is escaped, because it would end the cell."""
    lines = [head, ['---'] * len(head), *([cell.replace('|', r'\|') for cell in row]
                                          for row in rows)]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
