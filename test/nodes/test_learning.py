# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The learned file is written once, by a thread, and replaces nothing."""
from pathlib import Path
import time

from bdl_perception.alarm.calibration_config import CalibrationConfig
from bdl_perception.alarm.conformal import min_threshold_sample_size
from bdl_perception.model_store import load_calibration
from bdl_perception.nodes import learning
from bdl_perception.nodes.learning import CalibrationFile, LearningState
from bdl_perception.parameter_spec import parameter_specs
from bdl_perception.parameters import AlertParameters
import numpy as np
import pytest
from score_recordings import drive_contents, random_values

STEP_NS = 100_000_000


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, 'CONFIG', CalibrationConfig(alpha=.5, exponent=.1))


def add_drive(file: CalibrationFile, frames: int, first: int = 0) -> None:
    rng = np.random.default_rng(first)
    for content in drive_contents((index * STEP_NS, random_values(rng))
                                  for index in range(first, first + frames)):
        file.add(content)


def end_of_attempt(file: CalibrationFile) -> LearningState:
    end_s = time.monotonic() + 60
    while (state := file.poll()).progress.endswith('; the calibration is computed'):
        assert time.monotonic() < end_s
    return state


def test_it_reports_its_progress_and_writes_the_calibration(tmp_path: Path) -> None:
    file = CalibrationFile(tmp_path / 'my.json', .1)
    assert file.poll() == (None, f'learning {tmp_path}/my.json: 0.0 of 0.1 minutes of driving')
    add_drive(file, 65)
    calibration, progress = end_of_attempt(file)
    assert calibration is not None and load_calibration(tmp_path / 'my.json') == calibration
    assert progress == f'learned {tmp_path}/my.json: 0.1 of 0.1 minutes of driving'
    assert [path.name for path in tmp_path.iterdir()] == ['my.json']


def test_what_does_not_suffice_is_the_reason(tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, 'CONFIG', CalibrationConfig(alpha=.001))
    file = CalibrationFile(tmp_path / 'my.json', .1)
    add_drive(file, 65)
    calibration, progress = end_of_attempt(file)
    assert calibration is None and list(tmp_path.iterdir()) == []
    assert 'not sufficient yet: ' in progress and 'observations after thinning' in progress
    assert 'raise alpha' not in progress and 'add ' not in progress


def test_the_shortest_time_suffices_with_cycles_at_10_hz() -> None:
    [minutes] = [spec.low for spec in parameter_specs(AlertParameters)
                 if spec.name == 'learn_minutes']
    config = CalibrationConfig()
    assert minutes is not None and 60 * minutes / config.step_s >= min_threshold_sample_size(
        config.alpha / len(config.watched))


def test_an_unexpected_error_is_a_reason_too(tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, 'software_version', lambda: 1 / 0)
    file = CalibrationFile(tmp_path / 'my.json', .1)
    add_drive(file, 65)
    assert 'not sufficient yet: ZeroDivisionError' in end_of_attempt(file).progress


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    file = CalibrationFile(tmp_path / 'my.json', .1)
    add_drive(file, 65)
    (tmp_path / 'my.json').write_text('mine')
    calibration, progress = end_of_attempt(file)
    assert calibration is None and (tmp_path / 'my.json').read_text() == 'mine'
    assert 'learned, but not written: ' in progress and 'exists and is not replaced' in progress
    (tmp_path / 'my.json').unlink()
    assert file.poll().calibration == load_calibration(tmp_path / 'my.json')


def test_a_full_disk_is_a_reason_and_is_tried_again(tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, 'No space left on device')

    file = CalibrationFile(tmp_path / 'my.json', .1)
    add_drive(file, 65)
    with monkeypatch.context() as patch:
        patch.setattr(learning, 'save_calibration', full)
        assert 'not written: [Errno 28] No space left' in end_of_attempt(file).progress
    assert file.poll().calibration is not None


@pytest.mark.parametrize(('name', 'reason'), [
    ('my.txt', 'must end in .json'), ('there.json', 'exists and is not replaced'),
    ('no/my.json', 'is not a writable folder')])
def test_a_file_that_cannot_be_written_is_an_error_at_the_start(
        tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / 'there.json').touch()
    with pytest.raises(ValueError, match=f"learn is '.*{name}'.*{reason}"):
        CalibrationFile(tmp_path / name, 1.)
