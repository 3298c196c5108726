# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The mutants of small functions, as they are listed by hand, and a run that kills some."""
import ast
from importlib import util
import json
from pathlib import Path
import subprocess
import sys
from types import ModuleType

import pytest

FOLDER = Path(__file__).parent


def _loaded(name: str) -> ModuleType:
    """Load a script that lies beside this file, where pytest does not look for modules."""
    spec = util.spec_from_file_location(name, FOLDER / f'{name}.py')
    assert spec and spec.loader
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


mutators = _loaded('mutators')


def changes(text: str) -> list[str]:
    tree = ast.parse(text)
    found = [mutant.name for mutant in mutators.mutants(tree)]
    assert ast.unparse(tree) == ast.unparse(ast.parse(text))  # every change is undone
    return found


@pytest.mark.parametrize(('text', 'expected'), [
    ('LIMIT = .5', ['module: 0.5 -> 1.5']),
    ('def f(a):\n    return a > 1 and b', [
        'f: return a > 1 and b -> return', 'f: a > 1 and b -> a > 1 or b',
        'f: a > 1 and b -> b', 'f: a > 1 and b -> a > 1', 'f: a > 1 -> a >= 1',
        'f: a > 1 -> a > 2']),
    ('class A:\n    def f(self, b=True):\n        self.b = b', [
        'A.f: True -> False', 'A.f: self.b = b -> pass']),
    ('@property\ndef f():\n    """Text."""\n    if a:\n        g(-b)', [
        'f: a -> not a', 'f: g(-b) -> pass', 'f: -b -> b']),
    ('a = max(b, abs(c))', ['module: max(b, abs(c)) -> min(b, abs(c))', 'module: abs(c) -> c']),
    ('a: int | None = [b for b in c if b]', [
        'module: [b for b in c if b] -> [b for b in c]']),
    ("a = f'{b} is bad'", ["module: f'{b} is bad' -> f' is bad'",
                           "module: f'{b} is bad' -> f'{b}XX is badXX'"]),
    ('a = AlertLevel.WARN', ['module: AlertLevel.WARN -> AlertLevel.OK'])])
def test_the_mutants_of_a_piece_of_code(text: str, expected: list[str]) -> None:
    assert changes(text) == expected


def test_equal_changes_have_different_names() -> None:
    names = changes('def f():\n    g(1)\n    g(1)')
    assert len(names) == len(set(names)) == 4


def test_only_what_runs_at_import_belongs_to_no_function() -> None:
    text = 'A = 1\n\n\n@d\ndef f(a=2):\n    return 3\n'
    lines = {mutant.name: mutant.function for mutant in mutators.mutants(ast.parse(text))}
    assert lines == {'module: 1 -> 2': None, 'f: 2 -> 3': None, 'f: 3 -> 4': 4,
                     'f: return 3 -> return': 4}


def test_each_equivalent_mutant_exists_and_has_a_reason() -> None:
    equivalent = json.loads((FOLDER / 'equivalent.json').read_text(encoding='utf-8'))
    folder = FOLDER.parents[1] / 'bdl_perception' / 'alarm'
    known = {f'{module}.{mutant.name}'
             for module in {name.partition('.')[0] for name in equivalent}
             for mutant in mutators.mutants(ast.parse((folder / f'{module}.py').read_text()))}
    assert set(equivalent) <= known
    assert all(len(reason.split()) > 4 for reason in equivalent.values())


@pytest.mark.slow
def test_a_mutant_that_a_test_finds_is_killed() -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / 'run.py'), 'cusum', '--only', 'ville_limit: return'],
        capture_output=True, text=True, timeout=110)
    assert '| `cusum.py` | 1 | 0 | 0 | 100.0 % |' in done.stdout
    assert done.returncode == 0
