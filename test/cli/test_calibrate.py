# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl calibrate` from images on disk to a file that arms the alarm of its model."""
import json
from pathlib import Path
import re
import subprocess
import sys

from bdl_perception.alarm.arming import rejection_reasons
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_io import calibration_from_dict, calibration_to_dict
from bdl_perception.cli import calibrate as command
from bdl_perception.cli.main import main
from bdl_perception.metrics.depth_intervals import DepthIntervals
from bdl_perception.model_store import load_calibration
from bdl_perception.perception.backend import spec_from_dict
from bdl_perception.perception.status import build_identity
from bdl_perception.workflows import calibrate_model, drive_jobs
import cv2
from drive_files import image, write_bag
import numpy as np
import pytest
from source_tree import ROOT
from tiny_drives import make_tiny_drives
from tiny_model import make_tiny_model

FAST = ['--alpha', '.5', '--exponent', '.1', '--samples', '4', '--threads', '1']


@pytest.fixture()
def model(tmp_path: Path) -> Path:
    return make_tiny_model(tmp_path / 'model')


def make_drive(folder: Path, seed: int, images: int = 10) -> Path:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for index in range(images):  # 10 Hz: each of them counts
        image = rng.integers(0, 200, (24, 40, 3), np.uint8)
        cv2.imwrite(str(folder / f'{index:06}.png'), image)
    return folder


def damage_images(drive: str) -> dict[Path, bytes]:
    """Leave no image that can be decoded; returns what was in the files."""
    images = {path: path.read_bytes() for path in Path(drive).glob('*.png')}
    for path in images:
        path.write_bytes(b'no image')
    return images


@pytest.fixture()
def drives(tmp_path: Path) -> list[str]:
    return [str(make_drive(tmp_path / f'drive_{seed}', seed)) for seed in range(8)]


def read(path: Path) -> Calibration:
    return load_calibration(path)


def test_it_writes_a_calibration_that_arms_its_model(
        model: Path, drives: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['calibrate', '--model', str(model), *drives, *FAST]) == 0
    made = read(model / 'calibration.json')
    spec = spec_from_dict(json.loads((model / 'model.json').read_text(encoding='utf-8')))
    assert rejection_reasons(made, build_identity(spec, 4, 0)) == ()
    assert rejection_reasons(made, build_identity(spec, 8, 0)) != ()
    assert made.provenance.drives == tuple(f'drive_{seed}' for seed in range(8))
    assert (made.provenance.frames, len(made.distribution.scores['energy'])) == (80, 80)
    assert made.image_range is not None and set(made.image_range.low) > {'bright_level', 'detail'}
    printed, warned = capsys.readouterr()
    assert 'and 5 more: 10 Hz is assumed' in warned
    assert 'warning: 8 drives are few' in printed
    assert '  darker                 level of the bright parts below ' in printed
    assert printed.startswith((model / 'calibration.txt').read_text(encoding='utf-8'))
    assert sorted(path.name for path in model.iterdir()) == [
        'calibration.json', 'calibration.png', 'calibration.txt', 'model.json', 'perceive.onnx',
        'sample.onnx']


def test_two_runs_give_the_same_numbers(model: Path, drives: list[str], tmp_path: Path) -> None:
    for name in ('one.json', 'two.json'):
        out = ['--out', str(tmp_path / name)]
        assert main(['calibrate', '--model', str(model), *drives, *FAST, *out]) == 0
    assert read(tmp_path / 'one.json') == read(tmp_path / 'two.json')
    assert not (model / 'calibration.json').exists()


@pytest.mark.slow
@pytest.mark.timeout(600)  # a Ray and four interpreters, on a machine that may be busy
def test_processes_and_ray_give_the_same_file_to_the_bit(
        model: Path, drives: list[str], tmp_path: Path) -> None:
    pytest.importorskip('ray')
    ways = {'one': [], 'processes': ['--processes', '2'],
            'ray': ['--ray', 'local', '--processes', '2']}
    for name, words in ways.items():
        done = subprocess.run(
            [sys.executable, '-m', 'bdl_perception.cli.main', 'calibrate', '--model', str(model),
             *drives, *FAST, '--out', str(tmp_path / f'{name}.json'), *words],
            cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert len({(tmp_path / f'{name}.json').read_bytes() for name in ways}) == 1


def test_cached_drives_are_scored_again_only_if_they_changed(
        model: Path, drives: list[str], tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[str] = []
    real = drive_jobs.run_scoring_job

    def noted(job: drive_jobs.ScoringJob) -> dict[str, object]:
        scored.append(job.path.name)
        return real(job)

    monkeypatch.setattr(calibrate_model, 'run_scoring_job', noted)
    words = ['calibrate', '--model', str(model), *drives, *FAST, '--keep', str(tmp_path / 'kept')]
    images = damage_images(drives[5])
    assert main(words) == 2 and len(scored) == 8
    for path, data in images.items():
        path.write_bytes(data)
    other = np.random.default_rng(99).integers(0, 256, (24, 40, 3), np.uint8)
    cv2.imwrite(str(Path(drives[5]) / '000003.png'), other)
    assert main(words) == 0 and scored[8:] == ['drive_5']
    cache = read(model / 'calibration.json')
    assert main(words[:-2]) == 0 and read(model / 'calibration.json') == cache
    assert main([*words, '--seed', '1']) == 0 and len(scored) == 9 + 8 + 8


def test_a_drive_given_twice_is_refused(
        model: Path, drives: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['calibrate', '--model', str(model), *drives, drives[0] + '/', *FAST]) == 2
    assert 'given twice' in capsys.readouterr().err


def test_a_drive_given_by_two_paths_is_refused(
        model: Path, drives: list[str], tmp_path: Path,
        capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'link').symlink_to(drives[3])
    monkeypatch.chdir(tmp_path)
    for again, real in (('link', drives[3]), ('drive_5', drives[5]),
                        ('drive_1/../drive_2', drives[2])):
        assert main(['calibrate', '--model', str(model), *drives, again, *FAST]) == 2
        assert f'{Path(real).resolve()} is given twice' in capsys.readouterr().err


def test_regions_groups_and_steps_are_options(
        model: Path, drives: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = ['--regions', 'left=0,0 .5,0 .5,1 0,1', '--group-by', 'light', '--step-s', 'auto',
             '--watch', 'energy_left,epistemic_depth_left']
    assert main(['calibrate', '--model', str(model), *drives, *FAST, *words]) == 0
    made = read(model / 'calibration.json')
    known = made.distribution
    assert made.provenance.identity.regions == 'left=0,0 0.5,0 0.5,1 0,1'
    assert (known.tails, known.group_by, set(known.groups)) == ('upper', 'light', {'day'})
    assert known.groups['day'].drives == 8
    assert made.limits.step_s == pytest.approx(.1)
    assert made.provenance.score_step_s == max(.1, *made.provenance.decorrelation_s.values())
    reported = capsys.readouterr().out
    assert '0 drives of night' in reported and 'calibration.png' in reported
    assert 'energy_left' in reported


def make_bags(folder: Path, count: int) -> list[Path]:
    """Write bags of two cameras, of which the rear one sees a darker street."""
    bags = []
    for number in range(count):
        rng, messages = np.random.default_rng(number), list[tuple[str, int, object]]()
        for index in range(8):
            for topic, high in (('/front/image', 200), ('/rear/image', 100)):
                rgb = rng.integers(0, high, (24, 40, 3)).astype(np.uint8)
                stamp_ns = index * 10**8 + 1
                messages.append((topic, stamp_ns, image(rgb, stamp_ns)))
        bags.append(write_bag(folder / f'run_{number}', messages))
    return bags


def test_one_file_holds_for_two_cameras_of_one_vehicle(
        model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bags = make_bags(tmp_path / 'bags', 8)
    words = [f'front={tmp_path / "bags"}:/front/image',
             *(f'rear={bag}:/rear/image' for bag in bags[:3])]
    assert main(['calibrate', '--model', str(model), *words, *FAST, '--group-by', 'camera']) == 0
    made = read(model / 'calibration.json')
    assert made.group_by == 'camera' and len(made.provenance.drives) == 11
    assert {name: len(part.provenance.drives) for name, part in made.cameras.items()} == {
        'front': 8, 'rear': 3}
    alone = tmp_path / 'alone.json'
    assert main(['calibrate', '--model', str(model), words[0].partition('=')[2], *FAST,
                 '--out', str(alone)]) == 0
    front, whole = made.for_camera('front'), read(alone)
    known = whole.distribution
    assert front.distribution.scores == {name: known.scores[name] for name in known.watched}
    assert front.limits == whole.limits
    reason = made.for_camera('rear').fallback_reason({})
    assert str(reason).startswith('calibration has 3 drives of rear')
    few = [f'{camera}={bag}:/{camera}/image' for bag in bags[:5] for camera in ('front', 'rear')]
    assert main(['calibrate', '--model', str(model), *few, *FAST, '--group-by', 'camera']) == 2
    assert 'no camera has the 8 drives' in capsys.readouterr().err


def test_two_topics_of_a_bag_are_refused(
        model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bags = make_bags(tmp_path, 4)
    words = [f'{bag}:/{topic}/image' for bag in bags for topic in ('front', 'rear')]
    assert main(['calibrate', '--model', str(model), *words, *FAST]) == 2
    assert 'were recorded simultaneously' in capsys.readouterr().err


def test_a_calibration_is_bound_to_its_fit_mode(
        model: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    wide = []
    for name in map(str, range(8)):
        wide.append(str(make_drive(tmp_path / name, 0, images=0)))
        for index in range(8):
            cv2.imwrite(f'{wide[-1]}/{index}.png', rng.integers(0, 200, (24, 80, 3), np.uint8))
    made = {}
    for mode in ('crop', 'stretch'):
        out = tmp_path / f'{mode}.json'
        assert main(['calibrate', '--model', str(model), *wide, *FAST, '--fit-mode', mode,
                     '--out', str(out)]) == 0
        made[mode] = read(out)
    crop, stretch = made['crop'], made['stretch']
    assert crop.distribution.scores != stretch.distribution.scores
    rejection, = rejection_reasons(stretch, crop.provenance.identity)
    assert 'another fit of the frame' in rejection
    assert rejection_reasons(stretch, stretch.provenance.identity) == ()


def test_a_drive_that_fails_prevents_the_calibration(
        model: Path, drives: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for number in (2, 5):
        damage_images(drives[number])
    (model / 'calibration.json').write_text('the old one')
    assert main(['calibrate', '--model', str(model), *drives, *FAST]) == 2
    reported = capsys.readouterr().err
    assert 'drive drive_2 failed, nothing is written: DriveError' in reported
    assert 'drive drive_5 failed, nothing is written' in reported
    assert '2 of 8 drives failed' in reported
    assert (model / 'calibration.json').read_text() == 'the old one'


@pytest.mark.parametrize(('words', 'message'), [
    (['--watch', 'energy'], 'at least one of'), (['--watch', 'fear'], 'fear'),
    (['--alpha', '0'], 'alpha'), (['--alpha', '.01'], 'needs 199'),
    (['--samples', '5'], 'samples'),
    (['--step-s', '-1'], 'step_s'), (['--false-alarms-per-hour', 'nan'], 'false alarms')])
def test_a_wrong_option_is_one_clear_line(
        model: Path, drives: list[str], words: list[str], message: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['calibrate', '--model', str(model), *drives, *FAST, *words]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (model / 'calibration.json').exists()


@pytest.mark.parametrize(('out', 'message'), [
    ('mine.txt', 'mine.txt must end in .json'), ('mine.png', 'must end in .json'),
    ('mine', 'must end in .json'), ('no/where/mine.json', 'no/where is not a writable folder'),
    ('folder', 'folder is a folder; name a file in it, such as .*folder/calibration.json'),
    ('folder.json', 'folder.json is a folder'),
    ('file/mine.json', 'file is not a writable folder; make it'),
    ('sealed/mine.json', 'sealed is not a writable folder')])
def test_the_output_is_checked_before_any_drive_is_read(
        model: Path, drives: list[str], tmp_path: Path, out: str, message: str,
        capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('folder', 'folder.json', 'sealed'):
        (tmp_path / name).mkdir()
    (tmp_path / 'file').touch()
    real = command.os.access  # root may write anywhere
    monkeypatch.setattr(command.os, 'access', lambda path, mode: (
        'sealed' not in str(path) and real(path, mode)))
    monkeypatch.setattr(calibrate_model, 'calibrate', lambda *_, **__: pytest.fail('it ran'))
    before = sorted(tmp_path.rglob('*'))
    assert main(['calibrate', '--model', str(model), *drives, *FAST,
                 '--out', str(tmp_path / out)]) == 2
    assert re.search(message, capsys.readouterr().err.splitlines()[-1])
    assert sorted(tmp_path.rglob('*')) == before


def test_an_unknown_version_makes_no_calibration(
        model: Path, drives: list[str], capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate_model, 'software_version', lambda: 'not installed')
    assert main(['calibrate', '--model', str(model), *drives, *FAST]) == 2
    assert 'no known version (not installed)' in capsys.readouterr().err
    assert not (model / 'calibration.json').exists()


def test_too_few_drives_are_refused_before_any_is_read(
        model: Path, drives: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['calibrate', '--model', str(model), *drives[:7], *FAST]) == 2
    assert '7 drives, at least 8 are needed' in capsys.readouterr().err


def test_a_covered_lens_prevents_the_calibration(
        model: Path, drives: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(Path(drives[2]) / '000003.png'), np.zeros((24, 40, 3), np.uint8))
    assert main(['calibrate', '--model', str(model), *drives, *FAST]) == 2
    assert 'drive_2 failed, nothing is written: ValueError: frame 3: the frame is blank' in (
        capsys.readouterr().err.splitlines()[-1])


def test_a_broken_network_gives_no_calibration(
        tmp_path: Path, drives: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    model = make_tiny_model(tmp_path / 'broken', nan_on_white=True)
    white = np.full((24, 60, 3), 255, np.uint8)
    white[:, 0] = 0  # cut off
    cv2.imwrite(str(Path(drives[2]) / '000000.png'), white)
    assert main(['calibrate', '--model', str(model), *drives, *FAST]) == 2
    assert 'drive drive_2, stamp 0' in capsys.readouterr().err.splitlines()[-1]
    assert not (model / 'calibration.json').exists()


def test_drives_with_depth_calibrate_its_intervals(
        model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drives = str(make_tiny_drives(tmp_path / 'drives', split='validation', drives=8, frames=8))
    assert main(['calibrate', '--model', str(model), drives, *FAST]) == 0
    found = DepthIntervals.from_dict(dict(read(model / 'calibration.json').intervals or {}))
    assert found.drives == 8 and sum(found.pixels) > 0
    assert 'from 8 drives with ground truth' in capsys.readouterr().out
    made = read(model / 'calibration.json')
    assert calibration_from_dict(calibration_to_dict(made)) == made


def test_drives_without_depth_calibrate_no_intervals(
        model: Path, drives: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['calibrate', '--model', str(model), *drives, *FAST]) == 0
    assert read(model / 'calibration.json').intervals is None
    assert 'not calibrated: no drive has ground-truth depth' in capsys.readouterr().out


@pytest.mark.parametrize(('words', 'message'), [
    (['--samples', '3'], 'samples is 3'),
    (['--ray', 'localhost'], '--ray localhost is not the address of a cluster')])
def test_options_are_checked_before_the_number_of_drives(
        model: Path, drives: list[str], words: list[str], message: str,
        capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['calibrate', '--model', str(model), drives[0], *FAST, *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(('words', 'message'), [
    (['--step-s', 'fast'], "argument --step-s: 'fast' is neither seconds nor auto"),
    (['--regions', 'a=0,0 1,1'], 'argument --regions: region a has 2 corners, at least 3')])
def test_an_invalid_value_is_reported_with_its_option(
        model: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match='2'):
        main(['calibrate', '--model', str(model), 'drive', *words])
    assert message in capsys.readouterr().err


def test_the_rate_sets_the_time_between_frames(
        model: Path, drives: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = ['calibrate', '--model', str(model), *drives, *FAST, '--step-s', '.2']
    assert main(words) == 2  # five of ten images count, if they come at 10 Hz
    assert '10 Hz is assumed' in capsys.readouterr().err
    assert main([*words, '--rate-hz', '5']) == 0
    assert read(model / 'calibration.json').provenance.frames == 80
    assert 'assumed' not in capsys.readouterr().err


def test_each_path_that_is_not_a_drive_is_named(
        model: Path, drives: list[str], tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 't.yaml').write_text('a: 1')
    words = [drives[0], str(tmp_path / 't.yaml'), 'nowhere']
    assert main(['calibrate', '--model', str(model), *words, *FAST]) == 2
    reported = capsys.readouterr().err
    assert 't.yaml has an unknown suffix' in reported and 'nowhere does not exist' in reported
    assert 'needed' not in reported


def test_training_drives_are_refused(
        model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate_model, 'score_drives', lambda *_: pytest.fail('it scored'))
    trained = str(make_tiny_drives(tmp_path / 'drives', drives=8, frames=1))
    assert main(['calibrate', '--model', str(model), trained, *FAST]) == 2
    assert 'and 5 more: the network was trained on drives of the split train' in (
        capsys.readouterr().err)
