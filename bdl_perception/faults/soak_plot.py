# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Plot of a soak test: the alert over time with the faults, the speed, and the resources."""
import math
from pathlib import Path
from typing import Any, TYPE_CHECKING

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.faults.oracle import Violation
from bdl_perception.faults.resources import ResourceSeries
from bdl_perception.faults.soak import SoakRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLOT_NAME = 'soak.png'
RESOURCES = (('rss_mb', 'resident memory, MB'), ('threads', 'threads'), ('handles', 'handles'))
COLOURS = ('tab:blue', 'tab:orange', 'tab:green', 'tab:purple', 'tab:brown', 'tab:cyan')
MAX_NAMES = 80  # more names of faults could not be read
S_PER_MINUTE = 60.


def draw_soak(record: SoakRecord, violations: tuple[Violation, ...], folder: Path) -> None:
    """Write soak.png."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    minutes = (record.end_s - record.begin_s) / S_PER_MINUTE
    figure = Figure((min(40., max(12., 1.2 * minutes)), 12.), layout='constrained')
    FigureCanvasAgg(figure)
    rows = figure.subplots(2 + len(RESOURCES), 1, sharex=True,
                           gridspec_kw={'height_ratios': [3, 1.5, 2, 1.5, 1.5]})
    _draw_faults(rows, record)
    _draw_alerts(rows[0], record, violations)
    _draw_speed(rows[1], record)
    for axes, (name, label) in zip(rows[2:], RESOURCES, strict=True):
        _draw_resource(axes, record, name, label)
    rows[-1].set(xlabel='minutes', xlim=(0, max(minutes, 1e-3)))
    new = folder / f'.{PLOT_NAME}'
    figure.savefig(new, format='png', dpi=100, metadata={'Software': None})
    new.replace(folder / PLOT_NAME)


def _draw_faults(rows: Any, record: SoakRecord) -> None:
    """Draw red bands for faults and grey ones for load, and the names of the faults."""
    for interval in record.intervals:
        start = _minutes(record, interval.start_s)
        end = _minutes(record, min(interval.end_s, record.end_s))
        for axes in rows:
            axes.axvspan(start, end, color='tab:red', alpha=.12, linewidth=0)
        if len(record.intervals) <= MAX_NAMES:
            rows[0].text((start + end) / 2, 3.4, interval.name, rotation=90, fontsize=7,
                         ha='center', va='bottom')
    for load in record.loads:
        rows[1].axvspan(load.start_s / S_PER_MINUTE, load.end_s / S_PER_MINUTE, color='grey',
                        alpha=.08 * load.processes, linewidth=0)


def _draw_alerts(axes: 'Axes', record: SoakRecord, violations: tuple[Violation, ...]) -> None:
    alerts = [alert for alert in list(record.alerts)
              if record.begin_s <= alert.arrival_s <= record.end_s]
    axes.step([_minutes(record, alert.arrival_s) for alert in alerts],
              [int(alert.level) for alert in alerts], where='post', linewidth=.8, color='black')
    axes.plot([_minutes(record, one.start_s) for one in violations], [-.4] * len(violations),
              'rv', markersize=6, label=f'violations: {len(violations)}')
    axes.set(yticks=[int(level) for level in AlertLevel],
             yticklabels=[level.name for level in AlertLevel], ylabel='alert', ylim=(-.7, 6.5))
    axes.legend(loc='upper right', fontsize=8)


def _draw_speed(axes: 'Axes', record: SoakRecord) -> None:
    commands = [one for one in list(record.commands)
                if record.begin_s <= one.arrival_s <= record.end_s]
    axes.plot([_minutes(record, one.arrival_s) for one in commands],
              [one.linear_m_s if math.isfinite(one.linear_m_s) else math.nan for one in commands],
              linewidth=.6)
    axes.set(ylabel='governed speed, m/s\n(grey: load)', ylim=(0, None))


def _draw_resource(axes: 'Axes', record: SoakRecord, name: str, label: str) -> None:
    nodes = sorted({series.process for series in record.series})
    for node, colour in zip(nodes, COLOURS, strict=False):
        named = False
        for series in record.series:
            if series.process == node:
                _draw_series(axes, record, series, name, colour, '' if named else node)
                named = True
    axes.set(ylabel=label)
    if nodes:
        axes.legend(loc='center left', fontsize=8, ncols=len(COLOURS))


def _draw_series(axes: 'Axes', record: SoakRecord, series: ResourceSeries, name: str,
                 colour: str, label: str) -> None:
    samples = list(series.samples)
    axes.plot([_minutes(record, sample.at_s) for sample in samples],
              [getattr(sample, name) for sample in samples], color=colour, label=label or None,
              linewidth=1, marker='.', markersize=2)


def _minutes(record: SoakRecord, at_s: float) -> float:
    return (at_s - record.begin_s) / S_PER_MINUTE
