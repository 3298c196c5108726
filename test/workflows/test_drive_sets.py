# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The drives of an evaluation, from paths and data sets, and the set of each."""
import json
from pathlib import Path

from bdl_perception.drives.description import Segment
from bdl_perception.workflows.drive_sets import (
    EvaluationDrive,
    find_evaluation_drives,
    select_nominal_set,
)
from camvid_files import make_tiny_camvid
import cv2
from drive_files import camera_drive, write_bag
from kitti_files import DATE, make_tiny_kitti
import numpy as np
import pytest
from tiny_drives import make_tiny_drives


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp('sets')
    for split in ('test', 'test_night', 'validation', 'validation_night'):
        make_tiny_drives(made / 'out' / split, split=split, drives=2, frames=2)
        if split.endswith('night'):
            for path in (made / 'out' / split).glob('*/drive.json'):
                described = json.loads(path.read_text())
                described['conditions'] = [{'name': 'sun', 'start_s': 0, 'end_s': .1},
                                           {'name': 'night', 'start_s': .1, 'end_s': 1}]
                path.write_text(json.dumps(described))
    write_image(made / 'walk' / '0.png')
    return made


def write_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((20, 30, 3), np.uint8))


def titles(*sources: str | Path, nominal: str | None = None) -> list[str]:
    return [drive.title for drive in find_evaluation_drives(sources, nominal)]


def test_a_rendered_output_gives_a_split_and_its_conditions(data: Path) -> None:
    tests = ['test/test_0000', 'test/test_0001', 'test_night/test_night_0000',
             'test_night/test_night_0001']
    assert titles(data / 'out') == tests
    assert titles(data / 'out', nominal='validation') == [
        title.replace('test', 'validation') for title in tests]


def test_drives_and_folders_of_drives_are_taken_by_name(data: Path) -> None:
    assert titles(data / 'out' / 'validation_night', data / 'out' / 'test' / 'test_0001') == [
        'validation_night/validation_night_0000', 'validation_night/validation_night_0001',
        'test/test_0001']


def test_a_recording_is_a_set_of_its_own(data: Path) -> None:
    drive, = find_evaluation_drives([data / 'walk'])
    assert (drive.title, drive.segments, drive.timed) == ('walk/walk', (), True)
    labelled, = drive.source.frames()
    assert labelled.depth is None and labelled.classes is None


@pytest.mark.parametrize(('rate_hz', 'gap_ns'), [(None, 100_000_000), (2., 500_000_000)])
def test_a_folder_of_images_has_the_given_rate(
        tmp_path: Path, rate_hz: float | None, gap_ns: int) -> None:
    for name in '01':
        write_image(tmp_path / f'{name}.png')
    drive, = find_evaluation_drives([tmp_path], rate_hz=rate_hz)
    assert [one.frame.stamp_ns for one in drive.source.frames()] == [0, gap_ns]


def test_a_folder_of_bags_with_a_topic_is_one_set(tmp_path: Path) -> None:
    for name in ('first', 'second'):
        write_bag(tmp_path / 'rides' / name, camera_drive(2) + camera_drive(3, '/rear/image_raw'))
    drives = find_evaluation_drives([f'{tmp_path / "rides"}:/rear/image_raw'])
    assert [drive.title for drive in drives] == ['rides/first', 'rides/second']
    assert [len(list(drive.source.frames())) for drive in drives] == [3, 3]


def test_drives_come_in_the_order_of_their_sources(data: Path) -> None:
    assert titles(data / 'walk', data / 'out' / 'test', f'world:{data / "out"}:validation') == [
        'walk/walk', 'test/test_0000', 'test/test_0001', 'validation/validation_0000',
        'validation/validation_0001']


def test_a_drive_that_is_given_twice_is_refused(data: Path) -> None:
    with pytest.raises(ValueError, match='test/test_0000, test/test_0001 is given twice'):
        titles(data / 'out', data / 'out' / 'test')


def test_segments_give_what_is_held_out_and_its_fade(data: Path) -> None:
    drive = find_evaluation_drives([data / 'out' / 'test_night'])[0]
    assert drive.segments == (Segment('sun', 0, .1), Segment('night', .1, 1, True, .5))


def test_nominal_is_test_else_the_first_nominal_set(data: Path) -> None:
    def chosen(*names: str, requested: str | None = None) -> str | None:
        return select_nominal_set(find_evaluation_drives([data / name for name in names]),
                                  requested)
    assert chosen('out/validation', 'out/test') == 'test'
    assert chosen('out/test_night', 'walk', 'out/validation') == 'validation'
    assert chosen('out/test_night', 'walk') is None
    assert chosen('out/test', 'walk', requested='walk') == 'walk'
    with pytest.raises(ValueError, match='no drive is of the nominal set sun, only of test'):
        chosen('out/test', requested='sun')
    with pytest.raises(ValueError, match=r'drives of test_night have conditions that are held out '
                                         r'\(night\); name another'):
        chosen('out/test', 'out/test_night', requested='test_night')


@pytest.mark.parametrize(('nominal', 'split'), [(None, 'test'), ('train', 'train')])
def test_of_an_output_without_the_split_its_splits_are_named(
        tmp_path: Path, nominal: str | None, split: str) -> None:
    for name in ('validation', 'validation_night'):
        make_tiny_drives(tmp_path / name, split=name, drives=1, frames=1)
    with pytest.raises(ValueError, match=f'{tmp_path} has no drive of the split {split}, only of '
                                         f'validation, validation_night; .*--nominal'):
        titles(tmp_path, nominal=nominal)


def test_each_sequence_of_a_data_set_is_a_drive(tmp_path: Path) -> None:
    camvid = make_tiny_camvid(tmp_path / 'camvid', 'test', 3)
    for number, name in enumerate(('0001TP_1', '0001TP_2', 'Seq05_1')):
        for folder in ('test', 'testannot'):
            path = camvid / folder / f'frame_{number}.png'
            path.rename(path.with_name(f'{name}.png'))
    kitti = make_tiny_kitti(tmp_path / 'kitti', 'val', 2)
    drives = find_evaluation_drives([f'camvid:{camvid}:test', f'kitti_depth:{kitti}:val'])
    drive = f'{DATE}_drive_0003_sync'
    assert [(one.title, len(one.source)) for one in drives] == [
        ('camvid_test/0001TP', 2), ('camvid_test/Seq05', 1),
        (f'kitti_depth_val/{drive}_image_02', 2), (f'kitti_depth_val/{drive}_image_03', 2)]
    assert not any(one.timed or one.segments for one in drives)
    assert [one.source.fit_mode for one in drives] == ['stretch', 'stretch', None, None]


def labels(drive: EvaluationDrive) -> set[tuple[bool, bool]]:
    """List whether frames have a depth and classes."""
    return {(one.depth is not None, one.classes is not None) for one in drive.source.frames()}


def test_a_data_set_has_the_ground_truth_of_its_reader(tmp_path: Path) -> None:
    camvid = make_tiny_camvid(tmp_path / 'camvid', 'test', 2)
    kitti = make_tiny_kitti(tmp_path / 'kitti', 'val', 2)
    make_tiny_drives(tmp_path / 'out' / 'test', split='test', drives=1, frames=2)
    truth = [labels(find_evaluation_drives([source])[0]) for source in (
        f'camvid:{camvid}:test', f'kitti_depth:{kitti}:val', f'world:{tmp_path / "out"}:test')]
    assert truth == [{(False, True)}, {(True, False)}, {(True, True)}]


@pytest.mark.parametrize(('source', 'message'), [
    ('kitti:/data:val', "unknown kind 'kitti'.*camvid, kitti_depth"),
    ('camvid=/data', 'camvid=/data must be camvid:DIR:SPLIT'),
    ('camvid:/data:test', '/data/test is not a folder')])
def test_a_data_set_that_cannot_be_read_is_named(
        source: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        titles(source)


def test_a_folder_with_the_name_of_a_data_set_is_a_folder(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / 'camvid=mine' / '0.png')
    assert titles(Path('camvid=mine')) == ['camvid=mine/camvid=mine']


@pytest.mark.parametrize('text', ['', '{"split": ', '3'])
def test_a_broken_description_is_named(tmp_path: Path, text: str) -> None:
    make_tiny_drives(tmp_path, split='test', drives=1, frames=1)
    (tmp_path / 'test_0000' / 'drive.json').write_text(text)
    with pytest.raises(ValueError, match='drive.json is not a .*remove .*test_0000, then render'):
        titles(tmp_path)
