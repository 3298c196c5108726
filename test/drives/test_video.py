# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

from bdl_perception.drives import open_drive
from drive_files import index_of
from drive_files import LENS
from drive_files import write_video
import pytest


@pytest.mark.parametrize('name', ['drive.mp4', 'drive.avi'])
def test_a_video_plays_every_picture_at_its_own_rate(tmp_path: Path, name: str) -> None:
    drive = open_drive(write_video(tmp_path / name))
    frames = list(drive)
    assert (drive.name, drive.rate_hz, len(drive)) == ('drive', 12.5, 5)
    assert [index_of(frame.rgb) for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.stamp_ns for frame in frames] == [i * 80_000_000 for i in range(5)]
    assert frames[0].camera is None


def test_a_video_can_be_left_early_and_read_again(tmp_path: Path) -> None:
    drive = open_drive(write_video(tmp_path / 'a.mp4'))
    assert index_of(next(iter(drive)).rgb) == 0
    assert len(list(drive)) == 5


def test_a_description_beside_the_video_gives_the_camera(tmp_path: Path) -> None:
    path = write_video(tmp_path / 'a.mp4')
    path.with_suffix('.json').write_text(json.dumps({'camera': LENS}))
    camera = next(iter(open_drive(path))).camera
    assert camera is not None
    assert (camera.width, camera.height, camera.fx) == (64, 48, LENS['fx'])


def test_a_description_without_a_camera_leaves_it_unknown(tmp_path: Path) -> None:
    path = write_video(tmp_path / 'a.mp4')
    path.with_suffix('.json').write_text('{"must_alarm": []}')
    assert next(iter(open_drive(path))).camera is None


@pytest.mark.parametrize('text', ['{', '{"camera": {"fx": 60}}', '[]', '3'])
def test_a_broken_description_beside_the_video_is_refused(tmp_path: Path, text: str) -> None:
    path = write_video(tmp_path / 'a.mp4')
    path.with_suffix('.json').write_text(text)
    with pytest.raises(ValueError, match=r'a\.json cannot be used'):
        open_drive(path)


@pytest.mark.parametrize('content', [b'', b'not a video at all' * 100])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'bad.mp4'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf'bad\.mp4 \({len(content)} bytes\) cannot be opened'):
        open_drive(path)


def test_a_video_cut_off_before_its_index_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / 'cut.mp4', frames=40)
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r'cut\.mp4'):
        open_drive(path)


def test_a_video_that_ends_long_before_its_claim_is_an_error_at_its_end(tmp_path: Path) -> None:
    path = write_video(tmp_path / 'cut.avi', frames=60)
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 3])
    drive = open_drive(path)
    with pytest.raises(ValueError, match=r'ends after \d+ of 60 pictures; is it cut off'):
        list(drive)
