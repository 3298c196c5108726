# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What calibration.json holds, and what is wrong with one that cannot be read."""
from dataclasses import asdict
from typing import Any, get_type_hints, Mapping, TypedDict

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration import Ordered
from bdl_perception.alarm.calibration_checks import check_format
from bdl_perception.alarm.calibration_checks import FORMAT
from bdl_perception.alarm.camera_part import CameraPart
from bdl_perception.alarm.camera_part import part_from_dict
from bdl_perception.alarm.status import Identity
from bdl_perception.alarm.stored_types import check_type

# Fields that came after the first files of this format, which do without.
LATER = {'cameras', 'group_drives', 'steps'}
NOT_STORED = {'camera'}  # it is chosen where the alarm is armed


class Intervals(TypedDict):
    """What evaluation/depth_intervals.py makes and reads; the alarm has no use for it."""

    factor: float
    aleatoric_factor: float
    temperature: float
    edges_m: tuple[float, ...]
    levels: tuple[float, ...]
    multipliers: tuple[tuple[float, ...], ...]
    pooled: tuple[bool, ...]
    pixels: tuple[int, ...]
    drives: int


def calibration_to_dict(calibration: Calibration) -> dict[str, Any]:
    """Turn a calibration into what calibration.json holds."""
    values = asdict(calibration)
    return {name: value for name, value in values.items() if name not in NOT_STORED}


def calibration_from_dict(values: Mapping[str, Any]) -> Calibration:
    """Read what calibration.json holds; ValueError says what is wrong with it."""
    if not isinstance(values, Mapping):
        raise ValueError(f'calibration is a {type(values).__name__}, must hold names and values; '
                         f'calibrate again')
    check_format(values.get('format', FORMAT))
    _check_names('calibration', Calibration, values)
    try:
        check_type('calibration', values, Calibration)
        _check_names('identity of the calibration', Identity, values['identity'])
        if values['intervals'] is not None:
            _check_names('intervals of the calibration', Intervals, values['intervals'])
            check_type('intervals', values['intervals'], Intervals)
        return Calibration(**{
            **values,
            'identity': Identity(**values['identity']), 'scores': _ordered(values['scores']),
            'groups': {group: _ordered(rows) for group, rows in values['groups'].items()},
            'cameras': {name: _camera_part(name, part)
                        for name, part in values.get('cameras', {}).items()},
            **{name: tuple(values.get(name, ())) for name in (
                'watched', 'drives', 'held_out', 'held_out_slow', 'steps', 'windows')}})
    except TypeError as error:
        raise ValueError(f'calibration holds values of wrong types ({error}); '
                         f'calibrate again') from error


def _camera_part(name: str, values: Mapping[str, Any]) -> CameraPart:
    _check_names(f'camera {name} of the calibration', CameraPart, values)
    return part_from_dict(values)


def _check_names(what: str, kind: type[Any], values: Mapping[str, Any]) -> None:
    known = set(get_type_hints(kind)) - NOT_STORED
    missing, unknown = known - set(values) - LATER, set(values) - known
    if missing or unknown:
        raise ValueError(f'{what}: missing {sorted(missing)}, not known {sorted(unknown)}; '
                         f'calibrate again')


def _ordered(rows: Mapping[str, Any]) -> Ordered:
    return {name: tuple(map(float, row)) for name, row in rows.items()}
