# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The command `bdl` and the executables of the nodes: what they run, and their errors."""
import argparse
import ast
import importlib
import multiprocessing
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

from bdl_perception.cli import main
import pytest

NODES = ('perception_node', 'alert_node', 'governor_node', 'camera_node', 'recorder_node',
         'viewer_node')
SETUP_FILE = Path(__file__).parents[2] / 'setup.py'
SETUP = ast.parse(SETUP_FILE.read_text(encoding='utf-8'))


def run_with(monkeypatch: pytest.MonkeyPatch, failure: BaseException) -> int:
    """Run a command that fails in this way."""
    def run(arguments: object) -> int:
        raise failure

    command = SimpleNamespace(add_arguments=lambda parser: None, run=run)
    monkeypatch.setattr(main.importlib, 'import_module', lambda name: command)
    return main.main(['train'])


def test_every_listed_command_has_help(capsys):
    for name in main.COMMANDS:
        with pytest.raises(SystemExit, match='0'):
            main.main([name, '--help'])
        assert main.COMMANDS[name] in capsys.readouterr().out.replace('\n', ' ')


def options_of(name: str) -> list[argparse.Action]:
    parser = argparse.ArgumentParser(add_help=False)
    importlib.import_module(f'bdl_perception.cli.{name}').add_arguments(parser)
    return [action for action in parser._actions if action.option_strings]


@pytest.mark.parametrize('name', main.COMMANDS)
def test_every_optional_argument_documents_its_default(name):
    silent = [action.option_strings for action in options_of(name)
              if not action.required and '(default: ' not in (action.help or '')]
    assert silent == []


@pytest.mark.parametrize('name', main.COMMANDS)
def test_the_model_has_one_form(name):
    parser = argparse.ArgumentParser()
    importlib.import_module(f'bdl_perception.cli.{name}').add_arguments(parser)
    for action in parser._actions:
        if 'model' in (action.dest, *action.option_strings):
            assert (action.option_strings, action.metavar) == (['--model'], 'MODEL') or (
                action.metavar == 'MODEL_DIR')  # that `bdl export` writes
            assert action.metavar == 'MODEL_DIR' or action.completer


# CalibrationConfig and SplitSpec check them before any work
CHECKED_LATER = {'calibrate': {'--alpha', '--false-alarms-per-hour', '--exponent'},
                 'render': {'--drives', '--frames', '--rate-hz', '--height', '--width', '--seed',
                            '--processes', '--begins-at-s', '--fade-s', '--ends-at-s'}}


@pytest.mark.parametrize('name', main.COMMANDS)
def test_every_number_has_a_range_that_the_parser_checks(name):
    unchecked = {action.option_strings[0] for action in options_of(name)
                 if action.type in (int, float) and not action.choices}
    assert unchecked <= CHECKED_LATER.get(name, set())


@pytest.mark.parametrize('words', [['fly'], ['--fly']])
def test_an_unknown_command_is_refused(words, capsys):
    with pytest.raises(SystemExit, match='2'):
        main.main(words)
    assert 'bdl' in capsys.readouterr().err


@pytest.mark.parametrize('failure', [OSError('no such drive'), ValueError('no such drive'),
                                     RuntimeError('no such drive')])
def test_an_error_of_the_user_is_one_line(failure, monkeypatch, capsys):
    assert run_with(monkeypatch, failure) == 2
    assert capsys.readouterr().err == 'bdl train: no such drive\n'


@pytest.mark.parametrize(('failure', 'reported'), [
    (FileNotFoundError(2, 'No such file or directory', 'nope.yaml'),
     'nope.yaml: No such file or directory'),
    (FileExistsError(17, 'File exists', 'out'), 'out: File exists'),
    (OSError(18, 'Invalid cross-device link', 'a', None, 'b'),
     'a -> b: Invalid cross-device link'),
    (OSError(28, 'No space left on device'), 'No space left on device')])
def test_an_error_of_the_system_names_the_file(failure, reported, monkeypatch, capsys):
    assert run_with(monkeypatch, failure) == 2
    assert capsys.readouterr().err == f'bdl train: {reported}\n'


def test_a_missing_extra_is_named_with_its_command(
        monkeypatch, capsys):
    missing = ModuleNotFoundError("No module named 'torch'", name='torch.nn')
    assert run_with(monkeypatch, missing) == 2
    assert "-m pip install -e '.[train]'" in capsys.readouterr().err


def test_a_programming_error_is_not_hidden(monkeypatch):
    with pytest.raises(AttributeError):
        run_with(monkeypatch, AttributeError('ours'))


def test_an_interrupt_is_no_traceback(monkeypatch):
    assert run_with(monkeypatch, KeyboardInterrupt()) == 130


def test_sigterm_lets_a_command_end_its_processes_and_is_then_handled_as_before(monkeypatch):
    handler, ended = signal.getsignal(signal.SIGTERM), []
    worker = multiprocessing.get_context('spawn').Process(target=time.sleep, args=(600,))

    def run(arguments):
        worker.start()
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)  # again: it does not cut this short
            ended.append('processes')

    command = SimpleNamespace(add_arguments=lambda parser: None, run=run)
    monkeypatch.setattr(main.importlib, 'import_module', lambda name: command)
    assert main.main(['train']) == 130
    assert ended == ['processes'] and signal.getsignal(signal.SIGTERM) == handler
    worker.join()
    assert worker.exitcode == -signal.SIGTERM


@pytest.mark.parametrize('words', [
    'bench --out', 'demo --out', 'evaluate drives --out', 'experiment safety --out',
    'export weights.pt --data data', 'train --data data --out'])
def test_no_command_writes_into_a_folder_of_the_user(words, tmp_path, capsys):
    (tmp_path / 'thesis.txt').write_text('dear')
    assert main.main([*words.split(), str(tmp_path)]) == 2
    assert "has 'thesis.txt', which no earlier run wrote there" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ['thesis.txt']


def test_no_drives_are_rendered_among_files_of_the_user(tmp_path, capsys):
    pytest.importorskip('moderngl')
    (tmp_path / 'train').mkdir()
    (tmp_path / 'train' / 'thesis.txt').write_text('dear')
    assert main.main(['render', 'train', '--out', str(tmp_path)]) == 2
    assert 'thesis.txt' in capsys.readouterr().err


def test_every_node_of_the_package_has_its_function() -> None:
    [names] = [ast.literal_eval(part.value) for part in SETUP.body
               if isinstance(part, ast.Assign) and part.targets[0].id == 'NODES']  # type: ignore
    assert names == NODES
    assert all(callable(getattr(main, name)) for name in names)


@pytest.mark.parametrize('name', NODES)
def test_a_node_returns_the_exit_code_of_its_module(
        name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(main=lambda: 3)
    monkeypatch.setitem(sys.modules, f'bdl_perception.nodes.{name}', module)
    assert getattr(main, name)() == 3


@pytest.mark.parametrize('name', NODES)
@pytest.mark.parametrize('missing', ['rclpy', 'diagnostic_msgs.msg', 'sensor_msgs'])
def test_without_ros_one_line_names_the_remedy(
        name: str, missing: str, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    def fail(module: str) -> None:
        raise ModuleNotFoundError(f'No module named {missing!r}', name=missing)
    monkeypatch.setattr(main.importlib, 'import_module', fail)
    assert getattr(main, name)() == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f'{name} does not start: No module named {missing!r}')
    assert "[ros]'" in line and 'source the setup.bash of ROS 2' in line


@pytest.mark.parametrize('name', NODES)
def test_a_module_that_is_run_without_ros_names_the_remedy_too(name: str, tmp_path: Path) -> None:
    (tmp_path / 'sitecustomize.py').write_text("import sys\nsys.modules['rclpy'] = None\n")
    done = subprocess.run(
        [sys.executable, '-m', f'bdl_perception.nodes.{name}'], capture_output=True, text=True,
        env={**os.environ, 'PYTHONPATH': f'{tmp_path}:{SETUP_FILE.parent}'})
    assert done.returncode == 2 and done.stdout == ''
    [line] = done.stderr.splitlines()
    assert 'source the setup.bash of ROS 2' in line and 'bdl_perception[ros]' in line


def test_an_installed_package_is_not_called_a_checkout(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    error = ModuleNotFoundError("No module named 'torch'", name='torch')
    assert 'in the checkout: ' in main.install_hint(error)
    file = tmp_path / 'site-packages' / 'a' / 'b' / 'main.py'
    monkeypatch.setattr(main, '__file__', str(file))
    hint = main.install_hint(error)
    assert 'checkout' not in hint and hint.endswith(" -m pip install 'bdl_perception[train]'")


@pytest.mark.parametrize('words, reported', [
    (['calibrate', '--model', 'street', '--out', 'c.json', '--watch', 'foo', 'none'], "['foo']"),
    (['calibrate', '--model', 'street', '--out', 'c.json', '--alpha', '2', 'none'], 'alpha is 2'),
    (['compile', '--gpu', 'sm12'], 'sm12')])
def test_a_wrong_value_is_named_before_any_work(
        words: list[str], reported: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.main(words) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert reported in line or words[0] == 'compile'  # without tensorrt_rtx: its own remedy


@pytest.mark.parametrize('words', [
    'train --data none --out run --minutes 0', 'train --data none --out run --minutes nan',
    'calibrate --rate-hz -3 none', 'calibrate --rate-hz 0 none', 'soak --minutes 0',
    'demo --rate-hz -3', 'replay none --maps-hz inf', 'evaluate none --out x --stride 0',
    'calibrate none --processes 0', 'faults --repeats 0', 'sheet none --rows 1.5',
    'train --data none --out run --epochs 0', 'replay none --moments -1', 'live 0 --port 65536',
    'parity --seed -1', 'experiment safety --threads 0', 'bench --threads two',
    'demo --rate-hz fast'])
def test_a_number_out_of_its_range_is_refused_by_the_parser(
        words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main.main(words.split())
    assert end.value.code == 2
    option, value = words.removesuffix(' none').split()[-2:]
    [line] = [line for line in capsys.readouterr().err.splitlines() if ': error: ' in line]
    assert f'argument {option}: {value!r} ' in line
    assert re.search('must be (above 0|0 or more|a whole number of|at most 65535)|no number', line)
