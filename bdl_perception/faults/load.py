# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Load on the machine during a soak test: busy processes at low priority, now and then."""
from contextlib import contextmanager
import random
import subprocess
import sys
from typing import Iterator, NamedTuple

NICE = 10
STOP_TIMEOUT_S = 5.
# It ends by itself when its parent is gone, so that it never outlives a soak test.
BUSY_LOOP = f'import os\nos.nice({NICE})\nparent = os.getppid()\n' \
            'while os.getppid() == parent:\n    sum(range(100000))\n'
NORMAL_S, LOADED_S = (20., 60.), (10., 30.)  # durations without and with load
MAX_PROCESSES = 4


class LoadPhase(NamedTuple):
    """A time with busy processes; it counts from the begin of the soak test."""

    start_s: float
    duration_s: float
    processes: int

    @property
    def end_s(self) -> float:
        """Give the end of the load."""
        return self.start_s + self.duration_s


def make_load(duration_s: float, seed: int) -> tuple[LoadPhase, ...]:
    """Draw loaded phases with normal ones between them; all end before the duration."""
    rng = random.Random(f'load {seed}')
    phases: list[LoadPhase] = []
    now_s = rng.uniform(*NORMAL_S)
    while True:
        phase = LoadPhase(now_s, rng.uniform(*LOADED_S), rng.randint(1, MAX_PROCESSES))
        if phase.end_s > duration_s:
            return tuple(phases)
        phases.append(phase)
        now_s = phase.end_s + rng.uniform(*NORMAL_S)


class BusyProcesses:
    """Processes that compute without end; their number can be changed."""

    def __init__(self) -> None:
        """Start with none."""
        self._running: list[subprocess.Popen[bytes]] = []

    @property
    def pids(self) -> list[int]:
        """Give the ids of the running processes."""
        return [process.pid for process in self._running]

    def set_count(self, count: int) -> None:
        """Start or stop processes until there are as many."""
        while len(self._running) < count:
            self._running.append(subprocess.Popen(
                [sys.executable, '-c', BUSY_LOOP], stdin=subprocess.DEVNULL,
                start_new_session=True))  # Ctrl-C in a terminal is for the soak test
        while len(self._running) > count:
            process = self._running.pop()
            process.kill()
            process.wait(STOP_TIMEOUT_S)


@contextmanager
def busy_processes() -> Iterator[BusyProcesses]:
    """Give busy processes, none at first, that end with the context."""
    busy = BusyProcesses()
    try:
        yield busy
    finally:
        busy.set_count(0)
