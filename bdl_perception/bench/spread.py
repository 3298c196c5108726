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

WARM_UPS = 2  # rounds that do not count: allocation, caches, first touches
PAUSE_S = 0.01  # before each turn: threads of the one before may spin for a while


class Spread(NamedTuple):
    """Median and quartiles."""

    median: float
    low: float
    high: float


def spread_of(values: Sequence[float]) -> Spread:
    """Sum up values of any unit; NaN when there are none."""
    if not values:
        return Spread(float('nan'), float('nan'), float('nan'))
    low, median, high = (float(value) for value in np.percentile(values, (25, 50, 75)))
    return Spread(median, low, high)


def paired_ratio(first: Sequence[float], second: Sequence[float]) -> Spread:
    """Divide round by round: what slowed one round down slowed both."""
    return spread_of([one / other for one, other in zip(first, second, strict=True)])


def by_turns(things: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Run every thing once a round (A B A B ...); gives the ms of each turn, by name."""
    taken_ms: dict[str, list[float]] = {name: [] for name in things}
    for index in range(WARM_UPS + rounds):
        for name, thing in things.items():
            time.sleep(PAUSE_S)
            begin_s = time.perf_counter()
            thing()
            end_s = time.perf_counter()
            if index >= WARM_UPS:
                taken_ms[name].append((end_s - begin_s) * 1e3)
    return taken_ms
