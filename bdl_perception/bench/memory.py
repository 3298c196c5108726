# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Resident memory of perception_node over minutes of processing."""
from bdl_perception.bench.harness import nominal_plan, our_nodes, run_measurement
from bdl_perception.bench.node import RATE_HZ
from bdl_perception.bench.report import draw_curves, Panel
from bdl_perception.bench.row import BenchSettings, GroupResult, Row
from bdl_perception.bench.timing import memory_trend, Usage, usages_in_window

MAX_RSS_MB = 400.0
MAX_RSS_INCREASE_MB = 4.0  # 1 % of it; allocators hold back a little more over time
QUICK_DURATION_S = 12.0


def run(settings: BenchSettings) -> GroupResult:
    """Sample the memory while frames of the nominal scene are processed."""
    seconds = settings.choose(QUICK_DURATION_S, 60 * settings.minutes)
    measurement = run_measurement(nominal_plan(settings, 'memory', RATE_HZ, seconds),
                                  our_nodes(settings))
    usages = usages_in_window(measurement.usages[0], *measurement.single_trace.window_ns)
    minutes = [(usage.stamp_ns - usages[0].stamp_ns) / 60e9 for usage in usages]
    rss_mb = [usage.rss_mb for usage in usages]
    panel = Panel('minutes', 'resident memory, MB', {'perception_node': (minutes, rss_mb)},
                  MAX_RSS_MB)
    plot = draw_curves(settings.out / 'memory.png', [panel], marker='')
    return GroupResult(memory_rows(usages, seconds / 60), {'minutes': minutes, 'rss_mb': rss_mb},
                       [plot])


def memory_rows(usages: list[Usage], minutes: float) -> list[Row]:
    """Give the maximum, and the increase from the first tenth of the time to the last."""
    trend = memory_trend(usages)
    return [
        Row(f'memory of perception_node, {minutes:.3g} minutes: largest', trend.max_mb, 'MB',
            MAX_RSS_MB),
        Row('memory, last tenth less first tenth', trend.last_mb - trend.first_mb, 'MB',
            MAX_RSS_INCREASE_MB,
            note=f'{trend.first_mb:.1f} to {trend.last_mb:.1f} MB, '
                 f'slope {trend.slope_mb_per_minute:.2f} MB a minute')]
