# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from bdl_perception.drives import open_drive
from bdl_perception.drives.encode import write_video
import cv2
from drive_files import index_of
from drive_files import write_pictures
from drive_files import write_rendered
import numpy as np
import pytest

PLENTY_BYTES = 10**7


def test_a_drive_comes_back_from_its_video_picture_by_picture(tmp_path: Path) -> None:
    drive = open_drive(write_rendered(tmp_path / 'd', frames=6))
    camera = write_video(drive, tmp_path / 'd.mp4', PLENTY_BYTES)
    back = open_drive(tmp_path / 'd.mp4')
    frames = list(back)
    assert [index_of(frame.rgb) for frame in frames] == [0, 1, 2, 3, 4, 5]
    assert back.rate_hz == drive.rate_hz
    assert camera == next(iter(drive)).camera


def test_pictures_shrink_until_the_file_fits_and_the_camera_with_them(tmp_path: Path) -> None:
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
    # the middle of the picture stays in the middle, the field of view stays
    assert (camera.cx, camera.cy) == (23.5, 17.5)
    assert camera.fx == pytest.approx(60.0 * 48 / 64)


def test_what_cannot_fit_is_refused_and_leaves_nothing_behind(tmp_path: Path) -> None:
    drive = open_drive(write_pictures(tmp_path / 'd', ['1.png']))
    with pytest.raises(ValueError, match='more than 10 bytes.*make it shorter'):
        write_video(drive, tmp_path / 'out' / 'd.mp4', 10)
    assert list((tmp_path / 'out').iterdir()) == []
