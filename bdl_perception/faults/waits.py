# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
How long the machine let processes wait for a processor, as the Linux scheduler counts it.

Bounds on reaction times hold for processes that run. A soak test on a loaded machine measures the
waiting times and adds them to the bounds, so that neither a fault of the product is excused by
load that was not there, nor load is reported as a fault of the product.
"""
from bisect import bisect_left, bisect_right
from itertools import accumulate
from pathlib import Path
from typing import Iterable, NamedTuple, Sequence

PROC = Path('/proc')
NS_PER_S = 1e9


class Wait(NamedTuple):
    """Waiting time in one sampling interval."""

    start_s: float  # monotonic
    end_s: float
    waited_s: float  # sum over the processes


class Waits:
    """Waiting times, in the order of time, that can be summed over a window."""

    def __init__(self, waits: Sequence[Wait] = ()) -> None:
        """Keep the sums of the intervals; they must not overlap."""
        self._starts_s = [wait.start_s for wait in waits]
        self._ends_s = [wait.end_s for wait in waits]
        self._sums_s = [0., *accumulate(wait.waited_s for wait in waits)]

    def within(self, start_s: float, end_s: float) -> float:
        """Give the waiting time of all intervals that touch a window, s."""
        first = bisect_left(self._ends_s, start_s)
        last = bisect_right(self._starts_s, end_s)
        return self._sums_s[last] - self._sums_s[first] if last > first else 0.


class WaitSampler:
    """Samples how long the threads of processes were ready but did not run."""

    def __init__(self, proc: Path = PROC) -> None:
        """Start without a sample; proc: the file system of the kernel."""
        self.waits: list[Wait] = []
        self._proc = proc
        self._last_s: float | None = None
        self._last_ns: dict[tuple[int, int], int] = {}

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
        if self._last_s is not None:
            waited_s = max(sum(longest_ns.values()) / NS_PER_S, late_s)
            self.waits.append(Wait(self._last_s, now_s, waited_s))
        self._last_s, self._last_ns = now_s, counted_ns


def _run_delays_ns(proc: Path, pid: int) -> list[tuple[int, int]]:
    """Read the waiting time of each thread since its start; none of a process that has ended."""
    delays = []
    try:
        for task in (proc / str(pid) / 'task').iterdir():
            delays.append((int(task.name), int((task / 'schedstat').read_text().split()[1])))
    except (OSError, ValueError, IndexError):  # a thread or the process ended meanwhile
        pass
    return delays
