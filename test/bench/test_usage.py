# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import os

from bdl_perception.bench.memory import rows
from bdl_perception.bench.usage import between
from bdl_perception.bench.usage import growth
from bdl_perception.bench.usage import look
from bdl_perception.bench.usage import Usage
import pytest

MINUTE_NS = 60 * 10**9


def usages(*rss_mb):
    return [Usage(7 + index * MINUTE_NS, 0.0, rss) for index, rss in enumerate(rss_mb)]


def test_memory_that_grows_by_one_a_minute_is_said_to():
    assert growth(usages(100.0, 101.0, 102.0)) == pytest.approx((100.0, 102.0, 102.0, 1.0))


def test_the_ends_are_means_over_a_tenth():
    grown = growth(usages(*[10.0, 30.0], *[50.0] * 16, *[20.0, 40.0]))
    assert (grown.first_mb, grown.last_mb, grown.largest_mb) == (20.0, 30.0, 50.0)


def test_memory_is_judged_by_its_size_and_by_what_was_added():
    assert [row.met for row in rows(usages(390.0, 391.0, 393.0), 2)] == [True, True]
    assert [row.met for row in rows(usages(100.0, 103.0, 105.0), 2)] == [True, False]
    assert [row.met for row in rows(usages(401.0, 401.0, 390.0), 2)] == [False, True]


def test_a_window_without_two_looks_is_refused():
    looks = usages(1.0, 2.0, 3.0)
    assert between(looks, 7, 7 + MINUTE_NS) == looks[:2]
    with pytest.raises(ValueError, match='1 looks'):
        between(looks, 0, 10)


def test_this_process_uses_memory_and_more_and_more_cpu_time():
    before = look(os.getpid())
    while look(os.getpid()).cpu_s == before.cpu_s:
        sum(range(10_000))
    after = look(os.getpid())
    assert after.cpu_s > before.cpu_s and after.at_ns > before.at_ns
    with open('/proc/self/statm') as statm:
        resident_mb = int(statm.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20
    assert after.rss_mb == pytest.approx(resident_mb, rel=0.2)
