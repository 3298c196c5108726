# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What calibration.json holds, and what is wrong with one that cannot be read."""
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from types import NoneType, UnionType
from typing import (
    Any,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
    Literal,
    TypedDict,
    Union,
)

from bdl_perception.alarm.calibration import (
    Calibration,
    camera_calibration_from_dict,
    CameraCalibration,
    check_format,
    FORMAT,
    SortedScores,
)
from bdl_perception.perception.status import Identity

MAX_NUMBER = 1e300  # integers of JSON may be too large for a float
SCALAR_DESCRIPTIONS = {bool: 'true or false', int: 'an integer', float: 'a finite number', str: 'a text'}


def check_type(where: str, value: Any, hint: Any) -> None:
    """
    Refuse, with a TypeError that says where, a value that is not what a type hint says.

    Known hints: those of calibration.json. A name that a dataclass does not have is ignored.
    """
    if hint in SCALAR_DESCRIPTIONS:  # first: a file holds many thousands
        _check_scalar(where, value, hint)
        return
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, UnionType):  # with None; there is no other
        if value is not None:
            check_type(where, value, next(one for one in inner if one is not NoneType))
    elif is_dataclass(kind) or is_typeddict(kind):
        _check_instance(where, value, Mapping, 'names and values')
        for name, of_name in get_type_hints(kind).items():
            if name in value:
                check_type(f'{where} {name}', value[name], of_name)
    elif kind is Mapping:
        _check_instance(where, value, Mapping, 'names and values')
        for name, one in value.items():
            check_type(f'{where} {name}', one, inner[1])
    elif kind is tuple:
        _check_instance(where, value, (list, tuple), 'a list')
        for one in value:
            check_type(where, one, inner[0])
    elif kind is Literal:
        _check_instance(where, value, str, 'a text')
    elif kind is not Any:
        raise AssertionError(f'{where}: no such type is known here: {hint}')


def _check_scalar(where: str, value: Any, kind: type) -> None:
    fits = isinstance(value, (int, float) if kind is float else kind)
    if fits and kind in (int, float):
        fits = not isinstance(value, bool) and abs(value) <= MAX_NUMBER
    if not fits:
        raise TypeError(f'{where} is {value!r:.40}, must be {SCALAR_DESCRIPTIONS[kind]}')


def _check_instance(where: str, value: Any, kind: Any, expected: str) -> None:
    if not isinstance(value, kind):
        raise TypeError(f'{where} is {value!r:.40}, must be {expected}')


# Fields that came after the first files of this format, which do without.
OPTIONAL_KEYS = {'cameras', 'group_drives', 'steps'}
EXCLUDED_FIELDS = {'camera'}  # it is chosen where the alarm is armed


class DepthIntervalsDict(TypedDict):
    """What metrics/depth_intervals.py makes and reads; the alarm has no use for it."""

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
    return {name: value for name, value in values.items() if name not in EXCLUDED_FIELDS}


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
            _check_names('intervals of the calibration', DepthIntervalsDict, values['intervals'])
            check_type('intervals', values['intervals'], DepthIntervalsDict)
        return Calibration(**{
            **values,
            'identity': Identity(**values['identity']), 'scores': _sorted_scores(values['scores']),
            'groups': {group: _sorted_scores(rows) for group, rows in values['groups'].items()},
            'cameras': {name: _camera_calibration(name, part)
                        for name, part in values.get('cameras', {}).items()},
            **{name: tuple(values.get(name, ())) for name in (
                'watched', 'drives', 'held_out', 'held_out_slow', 'steps', 'windows')}})
    except TypeError as error:
        raise ValueError(f'calibration holds values of wrong types ({error}); '
                         f'calibrate again') from error


def _camera_calibration(name: str, values: Mapping[str, Any]) -> CameraCalibration:
    _check_names(f'camera {name} of the calibration', CameraCalibration, values)
    return camera_calibration_from_dict(values)


def _check_names(what: str, kind: type[Any], values: Mapping[str, Any]) -> None:
    known = set(get_type_hints(kind)) - EXCLUDED_FIELDS
    missing, unknown = known - set(values) - OPTIONAL_KEYS, set(values) - known
    if missing or unknown:
        raise ValueError(f'{what}: missing {sorted(missing)}, not known {sorted(unknown)}; '
                         f'calibrate again')


def _sorted_scores(rows: Mapping[str, Any]) -> SortedScores:
    return {name: tuple(map(float, row)) for name, row in rows.items()}
