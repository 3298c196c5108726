# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""An evaluation as JSON and as the Markdown tables of a model card."""
import math
import re
from typing import Any, Mapping, Sequence

from bdl_perception.alarm.scores import SCORE_NAMES
from bdl_perception.evaluation.measure import Measured
from bdl_perception.evaluation.ood import separations
from bdl_perception.perception.classes import CLASS_NAMES

Values = Mapping[str, Any]
DEPTH = {  # name in DepthQuality -> what the table calls it
    'abs_rel': 'abs. rel. error', 'rms_m': 'RMS, m', 'delta_125': 'delta < 1.25',
    'answered': 'answered', 'inside_90_aleatoric': 'in 90 % interval, aleatoric',
    'inside_90_total': 'in 90 % interval, total'}
NOTES = """
Depth is judged where a true one of at most 80 m and a predicted one exist; *answered* is the share
of the former that has the latter. Intervals are of log-depth: 90 % would be right. IoU is of the
single pass, *averaged* of the mean over the Monte Carlo samples, both over the classes that occur
and without unlabelled pixels; CamVid's is of whole frames at their own size. AUROC is by frames,
against those of the nominal split; .5 is a coin. Frames of one drive are alike: count drives.
""".strip()


def result_of(measured: Measured, drives: int, nominal: Measured | None = None) -> dict[str, Any]:
    """Give what was measured on a set in plain values; with nominal also how strange it is."""
    made: dict[str, Any] = {'drives': drives, 'frames': measured.frames}
    if measured.depth:
        made['depth'] = measured.depth._asdict()
    if measured.classes and measured.averaged:
        made['classes'] = {**measured.classes._asdict(),
                           'mean_iou_averaged': measured.averaged.mean_iou}
    if nominal:
        made['separation'] = {name: found._asdict() for name, found
                              in separations(nominal.scores, measured.scores).items()}
    return made


def plain(values: Any) -> Any:
    """Make values fit for JSON, which knows no NaN and no infinity: they are null."""
    if isinstance(values, Mapping):
        return {key: plain(value) for key, value in values.items()}
    if isinstance(values, float) and not math.isfinite(values):
        return None
    return values


def markdown(evaluation: Values) -> str:
    """Write the tables of an evaluation that plain() has seen."""
    sets: Mapping[str, Values] = evaluation['sets']
    parts = [f'# Evaluation of {evaluation["model"]}', _head(evaluation), NOTES,
             '## Depth and classes', _quality(sets), '## IoU of each class', _classes(sets),
             '## Frame AUROC of each score', _separation(sets, 'auroc'),
             '## Mean of each score, as a multiple of the nominal one',
             _separation(sets, 'mean_ratio')]
    return '\n\n'.join(parts) + '\n'


def _head(evaluation: Values) -> str:
    ms, counts = evaluation['ms'], evaluation['parameters']
    names = ('software_version', 'split', 'samples', 'seed', 'stride', 'backend', 'threads')
    rows = [[name.replace('_', ' '), str(evaluation[name])] for name in names]
    rows += [['sha256', f'perceive {evaluation["perceive_sha256"][:12]}, '
                        f'sample {evaluation["sample_sha256"][:12]}'],
             ['numbers in the graphs', f'perceive {counts["perceive"]:,}, '
                                       f'sample {counts["sample"]:,}'],
             ['time, median', f'one perceive {ms["perceive"]:.1f} ms, '
                              f'{evaluation["samples"]} samples {ms["samples"]:.1f} ms']]
    return _table(['', ''], rows)


def _quality(sets: Mapping[str, Values]) -> str:
    head = ['set', 'drives', 'frames', *DEPTH.values(), 'mean IoU', 'averaged']
    rows = [[name, str(one['drives'] or ''), str(one['frames']),
             *(_number(one.get('depth', {}).get(key)) for key in DEPTH),
             *(_number(one.get('classes', {}).get(key))
               for key in ('mean_iou', 'mean_iou_averaged'))] for name, one in sets.items()]
    return _table(head, rows)


def _classes(sets: Mapping[str, Values]) -> str:
    rows = [[name, *(_number(one['classes']['iou'][key]) for key in CLASS_NAMES)]
            for name, one in sets.items() if 'classes' in one]
    return _table(['set', *CLASS_NAMES], rows)


def _separation(sets: Mapping[str, Values], measure: str) -> str:
    rows = [[name, *(_number(one['separation'][key][measure]) for key in SCORE_NAMES)]
            for name, one in sets.items() if 'separation' in one]
    return _table(['set', *SCORE_NAMES], rows)


def _number(value: float | None) -> str:
    """Write three digits after the point; a dash where nothing is known."""
    return '-' if value is None else re.sub(r'^(-?)0\.', r'\1.', f'{value:.3f}')


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
