# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The command `bdl`: its commands and its errors."""
import argparse
import importlib
from types import SimpleNamespace

from bdl_perception.cli import main
import pytest


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
