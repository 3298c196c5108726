# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path
from typing import Any

from bdl_perception.cli import main
from bdl_perception.commands.render import pack
from bdl_perception.drives import open_drive
from drive_files import LENS
from drive_files import write_rendered
import pytest


def test_a_packed_drive_says_where_it_must_alarm_and_who_took_it(tmp_path: Path) -> None:
    parts: list[dict[str, Any]] = [
        {'name': 'sun', 'start_s': 0.0, 'end_s': 0.2},
        {'name': 'dense_fog', 'start_s': 0.2, 'end_s': 0.4},
        {'name': 'haze', 'start_s': 0.4, 'end_s': 0.6}]
    pack(write_rendered(tmp_path / 'd', conditions=parts), tmp_path / 'd.mp4')
    beside = json.loads((tmp_path / 'd.json').read_text())
    assert beside['must_alarm'] == [parts[1]]
    assert beside['conditions'] == parts
    camera = next(iter(open_drive(tmp_path / 'd.mp4'))).camera
    assert camera is not None and camera.fx == LENS['fx']


def test_a_video_of_a_training_split_is_refused(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['render', 'train', '--video', str(tmp_path / 'a.mp4')]) == 2
    assert '--video is for the split demo' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_rendered_drives_can_be_played(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip('moderngl')
    words = ['render', 'validation', '--drives', '2', '--frames', '2', '--height', '48',
             '--width', '80', '--out', str(tmp_path)]
    code, said = main(words), capsys.readouterr().err
    if 'EGL' in said:
        pytest.skip(said)
    assert code == 0, said
    folders = sorted((tmp_path / 'validation').iterdir())
    assert len(folders) == 2
    for folder in folders:
        frames = list(open_drive(folder))
        assert [frame.rgb.shape for frame in frames] == [(48, 80, 3)] * 2
        assert frames[0].camera is not None
