# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Shell completion of `bdl`, asked as bash does with argcomplete."""
import os
from pathlib import Path
import subprocess
import sys

from bdl_perception.cli import main
import pytest


def completions(line: str, folder: Path) -> list[str]:
    """Ask a process as the shell function of argcomplete does."""
    out = folder / 'completions'
    asked = {'_ARGCOMPLETE': '1', '_ARGCOMPLETE_IFS': '\n', 'COMP_LINE': line, 'COMP_TYPE': '9',
             'COMP_POINT': str(len(line)), '_ARGCOMPLETE_STDOUT_FILENAME': str(out),
             'PYTHONPATH': str(Path(main.__file__).parents[2])}
    done = subprocess.run([sys.executable, '-m', 'bdl_perception.cli'], capture_output=True,
                          text=True, env={**os.environ, **asked}, cwd=folder)
    assert (done.returncode, done.stdout) == (0, '')
    return [word.strip() for word in out.read_text().splitlines()]


@pytest.mark.parametrize(('line', 'expected'), [
    ('bdl c', ['calibrate', 'compile']),
    ('bdl compile', ['compile']),
    ('bdl compile --pre', ['--precision']),
    ('bdl compile --precision ', ['fp32', 'fp16']),
    ('bdl evaluate data --backend t', ['tensorrt', 'torch']),
    ('bdl replay --model s', ['street', 'spare/']),
    ('bdl no_such_command --m', [])])
def test_the_last_word_is_completed(line: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / 'spare').mkdir()
    assert completions(line, tmp_path) == expected


def test_every_command_is_offered(tmp_path: Path) -> None:
    assert set(main.COMMANDS) <= set(completions('bdl ', tmp_path))


def test_the_shell_function_for_all_programs_finds_the_mark() -> None:
    """Argcomplete searches the first 1024 bytes of the module of a program."""
    assert b'PYTHON_ARGCOMPLETE_OK' in Path(main.__file__).read_bytes()[:1024]
