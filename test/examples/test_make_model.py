# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The commands of make_model.sh, by a bdl that writes down its words instead of working."""
import argparse
import importlib
import os
from pathlib import Path
import subprocess

from bdl_perception.cli.command_parser import command_parser
from bdl_perception.model_store import SHIPPED_MODELS_FOLDER
import pytest
from source_tree import ROOT

SCRIPT = ROOT / 'examples' / 'make_model.sh'
KINDS = ('camvid', 'idd', 'kitti_depth')


def run_script(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    (folder / 'bin').mkdir(exist_ok=True)
    bdl = folder / 'bin' / 'bdl'
    bdl.write_text('#!/bin/sh\necho + >> "$LOG"\nfor word; do echo "$word" >> "$LOG"; done\n')
    bdl.chmod(0o755)
    return subprocess.run(['bash', str(SCRIPT), *map(str, words)], text=True, cwd=folder,
                          capture_output=True, timeout=60, env={
                              **os.environ, 'LOG': str(folder / 'log'),
                              'PATH': f'{bdl.parent}:{os.environ["PATH"]}'})


def parsed(folder: Path) -> list[tuple[str, argparse.Namespace]]:
    """Parse each call of bdl as the command does."""
    found = []
    for call in (folder / 'log').read_text().split('+\n')[1:]:
        name, *words = call.splitlines()
        parser = command_parser(name, '')
        importlib.import_module(f'bdl_perception.cli.{name}').add_arguments(parser)
        found.append((name, parser.parse_args(words)))
    return found


@pytest.mark.parametrize('model', ['street', 'road'])
def test_the_commands_lead_from_an_empty_folder_to_a_calibrated_model(
        model: str, tmp_path: Path) -> None:
    for kind in KINDS:
        (tmp_path / 'a b' / kind).mkdir(parents=True)
    done = run_script(tmp_path, model, 'out', *[tmp_path / 'a b'] * (model == 'road'))
    assert (done.returncode, done.stderr) == (0, '')
    commands = parsed(tmp_path)
    steps = sorted((SHIPPED_MODELS_FOLDER / model).glob('train_*.yaml'))
    assert [name for name, _ in commands] == [
        'render', 'render', *['train'] * len(steps), 'export', 'render', 'calibrate']
    given = {name: [words for other, words in commands if other == name] for name, _ in commands}
    data = [('world', Path('out/data')), *[
        (kind, tmp_path / 'a b' / kind) for kind in KINDS if model == 'road']]
    for words, config in zip(given['train'], steps, strict=True):
        assert words.data == data and words.config.samefile(config)
    starts = [words.start_from for words in given['train']]
    assert starts[1:] == [words.out / 'checkpoint.pt' for words in given['train'][:-1]]
    assert starts[0] == ({'road': SHIPPED_MODELS_FOLDER / 'street' / 'weights.pt'}.get(model))
    [export], [calibrate] = given['export'], given['calibrate']
    assert export.checkpoint == given['train'][-1].out / 'checkpoint.pt' and export.data == data
    assert (calibrate.model, export.name) == (str(export.model), model)
    assert [f'{words.out}/{words.split}' for words in given['render']] == [
        'out/data/validation', 'out/data/train', *calibrate.drives]


def test_a_finished_export_is_not_repeated(tmp_path: Path) -> None:
    """It would remove the calibration."""
    for name, stamp in (('runs/4/checkpoint.pt', 1), ('model/model.json', 2)):
        (tmp_path / 'out' / name).parent.mkdir(parents=True)
        (tmp_path / 'out' / name).touch()
        os.utime(tmp_path / 'out' / name, (stamp, stamp))
    assert run_script(tmp_path, 'street', 'out').returncode == 0
    assert [name for name, _ in parsed(tmp_path)][-2:] == ['render', 'calibrate']
    assert 'export' not in [name for name, _ in parsed(tmp_path)]


@pytest.mark.parametrize(('words', 'message'), [
    ([], 'usage'), (['street'], 'usage'), (['road', 'out'], 'usage'), (['alley', 'out'], 'usage'),
    (['road', 'out', 'nowhere'], 'nowhere/camvid is no folder')])
def test_a_wrong_call_is_one_line_before_any_work(
        words: list[str], message: str, tmp_path: Path) -> None:
    done = run_script(tmp_path, *words)
    assert done.returncode == 2 and message in done.stderr and done.stderr.count('\n') == 1
    assert not (tmp_path / 'log').exists()
