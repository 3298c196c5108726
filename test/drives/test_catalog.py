# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Drives are expanded, opened and named by camera, and no recording counts twice."""
import math
from pathlib import Path

from bdl_perception.drives import DriveError, open_drives
from bdl_perception.drives.catalog import (
    CameraDrive,
    list_camera_drives,
    list_splits,
    parse_camera_drive,
)
from drive_files import camera_drive, write_bag, write_images, write_rendered, write_video
import pytest


def named(*words: str) -> list[CameraDrive]:
    return [parse_camera_drive(word) for word in words]


@pytest.mark.parametrize(('word', 'camera', 'path'), [
    ('front=run.mcap', 'front', 'run.mcap'), ('run.mcap', None, 'run.mcap'),
    ('front=run.mcap:/front/image', 'front', 'run.mcap:/front/image'),
    ('/data/a=b/run', None, '/data/a=b/run'), ('./a=b', None, 'a=b'),
    ('front=/data/a=b/run', 'front', '/data/a=b/run'), ('rear_2=', 'rear_2', '')])
def test_the_camera_name_precedes_the_first_equals_sign(
        word: str, camera: str | None, path: str) -> None:
    assert parse_camera_drive(word) == (Path(path), camera)


def test_a_path_that_exists_is_not_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_camera_drive('speed=30') == (Path('30'), 'speed')
    (tmp_path / 'speed=30').mkdir()
    (tmp_path / 'speed=30.mcap').touch()
    for word in ('speed=30', 'speed=30.mcap:/front'):
        assert parse_camera_drive(word) == (Path(word), None)
    drive, = list_camera_drives(named('front=speed=30'), 'camera')
    assert drive == (Path('speed=30'), 'front')


def test_an_invalid_namespace_is_not_a_camera_name() -> None:
    with pytest.raises(DriveError, match="'front-left' before = is not a camera.*front=DRIVE"):
        parse_camera_drive('front-left=run')


def test_a_folder_of_drives_has_the_name_of_its_camera(tmp_path: Path) -> None:
    paths = [write_rendered(tmp_path / 'front' / name) for name in ('a', 'b')]
    other = write_rendered(tmp_path / 'rear' / 'a')
    found = list_camera_drives(named(f'front={tmp_path / "front"}', f'rear={other}'), 'camera')
    assert found == [(paths[0], 'front'), (paths[1], 'front'), (other, 'rear')]


def test_paths_have_no_camera(tmp_path: Path) -> None:
    drive = write_rendered(tmp_path / 'a')
    assert list_camera_drives([tmp_path], 'none') == [(drive, None)]
    assert list_camera_drives([str(drive)], 'none') == [(drive, None)]


def test_grouping_and_names_need_each_other() -> None:
    with pytest.raises(DriveError, match='--group-by camera: b, c has no camera name; .*front=b'):
        list_camera_drives(named('front=a', 'b', 'c'), 'camera')
    for group_by in ('none', 'light'):
        with pytest.raises(DriveError, match='front=a does not exist.*use --group-by camera'):
            list_camera_drives(named('front=a', 'b'), group_by)


def test_two_topics_of_a_bag_need_two_cameras(tmp_path: Path) -> None:
    bag, link = tmp_path / 'run.mcap', tmp_path / 'link.mcap'
    bag.touch()
    link.symlink_to(bag)
    for second in (f'{bag}:/rear', f'{link}:/rear', str(bag)):
        for words, group_by in (([f'{bag}:/front', second], 'none'),
                                ([f'{bag}:/front', second], 'light'),
                                ([f'front={bag}:/front', f'front={second}'], 'camera')):
            with pytest.raises(DriveError, match='run.mcap:/front and .* were recorded '
                                                 'simultaneously.*give one .*--group-by camera'):
                list_camera_drives(named(*words), group_by)
    found = list_camera_drives(named(f'front={bag}:/front', f'rear={link}:/rear'), 'camera')
    assert [drive.camera for drive in found] == ['front', 'rear']
    assert {drive.recording for drive in found} == {str(bag)}


def test_a_file_in_a_bag_folder_is_that_bag(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'run', camera_drive(1) + camera_drive(1, '/rear/image_raw'))
    file, = bag.glob('*.db3')
    with pytest.raises(DriveError, match='were recorded simultaneously'):
        list_camera_drives([f'{bag}:/front/image_raw', f'{file}:/rear/image_raw'], 'none')
    (tmp_path / 'other').mkdir()
    assert len(list_camera_drives([f'{bag}:/front/image_raw', tmp_path / 'other'], 'none')) == 2


def test_drives_are_opened_in_their_order(tmp_path: Path) -> None:
    paths = [write_images(tmp_path / 'b', ['1.png']), write_rendered(tmp_path / 'a')]
    assert [drive.name for drive in open_drives(paths)] == ['b', 'a']


def test_each_path_that_is_not_a_drive_has_a_line(tmp_path: Path) -> None:
    good = write_rendered(tmp_path / 'good')
    (tmp_path / 't.yaml').touch()
    wrong = [tmp_path / 't.yaml', tmp_path / 'nowhere', good / 'drive.json',
             good / 'rgb' / '000000.jpg']
    with pytest.raises(DriveError) as raised:
        open_drives([good, *wrong])
    lines = str(raised.value).splitlines()
    causes = ('has an unknown suffix', 'does not exist', 'has an unknown suffix',
              'has an unknown suffix')
    for path, line, cause in zip(wrong, lines, causes, strict=True):
        assert line.startswith(f'{path} {cause}')


def test_an_assumed_rate_is_logged_once(
        tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stamped = [write_rendered(tmp_path / 'r'), write_bag(tmp_path / 'bag', camera_drive(1)),
               write_video(tmp_path / 'v.mp4'), f'{tmp_path / "bag"}:/front/image_raw']
    open_drives(stamped)
    assert caplog.messages == []
    folders = [write_images(tmp_path / name, ['1.png']) for name in 'abcde']
    open_drives([*stamped, *folders])
    assert caplog.messages == [
        f'no stamps in {folders[0]}, {folders[1]}, {folders[2]} and 2 more: 10 Hz is assumed; '
        f'hours and delays follow from it']
    assert [drive.rate_hz for drive in open_drives([*stamped, *folders], 30.)][-5:] == [30.] * 5
    assert len(caplog.messages) == 1
    for paths, rate_hz, problem in ((stamped, 30., 'every drive has its own stamps'),
                                    (folders, 0., 'is 0.0'), (folders, math.inf, 'is inf')):
        with pytest.raises(DriveError, match=f'--rate-hz .*{problem}'):
            open_drives(paths, rate_hz)


def test_the_folders_of_a_rendered_output_are_named(tmp_path: Path) -> None:
    write_rendered(tmp_path / 'out' / 'test' / 'test_0000')
    write_bag(tmp_path / 'out' / 'train' / 'train_0000', camera_drive(1))
    write_rendered(tmp_path / 'out' / '.hidden' / 'a')
    assert list_splits(tmp_path / 'out') == ['test', 'train']
    with pytest.raises(DriveError, match='out has no image.*one of its folders: test, train$'):
        open_drives([tmp_path / 'out'])
