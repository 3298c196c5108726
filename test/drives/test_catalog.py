# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Which camera a drive is of, and that one road does not count twice."""
import math
from pathlib import Path

from bdl_perception.drives.catalog import (
    check_rate,
    list_camera_drives,
    list_splits,
    open_checked_drives,
    split_camera_name,
)
from drive_files import camera_drive, write_bag, write_pictures, write_rendered, write_video
import pytest


@pytest.mark.parametrize(('word', 'split'), [
    ('front=run.mcap', ('front', 'run.mcap')), ('run.mcap', (None, 'run.mcap')),
    ('front=run.mcap:/front/image', ('front', 'run.mcap:/front/image')),
    ('/data/a=b/run', (None, '/data/a=b/run')), ('./a=b', (None, './a=b')),
    ('front=/data/a=b/run', ('front', '/data/a=b/run')), ('rear_2=', ('rear_2', ''))])
def test_the_name_of_a_camera_stands_before_the_first_equals_sign(
        word: str, split: tuple[str | None, str]) -> None:
    assert split_camera_name(word) == split


def test_a_path_that_exists_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert split_camera_name('speed=30') == ('speed', '30')
    (tmp_path / 'speed=30').mkdir()
    (tmp_path / 'speed=30.mcap').touch()
    assert split_camera_name('speed=30') == (None, 'speed=30')
    assert split_camera_name('speed=30.mcap:/front') == (None, 'speed=30.mcap:/front')
    assert split_camera_name('front=speed=30') == ('front', 'speed=30')
    drive, = list_camera_drives(['front=speed=30'], 'camera')
    assert (drive.path, drive.camera) == (Path('speed=30'), 'front')


def test_what_is_no_namespace_names_no_camera() -> None:
    with pytest.raises(ValueError, match="'front-left' before = names no camera.*front=DRIVE"):
        split_camera_name('front-left=run')


def test_a_folder_of_drives_has_the_name_of_its_camera(tmp_path: Path) -> None:
    paths = [write_rendered(tmp_path / 'front' / name) for name in ('a', 'b')]
    other = write_rendered(tmp_path / 'rear' / 'a')
    found = list_camera_drives([f'front={tmp_path / "front"}', f'rear={other}'], 'camera')
    assert [(drive.path, drive.camera) for drive in found] == [
        (paths[0], 'front'), (paths[1], 'front'), (other, 'rear')]


def test_grouping_and_names_need_each_other() -> None:
    with pytest.raises(ValueError, match='--group-by camera: b, c is of no camera; .*front=b'):
        list_camera_drives(['front=a', 'b', 'c'], 'camera')
    for group_by in ('none', 'light'):
        with pytest.raises(ValueError, match='front=a does not exist.*ask for --group-by camera'):
            list_camera_drives(['front=a', 'b'], group_by)  # type: ignore[arg-type]


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
                list_camera_drives(words, group_by)  # type: ignore[arg-type]
    found = list_camera_drives([f'front={bag}:/front', f'rear={link}:/rear'], 'camera')
    assert [drive.camera for drive in found] == ['front', 'rear']
    assert {drive.recording for drive in found} == {str(bag)}


def test_a_file_in_the_folder_of_a_bag_is_that_bag(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'run', camera_drive(1) + camera_drive(1, '/rear/image_raw'))
    file, = bag.glob('*.db3')
    with pytest.raises(ValueError, match='are the same road at the same time'):
        list_camera_drives([f'{bag}:/front/image_raw', f'{file}:/rear/image_raw'], 'none')
    (tmp_path / 'other').mkdir()
    assert len(list_camera_drives([f'{bag}:/front/image_raw', str(tmp_path / 'other')], 'none')) == 2


def test_all_that_can_be_opened_are_given_in_their_order(tmp_path: Path) -> None:
    paths = [write_pictures(tmp_path / 'b', ['1.png']), write_rendered(tmp_path / 'a')]
    assert [drive.name for drive in open_checked_drives(paths)] == ['b', 'a']


def test_every_source_that_is_no_drive_has_a_line_of_its_own(tmp_path: Path) -> None:
    good = write_rendered(tmp_path / 'good')
    (tmp_path / 't.yaml').touch()
    write_pictures(tmp_path / 'model', ['calibration.png'])
    (tmp_path / 'model' / 'model.json').touch()
    wrong = [tmp_path / name for name in ('t.yaml', 'model', 'nowhere')]
    wrong += [good / 'drive.json', good / 'rgb' / '000000.jpg']
    with pytest.raises(ValueError) as raised:
        open_checked_drives([good, *wrong])
    lines = str(raised.value).splitlines()
    assert [line.startswith(str(path)) for path, line in zip(wrong, lines, strict=True)] == [
        True] * 5
    told = ('is of no known kind', 'is a model, not a drive; leave it out', 'does not exist',
            f'give its folder, {good}', 'is of no known kind')
    for line, said in zip(lines, told, strict=True):
        assert said in line


def test_a_rate_that_nobody_said_is_told_once_for_all_drives(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stamped = [write_rendered(tmp_path / 'r'), write_bag(tmp_path / 'bag', camera_drive(1)),
               write_video(tmp_path / 'v.mp4')]
    check_rate('calibrate', [*stamped, f'{tmp_path / "bag"}:/front/image_raw'], None)
    assert capsys.readouterr().err == ''
    folders = [write_pictures(tmp_path / name, ['1.png']) for name in 'abcde']
    check_rate('calibrate', [*stamped, *folders], None)
    assert capsys.readouterr().err == (
        f'bdl calibrate: no stamps in {folders[0]}, {folders[1]}, {folders[2]} and 2 more: 10 Hz '
        f'is assumed; hours and delays follow from it\n')
    check_rate('calibrate', [*stamped, *folders], 30.)
    assert capsys.readouterr().err == ''
    for paths, rate_hz, said in ((stamped, 30., 'every drive says when'), (folders, 0., 'is 0.0'),
                                 (folders, math.inf, 'is inf')):
        with pytest.raises(ValueError, match=f'--rate-hz .*{said}'):
            check_rate('calibrate', paths, rate_hz)


def test_of_an_out_of_render_the_folder_to_give_is_named(tmp_path: Path) -> None:
    write_rendered(tmp_path / 'out' / 'test' / 'test_0000')
    write_bag(tmp_path / 'out' / 'train' / 'train_0000', camera_drive(1))
    write_rendered(tmp_path / 'out' / '.hidden' / 'a')
    assert list_splits(tmp_path / 'out') == ['test', 'train']
    with pytest.raises(ValueError, match=r'out is no drive, but holds folders of drives \(test, '
                                         r'train\); give one of them, such as .*out/test$'):
        open_checked_drives([tmp_path / 'out'])
    write_rendered(tmp_path / 'out' / 'validation' / 'validation_0000')
    with pytest.raises(ValueError, match='such as .*out/validation$'):
        open_checked_drives([tmp_path / 'out'])
