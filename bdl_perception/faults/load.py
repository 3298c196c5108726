# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Load on the machine during a soak test: busy processes make it, and waiting times measure it.

Bounds on reaction times hold for processes that run. The Linux scheduler counts how long a process
waits for a processor. A soak test adds the waiting times to the bounds, so that neither a fault of
the product is excused by load that was not there, nor load is reported as a fault of the product.
In a virtual machine, the kernel also counts the time in which the host did not run it ("steal").
"""
from bisect import bisect_left, bisect_right
from collections import Counter
from contextlib import contextmanager
from itertools import accumulate
import os
from pathlib import Path
import random
import subprocess
import sys
from typing import Iterable, Iterator, Mapping, NamedTuple, Sequence

NICE = 10
STOP_TIMEOUT_S = 5.
# It ends by itself when its parent is gone, so that it never outlives a soak test.
BUSY_LOOP = f'import os, sys\nos.nice({NICE})\n' \
            'while os.getppid() == int(sys.argv[1]):\n    sum(range(100000))\n'
NORMAL_S, LOADED_S = (20., 60.), (10., 30.)  # durations without and with load
MAX_PROCESSES = 4
PROC = Path('/proc')
NS_PER_S = 1e9
LATE_CALL = 0  # in place of a process id: of the soak test itself
STOLEN = -1  # in place of a process id: time that the host gave to another virtual machine


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
                [sys.executable, '-c', BUSY_LOOP, str(os.getpid())], stdin=subprocess.DEVNULL,
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


class Wait(NamedTuple):
    """Waiting time in one sampling interval."""

    start_s: float  # monotonic
    end_s: float
    waited_s: float  # sum over the processes
    by_process: Mapping[int, float] = {}  # process id, LATE_CALL or STOLEN -> s


class Waits:
    """Waiting times, in the order of time, that can be summed over a window."""

    def __init__(self, waits: Sequence[Wait] = ()) -> None:
        """Keep the sums of the intervals; they must not overlap."""
        self._waits = list(waits)
        self._starts_s = [wait.start_s for wait in waits]
        self._ends_s = [wait.end_s for wait in waits]
        self._sums_s = [0., *accumulate(wait.waited_s for wait in waits)]

    def within(self, start_s: float, end_s: float) -> float:
        """Give the waiting time of all intervals that touch a window, s."""
        first, last = self._range(start_s, end_s)
        return self._sums_s[last] - self._sums_s[first] if last > first else 0.

    def longest_within(self, start_s: float, end_s: float) -> float:
        """Give the waiting time of the process that waited longest in a window, s."""
        totals_s: Counter[int] = Counter()
        for wait in self._waits[slice(*self._range(start_s, end_s))]:
            totals_s.update(wait.by_process)
        return max(totals_s.values(), default=0.)

    def _range(self, start_s: float, end_s: float) -> tuple[int, int]:
        return bisect_left(self._ends_s, start_s), bisect_right(self._starts_s, end_s)


class WaitSampler:
    """Samples how long the threads of processes were ready but did not run."""

    def __init__(self, proc: Path = PROC) -> None:
        """Start without a sample; proc: the file system of the kernel."""
        self.waits: list[Wait] = []
        self._proc = proc
        self._last_s: float | None = None
        self._last_ns: dict[tuple[int, int], int] = {}
        self._last_stolen_s: Sequence[float] = ()

    def sample(self, now_s: float, pids: Iterable[int], late_s: float = 0.) -> None:
        """
        Add the waiting time since the last sample.

        Of the threads of a process the one that waited longest counts, since the others wait at
        the same time. late_s: how much later than planned this call came; it counts if it is more.
        """
        counted_ns = {(pid, thread): waited_ns for pid in pids
                      for thread, waited_ns in _run_delays_ns(self._proc, pid)}
        longest_ns: dict[int, int] = {}
        for key, waited_ns in counted_ns.items():
            since_ns = waited_ns - self._last_ns.get(key, waited_ns)
            longest_ns[key[0]] = max(longest_ns.get(key[0], 0), since_ns)
        counted_s = _stolen_s(self._proc)
        if self._last_s is not None:
            stolen_s = max((0., *(now - last for now, last in zip(
                counted_s, self._last_stolen_s, strict=False))))
            waited_s = {pid: waited_ns / NS_PER_S for pid, waited_ns in longest_ns.items()}
            total_s = max(sum(waited_s.values()) + stolen_s, late_s)
            self.waits.append(Wait(self._last_s, now_s, total_s,
                                   {**waited_s, LATE_CALL: late_s, STOLEN: stolen_s}))
        self._last_s, self._last_ns, self._last_stolen_s = now_s, counted_ns, counted_s


def _run_delays_ns(proc: Path, pid: int) -> list[tuple[int, int]]:
    """Read the waiting time of each thread since its start; none of a process that has ended."""
    delays = []
    try:
        for task in (proc / str(pid) / 'task').iterdir():
            delays.append((int(task.name), int((task / 'schedstat').read_text().split()[1])))
    except (OSError, ValueError, IndexError):  # a thread or the process ended meanwhile
        pass
    return delays


def _stolen_s(proc: Path) -> list[float]:
    """Read for each processor how long the host ran something else; [] if it is not counted."""
    try:
        lines = [line.split() for line in (proc / 'stat').read_text().splitlines()]
        return [int(line[8]) / os.sysconf('SC_CLK_TCK') for line in lines
                if line[0].startswith('cpu') and line[0] != 'cpu']
    except (OSError, ValueError, IndexError):
        return []
