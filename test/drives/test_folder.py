# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path
from typing import Any

from bdl_perception.drives import DriveError, open_drive, open_drives
from bdl_perception.drives.catalog import list_drives
from bdl_perception.drives.description import read_description
from drive_files import frame_image, index_of, LENS, write_images, write_rendered
import numpy as np
import pytest


def test_images_play_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    names = ['frame1.png', 'frame2.jpg', 'frame9.png', 'frame10.JPG', 'frame100.png']
    drive = open_drive(write_images(tmp_path / 'walk', names))
    assert [index_of(frame.rgb) for frame in drive] == [0, 1, 2, 3, 4]
    assert (drive.name, drive.rate_hz, len(drive)) == ('walk', 10.0, 5)


def test_camvid_names_play_in_the_order_of_their_frames(tmp_path: Path) -> None:
    names = ['0006R0_f00990.png', '0006R0_f01020.png', '0006R0_f01050.png']
    drive = open_drive(write_images(tmp_path, names))
    assert [index_of(frame.rgb) for frame in drive] == [0, 1, 2]


def test_a_lossless_image_arrives_bit_for_bit_as_rgb(tmp_path: Path) -> None:
    frame, = open_drive(write_images(tmp_path, ['a.png']))
    np.testing.assert_array_equal(frame.rgb, frame_image(0))


def test_images_have_ten_hertz_and_no_camera_by_default(tmp_path: Path) -> None:
    frames = list(open_drive(write_images(tmp_path, ['1.png', '2.png', '3.png'])))
    assert [frame.stamp_ns for frame in frames] == [0, 100_000_000, 200_000_000]
    assert all(frame.camera is None and frame.frame_id for frame in frames)


def test_a_rate_applies_to_images_without_stamps_only(
        tmp_path: Path) -> None:
    walk = open_drive(write_images(tmp_path / 'walk', ['1.png', '2.png']), 4.)
    assert (walk.rate_hz, [frame.stamp_ns for frame in walk]) == (4., [0, 250_000_000])
    assert open_drive(write_rendered(tmp_path / 'd'), 4.).rate_hz == 5.


def test_a_drive_can_be_read_twice(tmp_path: Path) -> None:
    drive = open_drive(write_images(tmp_path, ['1.png', '2.png']))
    assert len(list(drive)) == len(list(drive)) == 2


def test_a_rendered_drive_brings_its_stamps_and_its_camera(tmp_path: Path) -> None:
    drive = open_drive(write_rendered(tmp_path / 'd1', stamps_ns=[5, 200_000_007, 400_000_001]))
    frames = list(drive)
    assert drive.rate_hz == 5.0
    assert [frame.stamp_ns for frame in frames] == [5, 200_000_007, 400_000_001]
    camera = frames[0].camera
    assert camera is not None
    assert (camera.width, camera.height) == (64, 48)
    assert {name: getattr(camera, name) for name in LENS} == LENS


def test_a_image_is_read_only_when_its_turn_comes(tmp_path: Path) -> None:
    folder = write_images(tmp_path, ['1.png', '2.png'])
    frames = iter(open_drive(folder))
    (folder / '2.png').unlink()
    next(frames)
    with pytest.raises(ValueError, match=r'2\.png cannot be read'):
        next(frames)


@pytest.mark.parametrize('damage', [b'', b'\xff\xd8 no jpeg', b'text'])
def test_a_damaged_image_of_a_folder_is_skipped_and_reported(
        tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    folder = write_images(tmp_path, ['0.png', '1.png', '2.png', '3.png', '4.png'])
    for name in ('1.png', '3.png'):
        (folder / name).write_bytes(damage)
    frames = list(open_drive(folder))
    assert [(index_of(frame.rgb), frame.stamp_ns) for frame in frames] == [
        (0, 0), (2, 200_000_000), (4, 400_000_000)]
    assert '1.png cannot be decoded' in caplog.text and '; skipped' in caplog.text
    assert '2 of 5 images were skipped' in caplog.text


def test_a_folder_of_damaged_images_or_a_damaged_rendered_drive_is_refused(
        tmp_path: Path) -> None:
    folder = write_images(tmp_path / 'a', [f'{index}.png' for index in range(12)])
    for index in range(1, 12):
        (folder / f'{index}.png').write_bytes(b'')
    with pytest.raises(DriveError, match=r'1\.png .*11 of 12 images cannot be decoded'):
        list(open_drive(folder))
    rendered = write_rendered(tmp_path / 'd')
    (rendered / 'rgb/000001.jpg').write_bytes(b'')
    with pytest.raises(DriveError, match=r'000001\.jpg cannot be decoded'):
        list(open_drive(rendered))


def test_files_that_are_no_images_by_their_suffix_are_reported(
        tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write_images(tmp_path, ['0.png', '1.png'])
    for name in ('notes.txt', 'labels.json', 'Thumbs.db', '.hidden.exr'):
        (folder / name).write_bytes(b'x')
    assert len(open_drive(folder)) == 2
    assert not caplog.messages
    for name in ('2.heic', '3.EXR', '4'):
        (folder / name).write_bytes(b'x')
    assert len(open_drive(folder)) == 2
    assert ': 3 files are left out' in caplog.text and '.EXR, .heic, no suffix' in caplog.text


@pytest.mark.parametrize(('name', 'text'), [
    ('drive.json', '{"version": 3}'), ('drive.json', '[]'), ('drive.json', '"drive"'),
    ('metadata.yaml', 'author: someone'), ('metadata.yaml', '')])
def test_a_description_of_another_program_beside_images_is_ignored(
        tmp_path: Path, name: str, text: str) -> None:
    folder = write_images(tmp_path, ['0.png', '1.png'])
    (folder / name).write_text(text)
    assert [index_of(frame.rgb) for frame in open_drive(folder)] == [0, 1]
    assert read_description(folder) == {}
    assert open_drives([folder], 5.)[0].rate_hz == 5.


def test_digits_of_other_scripts_in_names_are_no_fault(tmp_path: Path) -> None:
    names = ['\u00b2.png', '\u0661.png', '3.png']  # a superscript two, an Arabic one
    assert len(list(open_drive(write_images(tmp_path, names)))) == 3


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='has no image'):
        open_drive(tmp_path)


@pytest.mark.parametrize(('change', 'complaint'), [
    ({'format': 2}, 'format 2'),
    ({'camera': {'fx': 60.0}}, "KeyError: 'fy'"),
    ({'camera': {**LENS, 'fx': -1.0}}, 'focal length'),
    ({'stamps_ns': [0, 1]}, 'has 3 images, not 2'),
    ({'stamps_ns': None}, 'TypeError'),
])
def test_a_description_that_does_not_fit_is_refused(
        tmp_path: Path, change: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=f'{complaint}.*remove .*, then render again'):
        open_drive(write_rendered(tmp_path, **change))


def test_a_description_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (write_rendered(tmp_path) / 'drive.json').write_text('{"format": 1,')
    with pytest.raises(ValueError, match=r'drive\.json cannot be read'):
        open_drive(tmp_path)


def test_a_image_of_another_size_than_described_is_refused(tmp_path: Path) -> None:
    drive = open_drive(write_rendered(tmp_path, width=65))
    with pytest.raises(ValueError, match=r'is 64x48 px, not 65x48 as in drive\.json'):
        list(drive)


def test_a_data_set_stands_for_its_drives(tmp_path: Path) -> None:
    for name in ('b', 'a'):
        write_rendered(tmp_path / 'set' / name)
    alone = write_images(tmp_path / 'alone', ['1.png'])
    drives = open_drives(list_drives([tmp_path / 'set', alone]))
    assert [drive.name for drive in drives] == ['a', 'b', 'alone']


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='nowhere does not exist'):
        open_drive(tmp_path / 'nowhere')


def test_a_file_of_no_known_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'notes.txt').write_text('hello')
    with pytest.raises(ValueError, match=r'notes\.txt has an unknown suffix'):
        open_drive(tmp_path / 'notes.txt')


def test_hidden_files_and_pipes_are_no_images(tmp_path: Path) -> None:
    folder = write_images(tmp_path / 'drive', ['0.jpg', '1.jpg'])
    (folder / '._0.jpg').write_bytes(b'\0\5\26\7Mac OS X')
    (folder / '.DS_Store').write_bytes(b'Bud1')
    os.mkfifo(folder / '2.jpg')
    (folder / '3.jpg').symlink_to('/dev/zero')
    assert [index_of(frame.rgb) for frame in open_drive(folder)] == [0, 1]


def test_every_format_that_opencv_reads_is_an_image(tmp_path: Path) -> None:
    names = [f'{index}{suffix}' for index, suffix in enumerate(
        ('.jpg', '.bmp', '.webp', '.tif', '.TIFF', '.ppm', '.png', '.jp2'))]
    drive = open_drive(write_images(tmp_path / 'drive', names))
    assert [index_of(frame.rgb) for frame in drive] == list(range(8))


@pytest.mark.parametrize('name', ['run.mp4', 'run.mcap', 'run.db3', 'run.bag', 'run'])
def test_a_pipe_or_a_device_is_refused_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    (tmp_path / f'x{name}').symlink_to('/dev/zero')
    for path in (tmp_path / name, tmp_path / f'x{name}'):
        with pytest.raises(DriveError, match='device or a pipe'):
            open_drive(path)


@pytest.mark.parametrize('change', [
    {'rate_hz': 0}, {'rate_hz': -5}, {'rate_hz': float('nan')}, {'rate_hz': float('inf')},
    {'width': float('inf')}, {'stamps_ns': [float('inf')] * 3}])
def test_a_description_with_impossible_numbers_is_refused(
        tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(DriveError, match='drive.json cannot be read'):
        open_drive(write_rendered(tmp_path / 'drive', **change))


def test_a_description_that_is_nested_deep_is_refused(tmp_path: Path) -> None:
    folder = write_rendered(tmp_path / 'drive')
    (folder / 'drive.json').write_text('[' * 100_000)
    for read in (open_drive, read_description):
        with pytest.raises(DriveError, match='drive.json'):
            read(folder)


def test_an_image_file_that_is_damaged_or_too_large_is_refused(tmp_path: Path) -> None:
    folder = write_images(tmp_path / 'drive', ['1.jpg'])
    data = (folder / '1.jpg').read_bytes()
    at = data.index(b'\xff\xc0')
    (folder / '1.jpg').write_bytes(data[:at + 5] + b'\x75\x30\x75\x30' + data[at + 9:])
    with pytest.raises(DriveError, match=r'1\.jpg .*30000x30000 px, too large'):
        list(open_drive(folder))
    (folder / '1.jpg').write_bytes(data[:-40] + b'\xff\xd9')
    with pytest.raises(DriveError, match=r'1\.jpg .*lost or damaged'):
        list(open_drive(folder))


def test_a_model_folder_is_no_drive(tmp_path: Path) -> None:
    (tmp_path / 'model.json').write_text('{}')
    (tmp_path / 'calibration.png').write_bytes(b'')
    with pytest.raises(DriveError, match='is a model, not a drive'):
        open_drive(tmp_path)
