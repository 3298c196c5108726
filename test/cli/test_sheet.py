# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl sheet` from arguments to an image."""
from pathlib import Path
import re

from bdl_perception.cli.main import main
from bdl_perception.workflows.labelled_frames import evenly_spaced, read_evenly_spaced
from camvid_files import make_tiny_camvid
import cv2
from kitti_files import make_tiny_kitti
import numpy as np
import pytest
from tiny_drives import make_tiny_drives
from tiny_model import make_tiny_model


@pytest.fixture()
def drives(tmp_path: Path) -> Path:
    return make_tiny_drives(tmp_path / 'drives', split='test', drives=2, frames=5)


def draw(tmp_path: Path, *words: str) -> int:
    model = make_tiny_model(tmp_path / 'model')
    return main(['sheet', '--model', str(model), '--out', str(tmp_path / 'sheet.png'),
                 '--samples', '4', '--threads', '1', *words])


def test_drives_data_sets_and_images_share_a_sheet(
        tmp_path: Path, drives: Path, capsys: pytest.CaptureFixture[str]) -> None:
    camvid = make_tiny_camvid(tmp_path / 'camvid', 'val', 3)
    assert draw(tmp_path, '--rows', '2', str(drives), f'camvid:{camvid}:val',
                str(drives / 'test_0000' / 'rgb')) == 0
    assert 'sheet.png: 6 rows' in capsys.readouterr().out
    assert cv2.imread(str(tmp_path / 'sheet.png')) is not None


def test_every_data_set_of_training_is_a_source(tmp_path: Path) -> None:
    kitti = make_tiny_kitti(tmp_path / 'kitti', 'val', 2)
    found = read_evenly_spaced(f'kitti_depth:{kitti}:val', 4)
    assert [one.title.splitlines()[0] for one in found] == ['KittiDepth val'] * 4
    assert all(one.depth is not None and one.classes is None for one in found)
    assert draw(tmp_path, '--rows', '2', f'kitti_depth:{kitti}:val') == 0


@pytest.mark.parametrize(('length', 'count', 'chosen'), [
    (10, 2, [2, 7]), (3, 5, [0, 1, 2]), (5, 1, [2]), (0, 2, [])])
def test_frames_are_evenly_spaced(length: int, count: int, chosen: list[int]) -> None:
    assert evenly_spaced(length, count) == chosen


def test_a_rendered_drive_has_its_truth_and_condition(drives: Path) -> None:
    found, = read_evenly_spaced(str(drives / 'test_0001'), 1)
    assert found.title == 'test_0001\nframe 2\nday'
    stored = cv2.imread(str(drives / 'test_0001' / 'classes' / '000002.png'), -1)
    np.testing.assert_array_equal(found.classes, stored)
    assert found.depth is not None and np.isnan(found.depth[0, 0])
    assert found.frame.stamp_ns == 200_000_000 and found.frame.camera is not None


def test_all_drives_of_a_folder_are_sampled(drives: Path) -> None:
    titles = [found.title.splitlines()[:2] for found in read_evenly_spaced(str(drives), 2)]
    assert titles == [['test_0000', 'frame 2'], ['test_0001', 'frame 2']]


def test_camvid_has_classes_and_no_depth(tmp_path: Path) -> None:
    camvid = make_tiny_camvid(tmp_path / 'camvid', 'val', 3)
    found, = read_evenly_spaced(f'camvid:{camvid}:val', 1)
    assert found.title == 'CamVid val\nframe_1' and found.depth is None
    assert found.classes is not None


@pytest.mark.parametrize(('source', 'message'), [
    ('kitti:/data:val', "unknown kind 'kitti'.*camvid:data/camvid:test"),
    ('kitti_depth=/data', 'must be kitti_depth:DIR:SPLIT'),
    ('camvid:nowhere', 'must be camvid:DIR:SPLIT'),
    ('camvid:nowhere:val', 'nowhere/val is not a folder'),
    ('nowhere', 'nowhere does not exist'), ('empty', 'empty has no image')])
def test_a_source_that_cannot_be_read_is_one_clear_line(
        tmp_path: Path, source: str, message: str, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'empty').mkdir()
    assert draw(tmp_path, source) == 2
    reported = capsys.readouterr().err.splitlines()
    assert len(reported) == 1
    assert re.search(message, reported[0])
    assert not (tmp_path / 'sheet.png').exists()
