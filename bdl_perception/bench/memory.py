# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Resident memory of perception_node at work, over minutes."""
from bdl_perception.bench.harness import nominal_plan, our_nodes, run_measurement
from bdl_perception.bench.node import RATE_HZ
from bdl_perception.bench.report import draw_curves, Panel
from bdl_perception.bench.row import BenchSettings, GroupResult, Row
from bdl_perception.bench.timing import memory_trend, Usage, usages_in_window

MAX_RSS_MB = 400.0
MAX_RSS_INCREASE_MB = 4.0  # 1 % of it: allocators keep a little more of a long day
QUICK_DURATION_S = 12.0


def run(settings: BenchSettings) -> GroupResult:
    """Watch while the street goes by."""
    seconds = settings.choose(QUICK_DURATION_S, 60 * settings.minutes)
    seen = run_measurement(nominal_plan(settings, 'memory', RATE_HZ, seconds), our_nodes(settings))
    looks = usages_in_window(seen.usages[0], *seen.single_trace.window_ns)
    minutes = [(look.stamp_ns - looks[0].stamp_ns) / 60e9 for look in looks]
    rss_mb = [look.rss_mb for look in looks]
    panel = Panel('minutes', 'resident memory, MB', {'perception_node': (minutes, rss_mb)},
                  MAX_RSS_MB)
    plot = draw_curves(settings.out / 'memory.png', [panel], marker='')
    return GroupResult(memory_rows(looks, seconds / 60), {'minutes': minutes, 'rss_mb': rss_mb}, [plot])


def memory_rows(usages: list[Usage], minutes: float) -> list[Row]:
    """Judge the size, and what was added from the first tenth of the time to the last."""
    grown = memory_trend(usages)
    return [
        Row(f'memory of perception_node, {minutes:.3g} minutes: largest', grown.max_mb, 'MB',
            MAX_RSS_MB),
        Row('memory, last tenth less first tenth', grown.last_mb - grown.first_mb, 'MB', MAX_RSS_INCREASE_MB,
            note=f'{grown.first_mb:.1f} to {grown.last_mb:.1f} MB, '
                 f'slope {grown.slope_mb_per_minute:.2f} MB a minute')]
