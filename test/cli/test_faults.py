# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl faults` from the words to the files; the processes are left out."""
import json

from bdl_perception.cli.main import main
from bdl_perception.faults import reactions
from bdl_perception.faults.row import Repeat, RowResult
import pytest


@pytest.fixture
def reactions_s(monkeypatch):
    """Replace the measurement; returns name -> reaction time, which a test may change."""
    times = {}

    def measure(config, rows, report):
        for row in rows:
            reaction_s = times.get(row.name, .1)
            report(RowResult(row.name, (Repeat(reaction_s, .5),) * config.repeats, row.bound_s))

    monkeypatch.setattr(reactions, 'measure', measure)
    return times


def test_the_selected_rows_become_a_table(reactions_s, tmp_path, capsys):
    out = tmp_path / 'out'
    assert main(['faults', '--only', 'camera_stops', 'black', '--repeats', '2',
                 '--out', str(out)]) == 0
    document = json.loads((out / 'faults.json').read_text())
    assert [entry['name'] for entry in document['rows']] == ['camera_stops', 'black']
    assert document['rows'][0]['reactions_s'] == [.1, .1] and document['failing'] == []
    assert '| the camera stops |' in (out / 'faults.md').read_text()
    assert capsys.readouterr().out.startswith('2 of 2 rows pass')


@pytest.mark.parametrize('reaction_s', [None, 99.])
def test_a_row_that_fails_is_exit_code_1(reactions_s, tmp_path, capsys, reaction_s):
    reactions_s['black'] = reaction_s
    assert main(['faults', '--only', 'Images', '--out', str(tmp_path / 'out')]) == 1
    assert 'FAILED: black' in capsys.readouterr().out


def test_the_rows_before_a_crash_are_written(monkeypatch, tmp_path, capsys):
    def crash(config, rows, report):
        report(RowResult(rows[0].name, (Repeat(.1, .5),), rows[0].bound_s))
        raise RuntimeError('no more')
    monkeypatch.setattr(reactions, 'measure', crash)
    assert main(['faults', '--only', 'Images', '--out', str(tmp_path)]) == 2
    document = json.loads((tmp_path / 'faults.json').read_text())
    assert [entry['name'] for entry in document['rows']] == ['frozen']


def test_an_unknown_row_is_one_line_and_no_folder(tmp_path, capsys):
    out = tmp_path / 'out'
    assert main(['faults', '--only', 'no_such_row', '--out', str(out)]) == 2
    error = capsys.readouterr().err
    assert 'no row of the fault table' in error and error.count('\n') == 1 and not out.exists()


def test_a_folder_with_other_files_is_refused(tmp_path, capsys):
    (tmp_path / 'mine.txt').write_text('')
    assert main(['faults', '--only', 'black', '--out', str(tmp_path)]) == 2
    assert 'mine.txt' in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ['mine.txt']
