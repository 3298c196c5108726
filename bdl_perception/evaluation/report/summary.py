# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""First of all: what was wished for, and what was reached."""
from typing import Iterator

from bdl_perception.evaluation.goal import MET
from bdl_perception.evaluation.goal import MISSED
from bdl_perception.evaluation.goal import NOT_MEASURED
from bdl_perception.evaluation.goal import NOT_SHOWN
from bdl_perception.evaluation.report.blocks import Block
from bdl_perception.evaluation.report.blocks import Section
from bdl_perception.evaluation.report.blocks import Table
from bdl_perception.evaluation.report.blocks import Text
from bdl_perception.evaluation.report.blocks import Values

MARKS = {MET: '✓ met', MISSED: '✗ missed', NOT_SHOWN: '? not shown',
         NOT_MEASURED: '– not measured'}


def summary(evaluation: Values) -> Section:
    """Count the goals and list them all."""
    return Section('Summary', list(_blocks(evaluation)))


def _blocks(evaluation: Values) -> Iterator[Block]:
    verdicts = [goal['verdict'] for goal in evaluation['goals']]
    counted = ', '.join(f'{verdicts.count(verdict)} {verdict}' for verdict in MARKS
                        if verdict in verdicts)
    yield Text(f'Of {len(verdicts)} goals: {counted}. A goal is not shown where the number is '
               f'good, but so little was watched that it may be luck, or what was watched made '
               f'the calibration, or a held-out condition is missing.')
    failed = evaluation['failed']
    if failed:
        yield Text(f'Drives that could not be measured: {len(failed)}. They are missing from '
                   f'every number below, and are listed under data and provenance.')
    rows = [[goal['what'], goal['wish'], goal['found'], MARKS[goal['verdict']]]
            for goal in evaluation['goals']]
    yield Table('Goals', ('goal', 'wish', 'found', 'verdict'), rows, 'cards')
