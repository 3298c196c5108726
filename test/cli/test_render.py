# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path
from typing import Any

from bdl_perception.cli.demo import read_segments
from bdl_perception.cli.main import main
from bdl_perception.cli.render import write_demo_video
from bdl_perception.drives import open_drive
from bdl_perception.drives.description import Segment
import cv2
from drive_files import LENS, write_rendered
import numpy as np
import pytest
from rosbags.highlevel import AnyReader


def test_a_video_has_its_segments_camera_and_world(
        tmp_path: Path) -> None:
    parts: list[dict[str, Any]] = [
        {'name': 'sun', 'start_s': 0.0, 'end_s': 0.2},
        {'name': 'dense_fog', 'start_s': 0.2, 'end_s': 0.4},
        {'name': 'haze', 'start_s': 0.4, 'end_s': 0.6}]
    write_demo_video(write_rendered(tmp_path / 'd', conditions=parts, world=3), tmp_path / 'd.mp4')
    beside = json.loads((tmp_path / 'd.json').read_text())
    assert beside['must_alarm'] == [parts[1]]
    assert beside['conditions'] == parts and beside['world'] == 3
    assert read_segments(tmp_path / 'd.mp4') == [Segment('dense_fog', .2, .4, held_out=True)]
    camera = next(iter(open_drive(tmp_path / 'd.mp4'))).camera
    assert camera is not None and camera.fx == LENS['fx']


def test_a_video_of_a_training_split_is_refused(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['render', 'train', '--video', str(tmp_path / 'a.mp4')]) == 2
    assert '--video is for the split demo' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_video_in_the_format_of_a_recording_is_refused(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ['render', 'demo', '--video', str(tmp_path / 'a.mp4'), '--format', 'mcap']
    assert main(words) == 2
    assert '--video writes no drive' in capsys.readouterr().err


@pytest.mark.parametrize(('words', 'reported'), [
    (['--frames', '2'], 'leave --frames out'), (['--begins-at-s', '3'], 'leave --begins-at-s out'),
    (['--processes', '2'], 'leave --processes out'), (['--rate-hz', '0'], 'rate_hz is 0.0'),
    (['--height', '0'], 'height is 0 px'), (['--video', 'a.txt'], 'must end in .mp4')])
def test_a_demo_takes_nothing_that_it_would_not_heed(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str],
        reported: str) -> None:
    assert main(['render', 'demo', '--out', str(tmp_path / 'out'), *words]) == 2
    assert reported in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('option', ['--fade-s', '--ends-at-s'])
def test_a_fade_or_an_end_without_a_beginning_is_refused(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    words = ['render', 'test_night', option, '3', '--out', str(tmp_path)]
    assert main(words) == 2
    assert f'{option} requires --begins-at-s' in capsys.readouterr().err


def render(capsys: pytest.CaptureFixture[str], out: Path, *words: str) -> None:
    """Render two small drives; without EGL the test is skipped, and says so."""
    pytest.importorskip('moderngl')
    code = main(['render', 'validation', '--drives', '2', '--frames', '2', '--height', '48',
                 '--width', '80', '--out', str(out), *words])
    reported = capsys.readouterr().err
    if 'EGL' in reported:
        pytest.skip(reported)
    assert code == 0, reported


@pytest.mark.slow
def test_rendered_drives_can_be_played(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    render(capsys, tmp_path)
    folders = sorted((tmp_path / 'validation').iterdir())
    assert len(folders) == 2
    for folder in folders:
        frames = list(open_drive(folder))
        assert [frame.rgb.shape for frame in frames] == [(48, 80, 3)] * 2
        assert frames[0].camera is not None


@pytest.mark.slow
def test_a_drive_is_the_same_in_both_formats(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    render(capsys, tmp_path / 'folder')
    render(capsys, tmp_path / 'mcap', '--format', 'mcap', '--processes', '2')
    folders, bags = (sorted((tmp_path / kind / 'validation').iterdir())
                     for kind in ('folder', 'mcap'))
    assert [path.name for path in bags] == [path.name for path in folders]
    for folder, bag in zip(folders, bags, strict=True):
        assert {path.name for path in bag.iterdir()} == {'metadata.yaml', f'{bag.name}.mcap'}
        for one, other in zip(open_drive(folder), open_drive(bag), strict=True):
            np.testing.assert_array_equal(one.rgb, other.rgb)
            since_start_ns = other.stamp_ns - 1_767_225_600 * 10**9  # 2026-01-01 UTC
            assert (one.stamp_ns, one.camera) == (since_start_ns, other.camera)
        assert jpegs(bag) == [path.read_bytes() for path in sorted(folder.glob('rgb/*'))]
        for kind in ('depth', 'classes'):
            compare_truth(folder / kind, bag, kind)


def jpegs(bag: Path) -> list[bytes]:
    return [bytes(message.data) for message in messages(bag, '/camera/image/compressed')]


def messages(bag: Path, topic: str) -> list[Any]:
    with AnyReader([bag]) as reader:
        wanted = [connection for connection in reader.connections if connection.topic == topic]
        return [reader.deserialize(data, connection.msgtype)
                for connection, _, data in reader.messages(wanted)]


def compare_truth(folder: Path, bag: Path, kind: str) -> None:
    """Depth may differ by half a step of the folder's 16 bits, 2 mm; classes not at all."""
    found = messages(bag, f'/camera/{kind}')
    for path, message in zip(sorted(folder.iterdir()), found, strict=True):
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert stored is not None
        dtype = '<f4' if kind == 'depth' else 'u1'
        pixels = message.data.view(dtype).reshape(message.height, message.width)
        if kind == 'classes':
            np.testing.assert_array_equal(pixels, stored)
            continue
        far = stored == 65535
        np.testing.assert_allclose(pixels[~far], stored[~far] / 256, atol=.5 / 256, rtol=1e-7)
        assert (pixels[far] > 255.99).all() and np.isposinf(pixels).any()


@pytest.mark.slow
def test_a_second_run_does_not_mix_formats(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    render(capsys, tmp_path)
    assert main(['render', 'validation', '--drives', '2', '--out', str(tmp_path), '--format',
                 'mcap']) == 2
    assert 'no metadata.yaml: it was made in another format' in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize('kind', ['folder', 'mcap'])
def test_a_second_run_needs_the_same_seed(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    render(capsys, tmp_path, '--format', kind)
    render(capsys, tmp_path, '--format', kind)
    words = ['--drives', '2', '--frames', '2', '--height', '48', '--width', '80', '--seed', '1']
    assert main(['render', 'validation', '--out', str(tmp_path), '--format', kind, *words]) == 2
    assert 'it comes from another call' in capsys.readouterr().err
