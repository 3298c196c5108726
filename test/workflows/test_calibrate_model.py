# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A calibration from Python, and the checks of its drives."""
from dataclasses import replace
import json
from pathlib import Path

from bdl_perception import calibrate, CalibrationConfig, ModelOptions
from bdl_perception.cli.main import main
from bdl_perception.drives.catalog import CameraDrive
from bdl_perception.model_store import load_calibration
from bdl_perception.workflows.calibrate_model import check_unique_drives, unique_names
import pytest
from tiny_drives import make_tiny_drives
from tiny_model import make_tiny_model

CONFIG = CalibrationConfig(alpha=.5, exponent=.1)
OPTIONS = ModelOptions(samples=4, threads=1)


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp('calibrate')
    make_tiny_model(made / 'model')
    make_tiny_drives(made / 'drives', split='validation', drives=8, frames=8)
    return made


def test_a_calibration_from_python_is_that_of_the_command(folder: Path) -> None:
    words = ['--alpha', '.5', '--exponent', '.1', '--samples', '4', '--threads', '1']
    assert main(['calibrate', '--model', str(folder / 'model'), str(folder / 'drives'), *words,
                 '--out', str(folder / 'made.json')]) == 0
    made = calibrate(folder / 'model', [folder / 'drives'], config=CONFIG, options=OPTIONS)
    written = load_calibration(folder / 'made.json')
    assert replace(made, intervals=written.intervals) == written
    assert json.loads(json.dumps(made.intervals)) == written.intervals
    assert len(made.provenance.drives) == 8 and made.intervals is not None


def test_drives_of_a_camera_are_named_by_values(folder: Path) -> None:
    drives = [CameraDrive(folder / 'drives', 'front')]
    made = calibrate(folder / 'model', drives, config=replace(CONFIG, group_by='camera'),
                     options=OPTIONS)
    assert list(made.cameras) == ['front']


def test_samples_that_no_chunks_add_up_to_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match='samples is 3'):
        calibrate(folder / 'model', [folder / 'nowhere'], options=ModelOptions(samples=3))


def test_drives_of_one_name_get_the_names_of_their_folders() -> None:
    names = {'/a/x/run:/front': 'run', '/b/x/run:/front': 'run', '/b/y/walk.mp4': 'walk'}
    assert unique_names({'/b/y/walk.mp4': 'walk'}) == {'/b/y/walk.mp4': 'walk'}
    assert list(unique_names(names).values()) == ['a/x/run', 'b/x/run', 'b/y/walk']


def test_a_topic_of_a_bag_is_given_twice_whatever_the_path(tmp_path: Path) -> None:
    bag = tmp_path / 'run.mcap'
    bag.touch()
    (tmp_path / 'link.mcap').symlink_to(bag)
    check_unique_drives([Path(f'{bag}:/front'), Path(f'{bag}:/rear')])
    with pytest.raises(ValueError, match='run.mcap:/front is given twice'):
        check_unique_drives([Path(f'{bag}:/front'), tmp_path / 'link.mcap:/front'])
