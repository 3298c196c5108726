# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Fuzz one reader of data from outside, guided by coverage (atheris) or with edits from a seed alone.

    python test/fuzz/run.py TARGET [--seconds N]             # or all, one after the other
    python test/fuzz/run.py TARGET --inputs N [--seed N]     # without atheris
    python test/fuzz/run.py TARGET --replay FILE             # an input that was kept

A fault ends the run with a traceback, and the input is kept in build/fuzz. Memory and the time of
one input are limited.
"""
import argparse
import importlib
import os
from pathlib import Path
import random
import resource
import signal
import subprocess
import sys
import time
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOUND = ROOT / 'build' / 'fuzz'
MAX_INPUT_BYTES = 65_536
MAX_GROWTH_MB = 256  # of the resident memory after the seeds; the largest picture takes 24
MAX_ADDRESS_BYTES = 16 * 2**30
MAX_SECONDS = 20  # of one input, on a busy machine
INSTRUMENTED = [f'bdl_perception.{name}' for name in (
    'alarm', 'perception', 'drives', 'model_store', 'nodes.diagnostics', 'nodes.messages')] + [
    'rosbags']
NAMES = ('image', 'compressed', 'jpeg', 'calibration', 'model', 'diagnostics', 'bag')


def load(name: str) -> Any:
    """Import a target; only that of diagnostics needs rclpy."""
    sys.path[:0] = [str(ROOT), str(ROOT / 'test' / 'support')]
    if name == 'diagnostics':
        return importlib.import_module('diagnostics_target').DIAGNOSTICS
    return importlib.import_module('targets').TARGETS[name]


def resident_mb() -> float:
    """Return the highest resident memory so far."""
    # ru_maxrss would begin with that of the process that started this one
    status = Path('/proc/self/status').read_text(encoding='ascii')
    return int(status.split('VmHWM:')[1].split()[0]) / 1024


class Runs:
    """Counts inputs and checks what holds for each: exceptions, memory and time."""

    def __init__(self, name: str, target: Any, max_seconds: int) -> None:
        """Run the seeds, which must be accepted in part, and take the memory after them."""
        self.name, self._target, self._max_seconds = name, target, max_seconds
        self.count, self.accepted = 0, 0
        for seed in target.seeds():
            self.accepted += target.run(seed)
        if not self.accepted:
            raise AssertionError(f'{name}: no seed is accepted')
        self.accepted, self._limit_mb = 0, resident_mb() + MAX_GROWTH_MB

    def one(self, data: bytes) -> None:
        """Run one input; an input that raises is kept."""
        signal.alarm(self._max_seconds)  # ends the process: no input may hang, not even in C
        self.count += 1
        try:
            self.accepted += self._target.run(data)
            if resident_mb() > self._limit_mb:
                raise AssertionError(f'{resident_mb():.0f} MB are more than {self._limit_mb:.0f}')
        except BaseException:
            FOUND.mkdir(parents=True, exist_ok=True)
            (FOUND / f'{self.name}_{os.getpid()}').write_bytes(data)
            raise
        finally:
            signal.alarm(0)

    def __str__(self) -> str:
        return f'{self.name}: {self.count} inputs, {self.accepted} accepted, no fault'


def run_seeded(runs: Runs, target: Any, inputs: int, seed: int) -> None:
    """Run a number of inputs that depend on the seed alone."""
    draw = random.Random(seed)
    for _ in range(inputs):
        runs.one(target.edit(draw.choice(target.seeds()), target.seeds(), draw))


def run_atheris(name: str, seconds: int) -> None:
    """Fuzz with libFuzzer, which ends the process; the edits of the target are one mutator."""
    import atheris
    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        target = load(name)
    runs, begin = Runs(name, target, 0), time.monotonic()  # libFuzzer has the alarm

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        draw = random.Random(seed)
        if draw.randrange(2):
            return bytes(atheris.Mutate(data, max_size))
        return target.edit(data, target.seeds(), draw)[:max_size]

    def one(data: bytes) -> None:
        runs.one(data)
        if time.monotonic() - begin > seconds:
            print(runs, flush=True)
            os._exit(0)
    corpus = FOUND / 'corpus' / name
    corpus.mkdir(parents=True, exist_ok=True)
    for index, seed in enumerate(target.seeds()):
        (corpus / f'seed_{index}').write_bytes(seed)
    atheris.Setup([sys.argv[0], str(corpus), f'-max_len={MAX_INPUT_BYTES}', '-rss_limit_mb=4096',
                   f'-timeout={MAX_SECONDS}', '-verbosity=0', f'-artifact_prefix={FOUND}/{name}_'],
                  one, custom_mutator=mutate)
    atheris.Fuzz()


def run_all(arguments: list[str]) -> int:
    """Run each target in a process of its own; returns how many found a fault."""
    return sum(subprocess.run([sys.executable, __file__, name, *arguments]).returncode != 0
               for name in NAMES)


def main() -> None:
    """Read the arguments and run one target, or all."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('target', choices=('all', *NAMES))
    parser.add_argument('--seconds', type=int, default=180)
    parser.add_argument('--inputs', type=int, default=0)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--replay', type=Path)
    arguments = parser.parse_args()
    if arguments.target == 'all':
        sys.exit(run_all(sys.argv[2:]))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_BYTES, MAX_ADDRESS_BYTES))
    if not (arguments.inputs or arguments.replay):
        return run_atheris(arguments.target, arguments.seconds)
    target = load(arguments.target)
    runs = Runs(arguments.target, target, MAX_SECONDS)
    if arguments.replay:
        runs.one(arguments.replay.read_bytes())
    run_seeded(runs, target, arguments.inputs, arguments.seed)
    print(runs)


if __name__ == '__main__':
    main()
