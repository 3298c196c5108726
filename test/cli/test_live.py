# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl live` as a command: it serves a page until Ctrl-C."""
import json
import re
import signal
import subprocess
import sys
from urllib.request import urlopen

from bdl_perception.cli.main import main
import cv2
import numpy as np
import pytest
from tiny_model import make_tiny_model


def heed_ctrl_c():
    """Let a child end by SIGINT, which a shell ignores for what it runs in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def shown(url):
    """Read the data of the page, once it has a moment."""
    while True:
        page = urlopen(url, timeout=60).read().decode()
        data = json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.S)[1])
        if data['moments']:
            return data


@pytest.mark.slow
def test_a_drive_is_shown_until_ctrl_c(tmp_path):
    model, folder = make_tiny_model(tmp_path / 'tiny'), tmp_path / 'images'
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(6):
        cv2.imwrite(str(folder / f'{index}.png'), rng.integers(0, 255, (48, 80, 3), np.uint8))
    with subprocess.Popen(
            [sys.executable, '-m', 'bdl_perception.cli.main', 'live', str(folder), '--model',
             str(model), '--rate-hz', '5', '--port', '0', '--samples', '4'],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=heed_ctrl_c) as process:
        assert process.stdout is not None
        url = re.search(r'http://127\.0\.0\.1:\d+/', process.stdout.readline())[0]
        data = shown(url)
        assert data['live'] and data['title'] == 'Live: images'
        assert set(data['moments'][0]['images']) == set(data['panels'])
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_a_missing_recording_is_one_line(tmp_path, capsys):
    assert main(['live', str(tmp_path / 'none.mp4'), '--port', '0']) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert 'none.mp4 does not exist' in line
