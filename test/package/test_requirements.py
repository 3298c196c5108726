# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What a user runs after `pip install bdl_perception` works without the extras."""
import shutil
import subprocess
import sys

from bdl_perception.drives import BUNDLED_VIDEO
import cv2
import pytest

EXTRAS = ('scipy', 'sklearn', 'jinja2', 'matplotlib', 'torch', 'onnx', 'psutil', 'moderngl',
          'tensorboard', 'h5py', 'ray', 'hypothesis', 'mcap')
COMMAND = f"""
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {EXTRAS}:
            raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)
sys.meta_path.insert(0, Missing())
from bdl_perception.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def bdl(*words):
    """Run a command as a user has it without any extra."""
    return subprocess.run([sys.executable, '-c', COMMAND, *map(str, words)], capture_output=True,
                          text=True)


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp('clip')
    video = cv2.VideoCapture(str(BUNDLED_VIDEO))
    for index in range(6):
        assert cv2.imwrite(str(folder / f'{index}.png'), video.read()[1])
    return folder


@pytest.fixture(scope='module')
def recording(clip, tmp_path_factory):
    out = tmp_path_factory.mktemp('replay') / 'out'
    done = bdl('replay', clip, '--rate-hz', '10', '--samples', '4', '--out', out)
    assert done.returncode == 0, done.stderr
    assert (out / 'report.html').is_file()
    return out / 'recording'


def test_a_drive_is_replayed_to_a_page_and_a_recording(recording):
    assert recording.is_dir()


def test_scores_and_frames_are_read_for_a_calibration(recording, clip, tmp_path):
    for source, words in ((recording, ['--from-scores']), (clip, ['--model', 'street'])):
        copies = [shutil.copytree(source, tmp_path / source.name / str(index))
                  for index in range(8)]
        done = bdl('calibrate', *words, *copies, '--out', tmp_path / 'calibration.json')
        assert done.returncode == 2 and 'the very same scores' in done.stderr, done.stderr


def test_a_live_view_begins_to_read_its_drive(tmp_path):
    (tmp_path / 'broken.mp4').write_bytes(b'no video')
    done = bdl('live', tmp_path / 'broken.mp4', '--port', '0')
    assert done.returncode == 2 and 'broken.mp4' in done.stderr, done.stderr


def test_a_missing_library_of_an_extra_is_one_line_that_names_the_extra(clip, tmp_path):
    done = bdl('evaluate', clip, '--out', tmp_path / 'out')
    [line] = done.stderr.splitlines()
    assert done.returncode == 2 and line.endswith("-m pip install -e '.[evaluate]'")
