# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""An evaluation from Python, of rendered drives, recordings and data sets."""
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from bdl_perception import evaluate, EvaluationConfig, ModelOptions
from bdl_perception.report.markdown import to_json_values
from bdl_perception.version import software_version
from bdl_perception.workflows import evaluate_drives
from camvid_files import make_tiny_camvid
from kitti_files import make_tiny_kitti
import pytest
from tiny_drives import make_tiny_drives
from tiny_model import make_tiny_model

OPTIONS = ModelOptions(samples=4, threads=1)


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp('evaluate')
    make_tiny_model(made / 'model')
    make_tiny_drives(made / 'out' / 'test', split='test', drives=2, frames=2, height=24, width=40)
    make_tiny_camvid(made / 'camvid', 'test', 2)
    make_tiny_kitti(made / 'kitti', 'val', 2)
    return made


def test_every_data_set_is_compared_with_its_ground_truth(folder: Path) -> None:
    sources = [folder / 'out', f'camvid:{folder / "camvid"}:test',
               f'kitti_depth:{folder / "kitti"}:val']
    made = evaluate(folder / 'model', sources, options=OPTIONS).to_dict()
    assert {name: (one['drives'], one['frames'], 'depth' in one, 'classes' in one)
            for name, one in made['sets'].items()} == {
        'test': (2, 4, True, True), 'camvid_test': (1, 2, False, True),
        'kitti_depth_val': (2, 4, True, False)}
    assert made['nominal'] == 'test' and list(made['ood']['groups']) == [
        'camvid_test', 'kitti_depth_val']


def test_camvid_beside_the_drives_is_the_data_set(folder: Path) -> None:
    both = [to_json_values(evaluate(folder / 'model', sources, config=config,
                                    options=OPTIONS).to_dict())
            for sources, config in (
                ([folder / 'out'], EvaluationConfig(camvid=folder / 'camvid')),
                ([folder / 'out', f'camvid:{folder / "camvid"}:test'], EvaluationConfig()))]
    assert both[0]['sets'] == both[1]['sets'] and both[0]['ood'] == both[1]['ood']


def test_a_result_is_typed_and_names_its_run(folder: Path) -> None:
    made = evaluate(folder / 'model', [folder / 'out'], options=OPTIONS)
    assert made.backend == 'onnxruntime' and made.identity.samples == 4
    assert made.failed == {} and made.latency.perceive > 0
    values = made.to_dict()
    assert (values['command'], values['threads'], values['stride']) == ('', 1, 1)


@pytest.mark.parametrize('name', ['stride', 'quality_every'])
def test_a_stride_of_zero_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f'{name} is 0, must be 1 or more'):
        EvaluationConfig(**{name: 0})


def test_a_library_without_package_metadata_has_an_unknown_version(
        monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)
    monkeypatch.setattr(evaluate_drives, 'version', missing)
    assert set(evaluate_drives.library_versions().values()) >= {'unknown', software_version()}
