# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Soak test: the nodes under load, while faults come and go by a seeded schedule.

Everything that happens is recorded first and evaluated afterwards, so that an interrupted run
has a result too. An exception of the test itself is a violation, and the test goes on.
"""
from dataclasses import dataclass, field
import math
from pathlib import Path
from threading import Event
import time
from typing import Callable, Mapping, Protocol, Sequence

from bdl_perception.faults.command_oracle import Command
from bdl_perception.faults.load import (
    busy_processes,
    BusyProcesses,
    LoadPhase,
    make_load,
    Wait,
)
from bdl_perception.faults.oracle import Alert, FaultInterval, Violation
from bdl_perception.faults.resources import BackgroundSampler, ResourceSeries
from bdl_perception.faults.schedule import make_schedule, Phase, SoakFault
from bdl_perception.perception.backend import DEMO_MODEL
import psutil

MIN_MINUTES, MAX_MINUTES = .5, 24. * 60
OK_TIMEOUT_S = 120.  # from the start of the processes to the first OK
TICK_S = .1
WRITE_PERIOD_S = 300.
TEST_FAILED, PROCESS_ENDED = 'test failed', 'process ended'


@dataclass(frozen=True)
class SoakConfig:
    """What a soak test runs."""

    folder: Path
    minutes: float
    seed: int = 1
    model: str = DEMO_MODEL  # shipped name or folder

    def __post_init__(self) -> None:
        """Check the duration; ValueError."""
        if not MIN_MINUTES <= self.minutes <= MAX_MINUTES:
            raise ValueError(f'minutes is {self.minutes:g}, must lie in {MIN_MINUTES:g} to '
                             f'{MAX_MINUTES:g}')

    @property
    def duration_s(self) -> float:
        """Give the duration, s."""
        return 60 * self.minutes


class Nodes(Protocol):
    """The nodes under test, with the camera and the listener; the rig has all of it."""

    @property
    def processes(self) -> Mapping[str, psutil.Process]:
        """Give the present process of each node."""

    @property
    def alerts(self) -> Sequence[Alert]:
        """Give the alerts received so far."""

    @property
    def commands(self) -> Sequence[Command]:
        """Give the governed velocities received so far."""

    def inject(self, name: str) -> float:
        """Begin a fault; returns the monotonic time."""

    def clear(self) -> float:
        """End the fault; returns the monotonic time."""

    def restart(self, node: str) -> None:
        """Start a node again whose process has ended."""


@dataclass
class SoakRecord:
    """What happened; times are monotonic."""

    config: SoakConfig
    begin_s: float
    end_s: float
    alerts: Sequence[Alert] = ()
    commands: Sequence[Command] = ()
    intervals: list[FaultInterval] = field(default_factory=list)
    loads: Sequence[LoadPhase] = ()  # relative to begin_s
    waits: Sequence[Wait] = ()
    series: Sequence[ResourceSeries] = ()
    skipped: list[str] = field(default_factory=list)  # faults, since the schedule was late
    problems: list[Violation] = field(default_factory=list)  # of the test and the processes
    complete: bool = False  # not interrupted


class SoakRun:
    """Injects the scheduled faults and changes the load until the time is over."""

    def __init__(self, nodes: Nodes, config: SoakConfig, faults: Sequence[SoakFault],
                 stop: Event, on_progress: Callable[[SoakRecord], object]) -> None:
        """Prepare; stop: ends the run early. on_progress: called now and then, and at the end."""
        self._nodes, self._stop, self._on_progress = nodes, stop, on_progress
        self._requirements = {fault.name: fault.requirement for fault in faults}
        self._schedule = make_schedule([fault.timing for fault in faults], config.duration_s,
                                       config.seed)
        now_s = time.monotonic()
        self.record = SoakRecord(config, now_s, now_s, nodes.alerts, nodes.commands,
                                 loads=make_load(config.duration_s, config.seed))
        self._written_s = now_s
        self._late_s = 0.  # behind the schedule

    def run(self) -> SoakRecord:
        """Run to the end of the schedule and of the duration; the record is complete then."""
        self.record.begin_s = self.record.end_s = time.monotonic()
        sampler = BackgroundSampler(lambda: dict(self._nodes.processes))
        self.record.waits, self.record.series = sampler.waits, sampler.series
        with sampler.running(), busy_processes() as busy:
            for phase in self._schedule:
                if not self._stop.is_set():
                    self._run_fault(phase, busy)
            self._wait_until(self.record.begin_s + self.record.config.duration_s, busy)
        self.record.complete = not self._stop.is_set()
        self.record.problems += sampler.problems
        self._on_progress(self.record)
        return self.record

    def _run_fault(self, phase: Phase, busy: BusyProcesses) -> None:
        planned_s = self.record.begin_s + phase.start_s + self._late_s
        limit_s = self.record.begin_s + self.record.config.duration_s
        if planned_s + phase.duration_s + phase.recover_s > limit_s:
            self.record.skipped.append(phase.name)  # the schedule is late
            return
        self._wait_until(planned_s, busy)
        if self._stop.is_set():
            return
        start_s = self._begin(phase.name)
        self._wait_until(start_s + phase.duration_s, busy)
        end_s = self._end()
        self.record.intervals[-1] = self.record.intervals[-1]._replace(end_s=end_s)
        self._restart_ended_processes(expected=True)
        self._late_s += max(0., end_s - planned_s - phase.duration_s)

    def _begin(self, name: str) -> float:
        """Begin a fault; returns when it began, which may be later than the call."""
        before_s = time.monotonic()
        interval = FaultInterval(name, before_s, math.inf, self._requirements[name])
        self.record.intervals.append(interval)
        try:
            start_s = self._nodes.inject(name)
        except Exception as error:  # noqa: BLE001  # the test must go on
            self._add_problem(f'{name} could not be injected: {error!r}')
            return before_s
        self.record.intervals[-1] = interval._replace(start_s=start_s)
        return start_s

    def _end(self) -> float:
        try:
            return self._nodes.clear()
        except Exception as error:  # noqa: BLE001  # the test must go on
            self._add_problem(f'{self.record.intervals[-1].name} could not be ended: {error!r}')
            return time.monotonic()

    def _wait_until(self, at_s: float, busy: BusyProcesses) -> None:
        """Wait, with the load of each moment; also write, and restart processes that ended."""
        while not self._stop.is_set() and time.monotonic() < at_s:
            now_s = self.record.end_s = time.monotonic()
            since_s = now_s - self.record.begin_s
            busy.set_count(sum(load.processes for load in self.record.loads
                               if load.start_s <= since_s < load.end_s))
            if not any(math.isinf(one.end_s) for one in self.record.intervals[-1:]):
                self._restart_ended_processes(expected=False)
            if now_s - self._written_s >= WRITE_PERIOD_S:
                self._written_s = now_s
                self._on_progress(self.record)
            self._stop.wait(min(TICK_S, max(0., at_s - now_s)))
        self.record.end_s = time.monotonic()

    def _restart_ended_processes(self, expected: bool) -> None:
        """Start processes again; expected: a fault may have ended them."""
        for node, process in dict(self._nodes.processes).items():
            if not has_ended(process):
                continue
            if not expected:
                self._add_problem(f'{node} ended without a fault that ends it', PROCESS_ENDED)
            try:
                self._nodes.restart(node)
            except Exception as error:  # noqa: BLE001  # the test must go on
                self._add_problem(f'{node} could not be started again: {error!r}')

    def _add_problem(self, text: str, kind: str = TEST_FAILED) -> None:
        now_s = time.monotonic()
        self.record.problems.append(Violation(kind, now_s, now_s, 1, text))


def has_ended(process: psutil.Process) -> bool:
    """Tell whether a process has ended, whether or not its parent has read the exit code."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True
