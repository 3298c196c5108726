# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Interleaved timing of workloads, and resource usage of a process.

Workloads that are compared run alternately, so that a busy machine slows all of them. Example:
three rounds of a with 1, 2, 9 s and of b with 2, 4, 6 s have the medians 2 and 4 s. The ratios a/b
are 0.5, 0.5 and 1.5, so the paired ratio is 0.5.
"""
import time
from typing import Callable, Mapping, NamedTuple, Sequence

import numpy as np

WARM_UP_ROUNDS = 2  # not measured: allocations, caches, first access to memory
PAUSE_S = 0.01  # before each turn; threads of the previous turn may spin for a while
BYTES_PER_MB = 2**20


class Quartiles(NamedTuple):
    """Median and quartiles."""

    median: float
    low: float
    high: float


def quartiles(values: Sequence[float]) -> Quartiles:
    """Give median and quartiles in the unit of the values; NaN without values."""
    if not values:
        return Quartiles(float('nan'), float('nan'), float('nan'))
    low, median, high = (float(value) for value in np.percentile(values, (25, 50, 75)))
    return Quartiles(median, low, high)


def paired_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Quartiles:
    """Give the quartiles of the ratios of each round; a slow round affects both sides."""
    return quartiles([above / below
                      for above, below in zip(numerators, denominators, strict=True)])


def time_interleaved(workloads: Mapping[str, Callable[[], object]],
                     rounds: int) -> dict[str, list[float]]:
    """Run each workload once per round (A B A B ...); gives the ms of each turn by name."""
    times_ms: dict[str, list[float]] = {name: [] for name in workloads}
    for index in range(WARM_UP_ROUNDS + rounds):
        for name, workload in workloads.items():
            time.sleep(PAUSE_S)
            begin_s = time.perf_counter()
            workload()
            end_s = time.perf_counter()
            if index >= WARM_UP_ROUNDS:
                times_ms[name].append((end_s - begin_s) * 1e3)
    return times_ms


class Usage(NamedTuple):
    """CPU time and memory of a process at one time."""

    stamp_ns: int  # of the system clock, as the stamps of messages
    cpu_s: float  # user and system, all threads, since the start of the process
    rss_mb: float  # resident


def read_usage(pid: int) -> Usage:
    """Read the resource usage of a running process."""
    import psutil
    process = psutil.Process(pid)
    with process.oneshot():
        times, memory = process.cpu_times(), process.memory_info()
    return Usage(time.time_ns(), times.user + times.system, memory.rss / BYTES_PER_MB)


def usages_in_window(usages: Sequence[Usage], begin_ns: int, end_ns: int) -> list[Usage]:
    """Select the samples of a window; ValueError below two, which give no difference."""
    selected = [usage for usage in usages if begin_ns <= usage.stamp_ns <= end_ns]
    if len(selected) < 2:
        raise ValueError(f'{len(selected)} samples of the resource usage in '
                         f'{(end_ns - begin_ns) / 1e9:.1f} s, at least 2 are needed; measure '
                         f'longer')
    return selected


class MemoryTrend(NamedTuple):
    """Resident memory over time."""

    first_mb: float  # mean of the first tenth
    last_mb: float  # mean of the last tenth
    max_mb: float
    slope_mb_per_minute: float  # least squares


def memory_trend(usages: Sequence[Usage]) -> MemoryTrend:
    """
    Summarise the memory of a window.

    100, 101, 102 MB at intervals of a minute: first 100, last 102, slope 1 MB a minute.
    """
    minutes = np.array([(usage.stamp_ns - usages[0].stamp_ns) / 60e9 for usage in usages])
    rss = np.array([usage.rss_mb for usage in usages])
    tenth = max(1, len(rss) // 10)
    return MemoryTrend(float(rss[:tenth].mean()), float(rss[-tenth:].mean()), float(rss.max()),
                       float(np.polyfit(minutes, rss, 1)[0]))
