# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl demo` as a command: real processes, a record on disk, and the exit code."""
import json
from pathlib import Path
import subprocess
import sys

from bdl_perception.drives.topic_recording import MAP_TOPICS, SCALAR_TOPICS
import cv2
from mcap.reader import make_reader
import numpy as np
import pytest
from tiny_model import make_tiny_model

pytestmark = pytest.mark.slow
FRAMES = 12


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    folder = tmp_path / 'images'
    folder.mkdir()
    random = np.random.default_rng(0)
    for index in range(FRAMES):
        cv2.imwrite(str(folder / f'{index:03d}.png'),
                    random.integers(60, 180, (96, 160, 3), np.uint8))
    return folder


def demo(*words: str | Path) -> 'subprocess.CompletedProcess[str]':
    return subprocess.run(
        [sys.executable, '-m', 'bdl_perception.cli.main', 'demo', *map(str, words)],
        capture_output=True, text=True, timeout=110, check=False)


def test_a_demo_leaves_a_record_and_reports_every_lost_frame(
        drive: Path, tmp_path: Path) -> None:
    model, out = make_tiny_model(tmp_path / 'tiny', chunk=4), tmp_path / 'out'
    done = demo('--input', drive, '--model', model, '--out', out, '--rate-hz', '2')
    summary = json.loads((out / 'summary.json').read_text())
    # On a slow machine frames are lost, but only those that perception_node reports as dropped.
    assert (summary['frames_in'], summary['frames_out'] + summary['dropped']) == (FRAMES, FRAMES)
    assert summary['lost'] == summary['dropped'] <= FRAMES // 2
    assert len(summary['failures']) == done.returncode == (summary['dropped'] > 0), done.stdout
    assert summary['monte_carlo_cycles'] > 0
    assert {change['level'] for change in summary['alert_transitions']} == {'STALE'}
    assert 'not armed' in summary['alert_transitions'][-1]['message']  # it has no calibration
    log = (out / 'logs' / 'perception_node.log').read_text()
    assert summary['model_terms'] == 'not recorded' and (
        'terms of its training data: not recorded' in log)
    video = cv2.VideoCapture(str(out / 'drive.webm'))
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == FRAMES
    assert cv2.imread(str(out / 'sheet.png')).std() > 10
    with (out / 'recording' / 'recording.mcap').open('rb') as stream:
        summarised = make_reader(stream).get_summary()
    channels = {channel.topic: (summarised.schemas[channel.schema_id].name, counts)
                for number, channel in summarised.channels.items()
                if (counts := summarised.statistics.channel_message_counts[number])}
    assert set(channels) == {'/image/compressed', *(
        f'/{topic.name.lstrip("/")}' for topic in (*MAP_TOPICS, *SCALAR_TOPICS))}
    assert channels['/image/compressed'] == ('sensor_msgs/msg/CompressedImage', FRAMES)
    assert channels['/depth/image'][0] == 'sensor_msgs/msg/Image'
    assert channels['/scores'][1] == summary['frames_out'] + summary['monte_carlo_cycles']


def test_a_modified_model_ends_the_demo_with_the_reason(
        drive: Path, tmp_path: Path) -> None:
    model, out = make_tiny_model(tmp_path / 'tiny', chunk=4), tmp_path / 'out'
    (model / 'perceive.onnx').write_bytes(b'not what model.json says')
    done = demo('--input', drive, '--model', model, '--out', out)
    assert done.returncode == 1
    failures = json.loads((out / 'summary.json').read_text())['failures']
    assert len(failures) == 1 and 'could not be activated' in failures[0]
    assert 'sha256' in failures[0] and 'sheet.png' not in done.stdout


def test_a_missing_model_is_one_line_before_any_process(
        drive: Path, tmp_path: Path) -> None:
    done = demo('--input', drive, '--model', tmp_path / 'nowhere', '--out', tmp_path / 'out')
    assert done.returncode == 2
    assert 'nowhere' in done.stderr and not (tmp_path / 'out').exists()


def test_an_unreadable_input_is_one_line_and_leaves_the_record(
        tmp_path: Path) -> None:
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'summary.json').write_text('{}')
    done = demo('--input', tmp_path / 'nothing.mp4', '--out', tmp_path / 'out')
    assert done.returncode == 2
    assert 'nothing.mp4' in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert (tmp_path / 'out' / 'summary.json').exists()
