# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""CPU time and memory of a process from outside, by psutil."""
import time
from typing import NamedTuple, Sequence

import numpy as np

MEGABYTE = 2**20


class Usage(NamedTuple):
    """One look at a process."""

    at_ns: int  # of the machine's clock, as stamps are
    cpu_s: float  # user and system, all threads, since it began
    rss_mb: float  # resident


def look(pid: int) -> Usage:
    """Look at a process that runs."""
    import psutil
    process = psutil.Process(pid)
    with process.oneshot():
        times, memory = process.cpu_times(), process.memory_info()
    return Usage(time.time_ns(), times.user + times.system, memory.rss / MEGABYTE)


def between(usages: Sequence[Usage], begin_ns: int, end_ns: int) -> list[Usage]:
    """Choose the looks of a window; ValueError when a difference cannot be taken."""
    chosen = [usage for usage in usages if begin_ns <= usage.at_ns <= end_ns]
    if len(chosen) < 2:
        raise ValueError(f'{len(chosen)} looks at the process in {(end_ns - begin_ns) / 1e9:.1f} '
                         f's, at least 2 are needed; measure longer')
    return chosen


class Growth(NamedTuple):
    """What memory does over time."""

    first_mb: float  # mean of the first tenth
    last_mb: float  # mean of the last tenth
    largest_mb: float
    slope_mb_per_minute: float  # least squares


def growth(usages: Sequence[Usage]) -> Growth:
    """
    Sum up the memory of a window.

    100, 101, 102 MB a minute apart: first 100, last 102, slope 1 MB a minute.
    """
    minutes = np.array([(usage.at_ns - usages[0].at_ns) / 60e9 for usage in usages])
    rss = np.array([usage.rss_mb for usage in usages])
    tenth = max(1, len(rss) // 10)
    return Growth(float(rss[:tenth].mean()), float(rss[-tenth:].mean()), float(rss.max()),
                  float(np.polyfit(minutes, rss, 1)[0]))
