# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A calibration from recorded scores is that from the images of the same drives."""
from dataclasses import replace
from pathlib import Path

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_config import CalibrationConfig
from bdl_perception.backends import open_perceiver
from bdl_perception.cli.main import main
from bdl_perception.drives.catalog import CameraDrive
from bdl_perception.evaluation.inference import finish_cycle
from bdl_perception.model_store import load_calibration, ModelOptions
from bdl_perception.perception.data_types import CameraFrame, Scores
from bdl_perception.perception.scores import cycle_scores, frame_scores
from bdl_perception.perception.status import build_identity, PerceptionStatus
from bdl_perception.workflows.calibrate_model import calibrate
from bdl_perception.workflows.calibrate_scores import calibrate_scores
from calibrations import IDENTITY
from drive_files import image, write_bag
import numpy as np
import pytest
from score_recordings import active, drive_contents, random_values, score_messages, write_scores
from tiny_model import make_tiny_model

OPTIONS = ModelOptions('onnxruntime', threads=1, samples=4)
CONFIG = CalibrationConfig(alpha=.5, exponent=.1)
FRAMES, STEP_NS = 10, 100_000_000


def images(seed: int) -> list[CameraFrame]:
    """Give one drive; its stamps are a tenth of a second apart."""
    rng = np.random.default_rng(seed)
    return [CameraFrame(rng.integers(0, 200, (24, 40, 3), np.uint8), (1 + index) * STEP_NS,
                        'front') for index in range(FRAMES)]


def scored(model: Path, frames: list[CameraFrame]) -> list[Scores | PerceptionStatus]:
    """Score a drive as perception_node publishes it, with a heartbeat after each cycle."""
    perceiver = open_perceiver(model, OPTIONS)
    heartbeat = active(build_identity(perceiver.backend.spec, 4, 0))
    contents: list[Scores | PerceptionStatus] = [heartbeat]
    for cycle, frame in enumerate(frames, start=1):
        contents += [frame_scores(perceiver.perceive(frame)),
                     cycle_scores(finish_cycle(perceiver), cycle), heartbeat]
    return contents


def made(folder: Path, seeds: range, config: CalibrationConfig = CONFIG,
         **recording: str) -> Calibration:
    """Calibrate from recordings of random scores."""
    return calibrate_scores([write_random(folder / f'run_{seed}', seed) for seed in seeds],
                            config=config)


def write_random(folder: Path, seed: int, stamps_ns: list[int] | None = None) -> Path:
    rng = np.random.default_rng(seed)
    times = stamps_ns or [index * STEP_NS for index in range(FRAMES)]
    return write_scores(folder, drive_contents((stamp, random_values(rng)) for stamp in times))


def test_it_equals_the_calibration_from_the_images(tmp_path: Path) -> None:
    model, seeds = make_tiny_model(tmp_path / 'model'), range(8)
    for seed in seeds:
        write_bag(tmp_path / 'images' / f'run_{seed}', [
            ('/image', frame.stamp_ns, image(frame.rgb, frame.stamp_ns))
            for frame in images(seed)])
        write_scores(tmp_path / 'scores' / f'run_{seed}', scored(model, images(seed)))
    config = ['--alpha', '.5', '--exponent', '.1']
    assert main(['calibrate', '--from-scores', str(tmp_path / 'scores'), *config,
                 '--out', str(tmp_path / 'scores.json')]) == 0
    expected = calibrate(model, [tmp_path / 'images'], config=CONFIG, options=OPTIONS)
    found = load_calibration(tmp_path / 'scores.json')
    assert found.limits == expected.limits and found.image_range == expected.image_range
    assert found.distribution == expected.distribution
    assert found.provenance == expected.provenance
    assert (tmp_path / 'scores.txt').exists()


def test_a_recording_of_another_model_is_named(tmp_path: Path) -> None:
    other = replace(IDENTITY, samples=32, regions='')
    write_scores(tmp_path / 'other', drive_contents(
        [(index, random_values(np.random.default_rng(9))) for index in range(3)], other))
    first = write_random(tmp_path / 'first', 1)
    with pytest.raises(ValueError, match=r'other was scored with another number of Monte Carlo '
                                         r'samples, other regions of the frame than .*first; cal'):
        calibrate_scores([first, tmp_path / 'other'], config=CONFIG)


def test_a_long_stop_divides_a_recording_into_drives(tmp_path: Path) -> None:
    stamps = [part * 100 * 10**9 + index * STEP_NS for part in range(2) for index in range(FRAMES)]
    names = [write_random(tmp_path / f'run_{seed}', seed, stamps) for seed in range(4)]
    calibration = calibrate_scores(names, config=CONFIG)
    assert calibration.provenance.drives == tuple(
        name for seed in range(4) for name in (f'run_{seed}', f'run_{seed} part 2'))
    assert calibration.provenance.frames == 8 * FRAMES


def test_a_stamp_far_ahead_costs_a_few_frames_of_a_recording(
        tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stamps = [(index if index != 8 else 10**9) * STEP_NS for index in range(20)]
    names = [write_random(tmp_path / 'ahead', 9, stamps),
             *(write_random(tmp_path / f'run_{seed}', seed) for seed in range(7))]
    calibration = calibrate_scores(names, config=CONFIG)
    assert calibration.provenance.drives[:2] == ('ahead', 'run_0')
    assert calibration.provenance.frames == 17 + 7 * FRAMES
    assert '2 (the stamp is not later than the last one)' in caplog.text


def test_too_few_drives_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='7 drives, at least 8 are needed'):
        made(tmp_path, range(7))


def test_a_recording_that_is_given_twice_is_an_error(tmp_path: Path) -> None:
    first = write_random(tmp_path / 'run', 1)
    with pytest.raises(ValueError, match='run is given twice'):
        calibrate_scores([first, f'{first}/'], config=CONFIG)


def test_faulty_frames_are_left_out_and_reported(
        tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(5)
    rows = [(index * STEP_NS, random_values(rng)) for index in range(FRAMES)]
    contents = drive_contents(rows)
    contents[6] = active(IDENTITY, 'the frame is blank')  # after the second frame
    names = [write_scores(tmp_path / 'faulty', contents),
             *(write_random(tmp_path / f'run_{seed}', seed) for seed in range(7))]
    calibration = calibrate_scores(names, config=CONFIG)
    assert calibration.provenance.frames == 8 * FRAMES - 2
    assert 'faulty: frames left out: 2 (faults, the first: the frame is blank)' in caplog.text


def test_a_recording_with_faulty_frames_alone_is_an_error(tmp_path: Path) -> None:
    contents = [active(IDENTITY, 'blank') if isinstance(one, PerceptionStatus) else one
                for one in drive_contents([(1, random_values(np.random.default_rng(1)))])]
    with pytest.raises(ValueError, match=r'run has no frame that can be learned from: '
                                         r'frames left out: 1 \(faults, the first: blank\)'):
        calibrate_scores([write_scores(tmp_path / 'run', contents)], config=CONFIG)


def test_two_cameras_of_one_bag_are_calibrated_apart(tmp_path: Path) -> None:
    names = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        rows = [[(index * STEP_NS, random_values(rng)) for index in range(FRAMES)]
                for _ in range(2)]
        folder = write_bag(tmp_path / f'run_{seed}', [
            message for camera, own in zip(('front', 'rear'), rows, strict=True)
            for message in score_messages(drive_contents(own), f'/{camera}')])
        names += [CameraDrive(Path(f'{folder}:/{camera}/scores'), camera)
                  for camera in ('front', 'rear')]
    calibration = calibrate_scores(names, config=replace(CONFIG, group_by='camera'))
    assert set(calibration.cameras) == {'front', 'rear'}
    assert len(calibration.for_camera('rear').provenance.drives) == 8


@pytest.mark.parametrize(('words', 'reason'), [
    (['--from-scores', 'a'], '--from-scores: choose a file to write'),
    (['--from-scores', 'a', '--samples', '8', '--keep', 'x', '--out', 'o.json'],
     '--from-scores: --samples, --keep has no effect'),
    (['--from-scores', 'a', '--model', 'street', '--out', 'o.json'], '--model has no effect'),
    (['a'], 'choose the model with --model')])
def test_options_that_do_not_fit_are_an_error(
        words: list[str], reason: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(['calibrate', *words]) == 2
    assert reason in capsys.readouterr().err
