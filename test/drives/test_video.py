# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tests."""
import json
import math
from pathlib import Path
import struct
from typing import Any

from bdl_perception.drives import open_drive
from bdl_perception.drives.video import FrameClock, write_video
import cv2
from drive_files import index_of, LENS, set_durations, write_images, write_rendered
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


@pytest.mark.parametrize(('ticks', 'times_ms'), [
    # ticks of 1/16 ms, with the same sum as of 12.5 Hz
    ([640, 640, 2560, 1280, 320, 320, 3200, 1280], [0, 40, 80, 240, 320, 340, 360, 560]),
    ([1280] * 7 + [12800], [0, 80, 160, 240, 320, 400, 480, 560])])
def test_the_frames_of_a_variable_rate_video_have_their_own_times(
        tmp_path: Path, ticks: list[int], times_ms: list[int]) -> None:
    path = set_durations(write_clip(tmp_path / 'a.mp4', len(ticks)), ticks)
    frames = list(open_drive(path))
    assert [index_of(frame.rgb) for frame in frames] == list(range(len(ticks)))
    assert [frame.stamp_ns for frame in frames] == [time * 1_000_000 for time in times_ms]


def test_a_time_that_containers_round_stays_that_of_the_rate(tmp_path: Path) -> None:
    ticks = [1280, 1286, 1274, 1280, 1280]  # .4 ms late once
    path = set_durations(write_clip(tmp_path / 'a.mp4'), ticks)
    assert [frame.stamp_ns for frame in open_drive(path)] == [i * 80_000_000 for i in range(5)]


def test_after_a_time_that_stands_still_the_rate_is_constant(
        tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ticks = [640, 1920, 0, 1280, 640, 3200]
    path = set_durations(write_clip(tmp_path / 'a.mp4', len(ticks)), ticks)
    drive = open_drive(path)
    stamps_ms = [frame.stamp_ns / 1e6 for frame in drive]
    assert stamps_ms == [0, 40, 160, 240, 320, 400]
    assert [record.getMessage() for record in caplog.records] == [
        f'{path}: the time of frame 3 does not increase; it and all later frames are taken as '
        f'0.08 s apart']


@pytest.mark.parametrize('time_ms', [math.nan, math.inf, -math.inf, -5., 0.])
def test_a_clock_never_stands_still_nor_goes_back(tmp_path: Path, time_ms: float) -> None:
    clock = FrameClock(tmp_path, 10.)
    stamps = [clock.next_stamp_ns(time) for time in (0., 130., time_ms, 300., time_ms, time_ms)]
    assert stamps == [0, 130_000_000, *(130_000_000 + i * 100_000_000 for i in range(1, 5))]


def test_a_clock_starts_at_zero_whatever_the_time_of_the_first_frame(tmp_path: Path) -> None:
    for first_ms in (80., 7000., -40.):
        clock = FrameClock(tmp_path, 12.5)
        assert [clock.next_stamp_ns(first_ms + 80 * i) for i in range(3)] == [
            0, 80_000_000, 160_000_000]
    unknown = FrameClock(tmp_path, 12.5)
    assert [unknown.next_stamp_ns(math.nan) for i in range(3)] == [0, 80_000_000, 160_000_000]


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


def with_index_first(data: bytes) -> bytes:
    """Move the index of an MP4 before its frames, so that the file can be cut in the frames."""
    frames, index = data.index(b'mdat') - 4, data.index(b'moov') - 4
    moved = bytearray(data[index:])
    table = moved.index(b'stco') + 8
    for at in range(struct.unpack_from('>I', moved, table)[0]):
        place = table + 4 + 4 * at
        struct.pack_into('>I', moved, place, struct.unpack_from('>I', moved, place)[0]
                         + len(moved))
    return data[:frames] + bytes(moved) + data[frames:index]


@pytest.mark.parametrize('ticks', [[1280] * 60, [1280] * 10 + [1280 * 45] + [130] * 49])
def test_one_long_interval_does_not_hide_that_frames_are_missing(
        tmp_path: Path, ticks: list[int]) -> None:
    path = set_durations(write_clip(tmp_path / 'cut.mp4', frames=60), ticks)
    data = with_index_first(path.read_bytes())
    path.write_bytes(data)
    assert len(list(open_drive(path))) == 60
    path.write_bytes(data[:len(data) - (data.index(b'moov') + len(data)) // 4])
    with pytest.raises(ValueError, match=r'ends after \d+ of 60 frames; is it cut off'):
        list(open_drive(path))


def test_a_video_with_missing_frames_fails_at_its_end(tmp_path: Path) -> None:
    path = write_clip(tmp_path / 'cut.avi', frames=60)
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 3])
    drive = open_drive(path)
    with pytest.raises(ValueError, match=r'ends after \d+ of 60 frames; is it cut off'):
        list(drive)
