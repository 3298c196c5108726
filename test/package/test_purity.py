# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Perception and alarm get times, seeds and files as values, so that a replay is identical."""
import ast
from pathlib import Path
import re
import sys

import pytest
from source_tree import files, imports, ROOT

WORLDLY = {  # clocks, chance, files, other processes
    'asyncio', 'datetime', 'glob', 'importlib', 'io', 'logging', 'multiprocessing', 'os',
    'pathlib', 'pickle', 'random', 'secrets', 'shutil', 'socket', 'subprocess', 'sys', 'tempfile',
    'threading', 'time', 'uuid', 'yaml',
}
KNOWN = {'numpy', 'cv2'}
FILE_CALLS = {  # of numpy and cv2
    'imread', 'imwrite', 'VideoCapture', 'VideoWriter', 'FileStorage', 'load', 'loadtxt', 'save',
    'savetxt', 'savez', 'savez_compressed', 'fromfile', 'tofile', 'memmap', 'genfromtxt',
    'getTickCount', 'randn', 'randu', 'theRNG',
}
SEEDED = {'Philox', 'PCG64', 'SeedSequence', 'Generator', 'default_rng'}
PURE = [file for layer in ('perception', 'alarm') for file in files(layer)]
shown = pytest.mark.parametrize('file', PURE, ids=lambda file: str(file.relative_to(ROOT)))


@shown
def test_a_pure_module_imports_no_clock_random_source_or_file(file: Path) -> None:
    wrong = [str(found) for found in imports(file)
             if found.top in WORLDLY
             or not (found.layer or found.top in KNOWN or is_standard(found.top))]
    assert wrong == []


def is_standard(module: str) -> bool:
    return module in sys.stdlib_module_names


@shown
def test_a_pure_module_opens_no_file_and_seeds_every_generator(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding='utf-8'))
    assert [problem for node in ast.walk(tree) for problem in problems(node)] == []


def problems(node: ast.AST) -> list[str]:
    """Describe what a call does that a pure function must not do."""
    if not isinstance(node, ast.Call):
        return []
    name = ast.unparse(node.func)
    last = name.split('.')[-1]
    if name in ('open', 'input', 'print', 'exec', 'eval', '__import__'):
        return [f'line {node.lineno}: {name}()']
    if name.split('.')[0] in ('np', 'numpy', 'cv2') and last in FILE_CALLS:
        return [f'line {node.lineno}: {name}()']
    drawn = re.fullmatch(r'(np|numpy)\.random\.\w+', name)
    if drawn and (last not in SEEDED or not (node.args or node.keywords)):
        return [f'line {node.lineno}: {name}() draws without a seed']
    return []


@pytest.mark.parametrize('text', [
    'open("a")', 'np.load("a")', 'cv2.imread("a")', 'np.random.rand(3)', 'np.random.default_rng()',
    'numpy.random.seed(1)'])
def test_the_check_finds_an_impure_call(text: str) -> None:
    call = ast.parse(text).body[0]
    assert [problem for node in ast.walk(call) for problem in problems(node)]


def test_the_check_accepts_seeded_generators() -> None:
    call = ast.parse('np.random.Generator(np.random.Philox(key=seed)).random(3)')
    assert [problem for node in ast.walk(call) for problem in problems(node)] == []
