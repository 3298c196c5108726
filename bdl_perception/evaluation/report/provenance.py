# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the numbers were made of, and what they cannot say."""
from bdl_perception.evaluation.report.blocks import Section
from bdl_perception.evaluation.report.blocks import Table
from bdl_perception.evaluation.report.blocks import Text
from bdl_perception.evaluation.report.blocks import Values

LIMITS = (
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


def provenance(evaluation: Values) -> Section:
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


def limits(evaluation: Values) -> Section:
    """Say what no number here can."""
    return Section('Limits', [Text(text) for text in LIMITS])
