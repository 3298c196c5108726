# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The file format of a calibration: nested JSON objects that mirror its values."""
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

from bdl_perception.alarm.calibration import Calibration

FORMAT = 5  # of calibration.json; 4 had all values at the top level
NOT_STORED = {'camera'}  # chosen when the alarm is armed
OPTIONAL = {'image_range'}  # left out if it is None, as in files of before it was known
MAX_NUMBER = 1e300  # integers of JSON may be too large for a float
SCALAR_DESCRIPTIONS = {bool: 'true or false', int: 'an integer', float: 'a finite number',
                       str: 'a text'}


class DepthIntervalsDict(TypedDict):
    """The stored form of metrics.depth_intervals.DepthIntervals; the alarm does not use it."""

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
    """Return the contents of calibration.json."""
    values = asdict(calibration, dict_factory=_stored_fields)
    return {'format': FORMAT,
            **{name: value for name, value in values.items() if name not in NOT_STORED}}


def _stored_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in pairs if name not in OPTIONAL or value is not None}


def calibration_from_dict(values: Mapping[str, Any]) -> Calibration:
    """Read the contents of calibration.json; ValueError names what is wrong with them."""
    if not isinstance(values, Mapping):
        raise ValueError(f'calibration is a {type(values).__name__}, must hold names and values; '
                         f'calibrate again')
    if values.get('format') != FORMAT:
        raise ValueError(f'calibration format is {values.get("format")!r}, this version reads '
                         f'{FORMAT}: make it again with `bdl calibrate --model MODEL DRIVES...` '
                         f'and the --fit-mode of perception_node')
    parts = {name: value for name, value in values.items() if name != 'format'}
    hints = {name: hint for name, hint in get_type_hints(Calibration).items()
             if name not in NOT_STORED}
    try:
        if parts.get('intervals') is not None:
            read_value('calibration intervals', parts['intervals'], DepthIntervalsDict)
        return Calibration(**_read_fields('calibration', parts, hints))
    except TypeError as error:
        raise ValueError(f'calibration holds values of wrong types ({error}); '
                         f'calibrate again') from error


def read_value(where: str, value: Any, hint: Any) -> Any:
    """
    Convert a value of JSON to the type of a hint; TypeError names where it does not fit.

    It knows the hints of the values of a calibration. A list becomes a tuple, an object a
    dataclass with exactly its fields (ValueError).
    """
    if hint in SCALAR_DESCRIPTIONS:  # first: a file holds many thousands
        return _read_scalar(where, value, hint)
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, UnionType):  # with None; there is no other
        return None if value is None else read_value(
            where, value, next(one for one in inner if one is not NoneType))
    if is_dataclass(kind) or is_typeddict(kind):
        _check_instance(where, value, Mapping, 'names and values')
        return kind(**_read_fields(where, value, get_type_hints(kind)))
    if kind is Mapping:
        _check_instance(where, value, Mapping, 'names and values')
        return {name: read_value(f'{where} {name}', one, inner[1]) for name, one in value.items()}
    if kind is tuple:
        _check_instance(where, value, (list, tuple), 'a list')
        return tuple(read_value(where, one, inner[0]) for one in value)
    if kind is Literal:
        return _read_scalar(where, value, str)
    if kind is Any:
        return value
    raise AssertionError(f'{where}: no such type is known here: {hint}')


def _read_fields(where: str, values: Mapping[str, Any],
                 hints: Mapping[str, Any]) -> dict[str, Any]:
    missing, unknown = set(hints) - set(values) - OPTIONAL, set(values) - set(hints)
    if missing or unknown:
        raise ValueError(f'{where}: missing {sorted(missing)}, not known {sorted(unknown)}; '
                         f'calibrate again')
    return {name: read_value(f'{where} {name}', values[name], hint)
            for name, hint in hints.items() if name in values}


def _read_scalar(where: str, value: Any, kind: type) -> Any:
    fits = isinstance(value, (int, float) if kind is float else kind)
    if fits and kind in (int, float):
        fits = not isinstance(value, bool) and abs(value) <= MAX_NUMBER
    if not fits:
        raise TypeError(f'{where} is {value!r:.40}, must be {SCALAR_DESCRIPTIONS[kind]}')
    return float(value) if kind is float else value


def _check_instance(where: str, value: Any, kind: Any, expected: str) -> None:
    if not isinstance(value, kind):
        raise TypeError(f'{where} is {value!r:.40}, must be {expected}')
