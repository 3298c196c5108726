# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Reaction times of the running nodes to the faults of the table.

One rig for each setup measures its rows one after the other. A repeat waits until the alert is OK,
injects the fault at a random phase of the camera, waits for the required alert (level and reason),
observes that it lasts, ends the fault and waits for OK.
"""
from dataclasses import dataclass, field
from pathlib import Path
import random
import re
import time
from typing import Callable, Mapping, Sequence

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.faults.camera import write_loop
from bdl_perception.faults.catalogue import repeats_of
from bdl_perception.faults.listener import AlertRecord, COMMAND_M_S, CommandRecord
from bdl_perception.faults.rig import NODE_NAMES, Rig
from bdl_perception.faults.row import (
    FaultRow,
    Observed,
    Repeat,
    RowResult,
    Setup,
    UndetectedHazard,
)
from bdl_perception.nodes.lifecycle import EXIT_CONFIG_ERROR

STABLE_S = 0.25  # of OK before a fault
READY_TIMEOUT_S = 90.0  # for OK: a killed process must start, and its predecessor be forgotten
PHASE_S = 0.1  # period of the camera
LASTS_S = 0.3  # for which the alert is observed after the reaction
MIN_TIMEOUT_S, TIMEOUT_BOUNDS = 5.0, 3.0  # of a reaction, s and in bounds
UNDETECTED_S = 2.0  # for which the alert is observed where no reaction is required
SLOWER = 0.95  # of the command; the limit imposes a ramp
EXIT_POLL_S = 0.02
RATE_HZ = 10.0
UNDETECTED_REPEATS = 3
UNDETECTED_NUMBER = 999  # of their logs
# The times in which the alert and the velocity recover are short, so that a repeat takes about a
# second; they do not change when a fault is reported. The limit of the age of Monte Carlo results
# is higher, so that a busy machine is not reported in place of the fault.
PARAMETERS: Mapping[str, Mapping[str, object]] = {
    'alert_node': {'hold_s': .3, 'clear_s': .3, 'recovery_s': .3, 'clear_fraction': 1.,
                   'epistemic_max_age_s': 5.},
    'governor_node': {'recover_after_s': .2},
}


class NotReadyError(RuntimeError):
    """The alert was not OK before a fault."""


@dataclass(frozen=True)
class MeasurementConfig:
    """What is measured."""

    folder: Path  # for logs and the frames of camera_node
    repeats: int
    full: bool = False  # all repeats of every row
    parameters: Mapping[str, Mapping[str, object]] = field(default_factory=lambda: PARAMETERS)


def measure(config: MeasurementConfig, rows: Sequence[FaultRow],
            report: Callable[[RowResult], None] = lambda result: None) -> list[RowResult]:
    """Measure rows in the order of their setups; returns the results in the order of the rows."""
    results: dict[str, RowResult] = {}
    for setup in Setup:
        own = [row for row in rows if row.setup is setup]
        for result in _measure_setup(config, setup, own, report):
            results[result.name] = result
    return [results[row.name] for row in rows]


def _measure_setup(config: MeasurementConfig, setup: Setup, rows: Sequence[FaultRow],
                   report: Callable[[RowResult], None]) -> list[RowResult]:
    """Measure rows of one setup; after a row that could not be measured, the nodes start again."""
    results: list[RowResult] = []
    while len(results) < len(rows):
        with make_rig(config, setup, len(results)) as rig:
            for row in rows[len(results):]:
                result = measure_row(rig, row, repeats_of(row, config.repeats, config.full))
                results.append(result)
                report(result)
                if result.problem:
                    break
    return results


def measure_undetected_hazards(config: MeasurementConfig, hazards: Sequence[UndetectedHazard],
                               ) -> dict[str, list[tuple[str, ...]]]:
    """Inject hazards without a required reaction; name -> reasons of each repeat, empty for OK."""
    found: dict[str, list[tuple[str, ...]]] = {}
    injected = [hazard for hazard in hazards if hazard.name]
    if not injected:
        return found
    with make_rig(config, Setup.RAW, UNDETECTED_NUMBER) as rig:
        for hazard in injected:
            found[hazard.name] = [measure_undetected(rig, hazard)
                                  for _ in range(min(config.repeats, UNDETECTED_REPEATS))]
    return found


def make_rig(config: MeasurementConfig, setup: Setup, number: int = 0) -> Rig:
    """Make the processes of a setup; number: of the first row, for the names of the logs."""
    folder = config.folder / f'{setup.name.lower()}_{number}'
    parameters = {node: dict(values) for node, values in config.parameters.items()}
    if setup is Setup.COMPRESSED:
        parameters['perception_node'] = {'image_transport': 'compressed'}
    if setup is Setup.GOVERNOR:
        return Rig(folder, rate_hz=RATE_HZ, parameters=parameters, nodes=('governor_node',),
                   camera=False)
    if setup is Setup.CAMERA_NODE:
        drive = write_loop(config.folder / 'drive', RATE_HZ)
        parameters['camera_node'] = {'path': drive, 'loop': True, 'rate_hz': RATE_HZ}
        return Rig(folder, rate_hz=RATE_HZ, parameters=parameters,
                   nodes=(*NODE_NAMES, 'camera_node'), camera=False)
    return Rig(folder, rate_hz=RATE_HZ, parameters=parameters)


def measure_row(rig: Rig, row: FaultRow, repeats: int) -> RowResult:
    """Measure a row; a rig that cannot be OK is a problem of the result."""
    phases, done = random.Random(row.name), list[Repeat]()
    try:
        for _ in range(repeats):
            wait_until_ready(rig)
            time.sleep(phases.uniform(0, PHASE_S))
            done.append(_measure_repeat(rig, row))
    except (RuntimeError, OSError) as error:
        return RowResult(row.name, tuple(done), row.bound_s, row.lasts, str(error))
    return RowResult(row.name, tuple(done), row.bound_s, row.lasts)


def measure_undetected(rig: Rig, hazard: UndetectedHazard) -> tuple[str, ...]:
    """Inject a fault of which no reaction is required; returns the reasons that it had."""
    wait_until_ready(rig)
    begin_s = rig.inject(hazard.name)
    time.sleep(UNDETECTED_S)
    found = [alert for alert in rig.alerts if alert.arrival_s >= begin_s
             and alert.level != AlertLevel.OK]
    rig.clear()
    return found[0].reasons if found else ()


def wait_until_ready(rig: Rig) -> None:
    """Wait until the alert is OK for STABLE_S and the velocity is the commanded one."""
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline_s:
        time.sleep(STABLE_S / 5)
        if is_ready(rig, time.monotonic() - STABLE_S):
            return
    last = rig.alerts[-1] if rig.alerts else None
    raise NotReadyError(f'the alert was not OK before the fault: {last}')


def is_ready(rig: Rig, since_s: float) -> bool:
    """Return whether there was only OK and the full velocity since a time."""
    alerts = _recent(rig.alerts, since_s)
    if alerts is None or any(alert.level != AlertLevel.OK for alert in alerts):
        return False
    commands = [record for record in rig.commands[-20:] if record.arrival_s >= since_s]
    return bool(commands) and all(_is_full(record) for record in commands)


def _recent(alerts: list[AlertRecord], since_s: float) -> list[AlertRecord] | None:
    recent = [alert for alert in alerts[-50:] if alert.arrival_s >= since_s]
    return recent or None


def _is_full(record: CommandRecord) -> bool:
    return record.linear_m_s >= SLOWER * COMMAND_M_S


def _measure_repeat(rig: Rig, row: FaultRow) -> Repeat:
    begin_s = rig.inject(row.injected)
    timeout_s = max(MIN_TIMEOUT_S, TIMEOUT_BOUNDS * row.bound_s)
    end_s, reason = OBSERVERS[row.observed](rig, row, begin_s, timeout_s)
    if end_s is not None and row.lasts:
        time.sleep(LASTS_S)
    during = [alert for alert in rig.alerts if alert.arrival_s >= begin_s]
    worst = max(during, key=lambda alert: alert.level, default=None)
    cleared_s = rig.clear()
    recovered_s = _wait_for_recovery(rig, row, cleared_s)
    return Repeat(
        None if end_s is None else end_s - begin_s,
        None if recovered_s is None else recovered_s - cleared_s,
        _lasted(rig, row, end_s, cleared_s), int(worst.level) if worst else 0,
        reason or (worst.reasons[0] if worst else ''))


def _lasted(rig: Rig, row: FaultRow, end_s: float | None, cleared_s: float) -> bool:
    """Return whether there was no OK, or no full velocity, between reaction and end."""
    if end_s is None or row.observed is Observed.EXIT:
        return True
    if row.observed is Observed.COMMAND:
        return not any(_is_full(record) for record in rig.commands
                       if end_s < record.arrival_s < cleared_s)
    return not any(alert.level == AlertLevel.OK for alert in rig.alerts
                   if end_s < alert.arrival_s < cleared_s)


def _observe_alert(rig: Rig, row: FaultRow, begin_s: float,
                   timeout_s: float) -> tuple[float | None, str]:
    def reports(alert: AlertRecord) -> bool:
        return alert.level >= row.level and _matching(alert, row) is not None
    found = rig.wait_for(reports, timeout_s, begin_s)
    return (found.arrival_s, _matching(found, row) or '') if found else (None, '')


def _matching(alert: AlertRecord, row: FaultRow) -> str | None:
    return next((text for text in alert.reasons if re.search(row.reason, text)), None)


def _observe_command(rig: Rig, row: FaultRow, begin_s: float,
                     timeout_s: float) -> tuple[float | None, str]:
    found = rig.listener.wait_for_command(lambda record: not _is_full(record),
                                          time.monotonic() + timeout_s, begin_s)
    return (found.arrival_s, 'the velocity falls') if found else (None, '')


def _observe_exit(rig: Rig, row: FaultRow, begin_s: float,
                  timeout_s: float) -> tuple[float | None, str]:
    deadline_s, node = begin_s + timeout_s, rig.started_last
    while time.monotonic() < deadline_s:
        if (code := rig.exit_code(node)) is not None:
            return (time.monotonic() if code == EXIT_CONFIG_ERROR else None), f'exit code {code}'
        time.sleep(EXIT_POLL_S)
    return None, 'it still runs'


Observer = Callable[[Rig, FaultRow, float, float], tuple[float | None, str]]
OBSERVERS: dict[Observed, Observer] = {
    Observed.ALERT: _observe_alert, Observed.COMMAND: _observe_command,
    Observed.EXIT: _observe_exit}


def _wait_for_recovery(rig: Rig, row: FaultRow, cleared_s: float) -> float | None:
    """Wait until the alert is OK again, or the velocity is the commanded one."""
    deadline_s = cleared_s + READY_TIMEOUT_S
    if row.observed is Observed.COMMAND:
        record = rig.listener.wait_for_command(_is_full, deadline_s, cleared_s)
        return record.arrival_s if record else None
    alert = rig.wait_for(lambda alert: alert.level == AlertLevel.OK, READY_TIMEOUT_S, cleared_s)
    return alert.arrival_s if alert else None
