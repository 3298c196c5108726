# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One HTML page without any other file: sections, tables, drawings."""
from typing import Iterator

from bdl_perception.evaluation.quality_goals import MET, MISSED, NOT_MEASURED, NOT_SHOWN
from bdl_perception.report.accuracy import depth_section, segmentation_section
from bdl_perception.report.alarm import alarm_section
from bdl_perception.report.blocks import Block, Section, Table, Text, Values
from bdl_perception.report.calibration import coverage_section, reliability_section
from bdl_perception.report.ood import ood_section
from bdl_perception.report.uncertainty import selective_prediction_section, sparsification_section

LIMITATIONS = (
    'Frames of one drive are alike: a set of eight drives is eight observations, however many '
    'frames it has. Read intervals, not digits.',
    'Rendered drives have exact truth, but real streets are stranger than any of them. CamVid '
    'knows classes only; depth is never judged on real pictures here.',
    'Strange is not the same as wrong: a condition may be told well by a score while the model '
    'still sees it rightly, and the other way round.',
    'The kinds of held-out conditions are known to those who chose scores and networks; a '
    'condition that nobody thought of may be told worse.',
    'The times of the alarm are those of the stamps: a camera that drops frames or a '
    'machine that is late comes on top.')


def provenance_section(evaluation: Values) -> Section:
    """Give the command, the model by its hashes, versions, and every drive."""
    counts, ms = evaluation['parameters'], evaluation['ms']
    facts = [
        ['command', evaluation['command']], ['model', evaluation['model']],
        ['perceive graph, sha256', evaluation['perceive_sha256']],
        ['sample graph, sha256', evaluation['sample_sha256']],
        ['numbers in the graphs', f'{counts["perceive"]:,} and {counts["sample"]:,}'],
        ['Monte Carlo samples, seed', f'{evaluation["samples"]}, {evaluation["seed"]}'],
        ['run by', f'{evaluation["backend"]}, {evaluation["precision"]}'],
        ['fit of pictures', evaluation['fit_mode']],
        ['time, median', f'one pass {ms["perceive"]:.1f} ms, all samples {ms["samples"]:.1f} ms'],
        ['frames taken', 'every one' if evaluation['stride'] == 1
         else f'every {evaluation["stride"]}th of a labelled drive'],
        ['frames judged by the truth', f'one in {evaluation["quality_every"]} of these'],
        ['nominal set', str(evaluation['nominal'] or 'none')],
        ['versions', ', '.join(f'{name} {version}' for name, version
                               in evaluation['versions'].items())]]
    drives = [[one['name'], one['set'], str(one['frames'])] for one in evaluation['drives']]
    blocks = [Table('How this page was made', ('what', 'value'), facts, 'facts')]
    if evaluation['failed']:
        failed = [[name, error] for name, error in evaluation['failed'].items()]
        blocks.append(Table('Drives that could not be measured', ('drive', 'error'), failed,
                            'facts'))
    return Section('Data and provenance',
                   [*blocks, Table('Drives', ('drive', 'set', 'frames'), drives)])


def limitations_section(evaluation: Values) -> Section:
    """Say what no number here can."""
    return Section('Limits', [Text(text) for text in LIMITATIONS])


VERDICT_LABELS = {MET: '✓ met', MISSED: '✗ missed', NOT_SHOWN: '? not shown',
         NOT_MEASURED: '– not measured'}


def summary_section(evaluation: Values) -> Section:
    """Count the goals and list them all."""
    return Section('Summary', list(_summary_blocks(evaluation)))


def _summary_blocks(evaluation: Values) -> Iterator[Block]:
    verdicts = [goal['verdict'] for goal in evaluation['goals']]
    counted = ', '.join(f'{verdicts.count(verdict)} {verdict}' for verdict in VERDICT_LABELS
                        if verdict in verdicts)
    yield Text(f'Of {len(verdicts)} goals: {counted}. A goal is not shown where the number is '
               f'good, but so little was watched that it may be luck, or what was watched made '
               f'the calibration, or a held-out condition is missing.')
    failed = evaluation['failed']
    if failed:
        yield Text(f'Drives that could not be measured: {len(failed)}. They are missing from '
                   f'every number below, and are listed under data and provenance.')
    rows = [[goal['what'], goal['wish'], goal['found'], VERDICT_LABELS[goal['verdict']]]
            for goal in evaluation['goals']]
    yield Table('Goals', ('goal', 'wish', 'found', 'verdict'), rows, 'cards')


SECTIONS = (summary_section, depth_section, segmentation_section, reliability_section, coverage_section, sparsification_section, selective_prediction_section,
            ood_section, alarm_section, provenance_section, limitations_section)
TEMPLATE = 'page.html'


def render_page(evaluation: Values) -> str:
    """Write the page of an evaluation that tables.plain() has seen."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    environment = Environment(loader=PackageLoader(__package__, ''), autoescape=True,
                              undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(TEMPLATE).render(
        model=evaluation['model'], sections=[section(evaluation) for section in SECTIONS])
