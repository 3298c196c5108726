# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Resident memory of perception_node at work, over minutes."""
from bdl_perception.bench.actors import ours
from bdl_perception.bench.actors import street
from bdl_perception.bench.node import RATE_HZ
from bdl_perception.bench.plots import draw
from bdl_perception.bench.plots import Panel
from bdl_perception.bench.row import Row
from bdl_perception.bench.setting import Outcome
from bdl_perception.bench.setting import Setting
from bdl_perception.bench.stage import perform
from bdl_perception.bench.usage import between
from bdl_perception.bench.usage import growth
from bdl_perception.bench.usage import Usage

LARGEST_MB = 400.0
FLAT_MB = 4.0  # 1 % of it: allocators keep a little more of a long day
QUICK_S = 12.0


def run(setting: Setting) -> Outcome:
    """Watch while the street goes by."""
    seconds = setting.choose(QUICK_S, 60 * setting.minutes)
    seen = perform(street(setting, 'memory', RATE_HZ, seconds), ours(setting))
    looks = between(seen.usages[0], *seen.only.window)
    minutes = [(look.at_ns - looks[0].at_ns) / 60e9 for look in looks]
    rss_mb = [look.rss_mb for look in looks]
    panel = Panel('minutes', 'resident memory, MB', {'perception_node': (minutes, rss_mb)},
                  LARGEST_MB)
    plot = draw(setting.out / 'memory.png', [panel], marker='')
    return Outcome(rows(looks, seconds / 60), {'minutes': minutes, 'rss_mb': rss_mb}, [plot])


def rows(looks: list[Usage], minutes: float) -> list[Row]:
    """Judge the size, and what was added from the first tenth of the time to the last."""
    grown = growth(looks)
    return [
        Row(f'memory of perception_node, {minutes:.3g} minutes: largest', grown.largest_mb, 'MB',
            LARGEST_MB),
        Row('memory, last tenth less first tenth', grown.last_mb - grown.first_mb, 'MB', FLAT_MB,
            note=f'{grown.first_mb:.1f} to {grown.last_mb:.1f} MB, '
                 f'slope {grown.slope_mb_per_minute:.2f} MB a minute')]
