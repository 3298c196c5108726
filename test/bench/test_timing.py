# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tests."""
import os

from bdl_perception.bench import timing
from bdl_perception.bench.memory import memory_rows
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


def test_a_ratio_is_taken_round_by_round_as_the_worked_example_says():
    assert paired_ratio([1.0, 2.0, 9.0], [2.0, 4.0, 6.0]).median == 0.5
    with pytest.raises(ValueError, match='shorter'):
        paired_ratio([1.0, 2.0], [1.0])


def test_things_take_turns_and_the_first_rounds_do_not_count(monkeypatch):
    clock_s, said = [0.0], []
    monkeypatch.setattr(timing.time, 'perf_counter', lambda: clock_s[0])
    monkeypatch.setattr(timing.time, 'sleep', lambda pause_s: None)

    def thing(name, takes_s):
        said.append(name)
        clock_s[0] += takes_s if said.count(name) > timing.WARM_UP_ROUNDS else 100.0

    taken_ms = time_interleaved({'a': lambda: thing('a', 0.5), 'b': lambda: thing('b', 2.0)}, 3)
    assert said == ['a', 'b'] * (timing.WARM_UP_ROUNDS + 3)
    assert taken_ms == {'a': [500.0] * 3, 'b': [2000.0] * 3}


MINUTE_NS = 60 * 10**9


def usages(*rss_mb):
    return [Usage(7 + index * MINUTE_NS, 0.0, rss) for index, rss in enumerate(rss_mb)]


def test_memory_that_grows_by_one_a_minute_is_said_to():
    assert memory_trend(usages(100.0, 101.0, 102.0)) == pytest.approx((100.0, 102.0, 102.0, 1.0))


def test_the_ends_are_means_over_a_tenth():
    grown = memory_trend(usages(*[10.0, 30.0], *[50.0] * 16, *[20.0, 40.0]))
    assert (grown.first_mb, grown.last_mb, grown.max_mb) == (20.0, 30.0, 50.0)


def test_memory_is_judged_by_its_size_and_by_what_was_added():
    assert [row.met for row in memory_rows(usages(390.0, 391.0, 393.0), 2)] == [True, True]
    assert [row.met for row in memory_rows(usages(100.0, 103.0, 105.0), 2)] == [True, False]
    assert [row.met for row in memory_rows(usages(401.0, 401.0, 390.0), 2)] == [False, True]


def test_a_window_without_two_looks_is_refused():
    looks = usages(1.0, 2.0, 3.0)
    assert usages_in_window(looks, 7, 7 + MINUTE_NS) == looks[:2]
    with pytest.raises(ValueError, match='1 looks'):
        usages_in_window(looks, 0, 10)


def test_this_process_uses_memory_and_more_and_more_cpu_time():
    before = read_usage(os.getpid())
    while read_usage(os.getpid()).cpu_s == before.cpu_s:
        sum(range(10_000))
    after = read_usage(os.getpid())
    assert after.cpu_s > before.cpu_s and after.stamp_ns > before.stamp_ns
    with open('/proc/self/statm') as statm:
        resident_mb = int(statm.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20
    assert after.rss_mb == pytest.approx(resident_mb, rel=0.2)
