# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Which camera a drive is of, and that one road does not count twice."""
from pathlib import Path

from bdl_perception.commands.named_drives import named_drives
from bdl_perception.commands.named_drives import split_name
from drive_files import camera_drive
from drive_files import write_bag
from drive_files import write_rendered
import pytest


@pytest.mark.parametrize(('word', 'split'), [
    ('front=run.mcap', ('front', 'run.mcap')), ('run.mcap', (None, 'run.mcap')),
    ('front=run.mcap:/front/image', ('front', 'run.mcap:/front/image')),
    ('/data/a=b/run', (None, '/data/a=b/run')), ('./a=b', (None, './a=b')),
    ('front=/data/a=b/run', ('front', '/data/a=b/run')), ('rear_2=', ('rear_2', ''))])
def test_the_name_of_a_camera_stands_before_the_first_equals_sign(
        word: str, split: tuple[str | None, str]) -> None:
    assert split_name(word) == split


def test_a_path_that_exists_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert split_name('speed=30') == ('speed', '30')
    (tmp_path / 'speed=30').mkdir()
    (tmp_path / 'speed=30.mcap').touch()
    assert split_name('speed=30') == (None, 'speed=30')
    assert split_name('speed=30.mcap:/front') == (None, 'speed=30.mcap:/front')
    assert split_name('front=speed=30') == ('front', 'speed=30')
    drive, = named_drives(['front=speed=30'], 'camera')
    assert (drive.path, drive.camera) == (Path('speed=30'), 'front')


def test_what_is_no_namespace_names_no_camera() -> None:
    with pytest.raises(ValueError, match="'front-left' before = names no camera.*front=DRIVE"):
        split_name('front-left=run')


def test_a_folder_of_drives_has_the_name_of_its_camera(tmp_path: Path) -> None:
    paths = [write_rendered(tmp_path / 'front' / name) for name in ('a', 'b')]
    other = write_rendered(tmp_path / 'rear' / 'a')
    found = named_drives([f'front={tmp_path / "front"}', f'rear={other}'], 'camera')
    assert [(drive.path, drive.camera) for drive in found] == [
        (paths[0], 'front'), (paths[1], 'front'), (other, 'rear')]


def test_grouping_and_names_need_each_other() -> None:
    with pytest.raises(ValueError, match='--group-by camera: b, c is of no camera; .*front=b'):
        named_drives(['front=a', 'b', 'c'], 'camera')
    for group_by in ('none', 'light'):
        with pytest.raises(ValueError, match='front=a does not exist.*ask for --group-by camera'):
            named_drives(['front=a', 'b'], group_by)  # type: ignore[arg-type]


def test_two_topics_of_a_bag_are_one_drive_unless_they_are_of_two_cameras(tmp_path: Path) -> None:
    bag, link = tmp_path / 'run.mcap', tmp_path / 'link.mcap'
    bag.touch()
    link.symlink_to(bag)
    for second in (f'{bag}:/rear', f'{link}:/rear', str(bag)):
        for words, group_by in (([f'{bag}:/front', second], 'none'),
                                ([f'{bag}:/front', second], 'light'),
                                ([f'front={bag}:/front', f'front={second}'], 'camera')):
            with pytest.raises(ValueError, match='run.mcap:/front and .* are the same road at '
                                                 'the same time.*give one .*--group-by camera'):
                named_drives(words, group_by)  # type: ignore[arg-type]
    found = named_drives([f'front={bag}:/front', f'rear={link}:/rear'], 'camera')
    assert [drive.camera for drive in found] == ['front', 'rear']
    assert {drive.recording for drive in found} == {str(bag)}


def test_a_file_in_the_folder_of_a_bag_is_that_bag(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'run', camera_drive(1) + camera_drive(1, '/rear/image_raw'))
    file, = bag.glob('*.db3')
    with pytest.raises(ValueError, match='are the same road at the same time'):
        named_drives([f'{bag}:/front/image_raw', f'{file}:/rear/image_raw'], 'none')
    (tmp_path / 'other').mkdir()
    assert len(named_drives([f'{bag}:/front/image_raw', str(tmp_path / 'other')], 'none')) == 2
