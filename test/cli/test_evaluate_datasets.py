# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl evaluate --data --anomaly`: data sets with their own ground truth, and their terms."""
import json
from pathlib import Path
import shutil
from typing import Any

from anomaly_files import make_tiny_anomalies
from bdl_perception.backends import open_backend
from bdl_perception.cli.main import main
from bdl_perception.metrics.anomaly_pixels import MAP_NAMES
from bdl_perception.model_store import ModelOptions
from camvid_files import make_tiny_camvid
import cv2
from kitti_files import make_tiny_kitti
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from tiny_model import make_tiny_model


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp('evaluate_datasets')
    make_tiny_model(made / 'model')
    make_tiny_camvid(made / 'camvid', 'test', 2)
    make_tiny_camvid(made / 'idd', 'val', 1)
    (made / 'idd' / 'valcoarse').mkdir()
    coarse = np.random.default_rng(0).integers(0, 7, (36, 48)).astype(np.uint8)
    cv2.imwrite(str(made / 'idd' / 'valcoarse' / 'frame_0.png'), coarse)
    make_tiny_kitti(made / 'kitti', 'val', 2)
    make_tiny_anomalies(made / 'anomalies' / 'Mine')
    return made


def words_for(folder: Path, *words: str) -> list[str]:
    return ['evaluate', '--model', str(folder / 'model'), '--out', str(folder / 'out'),
            '--samples', '4', '--threads', '1', *words]


@pytest.fixture(scope='module')
def made(folder: Path) -> dict[str, Any]:
    assert main(words_for(folder, '--data', f'kitti_depth={folder / "kitti"}', '--data',
                          f'camvid={folder / "camvid"}', '--data', f'camvid={folder / "idd"}',
                          '--anomaly', str(folder / 'anomalies'))) == 0
    found: dict[str, Any] = json.loads((folder / 'out' / 'evaluation.json').read_text())
    return found


def test_each_data_set_has_its_own_metrics_and_terms(made: dict[str, Any]) -> None:
    special = {'frame_depth', 'coarse', 'anomalies'}
    assert {name: special & set(one) for name, one in made['sets'].items()} == {
        'kitti_depth_val': {'frame_depth'}, 'camvid_test': set(), 'idd_val': {'coarse'},
        'anomaly_Mine': {'anomalies'}}
    assert set(made['terms']) == set(made['sets'])
    assert 'CC BY-NC-SA 3.0' in made['terms']['kitti_depth_val']
    assert made['input'] == {'width': 40, 'height': 24}
    assert made['model_terms'] == 'not recorded'


def test_pixels_of_objects_are_found_as_often_as_the_maps_of_the_backend_say(
        folder: Path, made: dict[str, Any]) -> None:
    backend = open_backend(folder / 'model', ModelOptions('onnxruntime', 1))
    truth, values = [], []
    for path in sorted((folder / 'anomalies' / 'Mine' / 'images').iterdir()):
        small = cv2.resize(cv2.imread(str(path))[..., ::-1], (40, 24),
                           interpolation=cv2.INTER_AREA)
        entropy = cv2.resize(backend.perceive(np.ascontiguousarray(small)).entropy, (48, 30))
        mask = cv2.imread(str(path.parent.parent / 'labels_masks' / path.name), -1)
        truth.append(mask[mask != 255])
        values.append(entropy[mask != 255].astype(np.float16))
    backend.close()
    found = made['sets']['anomaly_Mine']['anomalies']
    assert set(found['maps']) == set(MAP_NAMES)
    assert found['pixels'] == 2 * (30 - 6) * 48
    assert found['maps']['entropy']['auroc'] == pytest.approx(
        roc_auc_score(np.concatenate(truth), np.concatenate(values).astype(float)), abs=1e-3)


def test_the_tables_state_the_size_of_the_input_and_the_terms(
        folder: Path, made: dict[str, Any]) -> None:
    text = (folder / 'out' / 'evaluation.md').read_text()
    for part in ('40x24 px', '### Unknown objects by pixel', '| anomaly_Mine | entropy |',
                 '### Coarse classes of IDD', '### Depth of single frames',
                 '| idd_val | India Driving Dataset', 'Coverage of 90 % intervals'):
        assert part in text
    assert 'Unknown objects by pixel' in (folder / 'out' / 'report.html').read_text()


@pytest.mark.parametrize(('words', 'message'), [
    ([], 'nothing to evaluate: give DRIVES, --data or --anomaly'),
    (['--anomaly', '{0}/model'], 'has no set of unknown objects'),
    (['--data', 'camvid={0}/kitti'], 'is not a folder'),
])
def test_a_wrong_source_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str],
                                    words: list[str], message: str) -> None:
    assert main(words_for(folder, *(word.format(folder) for word in words))) == 2
    error = capsys.readouterr().err
    assert message in error and 'Traceback' not in error


def test_an_unknown_kind_names_the_known_ones(folder: Path,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(words_for(folder, '--data', f'kitti={folder / "kitti"}'))
    assert 'KIND one of world, camvid, kitti_depth' in capsys.readouterr().err


def test_two_folders_of_one_kind_and_split_are_distinguished(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder / 'camvid', tmp_path / 'other')
    assert main([*words_for(folder)[:4], str(tmp_path / 'out'), '--samples', '4', '--threads',
                 '1', '--data', f'camvid={folder / "camvid"}', '--data', f'camvid={other}']) == 0
    found = json.loads((tmp_path / 'out' / 'evaluation.json').read_text())
    assert list(found['sets']) == ['camvid_test', 'camvid_test_other']
