# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tests."""
import json
import math
from pathlib import Path
from typing import Any

from bdl_perception.drives import open_drive
from bdl_perception.drives.video import write_video
import cv2
from drive_files import index_of, LENS, write_images, write_rendered
from drive_files import write_video as write_clip
import numpy as np
import pytest

PLENTY_BYTES = 10**7


def test_a_drive_comes_back_from_its_video_image_by_image(tmp_path: Path) -> None:
    drive = open_drive(write_rendered(tmp_path / 'd', frames=6))
    camera = write_video(drive, tmp_path / 'd.mp4', PLENTY_BYTES)
    back = open_drive(tmp_path / 'd.mp4')
    frames = list(back)
    assert [index_of(frame.rgb) for frame in frames] == [0, 1, 2, 3, 4, 5]
    assert back.rate_hz == drive.rate_hz
    assert camera == next(iter(drive)).camera


def test_frames_and_camera_shrink_until_the_file_fits(tmp_path: Path) -> None:
    folder = write_rendered(tmp_path / 'd', frames=6)
    noise = np.random.default_rng(0).integers(0, 255, (6, 48, 64, 3), np.uint8)
    for path, rgb in zip(sorted((folder / 'rgb').iterdir()), noise, strict=True):
        cv2.imwrite(str(path), rgb)  # grain is what makes a video large
    drive = open_drive(folder)
    write_video(drive, tmp_path / 'large.mp4', PLENTY_BYTES)
    limit = (tmp_path / 'large.mp4').stat().st_size - 1
    camera = write_video(drive, tmp_path / 'small.mp4', limit)
    assert camera is not None
    assert (tmp_path / 'small.mp4').stat().st_size <= limit
    first = next(iter(open_drive(tmp_path / 'small.mp4')))
    assert first.rgb.shape == (camera.height, camera.width, 3) == (36, 48, 3)
    # the middle of the image stays in the middle, the field of view stays
    assert (camera.cx, camera.cy) == (23.5, 17.5)
    assert camera.fx == pytest.approx(60.0 * 48 / 64)


def test_a_video_that_cannot_fit_leaves_no_file(tmp_path: Path) -> None:
    drive = open_drive(write_images(tmp_path / 'd', ['1.png']))
    with pytest.raises(ValueError, match='exceeds 10 bytes.*make the drive shorter'):
        write_video(drive, tmp_path / 'out' / 'd.mp4', 10)
    assert list((tmp_path / 'out').iterdir()) == []


@pytest.mark.parametrize('name', ['drive.mp4', 'drive.avi'])
def test_a_video_plays_every_image_at_its_own_rate(tmp_path: Path, name: str) -> None:
    drive = open_drive(write_clip(tmp_path / name))
    frames = list(drive)
    assert (drive.name, drive.rate_hz, len(drive)) == ('drive', 12.5, 5)
    assert [index_of(frame.rgb) for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.stamp_ns for frame in frames] == [i * 80_000_000 for i in range(5)]
    assert frames[0].camera is None


def test_a_video_can_be_left_early_and_read_again(tmp_path: Path) -> None:
    drive = open_drive(write_clip(tmp_path / 'a.mp4'))
    assert index_of(next(iter(drive)).rgb) == 0
    assert len(list(drive)) == 5


def test_a_description_beside_the_video_gives_the_camera(tmp_path: Path) -> None:
    path = write_clip(tmp_path / 'a.mp4')
    path.with_suffix('.json').write_text(json.dumps({'camera': LENS}))
    camera = next(iter(open_drive(path))).camera
    assert camera is not None
    assert (camera.width, camera.height, camera.fx) == (64, 48, LENS['fx'])


def test_a_description_without_a_camera_leaves_it_unknown(tmp_path: Path) -> None:
    path = write_clip(tmp_path / 'a.mp4')
    path.with_suffix('.json').write_text('{"must_alarm": []}')
    assert next(iter(open_drive(path))).camera is None


@pytest.mark.parametrize('text', [
    '{', '{"camera": {"fx": 60}}', '{"camera": "front"}', '{"camera": null}', '[]', '3',
    '[' * 99999, '{"version": "5.4", "frames": []}'])
def test_the_json_of_another_tool_beside_the_video_is_ignored(tmp_path: Path, text: str) -> None:
    path = write_clip(tmp_path / 'a.mp4')
    path.with_suffix('.json').write_text(text)
    assert next(iter(open_drive(path))).camera is None


@pytest.mark.parametrize('fx', [-60, 0, 'wide', None, math.nan])
def test_a_wrong_camera_beside_the_video_is_refused(tmp_path: Path, fx: Any) -> None:
    path = write_clip(tmp_path / 'a.mp4')
    path.with_suffix('.json').write_text(json.dumps({'camera': {**LENS, 'fx': fx}}))
    with pytest.raises(ValueError, match=r'a\.json has a wrong camera'):
        open_drive(path)


@pytest.mark.parametrize('content', [b'', b'not a video at all' * 100])
def test_a_file_that_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'bad.mp4'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf'bad\.mp4 \({len(content)} bytes\) cannot be opened'):
        open_drive(path)


def test_a_video_cut_off_before_its_index_is_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / 'cut.mp4', frames=40)
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r'cut\.mp4'):
        open_drive(path)


def test_a_video_with_missing_frames_fails_at_its_end(tmp_path: Path) -> None:
    path = write_clip(tmp_path / 'cut.avi', frames=60)
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 3])
    drive = open_drive(path)
    with pytest.raises(ValueError, match=r'ends after \d+ of 60 frames; is it cut off'):
        list(drive)
