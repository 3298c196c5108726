# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
import signal
import subprocess
import sys

from bdl_perception.world.scene import NoGraphicsError, open_context
import pytest
from rosbags.highlevel import AnyReader

SPLIT = 'test_dense_fog'
FIRST, SECOND = f'{SPLIT}_0000', f'.{SPLIT}_0001.partial'
DIES = f"""
import os, signal, sys
from bdl_perception.cli.main import main
from bdl_perception.world.drive import WorldDrive

def frame(drive, renderer, index, time_s):
    if drive.spec.name == '{SPLIT}_0001' and index == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(drive, renderer, index, time_s)

real, WorldDrive._frame = WorldDrive._frame, frame
main(sys.argv[1:])
"""


@pytest.fixture(autouse=True)
def graphics() -> None:
    pytest.importorskip('moderngl')
    try:
        open_context().release()
    except NoGraphicsError as error:
        pytest.skip(str(error))


def words(out: Path, kind: str) -> list[str]:
    """Ask for two drives without sunshine, which costs a shadow map."""
    return ['render', SPLIT, '--drives', '2', '--frames', '8', '--height', '24', '--width', '32',
            '--seed', '9', '--out', str(out), '--format', kind]


def contents(out: Path) -> dict[str, object]:
    """Every file's bytes; of a recording its messages, as zstd may pack equal ones differently."""
    return {str(path.relative_to(out)): messages(path) if path.suffix == '.mcap'
            else path.read_bytes() for path in out.rglob('*') if path.is_file()}


def messages(recording: Path) -> list[tuple[str, int, bytes]]:
    with AnyReader([recording.parent]) as bag:
        return [(link.topic, stamp_ns, bytes(data)) for link, stamp_ns, data in bag.messages()]


def command_of(out: Path, kind: str) -> list[str]:
    return [sys.executable, '-m', 'bdl_perception.cli.main', *words(out, kind)]


def die_within_the_second_drive(out: Path, kind: str) -> None:
    """Let it die by its own hand: who watches it could be too slow for so small a drive."""
    done = subprocess.run([sys.executable, '-c', DIES, *words(out, kind)],
                          stderr=subprocess.DEVNULL)
    assert done.returncode == -signal.SIGKILL
    assert any(path.is_file() for path in out.glob(f'{SPLIT}/{SECOND}/**/*'))


@pytest.mark.slow
@pytest.mark.timeout(300)  # of a starved machine; an idle one needs seconds
@pytest.mark.parametrize('kind', ['folder', 'mcap'])
def test_an_interrupted_run_can_be_repeated(
        tmp_path: Path, kind: str) -> None:
    killed, whole = tmp_path / 'killed', tmp_path / 'whole'
    die_within_the_second_drive(killed, kind)
    assert {path.name for path in (killed / SPLIT).iterdir()} == {FIRST, SECOND}
    first = {path: path.stat().st_mtime_ns for path in (killed / SPLIT / FIRST).rglob('*')}
    for out in (killed, whole):  # each in a process of its own, as a user's
        subprocess.run(command_of(out, kind), check=True, stderr=subprocess.DEVNULL)
    assert contents(killed) == contents(whole)
    assert {path: path.stat().st_mtime_ns for path in first} == first, 'the first was done again'
