# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl evaluate` from pictures on disk to the numbers and tables of a model card."""
import json
from pathlib import Path
from typing import Any

from bdl_perception.alarm.scores import SCORE_NAMES
from bdl_perception.backends.registry import open_backend
from bdl_perception.cli import main
from bdl_perception.commands.evaluate import find_sets
from camvid_files import make_tiny_camvid
import cv2
import numpy as np
import pytest
from tiny_drives import make_tiny_drives
from tiny_model import make_tiny_model


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp('evaluate')
    make_tiny_model(made / 'model')
    for split, drives in (('test', 2), ('test_night', 1), ('validation', 1)):
        make_tiny_drives(made / 'data' / split, split=split, drives=drives, frames=2, height=24,
                         width=40, seed=drives)
    make_tiny_camvid(made / 'camvid', 'test', 2)
    return made


@pytest.fixture(scope='module')
def made(folder: Path) -> dict[str, Any]:
    words = ['evaluate', '--model', str(folder / 'model'), '--data', str(folder / 'data'),
             '--camvid', str(folder / 'camvid'), '--out', str(folder / 'out'), '--samples', '4',
             '--threads', '1']
    assert main(words) == 0
    found: dict[str, Any] = json.loads((folder / 'out' / 'evaluation.json').read_text())
    return found


def test_every_set_is_measured_and_only_strange_ones_are_compared(made: dict[str, Any]) -> None:
    sets = made['sets']
    assert list(sets) == ['test', 'test_night', 'camvid_test']
    assert [(one['drives'], one['frames']) for one in sets.values()] == [(2, 4), (1, 2), (0, 2)]
    assert 'separation' not in sets['test'] and 'depth' not in sets['camvid_test']
    for name in ('test_night', 'camvid_test'):
        assert list(sets[name]['separation']) == list(SCORE_NAMES)


def test_errors_agree_with_numpy_on_the_backend_itself(
        folder: Path, made: dict[str, Any]) -> None:
    backend = open_backend('onnxruntime', folder / 'model', 1)
    errors, hits, union = [], np.zeros(11), np.zeros(11)
    for rgb in sorted((folder / 'data' / 'test').glob('*/rgb/*.jpg')):
        raw = backend.perceive(cv2.imread(str(rgb))[..., ::-1].copy())
        drive, name = rgb.parent.parent, f'{rgb.stem}.png'
        stored = cv2.imread(str(drive / 'depth' / name), -1)
        truth = np.where((stored > 0) & (stored < 65535), stored / 256, np.nan)  # m
        fx = json.loads((drive / 'drive.json').read_text())['camera']['fx']
        depth = raw.depth * fx / backend.spec.canonical_focal_px
        judged = (truth <= 80) & (raw.classes != 0) & (raw.depth <= backend.spec.max_depth_m)
        errors += list((np.abs(depth - truth) / truth)[judged])
        labels = cv2.imread(str(drive / 'classes' / name), -1)
        known = labels != 255
        for k in range(11):
            hits[k] += (known & (labels == k) & (raw.classes == k)).sum()
            union[k] += (known & ((labels == k) | (raw.classes == k))).sum()
    backend.close()
    found = made['sets']['test']
    assert found['depth']['abs_rel'] == pytest.approx(np.mean(errors), rel=1e-4)
    assert found['classes']['mean_iou'] == pytest.approx((hits[union > 0] / union[union > 0])
                                                         .mean())


def test_the_model_is_named_by_its_hashes_its_size_and_its_time(
        folder: Path, made: dict[str, Any]) -> None:
    spec = json.loads((folder / 'model' / 'model.json').read_text())
    assert made['perceive_sha256'] == spec['perceive_sha256']
    assert made['parameters']['perceive'] > 100 and made['ms']['perceive'] > 0
    assert (made['samples'], made['stride'], made['split']) == (4, 1, 'test')


def test_the_tables_have_a_line_for_each_set(folder: Path, made: dict[str, Any]) -> None:
    text = (folder / 'out' / 'evaluation.md').read_text()
    assert f'perceive {made["perceive_sha256"][:12]}' in text
    for name, tables in (('test', 2), ('test_night', 4), ('camvid_test', 3 + 1)):
        lines = [line for line in text.splitlines() if line.startswith(f'| {name} |')]
        assert len(lines) == tables
    columns = {line.count('|') for line in text.split('## IoU')[1].split('##')[0].splitlines()
               if line.startswith('|')}
    assert columns == {13}


def test_conditions_of_the_split_are_found_and_of_no_other(folder: Path) -> None:
    assert list(find_sets(folder / 'data', 'test')) == ['test', 'test_night']
    assert list(find_sets(folder / 'data', 'validation')) == ['validation']


@pytest.mark.parametrize(('words', 'message'), [
    (['--data', 'nowhere'], 'nowhere/test holds no drive; make some with `bdl render test'),
    (['--stride', '0'], 'stride is 0'), (['--samples', '3'], 'samples is 3'),
    (['--camvid', 'nowhere'], 'nowhere/test is no folder')])
def test_what_cannot_be_had_is_one_clear_line(
        folder: Path, tmp_path: Path, words: list[str], message: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    given = ['evaluate', '--model', str(folder / 'model'), '--data', str(folder / 'data'),
             '--out', str(tmp_path / 'out'), *words]
    assert main(given) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / 'out').exists()
