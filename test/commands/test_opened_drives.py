# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with each source that is no drive is told at once, with what to give instead."""
import math
from pathlib import Path

from bdl_perception.commands.opened_drives import check_rate
from bdl_perception.commands.opened_drives import open_all
from bdl_perception.commands.opened_drives import splits_in
from drive_files import camera_drive
from drive_files import write_bag
from drive_files import write_pictures
from drive_files import write_rendered
from drive_files import write_video
import pytest


def test_all_that_can_be_opened_are_given_in_their_order(tmp_path: Path) -> None:
    paths = [write_pictures(tmp_path / 'b', ['1.png']), write_rendered(tmp_path / 'a')]
    assert [drive.name for drive in open_all(paths)] == ['b', 'a']


def test_every_source_that_is_no_drive_has_a_line_of_its_own(tmp_path: Path) -> None:
    good = write_rendered(tmp_path / 'good')
    (tmp_path / 't.yaml').touch()
    write_pictures(tmp_path / 'model', ['calibration.png'])
    (tmp_path / 'model' / 'model.json').touch()
    wrong = [tmp_path / name for name in ('t.yaml', 'model', 'nowhere')]
    wrong += [good / 'drive.json', good / 'rgb' / '000000.jpg']
    with pytest.raises(ValueError) as raised:
        open_all([good, *wrong])
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
    assert splits_in(tmp_path / 'out') == ['test', 'train']
    with pytest.raises(ValueError, match=r'out is no drive, but holds folders of drives \(test, '
                                         r'train\); give one of them, such as .*out/test$'):
        open_all([tmp_path / 'out'])
    write_rendered(tmp_path / 'out' / 'validation' / 'validation_0000')
    with pytest.raises(ValueError, match='such as .*out/validation$'):
        open_all([tmp_path / 'out'])
