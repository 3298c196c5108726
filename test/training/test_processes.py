# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Real processes that train: one that is killed and taken up again, and two as one."""
import csv
import os
import re
import signal
import subprocess
import sys

from bdl_perception.cli.main import main
from bdl_perception.training.checkpoint import read_checkpoint
import pytest
from source_tree import ROOT
from tiny_drives import make_tiny_drives
import torch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
EPOCHS = 4
YAML = f"""
epochs: {EPOCHS}
batch: 3
threads: 1
device: cpu
network:
  {{height: 32, width: 64, canonical_focal_px: 50, encoder_channels: [4, 6, 8, 8],
   decoder_channels: [8, 6, 5, 4]}}
"""
OPTIONS = YAML.replace('[8, 6, 5, 4]}', '[8, 6, 5, 4], dropout: decoder, concrete: true}') + """
likelihood: laplace
faithful: true
variance_warm_up: .5
"""  # of the loss and the masks; together with YAML they cover every branch of the step
LOOPBACK = {'GLOO_SOCKET_IFNAME': 'lo', 'MASTER_ADDR': '127.0.0.1'}
CLOCKED = ('elapsed_min', 'images_per_s')  # columns that no two runs share
TORCHRUN = ('-m', 'torch.distributed.run', '--standalone', '--local-addr', '127.0.0.1',
            '--nproc-per-node')
DIES = """
import os, signal, sys
from bdl_perception.cli.main import main
from bdl_perception.training import loop

def work(*given):
    calls.append(given)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given)

name, calls = sys.argv[1], []
real = getattr(loop, name)
setattr(loop, name, work)
main(sys.argv[2:])
"""

LISTS_THREADS = """
import gc, os, sys
from pathlib import Path
from bdl_perception.cli.main import main
from bdl_perception.training.distributed import ProcessGroup

def gloo():
    names = {path.read_text().strip() for path in Path('/proc/self/task').glob('*/comm')}
    return ' '.join(sorted(name for name in names if 'gloo' in name))

def say(text):  # torchrun lets print write in pieces, between which the other may write
    os.write(1, f'<{text}>'.encode())

def share(team, network):
    shared = real(team, network)
    say(f'within: {gloo()}')
    return shared

gc.disable()  # what ends must not end by luck
real, ProcessGroup.wrap_ddp = ProcessGroup.wrap_ddp, share
say(f'left with {main(sys.argv[1:])}: {gloo()}')
"""


def _words(folder, out, config='train'):
    return ['train', '--data', str(folder / 'data'), '--out', str(folder / out),
            '--config', str(folder / f'{config}.yaml')]


def _environment():
    return {**os.environ, **LOOPBACK, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)}


def _rows(folder):
    with (folder / 'curves.csv').open() as file:
        return [{name: value for name, value in row.items() if name not in CLOCKED}
                for row in csv.DictReader(file)]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Hold data, settings and `one`: the run of one process that nobody has disturbed."""
    path = tmp_path_factory.mktemp('processes')
    make_tiny_drives(path / 'data', drives=2, frames=4)
    make_tiny_drives(path / 'data', split='validation', drives=1, frames=2, seed=1)
    (path / 'train.yaml').write_text(YAML)
    assert main(_words(path, 'one')) == 0
    assert len(_rows(path / 'one')) == EPOCHS
    return path


@pytest.mark.parametrize('within, finished', [('compute_metrics', 2), ('write_curves', 3)])
def test_a_killed_process_resumes_to_the_same_curves(folder, within, finished):
    """It kills itself in the third epoch: a watching process could be too late."""
    words = _words(folder, f'killed_in_{within}')
    done = subprocess.run([sys.executable, '-c', DIES, within, *words], env=_environment(),
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=500)
    assert done.returncode == -signal.SIGKILL
    killed = folder / f'killed_in_{within}'
    assert read_checkpoint(killed / 'checkpoint.pt').progress.epoch == finished
    assert len(_rows(killed)) == 2
    assert main(words) == 0
    assert _rows(killed) == _rows(folder / 'one')
    for name in ('best.pt', 'checkpoint.pt'):
        _same_network(killed / name, folder / 'one' / name, 0.)


@pytest.mark.parametrize('config', ['train', 'options'])
def test_two_processes_give_the_run_of_one(folder, config):
    """A batch of three is shared as one and two frames, whose labelled pixels differ in number."""
    one, two = ('one', 'two') if config == 'train' else ('options_one', 'options_two')
    if config == 'options':
        (folder / 'options.yaml').write_text(OPTIONS)
        assert main(_words(folder, one, config)) == 0
    command = [sys.executable, *TORCHRUN, '2', '-m', 'bdl_perception.cli.main',
               *_words(folder, two, config)]
    done = subprocess.run(command, env=_environment(), text=True, capture_output=True,
                          timeout=500)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('validation_abs_rel') == EPOCHS  # one process prints
    for found, expected in zip(_rows(folder / two), _rows(folder / one), strict=True):
        for name in expected:
            assert float(found[name]) == pytest.approx(float(expected[name]), rel=1e-4), name
    _same_network(folder / two / 'checkpoint.pt', folder / one / 'checkpoint.pt', 1e-3)


@pytest.mark.parametrize('out, changes, code', [
    ('threads', [], 0), ('one', ['--epochs', '9', '--stride', 'world=2'], 2)])
def test_no_thread_of_the_group_outlives_the_command(folder, out, changes, code):
    """Such a thread may abort the process while Python shuts down; see join_process_group."""
    script = folder / 'lists_threads.py'
    script.write_text(LISTS_THREADS)
    command = [sys.executable, *TORCHRUN, '2', str(script), *_words(folder, out), *changes]
    done = subprocess.run(command, env=_environment(), text=True, capture_output=True,
                          timeout=500)
    assert done.returncode == 0, done.stderr
    assert len(re.findall('<within: [^>]*gloo[^>]*>', done.stdout)) == 2, done.stdout
    assert re.findall('<left[^>]*>', done.stdout) == [f'<left with {code}: >'] * 2


def _same_network(found, expected, tolerance):
    found, expected = (read_checkpoint(path).network for path in (found, expected))
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=tolerance, atol=tolerance, msg=name)
