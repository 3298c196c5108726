# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Measurement of the fault table: one rig for each setup, and its rows one after the other."""
from dataclasses import dataclass, field
import json
import os
from pathlib import Path
from typing import Callable, Mapping, Sequence

from bdl_perception.drives.base import DESCRIPTION_FILE, frame_stamp_ns
from bdl_perception.faults.camera import forth_and_back, jpeg_bytes, nominal_frames
from bdl_perception.faults.catalogue import repeats_of
from bdl_perception.faults.reactions import measure_row, measure_undetected, RowResult
from bdl_perception.faults.rig import NODE_NAMES, Rig
from bdl_perception.faults.row import FaultRow, Setup, UndetectedHazard

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
        drive = write_loop(config.folder / 'drive')
        parameters['camera_node'] = {'path': drive, 'loop': True, 'rate_hz': RATE_HZ}
        return Rig(folder, rate_hz=RATE_HZ, parameters=parameters,
                   nodes=(*NODE_NAMES, 'camera_node'), camera=False)
    return Rig(folder, rate_hz=RATE_HZ, parameters=parameters)


def write_loop(folder: Path) -> Path:
    """Write the nominal frames, forth and back, as a drive that camera_node can loop."""
    nominal = nominal_frames()
    count = len(nominal.frames)
    (folder / 'rgb').mkdir(parents=True, exist_ok=True)
    for index in range(2 * count - 2):
        path, source = folder / 'rgb' / f'{index}.jpg', forth_and_back(index, count)
        if source == index:
            path.write_bytes(jpeg_bytes(nominal.frames[index]))
        elif not path.exists():
            os.link(folder / 'rgb' / f'{source}.jpg', path)
    camera = nominal.camera
    (folder / DESCRIPTION_FILE).write_text(json.dumps({
        'format': 1, 'name': 'nominal', 'rate_hz': RATE_HZ, 'width': camera.width,
        'height': camera.height,
        'camera': {name: getattr(camera, name) for name in ('fx', 'fy', 'cx', 'cy')},
        'stamps_ns': [frame_stamp_ns(index, RATE_HZ) for index in range(2 * count - 2)]}))
    return folder
