# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Several cameras on this machine at 5 Hz: a node for each, one alert over all."""
from typing import Any

from bdl_perception.bench.actors import fleet
from bdl_perception.bench.actors import street
from bdl_perception.bench.plots import draw
from bdl_perception.bench.plots import Panel
from bdl_perception.bench.row import Row
from bdl_perception.bench.setting import Outcome
from bdl_perception.bench.setting import Setting
from bdl_perception.bench.stage import perform
from bdl_perception.bench.watched import Watched

NAMES = ('front', 'rear', 'left', 'right')
RATE_HZ = 5.0
THREADS = 1  # of each network: four of them share the cores


def run(setting: Setting) -> Outcome:
    """Measure one, two and four."""
    seconds = setting.choose(6.0, 30.0)
    measured = {count: _measure(setting, count, seconds)
                for count in setting.choose((1, 4), (1, 2, 4))}
    plot = draw(setting.out / 'cameras.png', _panels(measured))
    details: dict[str, Any] = {str(count): {camera: _numbers(watched)
                                            for camera, watched in cameras.items()}
                               for count, cameras in measured.items()}
    return Outcome(rows(measured[len(NAMES)]), details, [plot])


def _measure(setting: Setting, count: int, seconds: float) -> dict[str, Watched]:
    names = NAMES[:count]
    plan = street(setting, f'cameras_{count}', RATE_HZ, seconds, names)
    return perform(plan, fleet(setting, names, THREADS)).cameras


def rows(cameras: dict[str, Watched]) -> list[Row]:
    """Judge the worst camera."""
    seen = list(cameras.values())
    return [
        Row(f'{len(seen)} cameras, {RATE_HZ:.0f} Hz each, {THREADS} thread a network: frames lost',
            sum(one.lost for one in seen), '', 0,
            note=f'of {sum(len(one.counted) for one in seen)}'),
        Row('camera stamp to depth publication, median of the worst camera',
            max(one.percentile_ms(50) for one in seen), 'ms'),
        Row('camera stamp to depth publication, 99th percentile of the worst camera',
            max(one.percentile_ms(99) for one in seen), 'ms'),
        Row('epistemic map of each camera, the slowest', min(one.epistemic_hz for one in seen),
            'Hz')]


def _numbers(watched: Watched) -> dict[str, Any]:
    answered = bool(watched.latencies_ms)
    return {'frames': len(watched.counted), 'lost': watched.lost, 'dropped': watched.dropped,
            'p50_ms': watched.percentile_ms(50) if answered else None,
            'p99_ms': watched.percentile_ms(99) if answered else None,
            'epistemic_hz': watched.epistemic_hz}


def _panels(measured: dict[int, dict[str, Watched]]) -> list[Panel]:
    counts = list(measured)
    worst = {name: (counts, [max(one.percentile_ms(percent) for one in cameras.values())
                             for cameras in measured.values()])
             for name, percent in (('median', 50), ('99th percentile', 99))}
    slowest = [min(one.epistemic_hz for one in cameras.values()) for cameras in measured.values()]
    return [Panel('cameras', 'stamp to depth, worst camera, ms', worst),
            Panel('cameras', 'epistemic map, slowest camera, Hz',
                  {'refreshed': (counts, slowest)})]
