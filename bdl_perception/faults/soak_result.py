# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Result of a soak test: violations, reaction times and resources as JSON, and a plot.

The plot has the alert over time with the faults, the speed with the load, and the resources.
"""
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
import json
import math
from pathlib import Path
from typing import Any, NamedTuple, Sequence, TYPE_CHECKING

from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.faults.command_oracle import (
    check_command_gaps,
    check_speeds,
    check_stops,
    CommandRule,
)
from bdl_perception.faults.load import Waits
from bdl_perception.faults.oracle import (
    Alert,
    check_error_holds,
    check_gaps,
    check_levels,
    check_reasons,
    FaultInterval,
    LevelOracle,
    Violation,
)
from bdl_perception.faults.resources import (
    evaluate_flatness,
    Flatness,
    FlatnessPolicy,
    ResourceSeries,
)
from bdl_perception.faults.soak import SoakRecord
from bdl_perception.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOT_FLAT = 'not flat'
# Beyond these the result is inconclusive. The load that the test makes delays reactions by itself,
# so most of the faults, not all of them, must be met without the additions.
MAX_EXCUSED_ALERTS, MAX_EXCUSED_VIOLATIONS = .05, .5  # share of the alerts; for each fault
LATE_STEP_S = .25  # between the times at which the machine is examined
JSON_NAME = 'soak.json'
PLOT_NAME = 'soak.png'
RESOURCES = (('rss_mb', 'resident memory, MB'), ('threads', 'threads'), ('handles', 'handles'))
COLOURS = ('tab:blue', 'tab:orange', 'tab:green', 'tab:purple', 'tab:brown', 'tab:cyan')
MAX_NAMES = 80  # more names of faults could not be read
S_PER_MINUTE = 60.


@dataclass(frozen=True)
class SoakRules:
    """The bounds that hold at every moment."""

    lease_s: float  # between two alerts
    policy: AlertPolicy
    commands: CommandRule
    flatness: FlatnessPolicy


class Lateness(NamedTuple):
    """
    What was accepted only because processes waited for a processor.

    A part of the waiting is made by the soak test itself. It says nothing about the result as long
    as the alerts meet the bounds without it.
    """

    time_share: float  # of the duration, in which inputs may have been late
    excused_alerts: float  # share of the alerts, whose level would be wrong otherwise
    excused_violations: float  # more violations otherwise, for each fault of the schedule

    @property
    def is_inconclusive(self) -> bool:
        """Tell whether the result says too little about the nodes."""
        return (self.excused_alerts > MAX_EXCUSED_ALERTS
                or self.excused_violations > MAX_EXCUSED_VIOLATIONS)


@dataclass(frozen=True)
class SoakResult:
    """Violations in the order of time, and the resources of each process."""

    violations: tuple[Violation, ...]
    flatness: tuple[Flatness, ...]
    lateness: Lateness

    @property
    def verdict(self) -> str:
        """Return 'violations', 'inconclusive' or 'pass'."""
        if self.violations:
            return 'violations'
        return 'inconclusive' if self.lateness.is_inconclusive else 'pass'

    @property
    def not_evaluated(self) -> tuple[str, ...]:
        """Name the processes that ran too short to compare their resources."""
        return tuple(f'{one.process} (pid {one.pid}, {one.duration_s:.0f} s)'
                     for one in self.flatness if not one.evaluated)


def evaluate_soak(record: SoakRecord, rules: SoakRules) -> SoakResult:
    """Check the alerts, the commands and the resources of a record."""
    flatness = tuple(evaluate_flatness(series, rules.flatness) for series in record.series)
    bounds = _check_bounds(record, rules, Waits(list(record.waits)))
    violations = [
        *bounds, *record.problems,
        *(Violation(NOT_FLAT, record.end_s, record.end_s, 1, problem)
          for one in flatness for problem in one.problems)]
    return SoakResult(tuple(sorted(violations, key=lambda one: one.start_s)), flatness,
                      _lateness(record, rules, len(bounds)))


def _check_bounds(record: SoakRecord, rules: SoakRules, waits: Waits) -> list[Violation]:
    alerts = list(record.alerts)  # they may grow meanwhile
    inside = _between(alerts, record.begin_s, record.end_s)
    commands = _between(list(record.commands), record.begin_s, record.end_s)
    intervals, span = list(record.intervals), (record.begin_s, record.end_s)
    oracle = LevelOracle(intervals, waits)
    return [
        *check_levels(inside, oracle),
        *check_reasons(inside, intervals, oracle),
        *check_gaps(inside, *span, rules.lease_s, intervals, waits),
        *check_error_holds(inside, rules.policy.hold_s, intervals),
        *check_speeds(commands, alerts, rules.commands, waits),
        *check_stops(commands, intervals, rules.commands, waits),
        *check_command_gaps(commands, *span, rules.commands, intervals, waits)]


def _lateness(record: SoakRecord, rules: SoakRules, violations: int) -> Lateness:
    """Compare with the bounds without the waiting times; violations: of those with them."""
    waits, intervals = Waits(list(record.waits)), list(record.intervals)
    alerts = _between(list(record.alerts), record.begin_s, record.end_s)
    oracle, strict = LevelOracle(intervals, waits), LevelOracle(intervals)
    times = max(1, int((record.end_s - record.begin_s) / LATE_STEP_S))
    late = sum(oracle.is_late(record.begin_s + LATE_STEP_S * (index + 1))
               for index in range(times))
    excused = sum(oracle.allowed(alert.arrival_s) - strict.allowed(alert.arrival_s)
                  >= {AlertLevel(alert.level)} for alert in alerts)
    more = len(_check_bounds(record, rules, Waits())) - violations
    return Lateness(late / times, excused / max(1, len(alerts)),
                    max(0, more) / max(1, len(intervals)))


def write_result(record: SoakRecord, result: SoakResult, folder: Path) -> None:
    """Write soak.json; times count from the begin, s."""
    document = result_document(record, result)
    write_atomic(folder / JSON_NAME,
                 (json.dumps(document, indent=1, allow_nan=False) + '\n').encode())


def result_document(record: SoakRecord, result: SoakResult) -> dict[str, Any]:
    """Collect the settings, the faults with reaction times, violations and resources."""
    alerts = _between(list(record.alerts), record.begin_s, record.end_s)
    counts = Counter(AlertLevel(alert.level).name for alert in alerts)
    config = record.config
    return {
        'verdict': result.verdict,
        'minutes': config.minutes, 'seed': config.seed, 'model': config.model,
        'complete': record.complete, 'duration_s': _rounded(record.end_s - record.begin_s),
        'violations': [{**one._asdict(), 'start_s': _rounded(one.start_s - record.begin_s),
                        'end_s': _rounded(one.end_s - record.begin_s)}
                       for one in result.violations],
        'alerts': {'count': len(alerts), **counts},
        'share_of_time_in_which_the_machine_was_late': _rounded(result.lateness.time_share),
        'share_of_alerts_accepted_for_that_reason': _rounded(result.lateness.excused_alerts),
        'violations_for_each_fault_accepted_for_that_reason': _rounded(
            result.lateness.excused_violations),
        'skipped_faults': record.skipped,
        'commands': len(_between(list(record.commands), record.begin_s, record.end_s)),
        'waited_s': _rounded(sum(wait.waited_s for wait in list(record.waits))),
        'faults': [_fault_row(one, alerts, record.begin_s) for one in record.intervals],
        'load': [load._asdict() for load in record.loads],
        'resources': [one.as_dict() for one in result.flatness]}


def _fault_row(interval: FaultInterval, alerts: Sequence[Alert], begin_s: float) -> dict[str, Any]:
    levels, ended = interval.requirement.levels, math.isfinite(interval.end_s)
    reaction = next((alert.arrival_s - interval.start_s
                     for alert in _between(alerts, interval.start_s, interval.end_s)
                     if alert.level in levels), None)
    recovery = next((alert.arrival_s - interval.end_s
                     for alert in _between(alerts, interval.end_s, math.inf)
                     if alert.level == AlertLevel.OK), None) if ended else None
    return {'name': interval.name, 'start_s': _rounded(interval.start_s - begin_s),
            'end_s': _rounded(interval.end_s - begin_s) if ended else None,
            'required': sorted(level.name for level in levels),
            'reaction_s': reaction and _rounded(reaction),
            'recovery_s': recovery and _rounded(recovery)}


def _between(records: Sequence[Any], begin_s: float, end_s: float) -> list[Any]:
    """Select the records of a time; they are in the order of arrival."""
    def arrival(record: Any) -> float:
        return float(record.arrival_s)

    return list(records[bisect_left(records, begin_s, key=arrival):
                        bisect_right(records, end_s, key=arrival)])


def _rounded(value: float) -> float:
    return round(value, 3)


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
