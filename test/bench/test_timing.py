# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Interleaved timing, and CPU time and memory of processes."""
import os

from bdl_perception.bench import timing
from bdl_perception.bench.timing import (
    memory_trend,
    paired_ratio,
    quartiles,
    read_usage,
    time_interleaved,
    Usage,
    usages_in_window,
)
import pytest


def test_median_and_quartiles_are_those_worked_by_hand():
    assert quartiles([4.0, 1.0, 3.0, 2.0, 5.0]) == (3.0, 2.0, 4.0)
    assert quartiles([]).median != quartiles([]).median  # NaN


def test_the_paired_ratio_is_that_of_the_worked_example():
    assert paired_ratio([1.0, 2.0, 9.0], [2.0, 4.0, 6.0]).median == 0.5
    with pytest.raises(ValueError, match='shorter'):
        paired_ratio([1.0, 2.0], [1.0])


def test_workloads_alternate_and_the_warm_up_does_not_count(monkeypatch):
    clock_s, turns = [0.0], []
    monkeypatch.setattr(timing.time, 'perf_counter', lambda: clock_s[0])
    monkeypatch.setattr(timing.time, 'sleep', lambda pause_s: None)

    def workload(name, takes_s):
        turns.append(name)
        clock_s[0] += takes_s if turns.count(name) > timing.WARM_UP_ROUNDS else 100.0

    times_ms = time_interleaved({'a': lambda: workload('a', 0.5),
                                 'b': lambda: workload('b', 2.0)}, 3)
    assert turns == ['a', 'b'] * (timing.WARM_UP_ROUNDS + 3)
    assert times_ms == {'a': [500.0] * 3, 'b': [2000.0] * 3}


MINUTE_NS = 60 * 10**9


def usages(*rss_mb):
    return [Usage(7 + index * MINUTE_NS, 0.0, rss) for index, rss in enumerate(rss_mb)]


def test_an_increase_of_one_mb_per_minute_is_the_slope():
    assert memory_trend(usages(100.0, 101.0, 102.0)) == pytest.approx((100.0, 102.0, 102.0, 1.0))


def test_first_and_last_are_means_over_a_tenth():
    trend = memory_trend(usages(*[10.0, 30.0], *[50.0] * 16, *[20.0, 40.0]))
    assert (trend.first_mb, trend.last_mb, trend.max_mb) == (20.0, 30.0, 50.0)


def test_a_window_with_fewer_than_two_samples_is_an_error():
    samples = usages(1.0, 2.0, 3.0)
    assert usages_in_window(samples, 7, 7 + MINUTE_NS) == samples[:2]
    with pytest.raises(ValueError, match='1 samples'):
        usages_in_window(samples, 0, 10)


def test_memory_and_cpu_time_of_this_process_are_read():
    before = read_usage(os.getpid())
    while read_usage(os.getpid()).cpu_s == before.cpu_s:
        sum(range(10_000))
    after = read_usage(os.getpid())
    assert after.cpu_s > before.cpu_s and after.stamp_ns > before.stamp_ns
    with open('/proc/self/statm') as statm:
        resident_mb = int(statm.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20
    assert after.rss_mb == pytest.approx(resident_mb, rel=0.2)
