# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The table in markdown, and the JSON beside it."""
import json
from typing import Any, Mapping

from bdl_perception.bench.setting import MODEL
from bdl_perception.bench.setting import Outcome
from bdl_perception.bench.setting import Setting
from bdl_perception.whole_file import write_whole

HEAD = ('what', 'to reach', 'measured', 'met', 'command')
MET = {True: 'yes', False: '**no**', None: ''}


def table(outcomes: Mapping[str, Outcome], setting: Setting) -> str:
    """Draw the markdown table of all rows; a line for each."""
    lines = [_line(HEAD), _line(['---'] * len(HEAD))]
    for name, outcome in outcomes.items():
        lines += [_line([row.what, row.goal_text, row.value_text, MET[row.met],
                         f'`{command(name, setting)}`']) for row in outcome.rows]
    return '\n'.join(lines)


def command(group: str, setting: Setting) -> str:
    """Say how the rows of a group are measured again."""
    words = ['bdl bench --only', group]
    if setting.model != MODEL:
        words += ['--model', setting.model]
    if setting.threads != Setting.threads:
        words += ['--threads', str(setting.threads)]
    if group == 'memory' and not setting.quick:
        words += ['--minutes', f'{setting.minutes:g}']
    return ' '.join(words + ['--quick'] * setting.quick)


def document(outcomes: Mapping[str, Outcome], setting: Setting,
             machine: Mapping[str, Any]) -> dict[str, Any]:
    """Collect all that was measured, and on what."""
    return {'machine': dict(machine), 'model': setting.model, 'quick': setting.quick,
            'threads': setting.threads,
            'groups': {name: {'command': command(name, setting),
                              'rows': [row.as_dict() for row in outcome.rows],
                              'details': outcome.details, 'plots': outcome.plots}
                       for name, outcome in outcomes.items()}}


def write(outcomes: Mapping[str, Outcome], setting: Setting, machine: Mapping[str, Any]) -> None:
    """Replace bench.json and bench.md; done after each group, so that a crash loses one."""
    values = document(outcomes, setting, machine)
    write_whole(setting.out / 'bench.json',
                (json.dumps(values, indent=2, allow_nan=False) + '\n').encode())
    write_whole(setting.out / 'bench.md', (table(outcomes, setting) + '\n').encode())


def _line(cells: Any) -> str:
    return f'| {" | ".join(cells)} |'
