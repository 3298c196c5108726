# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Evaluation of a soak test: violations, reaction times, resources; JSON for people and tools."""
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
import json
import math
from pathlib import Path
from typing import Any, Sequence

from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.faults.command_oracle import (
    check_command_gaps,
    check_speeds,
    check_stops,
    CommandRule,
)
from bdl_perception.faults.oracle import (
    Alert,
    check_error_holds,
    check_gaps,
    check_levels,
    FaultInterval,
    LevelOracle,
    Violation,
)
from bdl_perception.faults.resources import evaluate_flatness, Flatness, FlatnessPolicy
from bdl_perception.faults.soak import SoakRecord
from bdl_perception.faults.waits import Waits
from bdl_perception.files import write_atomic

NOT_FLAT = 'not flat'
JSON_NAME = 'soak.json'


@dataclass(frozen=True)
class SoakRules:
    """The bounds that hold at every moment."""

    lease_s: float  # between two alerts
    policy: AlertPolicy
    commands: CommandRule
    flatness: FlatnessPolicy


@dataclass(frozen=True)
class SoakResult:
    """Violations in the order of time, and the resources of each process."""

    violations: tuple[Violation, ...]
    flatness: tuple[Flatness, ...]
    late_share: float  # of the alerts at which the machine may have made inputs late


def evaluate_soak(record: SoakRecord, rules: SoakRules) -> SoakResult:
    """Check the alerts, the commands and the resources of a record."""
    alerts = list(record.alerts)  # they may grow meanwhile
    inside = _between(alerts, record.begin_s, record.end_s)
    commands = _between(list(record.commands), record.begin_s, record.end_s)
    waits, intervals = Waits(list(record.waits)), list(record.intervals)
    oracle, span = LevelOracle(intervals, waits), (record.begin_s, record.end_s)
    flatness = tuple(evaluate_flatness(series, rules.flatness) for series in record.series)
    violations = [
        *check_levels(inside, oracle),
        *check_gaps(inside, *span, rules.lease_s, intervals, waits),
        *check_error_holds(inside, rules.policy.hold_s, intervals),
        *check_speeds(commands, alerts, rules.commands, waits),
        *check_stops(commands, intervals, rules.commands, waits),
        *check_command_gaps(commands, *span, rules.commands, intervals, waits),
        *record.problems,
        *(Violation(NOT_FLAT, record.end_s, record.end_s, 1, problem)
          for one in flatness for problem in one.problems)]
    late = sum(oracle.is_late(alert.arrival_s) for alert in inside)
    return SoakResult(tuple(sorted(violations, key=lambda one: one.start_s)), flatness,
                      late / len(inside) if inside else 0.)


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
        'minutes': config.minutes, 'seed': config.seed, 'model': config.model,
        'complete': record.complete, 'duration_s': _rounded(record.end_s - record.begin_s),
        'violations': [{**one._asdict(), 'start_s': _rounded(one.start_s - record.begin_s),
                        'end_s': _rounded(one.end_s - record.begin_s)}
                       for one in result.violations],
        'alerts': {'count': len(alerts), **counts,
                   'share_while_the_machine_was_late': _rounded(result.late_share)},
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
