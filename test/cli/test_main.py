# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The command `bdl` and the executables of the nodes: what they run, and their errors."""
import argparse
import ast
import importlib
import os
from pathlib import Path
import subprocess
import sys
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


@pytest.mark.parametrize('name', ['calibrate', 'evaluate', 'sheet', 'parity', 'render'])
def test_every_optional_argument_documents_its_default(name):
    parser = argparse.ArgumentParser()
    importlib.import_module(f'bdl_perception.cli.{name}').add_arguments(parser)
    silent = [action.option_strings for action in parser._actions
              if action.option_strings and not action.required and action.dest != 'help'
              and '(default: ' not in (action.help or '')]
    assert silent == []


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


@pytest.mark.parametrize('words', [
    'bench --out', 'demo --out', 'evaluate street drives --out', 'experiment safety --out',
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
    (['demo', '--rate-hz', '-3'], 'rate_hz is -3.0'),
    (['compile', '--gpu', 'sm12'], 'sm12')])
def test_a_wrong_value_is_named_before_any_work(
        words: list[str], reported: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.main(words) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert reported in line or words[0] == 'compile'  # without tensorrt_rtx: its own remedy


@pytest.mark.parametrize('words', [
    ['train', '--data', 'none', '--out', 'run', '--minutes', '0'],
    ['train', '--data', 'none', '--out', 'run', '--minutes', 'nan'],
    ['calibrate', '--model', 'street', '--rate-hz', '-3', 'none'],
    ['calibrate', '--model', 'street', '--rate-hz', '0', 'none']])
def test_a_number_that_must_be_positive_is_checked_by_the_parser(
        words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main.main(words)
    assert end.value.code == 2
    assert 'must be above 0 and finite' in capsys.readouterr().err
