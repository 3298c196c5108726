# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The HTML report of an evaluation: one page without other files."""
from typing import Iterator

from bdl_perception.evaluation.quality_goals import MET, MISSED, NOT_MEASURED, NOT_SHOWN
from bdl_perception.report.accuracy import depth_section, segmentation_section
from bdl_perception.report.alarm import alarm_section
from bdl_perception.report.blocks import Block, Section, Table, Text, Values
from bdl_perception.report.calibration import coverage_section, reliability_section
from bdl_perception.report.harm import harm_section
from bdl_perception.report.labelled_sets import labelled_sets_section
from bdl_perception.report.markdown import GOAL_HEAD
from bdl_perception.report.ood import ood_section
from bdl_perception.report.uncertainty import selective_prediction_section, sparsification_section

LIMITATIONS = (
    'Frames of one drive are correlated: a set of eight drives is eight observations, whatever '
    'its number of frames. Intervals are more informative than digits.',
    'Rendered drives have exact ground truth, but real streets vary more. Depth is evaluated on '
    'real images only where a data set with true depth was given, such as --data kitti_depth=DIR.',
    'Out of distribution does not mean wrong: a score may detect a condition that the model still '
    'predicts correctly, and miss one that it does not.',
    'The held-out conditions were known when scores and networks were selected; an unforeseen '
    'condition may be detected less well.',
    'The times of the alarm are those of the stamps. Dropped frames and processing delays come in '
    'addition.')


def provenance_section(evaluation: Values) -> Section:
    """Report the command, the model by its hashes, versions, and all drives."""
    counts, ms = evaluation['parameters'], evaluation['ms']
    facts = [
        ['command', evaluation['command']], ['model', evaluation['model']],
        ['terms of its training data', evaluation['model_terms']],
        ['perceive graph, sha256', evaluation['perceive_sha256']],
        ['sample graph, sha256', evaluation['sample_sha256']],
        ['parameters of the graphs', f'{counts["perceive"]:,} and {counts["sample"]:,}'],
        ['Monte Carlo samples, seed', f'{evaluation["samples"]}, {evaluation["seed"]}'],
        ['backend', f'{evaluation["backend"]}, {evaluation["precision"]}'],
        ['input of the network',
         f'{evaluation["input"]["width"]}x{evaluation["input"]["height"]} px'],
        ['fit of frames', evaluation['fit_mode']],
        ['time, median', f'one pass {ms["perceive"]:.1f} ms, all samples {ms["samples"]:.1f} ms'],
        ['evaluated frames', 'all' if evaluation['stride'] == 1
         else f'one in {evaluation["stride"]} of a labelled drive'],
        ['frames compared with ground truth', f'one in {evaluation["quality_every"]} of these'],
        ['nominal set', str(evaluation['nominal'] or 'none')],
        ['versions', ', '.join(f'{name} {version}' for name, version
                               in evaluation['versions'].items())]]
    drives = [[one['name'], one['set'], str(one['frames'])] for one in evaluation['drives']]
    blocks = [Table('Model and command', ('item', 'value'), facts, 'facts')]
    if evaluation['failed']:
        failed = [[name, error] for name, error in evaluation['failed'].items()]
        blocks.append(Table('Drives with errors', ('drive', 'error'), failed, 'facts'))
    return Section('Data and provenance',
                   [*blocks, Table('Drives', ('drive', 'set', 'frames'), drives)])


def limitations_section(evaluation: Values) -> Section:
    """List the limits of the numbers."""
    return Section('Limits', [Text(text) for text in LIMITATIONS])


VERDICT_LABELS = {MET: '✓ met', MISSED: '✗ missed', NOT_SHOWN: '? not shown',
                  NOT_MEASURED: '– not measured'}


def summary_section(evaluation: Values) -> Section:
    """Report all goals and count their verdicts."""
    return Section('Summary', list(_summary_blocks(evaluation)))


def _summary_blocks(evaluation: Values) -> Iterator[Block]:
    verdicts = [goal['verdict'] for goal in evaluation['goals']]
    counted = ', '.join(f'{verdicts.count(verdict)} {verdict}' for verdict in VERDICT_LABELS
                        if verdict in verdicts)
    yield Text(f'Of {len(verdicts)} goals: {counted}. Not shown: the number meets the goal, but '
               f'the drives are too few to demonstrate it, or were used for the calibration, or a '
               f'held-out condition is missing.')
    failed = evaluation['failed']
    if failed:
        yield Text(f'Drives with errors: {len(failed)}. No number includes them; they are listed '
                   f'under data and provenance.')
    rows = [[goal['name'], goal['target'], goal['found'], VERDICT_LABELS[goal['verdict']]]
            for goal in evaluation['goals']]
    yield Table('Goals', GOAL_HEAD, rows, 'cards')


SECTIONS = (harm_section, summary_section, depth_section, segmentation_section,
            labelled_sets_section, reliability_section, coverage_section,
            sparsification_section, selective_prediction_section, ood_section, alarm_section,
            provenance_section, limitations_section)


def render_page(evaluation: Values) -> str:
    """Write the page of an evaluation; its values are those of markdown.to_json_values."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    environment = Environment(loader=PackageLoader(__package__, ''), autoescape=True,
                              undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template('page.html').render(
        model=evaluation['model'], sections=[section(evaluation) for section in SECTIONS])
