# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl evaluate` from images on disk to the numbers and tables of a model card."""
import json
from pathlib import Path
import re
import shlex
import shutil
from typing import Any

from bdl_perception.backends import open_backend
from bdl_perception.cli.main import main
from bdl_perception.metrics import interval_coverage
from bdl_perception.model_store import ModelOptions
from bdl_perception.perception.scores import SCORE_NAMES
from bdl_perception.workflows import evaluate_drives
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
    at_night(made / 'data' / 'test_night' / 'test_night_0000')
    make_tiny_camvid(made / 'camvid', 'test', 2)
    (made / 'mine').mkdir()
    for number in range(2):
        rgb = np.random.default_rng(number).integers(0, 256, (30, 50, 3), np.uint8)
        cv2.imwrite(str(made / 'mine' / f'{number}.png'), rgb)
    return made


def at_night(drive: Path) -> None:
    path = drive / 'drive.json'
    reported = json.loads(path.read_text())
    path.write_text(json.dumps({**reported, 'conditions': [
        {'name': 'night', 'start_s': 0, 'end_s': 1}]}))


def words_for(folder: Path, out: Path, *words: str) -> list[str]:
    return ['evaluate', '--out', str(out), '--samples', '4', '--threads', '1',
            '--model', str(folder / 'model'), str(folder / 'data'), *words]


def read(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / 'evaluation.json').read_text())
    return found


@pytest.fixture(scope='module')
def made(folder: Path) -> dict[str, Any]:
    assert main(words_for(folder, folder / 'out', '--camvid', str(folder / 'camvid'))) == 0
    return read(folder / 'out')


def test_every_set_is_measured_and_compared_with_nominal(made: dict[str, Any]) -> None:
    sets = made['sets']
    assert list(sets) == ['test', 'test_night', 'camvid_test']
    assert [(one['drives'], one['frames']) for one in sets.values()] == [(2, 4), (1, 2), (1, 2)]
    assert 'depth' not in sets['camvid_test'] and 'classes' in sets['camvid_test']
    assert [one['held_out'] for one in sets.values()] == [False, True, None]
    assert list(made['ood']['groups']) == ['test_night', 'camvid_test']
    assert made['ood']['mean_over'] == ['test_night']
    for found in made['ood']['groups'].values():
        assert set(found) == set(SCORE_NAMES)


def test_goals_name_the_held_out_conditions_without_drives(
        made: dict[str, Any]) -> None:
    over = [goal for goal in made['goals'] if goal['name'].endswith((
        'each condition', 'each held-out condition')) and goal['verdict'] != 'not measured']
    assert len(over) == 1 + 4 and 'met' not in [goal['verdict'] for goal in over]
    assert all(goal['found'].endswith('; over 1 of 5 held-out conditions, without dense_fog, '
                                      'unknown_objects, unseen_mount, lens_dirt')
               for goal in over)


def test_errors_agree_with_numpy_on_the_backend_itself(
        folder: Path, made: dict[str, Any]) -> None:
    backend = open_backend(folder / 'model', ModelOptions('onnxruntime', 1))
    errors, hits, union = [], np.zeros(11), np.zeros(11)
    for rgb in sorted((folder / 'data' / 'test').glob('*/rgb/*.jpg')):
        raw = backend.perceive(cv2.imread(str(rgb))[..., ::-1].copy())
        drive, name = rgb.parent.parent, f'{rgb.stem}.png'
        stored = cv2.imread(str(drive / 'depth' / name), -1)
        truth = np.where((stored > 0) & (stored < 65535), stored / 256, np.nan)  # m
        fx = json.loads((drive / 'drive.json').read_text())['camera']['fx']
        depth = raw.depth * fx / backend.spec.canonical_focal_px
        valid = (truth <= 80) & (raw.classes != 0) & (raw.depth <= backend.spec.max_depth_m)
        errors += list((np.abs(depth - truth) / truth)[valid])
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


def test_the_model_has_its_hashes_size_and_latency(
        folder: Path, made: dict[str, Any]) -> None:
    spec = json.loads((folder / 'model' / 'model.json').read_text())
    assert made['perceive_sha256'] == spec['perceive_sha256']
    assert made['parameters']['perceive'] > 100 and made['ms']['perceive'] > 0
    assert (made['samples'], made['stride'], made['nominal']) == (4, 1, 'test')
    assert made['command'] == shlex.join(
        ['bdl', *words_for(folder, folder / 'out', '--camvid', str(folder / 'camvid'))])


def test_the_tables_have_a_line_for_each_set(folder: Path, made: dict[str, Any]) -> None:
    text = (folder / 'out' / 'evaluation.md').read_text()
    assert f'perceive {made["perceive_sha256"][:12]}' in text
    frames, coverage, fitted, terms = 1, 3, 2, 1  # rows of the data sets' own tables
    for name, tables in (('test', 2 + frames + coverage + fitted),  # it has two drives
                         ('test_night', 2 + frames + coverage + 4),
                         ('camvid_test', 2 + terms + 4)):
        lines = [line for line in text.splitlines() if line.startswith(f'| {name} |')]
        assert len(lines) == tables
    columns = {line.count('|') for line in text.split('## IoU')[1].split('##')[0].splitlines()
               if line.startswith('|')}
    assert columns == {13}


def test_the_page_names_what_was_not_measured(
        folder: Path, made: dict[str, Any]) -> None:
    text = (folder / 'out' / 'report.html').read_text()
    assert text.startswith('<!doctype html>') and text.count('<svg') > 10
    assert 'The alarm: not measured' in text
    assert made['alarm'] == {'not_measured': 'no calibration was given, and the model folder has '
                                             'none'}


def test_a_recording_has_scores_only(
        folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words_for(folder, tmp_path / 'out', str(folder / 'mine'))) == 0
    assert f'bdl evaluate: no stamps in {folder / "mine"}: 10 Hz' in capsys.readouterr().err
    assert main(words_for(folder, tmp_path / 'out', str(folder / 'mine'), '--rate-hz', '2')) == 0
    assert 'no stamps' not in capsys.readouterr().err
    assert '--rate-hz 2' in read(tmp_path / 'out')['command']
    mine = read(tmp_path / 'out')['sets']['mine']
    assert (mine['drives'], mine['frames'], mine['held_out']) == (1, 2, None)
    assert not {'depth', 'classes', 'reliability'} & set(mine)
    assert 0 <= read(tmp_path / 'out')['ood']['groups']['mine']['energy']['auroc'] <= 1


def test_camvid_can_be_the_nominal_set(
        folder: Path, tmp_path: Path) -> None:
    words = words_for(folder, tmp_path / 'out', '--camvid', str(folder / 'camvid'), '--nominal',
                      'camvid_test')
    words[words.index(str(folder / 'data'))] = str(folder / 'mine')
    assert main(words) == 0
    found = read(tmp_path / 'out')
    assert found['nominal'] == 'camvid_test' and list(found['ood']['groups']) == ['mine']
    assert 0 <= found['ood']['groups']['mine']['energy']['fpr_95'] <= 1
    measured = [goal['name'] for goal in found['goals'] if goal['verdict'] != 'not measured']
    assert measured == ['calibration error of classes (MSE of the curve)',
                        'mean IoU: camvid_test', 'IoU of pedestrian and bicyclist: camvid_test']


def test_processes_and_the_cache_change_no_number(
        folder: Path, made: dict[str, Any], tmp_path: Path) -> None:
    camvid = ['--camvid', str(folder / 'camvid'), '--keep', str(tmp_path / 'kept')]
    for count in ('2', '1'):  # the second time from what was cache
        out = tmp_path / count
        assert main(words_for(folder, out, *camvid, '--processes', count)) == 0
        for part in ('sets', 'ood', 'goals', 'drives'):
            assert read(out)[part] == made[part]
    assert len(list((tmp_path / 'kept').glob('*.json'))) == 4


def test_stored_results_with_other_metric_states_are_measured_again(
        folder: Path, made: dict[str, Any], tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    words = words_for(folder, tmp_path / 'out', '--camvid', str(folder / 'camvid'),
                      '--keep', str(tmp_path / 'kept'))
    with monkeypatch.context() as patch:
        patch.setattr(evaluate_drives, 'state_shapes', lambda: {'intervals': {'pixels': [2]}})
        patch.setattr(interval_coverage, 'z_histogram', lambda pixels: 0.)
        assert main(words) == 0
    assert read(tmp_path / 'out')['sets'] != made['sets']
    assert main(words) == 0
    assert read(tmp_path / 'out')['sets'] == made['sets']


def test_a_drive_that_fails_does_not_stop_the_others(
        folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = shutil.copytree(folder / 'data', tmp_path / 'data')
    (data / 'test' / 'test_0001' / 'depth' / '000001.png').write_bytes(b'no image')
    words = ['evaluate', str(data), '--model', str(folder / 'model'), '--out',
             str(tmp_path / 'out'), '--samples', '4', '--threads', '1']
    assert main(words) == 1
    assert '1 of 3 drives failed: test/test_0001: ' in capsys.readouterr().err
    found = read(tmp_path / 'out')
    assert list(found['failed']) == ['test/test_0001'] and found['sets']['test']['drives'] == 1
    assert 'test/test_0001' in (tmp_path / 'out' / 'report.html').read_text()
    assert '000001.png' in (tmp_path / 'out' / 'evaluation.md').read_text()


def test_a_bar_in_a_drive_name_is_escaped_in_tables(
        folder: Path, tmp_path: Path) -> None:
    mine = shutil.copytree(folder / 'mine', tmp_path / 'a|b')
    assert main(words_for(folder, tmp_path / 'out', str(mine))) == 0
    assert 'a|b' in read(tmp_path / 'out')['sets']
    text = (tmp_path / 'out' / 'evaluation.md').read_text()
    columns = {len(re.findall(r'(?<!\\)\|', line)) for line in
               text.split('## Depth')[1].split('##')[0].splitlines() if line.startswith('|')}
    assert r'| a\|b |' in text and len(columns) == 1


def test_without_nominal_drives_the_others_are_measured(
        folder: Path, tmp_path: Path) -> None:
    data = shutil.copytree(folder / 'data', tmp_path / 'data')
    for path in (data / 'test').glob('*/depth/000001.png'):
        path.write_bytes(b'no image')
    words = words_for(folder, tmp_path / 'out')
    assert main([str(data) if word == str(folder / 'data') else word for word in words]) == 1
    found = read(tmp_path / 'out')
    assert list(found['failed']) == ['test/test_0000', 'test/test_0001']
    assert list(found['sets']) == ['test_night']
    why = 'no drive of test could be measured'
    assert why in found['ood']['not_measured']
    for name in ('evaluation.md', 'report.html'):
        assert why in (tmp_path / 'out' / name).read_text()


def test_an_error_while_drawing_leaves_the_old_files(
        folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ['evaluation.json', 'evaluation.md', 'report.html']
    for name in (*names, '.bdl_output'):  # as an earlier evaluation leaves them
        (tmp_path / name).write_text('old')

    def break_off(_: object) -> str:
        raise RuntimeError('cannot be drawn')
    monkeypatch.setattr('bdl_perception.report.page.render_page', break_off)
    assert main(words_for(folder, tmp_path)) == 2
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        (*names, '.bdl_output'), 'old')


def with_origin(calibrated: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**calibrated, 'provenance': {**calibrated['provenance'], **changes}}


@pytest.fixture(scope='module')
def calibrated(folder: Path) -> dict[str, Any]:
    """Make a calibration of the tiny model, as JSON has it."""
    drives = make_tiny_drives(folder / 'calm', split='calm', drives=8, frames=8, height=24,
                              width=40)
    assert main(['calibrate', '--model', str(folder / 'model'), str(drives), '--samples', '4',
                 '--threads', '1', '--alpha', '.5', '--exponent', '.1', '--out',
                 str(folder / 'calm.json')]) == 0
    found: dict[str, Any] = json.loads((folder / 'calm.json').read_text())
    return found


def test_a_rejected_calibration_is_reported(
        folder: Path, calibrated: dict[str, Any], tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / 'old.json'
    path.write_text(json.dumps(with_origin(calibrated, software_version='0.0.9')))
    assert main(words_for(folder, tmp_path / 'out', '--calibration', str(path))) == 0
    why = 'it was made with bdl_perception 0.0.9'
    assert f'neither the alarm nor calibrated intervals are measured: {why}' in (
        capsys.readouterr().err)
    assert why in read(tmp_path / 'out')['alarm']['not_measured']


def test_a_calibration_of_another_fit_is_rejected(
        folder: Path, calibrated: dict[str, Any], tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / 'stretched.json'
    path.write_text(json.dumps(with_origin(
        calibrated, identity={**calibrated['provenance']['identity'], 'fit_mode': 'stretch'})))
    assert main(words_for(folder, tmp_path / 'out', '--calibration', str(path))) == 0
    assert 'another fit of the frame' in capsys.readouterr().err
    assert 'fit_mode' in read(tmp_path / 'out')['alarm']['not_measured']
    assert main(words_for(folder, tmp_path / 'out', '--calibration', str(path), '--fit-mode',
                          'stretch')) == 0
    assert read(tmp_path / 'out')['fit_mode'] == 'stretch'
    assert 'not_measured' not in read(tmp_path / 'out')['alarm']


@pytest.mark.parametrize(('changes', 'why'), [
    ({'identity': {'perceive_sha256': 'f' * 64}}, 'another model (perceive graph)'),
    ({'drives': ['one', 'two'], 'held_out_peaks': [], 'held_out_slow_peaks': [],
      'steps_per_drive': [], 'windows_per_drive': []},
     'calibration has 2 drives')])
def test_intervals_of_a_rejected_calibration_are_left_out(
        folder: Path, calibrated: dict[str, Any], tmp_path: Path,
        changes: dict[str, Any], why: str) -> None:
    identity = {**calibrated['provenance']['identity'], **changes.get('identity', {})}
    path = tmp_path / 'other.json'
    path.write_text(json.dumps(with_origin(calibrated, **{**changes, 'identity': identity})))
    assert main(words_for(folder, tmp_path / 'out', '--calibration', str(path))) == 0
    found = read(tmp_path / 'out')
    for one in (found['sets']['test'], found['sets']['test_night']):
        assert one['intervals']['scaled'] is one['intervals']['conformal'] is None
        assert 'tempered' not in one
    assert why in found['calibrated_intervals']['not_measured']
    reported = (tmp_path / 'out' / 'report.html').read_text()
    assert 'Intervals after calibration: not measured' in reported
    assert 'Classes after calibration: not measured' in reported


def test_a_calibration_of_this_software_is_evaluated(
        folder: Path, calibrated: dict[str, Any], tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / 'calm.json'
    assert main(words_for(folder, tmp_path / 'out', '--calibration', str(path))) == 0
    assert 'not measured' not in capsys.readouterr().err
    assert 0 <= read(tmp_path / 'out')['sets']['test']['intervals']['conformal']['0.9'] <= 1
    assert read(tmp_path / 'out')['calibrated_intervals'] == {
        **{name: calibrated['intervals'][name] for name in ('drives', 'factor', 'temperature')},
        'drives_in_calibration': []}
    drives = calibrated['provenance']['drives']
    assert read(tmp_path / 'out')['alarm']['calibration']['drives'] == len(drives) == 8


def of_two_cameras(calibrated: dict[str, Any]) -> dict[str, Any]:
    """Make calibrated the part of front, beside a rear without drives; all saw far higher."""
    known = calibrated['distribution']
    watched = {name: known['scores'][name] for name in known['watched']}
    higher = {name: [9. + value for value in values] for name, values in known['scores'].items()}
    parts = {name: calibrated[name] for name in ('provenance', 'limits')}
    empty = {**calibrated['provenance'], 'drives': [], **dict.fromkeys((
        'held_out_peaks', 'held_out_slow_peaks', 'steps_per_drive', 'windows_per_drive'), [])}
    return {**calibrated, 'distribution': {**known, 'scores': higher}, 'cameras': {
        'front': {**parts, 'distribution': {**known, 'scores': watched}},
        'rear': {'distribution': {**known, 'scores': dict.fromkeys(watched, [])},
                 'provenance': empty, 'limits': None}}}


def test_a_camera_is_compared_with_its_own_drives(
        folder: Path, calibrated: dict[str, Any], tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / 'two.json'
    path.write_text(json.dumps(of_two_cameras(calibrated)))
    warned = {}
    for name, words, reported in (
            ('alone', [str(folder / 'calm.json')], ''),
            ('front', [str(path), '--camera', 'front'], ''),
            ('rear', [str(path), '--camera', 'rear'], 'calibration has 0 drives of rear, 8 are'),
            ('unnamed', [str(path)], 'the camera of the frame is not known')):
        assert main(words_for(folder, tmp_path / name, '--calibration', *words)) == 0
        warned[name] = read(tmp_path / name)['alarm']['warned']
        printed = capsys.readouterr().err
        assert reported in printed
        assert bool(reported) == ('--camera NAME chooses among front' in printed)
        page = ' '.join((tmp_path / name / 'report.html').read_text().split())
        assert bool(reported) == ('are compared with the drives of all of them' in page)
    assert warned['alone'] == warned['front'] != warned['rear'] == warned['unnamed']


def test_an_unknown_camera_is_one_clear_line(
        folder: Path, calibrated: dict[str, Any], tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / 'two.json'
    path.write_text(json.dumps(of_two_cameras(calibrated)))
    words = ['--calibration', str(path), '--camera', 'frnt']
    assert main(words_for(folder, tmp_path / 'out', *words)) == 2
    assert "knows the cameras front, rear and no 'frnt'" in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(('words', 'message'), [
    (['--camera', 'front'], 'the calibration is not grouped by camera'),
    (['--nominal', 'train'], 'data has no drive of the split train, only of test, test_night, '
     'validation; choose one with --nominal'),
    (['kitti_depth=nowhere'], 'kitti_depth=nowhere must be kitti_depth:DIR:SPLIT'),
    (['--samples', '3'], 'samples is 3'), (['street'], 'street is a model: --model street'),
    (['--camvid', 'nowhere'], 'nowhere/test is not a folder'),
    (['nowhere'], 'nowhere does not exist'),
    (['--calibration', 'nowhere.json'], 'nowhere.json cannot be read (No such file'),
    (['--calibration', 'broken.json'], 'broken.json is no calibration: it is not JSON')])
def test_a_wrong_option_is_one_clear_line(
        folder: Path, tmp_path: Path, words: list[str], message: str,
        capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path('broken.json').write_text('{')
    assert main(words_for(folder, tmp_path / 'out', *words)) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / 'out').exists()
