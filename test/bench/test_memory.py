# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Goals of the group `memory`."""
from bdl_perception.bench.memory import memory_rows
from bdl_perception.bench.timing import Usage

MINUTE_NS = 60 * 10**9


def usages(*rss_mb):
    return [Usage(7 + index * MINUTE_NS, 0.0, rss) for index, rss in enumerate(rss_mb)]


def test_memory_has_goals_for_its_maximum_and_increase():
    assert [row.met for row in memory_rows(usages(390.0, 391.0, 393.0), 2)] == [True, True]
    assert [row.met for row in memory_rows(usages(100.0, 103.0, 105.0), 2)] == [True, False]
    assert [row.met for row in memory_rows(usages(401.0, 401.0, 390.0), 2)] == [False, True]
