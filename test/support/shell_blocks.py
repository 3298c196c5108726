# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The shell commands of a page: indented blocks, a backslash continues a line."""
import os
from pathlib import Path
import re
import shlex
import subprocess
import sys
from typing import Mapping

from source_tree import ROOT

FENCE = re.compile(r'^```(\w*)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r'(?:^ {4,}\S.*\n)+', re.MULTILINE)


def fenced(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    text = (ROOT / page).read_text(encoding='utf-8')
    return [code for found, code in FENCE.findall(text) if found == language]


def commands(page: str) -> list[str]:
    """Return the commands of all indented blocks, without their comments."""
    text = FENCE.sub('', (ROOT / page).read_text(encoding='utf-8'))
    lines = re.sub(r' *\\\n *', ' ', ''.join(BLOCK.findall(text))).splitlines()
    return [without_comment(line.strip()) for line in lines]


def without_comment(line: str) -> str:
    return re.sub(r'(^|\s+)#\s.*$', '', line)


def run(command: str, folder: Path, shorter: Mapping[str, str] | None = None,
        timeout_s: float = 600) -> str:
    """
    Run a command in bash; returns its output.

    shorter: words of the command -> what a test runs in their place.
    """
    command = shortened(command, shorter or {})
    done = subprocess.run(['bash', '-euo', 'pipefail', '-c', command], cwd=folder, text=True,
                          capture_output=True, timeout=timeout_s, env=environment())
    assert done.returncode == 0, f'{command}\n{done.stdout}\n{done.stderr}'
    return done.stdout


def shortened(command: str, shorter: Mapping[str, str]) -> str:
    """Replace words of a command, each of which must be there."""
    for words, instead in shorter.items():
        assert words in command, f'{command!r} has no {words!r} to be replaced'
        command = command.replace(words, instead)
    return command


def environment() -> dict[str, str]:
    """Return an environment in which bdl, the nodes and python are those of the test."""
    return {**os.environ, 'PYTHONPATH': str(ROOT),
            'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'}


def words_of(command: str) -> list[str]:
    """Split a command as a shell does, with the variable PWD replaced."""
    return shlex.split(command.replace('$PWD', '/here'))
