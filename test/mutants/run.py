# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Measure the mutation score of the modules that decide about the alert.

    python test/mutants/run.py [alert evidence ...] [--only TEXT] [--fresh]

Each mutant is a child process, which runs the tests that call the changed function, quick ones
first, until one fails. Nothing is written to the package. What was killed is kept in
build/mutants.json until the function changes; --fresh forgets it.
"""
import argparse
import ast
import json
import os
from pathlib import Path
import sys
from typing import NamedTuple

from children import Tests, tests_pass
from mutators import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = 'bdl_perception.alarm'
COMMON = ('test/alarm/test_alert.py', 'test/alarm/test_reasons.py')
POLICY = 'test/alarm/test_policy.py'  # against the reference page
TESTS: dict[str, tuple[str, ...]] = {  # module -> the tests that must find every mistake in it
    'alert': ('test/alarm/test_latch.py', 'test/alarm/test_hysteresis.py',
              'test/alarm/test_uncalibrated_camera.py', *COMMON),
    'alert_types': (POLICY, 'test/alarm/test_alert_types.py', 'test/nodes/test_diagnostics.py',
                    *COMMON),
    'evidence': ('test/alarm/test_evidence.py', 'test/alarm/test_evidence_edges.py',
                 'test/alarm/test_uncalibrated_camera.py', *COMMON),
    'freshness': ('test/alarm/test_freshness.py', 'test/alarm/test_hysteresis.py', *COMMON),
    'cusum': ('test/alarm/test_cusum_limits.py', 'test/alarm/test_cusum_sequential.py',
              'test/alarm/test_cusum_drift.py'),
    'governor': (POLICY, 'test/alarm/test_governor_steps.py', 'test/alarm/test_governor.py'),
}
EQUIVALENT = Path(__file__).with_name('equivalent.json')
KILLED = ROOT / 'build' / 'mutants.json'
NEEDED_PERCENT = 95


class Score(NamedTuple):
    """The result for a module."""

    killed: int
    survived: int
    equivalent: int

    @property
    def percent(self) -> float:
        """Return the share of the mutants that are not equivalent."""
        return 100 * self.killed / max(1, self.killed + self.survived)


class Killed:
    """The mutants that an earlier run has killed, as long as their function is the same."""

    def __init__(self) -> None:
        self._known: dict[str, str] = json.loads(
            KILLED.read_text(encoding='utf-8')) if KILLED.exists() else {}

    def has(self, name: str, mutant: Mutant) -> bool:
        return self._known.get(name) == mutant.digest

    def add(self, name: str, mutant: Mutant) -> None:
        self._known[name] = mutant.digest
        KILLED.parent.mkdir(exist_ok=True)
        KILLED.write_text(json.dumps(self._known, indent=0), encoding='utf-8')


def measure(module: str, only: str) -> Score:
    """Run all mutants of a module and print those that survive."""
    file = ROOT / f'{PACKAGE.replace(".", "/")}/{module}.py'
    tree = ast.parse(file.read_text(encoding='utf-8'))
    tests = Tests(f'{PACKAGE}.{module}', file, TESTS[module])
    equivalents: dict[str, str] = json.loads(EQUIVALENT.read_text(encoding='utf-8'))
    counts, known = dict.fromkeys(Score._fields, 0), Killed()
    for mutant in mutants(tree):
        name = f'{module}.{mutant.name}'
        if only not in name:
            continue
        if name in equivalents:
            counts['equivalent'] += 1
        elif not known.has(name, mutant) and tests_pass(tests, tree, mutant):
            counts['survived'] += 1
            print(f'{mutant.line}: {name}', flush=True)
        else:
            counts['killed'] += 1
            known.add(name, mutant)
    tests.close()
    return Score(**counts)


def main() -> int:
    """Print one row of a table for each module; the status is 1 if a score is too low."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('modules', nargs='*', choices=[[], *TESTS], default=[])
    parser.add_argument('--only', default='', help='mutants with this text in their name')
    parser.add_argument('--fresh', action='store_true', help='forget what was killed before')
    arguments = parser.parse_args()
    os.chdir(ROOT)
    if arguments.fresh:
        KILLED.unlink(missing_ok=True)
    rows = ['| module | killed | survived | equivalent | score |', '|---|---|---|---|---|']
    worst = 100.
    for module in arguments.modules or TESTS:
        score = measure(module, arguments.only)
        worst = min(worst, score.percent)
        rows.append(f'| `{module}.py` | {score.killed} | {score.survived} | {score.equivalent} | '
                    f'{score.percent:.1f} % |')
        print(rows[-1], flush=True)
    print(*rows, sep='\n')
    return int(worst < NEEDED_PERCENT)


if __name__ == '__main__':
    sys.exit(main())
