# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Times of things that are compared, taken by turns, so that a busy machine slows all of them.

Three rounds of a: 1, 2, 9 s and b: 2, 4, 6 s have medians 2 and 4 s; their ratios a/b are 0.5,
0.5 and 1.5, so the paired ratio is 0.5.
"""
import time
from typing import Callable, Mapping, NamedTuple, Sequence

import numpy as np

WARM_UP_ROUNDS = 2  # rounds that do not count: allocation, caches, first touches
PAUSE_S = 0.01  # before each turn: threads of the one before may spin for a while


class Quartiles(NamedTuple):
    """Median and quartiles."""

    median: float
    low: float
    high: float


def quartiles(values: Sequence[float]) -> Quartiles:
    """Sum up values of any unit; NaN when there are none."""
    if not values:
        return Quartiles(float('nan'), float('nan'), float('nan'))
    low, median, high = (float(value) for value in np.percentile(values, (25, 50, 75)))
    return Quartiles(median, low, high)


def paired_ratio(first: Sequence[float], second: Sequence[float]) -> Quartiles:
    """Divide round by round: what slowed one round down slowed both."""
    return quartiles([one / other for one, other in zip(first, second, strict=True)])


def time_interleaved(workloads: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Run every thing once a round (A B A B ...); gives the ms of each turn, by name."""
    taken_ms: dict[str, list[float]] = {name: [] for name in workloads}
    for index in range(WARM_UP_ROUNDS + rounds):
        for name, thing in workloads.items():
            time.sleep(PAUSE_S)
            begin_s = time.perf_counter()
            thing()
            end_s = time.perf_counter()
            if index >= WARM_UP_ROUNDS:
                taken_ms[name].append((end_s - begin_s) * 1e3)
    return taken_ms


BYTES_PER_MB = 2**20


class Usage(NamedTuple):
    """One look at a process."""

    stamp_ns: int  # of the machine's clock, as stamps are
    cpu_s: float  # user and system, all threads, since it began
    rss_mb: float  # resident


def read_usage(pid: int) -> Usage:
    """Look at a process that runs."""
    import psutil
    process = psutil.Process(pid)
    with process.oneshot():
        times, memory = process.cpu_times(), process.memory_info()
    return Usage(time.time_ns(), times.user + times.system, memory.rss / BYTES_PER_MB)


def usages_in_window(usages: Sequence[Usage], begin_ns: int, end_ns: int) -> list[Usage]:
    """Choose the looks of a window; ValueError when a difference cannot be taken."""
    chosen = [usage for usage in usages if begin_ns <= usage.stamp_ns <= end_ns]
    if len(chosen) < 2:
        raise ValueError(f'{len(chosen)} looks at the process in {(end_ns - begin_ns) / 1e9:.1f} '
                         f's, at least 2 are needed; measure longer')
    return chosen


class MemoryTrend(NamedTuple):
    """What memory does over time."""

    first_mb: float  # mean of the first tenth
    last_mb: float  # mean of the last tenth
    max_mb: float
    slope_mb_per_minute: float  # least squares


def memory_trend(usages: Sequence[Usage]) -> MemoryTrend:
    """
    Sum up the memory of a window.

    100, 101, 102 MB a minute apart: first 100, last 102, slope 1 MB a minute.
    """
    minutes = np.array([(usage.stamp_ns - usages[0].stamp_ns) / 60e9 for usage in usages])
    rss = np.array([usage.rss_mb for usage in usages])
    tenth = max(1, len(rss) // 10)
    return MemoryTrend(float(rss[:tenth].mean()), float(rss[-tenth:].mean()), float(rss.max()),
                  float(np.polyfit(minutes, rss, 1)[0]))
