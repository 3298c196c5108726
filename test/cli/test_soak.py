# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl soak` from the words to the files; the slow test runs the real nodes."""
import json
import os
import signal

from bdl_perception.cli.main import main
from bdl_perception.cli.soak import stopping_signals
from bdl_perception.faults import soak_rig
from bdl_perception.faults.oracle import Violation
from bdl_perception.faults.soak_result import Lateness
from bdl_perception.faults.soak_rig import SoakSummary
import pytest

MINUTES = '1.5'  # for the suite; docs/ros2.md has the commands for 5 and 60 minutes


@pytest.fixture
def replaced(monkeypatch):
    """Replace the run by a result; gives the settings that it got."""
    got = []

    def use(violations=(), stop=False, **others):
        def run(config, event):
            got.append(config)
            if stop:
                os.kill(os.getpid(), signal.SIGTERM)
                assert event.wait(10)
            return SoakSummary(100., tuple(violations), **others)
        monkeypatch.setattr(soak_rig, 'run_soak', run)
        return got
    return use


def test_the_arguments_reach_the_run_and_no_violation_is_success(replaced, tmp_path, capsys):
    got = replaced()
    assert main(['soak', '--minutes', '7', '--seed', '5', '--out', str(tmp_path / 'out')]) == 0
    assert (got[0].minutes, got[0].seed, got[0].model) == (7., 5, 'street')
    assert got[0].folder == tmp_path / 'out' and got[0].folder.is_dir()
    assert 'soak.json' in capsys.readouterr().out


def test_a_violation_is_printed_and_is_exit_code_1(replaced, tmp_path, capsys):
    replaced([Violation('wrong level', 112.5, 113., 2, 'OK in place of ERROR, black')], stop=True)
    assert main(['soak', '--out', str(tmp_path)]) == 1
    assert ('VIOLATION at 12.5 s: wrong level: OK in place of ERROR, black'
            in capsys.readouterr().out)


def test_an_interrupted_run_without_violation_is_exit_code_130(replaced, tmp_path):
    replaced(stop=True)
    assert main(['soak', '--out', str(tmp_path)]) == 130


def test_a_machine_that_is_too_slow_is_reported(replaced, tmp_path, capsys):
    replaced(lateness=Lateness(.2, .05, .5))
    assert main(['soak', '--out', str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert 'late in 20% of the time; 5.0% of the alerts and 0.50 violations' in shown
    assert 'INCONCLUSIVE' not in shown
    for lateness in (Lateness(.2, .06, 0.), Lateness(.2, 0., .51)):
        replaced(lateness=lateness)
        assert main(['soak', '--out', str(tmp_path)]) == 3
        assert 'INCONCLUSIVE' in capsys.readouterr().out
    replaced([Violation('a', 1., 1., 1, 'text')], lateness=Lateness(.2, .06, 0.))
    assert main(['soak', '--out', str(tmp_path)]) == 1


def test_what_was_not_examined_is_printed(replaced, tmp_path, capsys):
    replaced(skipped=('black', 'white'), not_evaluated=('alert_node (pid 7, 12 s)',))
    assert main(['soak', '--out', str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert 'skipped faults, as the schedule was late: black, white' in shown
    assert 'resources not evaluated, too short: alert_node (pid 7, 12 s)' in shown


def test_an_unknown_model_is_one_line_and_no_folder(replaced, tmp_path, capsys):
    got = replaced()
    out = tmp_path / 'out'
    assert main(['soak', '--model', 'no_such_model', '--out', str(out)]) == 2
    assert got == [] and not out.exists()
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_folder_with_other_files_is_left_alone(replaced, tmp_path):
    got = replaced()
    (tmp_path / 'soak.json').write_text('of the user')
    assert main(['soak', '--out', str(tmp_path)]) == 2
    assert got == [] and (tmp_path / 'soak.json').read_text() == 'of the user'


def test_the_result_of_an_earlier_run_is_removed_at_the_start(replaced, tmp_path):
    replaced()
    assert main(['soak', '--out', str(tmp_path)]) == 0
    (tmp_path / 'soak.json').write_text('{}')
    assert main(['soak', '--out', str(tmp_path)]) == 0
    assert not (tmp_path / 'soak.json').exists()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_sets_the_event_and_the_old_handler_returns(number):
    before = signal.getsignal(number)
    with stopping_signals() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(10)
    assert signal.getsignal(number) is before


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_nodes_are_correct_while_faults_come_and_go(tmp_path, capsys):
    code = main(['soak', '--minutes', MINUTES, '--seed', '1', '--out', str(tmp_path / 'out')])
    document = json.loads((tmp_path / 'out' / 'soak.json').read_text())
    expected = 3 if document['verdict'] == 'inconclusive' else 0  # on a busy machine
    assert document['violations'] == [] and code == expected, capsys.readouterr().out
    assert document['complete'] and document['duration_s'] >= 90
    assert document['alerts']['count'] > 300 and len(document['faults']) >= 2
    assert (tmp_path / 'out' / 'soak.png').read_bytes().startswith(b'\x89PNG')
    assert {one['process'] for one in document['resources']} == {
        'alert_node', 'perception_node', 'governor_node'}
