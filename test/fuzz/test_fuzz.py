# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Each reader of data from outside gets a number of damaged inputs; run.py has the long form."""
from pathlib import Path
import subprocess
import sys

import pytest

FOLDER = Path(__file__).parent
INPUTS = {'image': 4000, 'compressed': 1500, 'jpeg': 4000, 'calibration': 1000, 'model': 1000,
          'bag': 100}


def fuzz(code: str) -> 'subprocess.CompletedProcess[str]':
    """Run code beside run.py in a process of its own: its memory and time are measured."""
    return subprocess.run([sys.executable, '-c', code], cwd=FOLDER, capture_output=True, text=True,
                          errors='replace', timeout=110)


def run_target(name: str, inputs: int) -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / 'run.py'), name, '--inputs', str(inputs)],
        capture_output=True, text=True, errors='replace', timeout=110)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f'{name}: {inputs} inputs' in done.stdout


@pytest.mark.parametrize('name', INPUTS)
def test_damaged_inputs_are_rejected_or_give_a_valid_value(name: str) -> None:
    run_target(name, INPUTS[name])


@pytest.mark.ros
def test_damaged_messages_are_rejected_or_give_a_valid_alert() -> None:
    run_target('diagnostics', 600)


BROKEN = """
import random, run
from edits import edited
from pathlib import Path
from types import SimpleNamespace
run.FOUND = Path({found!r})
held = []
def read(data):
    {body}
    return True
target = SimpleNamespace(run=lambda data: data == b'seed' or read(data), seeds=lambda: [b'seed'],
                         edit=edited)
run.run_seeded(run.Runs('broken', target, 1), target, 20, 0)
"""


@pytest.mark.parametrize(('body', 'text'), [
    ('raise KeyError', 'KeyError'), ('held.append(bytes([1]) * 2**26)', 'MB are more than'),
    ('while True: pass', '')])
def test_a_reader_that_fails_grows_or_hangs_is_found(tmp_path: Path, body: str, text: str) -> None:
    done = fuzz(BROKEN.format(found=str(tmp_path), body=body))
    assert done.returncode != 0 and text in done.stderr
    stored = [file.read_bytes() for file in tmp_path.iterdir()]
    assert (len(stored) == 1 and stored[0] != b'seed') or not text  # a hang ends at once


def test_a_reader_that_accepts_no_seed_is_no_target(tmp_path: Path) -> None:
    done = fuzz(BROKEN.format(found=str(tmp_path), body='return False').replace(
        "data == b'seed' or ", ''))
    assert done.returncode != 0 and 'no seed is accepted' in done.stderr


def test_the_same_seed_gives_the_same_inputs() -> None:
    code = ('import random; from edits import edited; draw = random.Random({}); '
            'print([edited(bytes(range(72)), [bytes(9)], draw) for _ in range(50)])')
    first, again, other = (fuzz(code.format(seed)).stdout for seed in (1, 1, 2))
    assert first == again != other and len(first) > 1000
