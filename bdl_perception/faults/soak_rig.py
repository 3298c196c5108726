# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A soak test of the real nodes: start them, run the schedule, write result and plot."""
from dataclasses import dataclass
from pathlib import Path
from threading import Event
import time
from typing import Callable

from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.alarm.governor import GovernorPolicy
from bdl_perception.faults.command_oracle import CommandRule
from bdl_perception.faults.oracle import Violation
from bdl_perception.faults.resources import FlatnessPolicy
from bdl_perception.faults.rig import Rig
from bdl_perception.faults.schedule import soak_faults
from bdl_perception.faults.soak import (
    OK_TIMEOUT_S,
    SoakConfig,
    SoakRecord,
    SoakRun,
    TEST_FAILED,
)
from bdl_perception.faults.soak_result import (
    draw_soak,
    evaluate_soak,
    Lateness,
    SoakRules,
    write_result,
)
from bdl_perception.parameters import (
    AlertParameters,
    GovernorParameters,
    MAX_HEARTBEAT_PERIODS,
)
from geometry_msgs.msg import Twist, Vector3

COMMAND_M_S = 3.  # above the limit at WARN, so that each level has its own speed
LOGS = 'logs'


@dataclass(frozen=True)
class SoakSummary:
    """The result for the command line."""

    begin_s: float
    violations: tuple[Violation, ...]
    lateness: Lateness = Lateness(0., 0., 0.)
    skipped: tuple[str, ...] = ()  # faults, since the schedule was late
    not_evaluated: tuple[str, ...] = ()  # processes that ran too short for their resources


def run_soak(config: SoakConfig, stop: Event) -> SoakSummary:
    """Run a soak test in a folder that exists; stop: ends it early, with its result."""
    begin_s = time.monotonic()
    report = Report(config.folder, SoakRecord(config, begin_s, begin_s))
    try:
        with SoakRig(config.folder / LOGS, config.model) as rig:
            _drive(rig, config, stop, report.write)
    except Exception as error:  # noqa: BLE001  # the result must be written
        report.add_problem(f'the test ended: {error!r}')
    summary = report.write(report.record)
    return report.draw(summary)


def _drive(rig: Rig, config: SoakConfig, stop: Event,
           on_progress: Callable[[SoakRecord], object]) -> None:
    """Wait for OK, then run the schedule."""
    run = SoakRun(rig, config, soak_faults(), stop, on_progress)
    deadline_s = time.monotonic() + OK_TIMEOUT_S
    while not stop.is_set() and not rig.wait_for(lambda alert: alert.level == AlertLevel.OK, 1.):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f'no OK within {OK_TIMEOUT_S:g} s after the start: '
                               f'{rig.alerts[-1:]}')
    run.run()


def _command() -> Twist:
    return Twist(linear=Vector3(x=COMMAND_M_S))


class SoakRig(Rig):
    """The rig with the velocity of a soak test, also after faults of the command."""

    def __enter__(self) -> 'SoakRig':
        """Start everything."""
        super().__enter__()
        self.listener.command = _command
        return self

    def clear(self) -> float:
        """End the fault; the rig itself would return to its own velocity."""
        end_s = super().clear()
        self.listener.command = _command
        return end_s


class Report:
    """Writes soak.json and soak.png; drawing takes seconds, so that it comes at the end."""

    def __init__(self, folder: Path, record: SoakRecord) -> None:
        """Start with an empty record."""
        self.record = record
        self._folder = folder
        self._rules = soak_rules()

    def write(self, record: SoakRecord) -> SoakSummary:
        """Evaluate a record and write it."""
        self.record = record
        result = evaluate_soak(record, self._rules)
        write_result(record, result, self._folder)
        return SoakSummary(record.begin_s, result.violations, result.lateness,
                           tuple(record.skipped), result.not_evaluated)

    def draw(self, summary: SoakSummary) -> SoakSummary:
        """Draw the record that was written; an error of the drawing becomes a violation."""
        try:
            draw_soak(self.record, summary.violations, self._folder)
        except Exception as error:  # noqa: BLE001  # the numbers are written
            self.add_problem(f'the plot could not be drawn: {error!r}')
            return self.write(self.record)
        return summary

    def add_problem(self, text: str) -> None:
        """Add an error of the test itself, at the end of the record."""
        now_s = time.monotonic()
        self.record.problems.append(Violation(TEST_FAILED, now_s, now_s, 1, text))


def soak_rules() -> SoakRules:
    """Give the bounds that follow from the default parameters of the nodes."""
    return SoakRules(
        MAX_HEARTBEAT_PERIODS / AlertParameters().heartbeat_hz, AlertPolicy(),
        CommandRule(GovernorPolicy(), GovernorParameters().rate_hz, COMMAND_M_S),
        FlatnessPolicy())
