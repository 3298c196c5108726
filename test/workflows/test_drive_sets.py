# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

from bdl_perception.workflows.drive_sets import find_jobs, select_nominal_set
from bdl_perception.workflows.evaluate_drives import (
    camvid_sequences,
    job_segments,
    read_labelled_frames,
)
from bdl_perception.workflows.score_drives import ModelSettings
from camvid_files import make_tiny_camvid
import cv2
from drive_files import camera_drive, write_bag
import numpy as np
import pytest
from tiny_drives import make_tiny_drives

SETTINGS = ModelSettings('street', 4, 0, 'onnxruntime', 1, 'cpu', 'fp32', '')


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp('sets')
    for split in ('test', 'test_night', 'validation', 'validation_night'):
        make_tiny_drives(made / 'out' / split, split=split, drives=2, frames=2)
        if split.endswith('night'):
            for path in (made / 'out' / split).glob('*/drive.json'):
                said = json.loads(path.read_text())
                said['conditions'] = [{'name': 'sun', 'start_s': 0, 'end_s': .1},
                                      {'name': 'night', 'start_s': .1, 'end_s': 1}]
                path.write_text(json.dumps(said))
    (made / 'walk').mkdir()
    cv2.imwrite(str(made / 'walk' / '0.png'), np.zeros((20, 30, 3), np.uint8))
    return made


def titles(*sources: Path, nominal: str | None = None) -> list[str]:
    return [job.title for job in find_jobs(map(str, sources), nominal, SETTINGS, 1)]


def test_an_out_of_render_gives_a_split_and_its_conditions(data: Path) -> None:
    tests = ['test/test_0000', 'test/test_0001', 'test_night/test_night_0000',
             'test_night/test_night_0001']
    assert titles(data / 'out') == tests
    assert titles(data / 'out', nominal='validation') == [
        title.replace('test', 'validation') for title in tests]


def test_drives_and_folders_of_drives_are_taken_as_they_are_named(data: Path) -> None:
    assert titles(data / 'out' / 'validation_night', data / 'out' / 'test' / 'test_0001') == [
        'validation_night/validation_night_0000', 'validation_night/validation_night_0001',
        'test/test_0001']


def test_a_recording_is_a_set_of_its_own(data: Path) -> None:
    job, = find_jobs([str(data / 'walk')], None, SETTINGS, 1)
    assert (job.title, job.kind, job_segments(job)) == ('walk/walk', 'recording', ())


@pytest.mark.parametrize(('rate_hz', 'gap_ns'), [(None, 100_000_000), (2., 500_000_000)])
def test_pictures_of_a_folder_come_as_fast_as_the_job_says(
        tmp_path: Path, rate_hz: float | None, gap_ns: int) -> None:
    for name in '01':
        cv2.imwrite(str(tmp_path / f'{name}.png'), np.zeros((20, 30, 3), np.uint8))
    job, = find_jobs([str(tmp_path)], None, SETTINGS, 1)
    frames = read_labelled_frames(job._replace(rate_hz=rate_hz))
    assert [one.frame.stamp_ns for one in frames] == [0, gap_ns]


def test_a_folder_of_bags_with_a_topic_is_one_set_of_one_camera(tmp_path: Path) -> None:
    for name in ('first', 'second'):
        write_bag(tmp_path / 'rides' / name, camera_drive(2) + camera_drive(3, '/rear/image_raw'))
    jobs = find_jobs([f'{tmp_path / "rides"}:/rear/image_raw'], None, SETTINGS, 1)
    assert [job.title for job in jobs] == ['rides/first', 'rides/second']
    assert [len(list(read_labelled_frames(job))) for job in jobs] == [3, 3]


def test_a_drive_that_is_named_twice_is_refused(data: Path) -> None:
    with pytest.raises(ValueError, match='test/test_0000, test/test_0001 is there twice'):
        titles(data / 'out', data / 'out' / 'test')


def test_segments_say_what_was_held_out(data: Path) -> None:
    job = find_jobs([str(data / 'out' / 'test_night')], None, SETTINGS, 1)[0]
    assert [(one.name, one.held_out) for one in job_segments(job)] == [
        ('sun', False), ('night', True)]


def test_a_fade_is_as_the_drive_says_and_the_shortest_where_it_says_nothing(data: Path) -> None:
    job = find_jobs([str(data / 'out' / 'test_night')], None, SETTINGS, 1)[0]
    assert [one.fade_s for one in job_segments(job)] == [0., .5]  # of an earlier version
    path = Path(job.path, 'drive.json')
    before = path.read_text()
    said = json.loads(before)
    said['conditions'] = [{**one, 'fade_s': 9.} for one in said['conditions']]
    path.write_text(json.dumps(said))
    assert [one.fade_s for one in job_segments(job)] == [0., 9.]  # nothing is before the first
    path.write_text(before)


def test_test_is_nominal_else_the_first_set_without_anything_strange(data: Path) -> None:
    def chosen(*names: str, wished: str | None = None) -> str | None:
        sources = [str(data / name) for name in names]
        return select_nominal_set(find_jobs(sources, None, SETTINGS, 1), wished)
    assert chosen('out/validation', 'out/test') == 'test'
    assert chosen('out/test_night', 'walk', 'out/validation') == 'validation'
    assert chosen('out/test_night', 'walk') is None
    assert chosen('out/test', 'walk', wished='walk') == 'walk'
    with pytest.raises(ValueError, match='no drive is of the nominal set sun, only of test'):
        chosen('out/test', wished='sun')
    with pytest.raises(ValueError, match=r'drives of test_night have conditions that are held out '
                                         r'\(night\); name another'):
        chosen('out/test', 'out/test_night', wished='test_night')


def test_of_an_out_without_the_split_that_is_asked_for_those_that_are_there_are_named(
        data: Path, tmp_path: Path) -> None:
    for names, nominal, said in (
            (('train', 'validation'), None, 'no drive of the split test, only of train, validation'
             '; --nominal validation takes validation and each validation_CONDITION; or give the '
             'folders that you mean by name, such as OUT/train'),
            (('test_night',), None, 'no drive of the split test, only of test_night; give the '
             'folders that you mean by name, such as OUT/test_night'),
            (('test_night',), 'validation', 'no drive of the split validation, only of test_night;'
             ' --nominal validation also decides which folders of OUT are read, validation and '
             'validation_CONDITION: give the folders that you mean by name, such as '
             'OUT/test_night')):
        out = tmp_path / f'{len(names)}{nominal}'
        for name in names:
            make_tiny_drives(out / name, split=name, drives=1, frames=1)
        with pytest.raises(ValueError) as raised:
            titles(out, nominal=nominal)
        assert str(raised.value) == f'{out} holds {said.replace("OUT", str(out))}'


@pytest.mark.parametrize('source', ['kitti_depth=/data', 'camvid=/data', 'camvid:/data:test'])
def test_a_data_set_without_a_judge_is_refused_as_such(
        source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f'^{source}: of data sets only rendered drives.*--camvid '
                                         f'DIR, can be judged by a truth'):
        titles(Path(source))


def test_a_folder_that_is_named_like_a_data_set_is_a_folder(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'camvid=mine').mkdir()
    cv2.imwrite('camvid=mine/0.png', np.zeros((20, 30, 3), np.uint8))
    assert titles(Path('camvid=mine')) == ['camvid=mine/camvid=mine']


def test_sequences_of_camvid_are_its_drives(tmp_path: Path) -> None:
    root = make_tiny_camvid(tmp_path, 'test', 3)
    assert camvid_sequences(root, 'test') == {'frame': [0, 1, 2]}


@pytest.mark.parametrize('text', ['', '{"split": ', '3'])
def test_a_drive_whose_description_is_broken_is_named(tmp_path: Path, text: str) -> None:
    make_tiny_drives(tmp_path, split='test', drives=1, frames=1)
    (tmp_path / 'test_0000' / 'drive.json').write_text(text)
    with pytest.raises(ValueError, match='drive.json is no .*remove .*test_0000, then render'):
        titles(tmp_path)
