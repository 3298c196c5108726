# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Whether what JSON holds is of the types that the fields of a dataclass say."""
from collections.abc import Mapping
from dataclasses import is_dataclass
from types import NoneType
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict, Literal, Union

LARGEST = 1e300  # integers of JSON may be too large for a float
SCALARS = {bool: 'true or false', int: 'an integer', float: 'a finite number', str: 'a text'}


def check_type(where: str, value: Any, hint: Any) -> None:
    """
    Refuse, with a TypeError that says where, a value that is not what a type hint says.

    Known hints: those of calibration.json. A name that a dataclass does not have is ignored.
    """
    if hint in SCALARS:  # first: a file holds many thousands
        _check_scalar(where, value, hint)
        return
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in (Union, UnionType):  # with None; there is no other
        if value is not None:
            check_type(where, value, next(one for one in inner if one is not NoneType))
    elif is_dataclass(kind) or is_typeddict(kind):
        _check(where, value, Mapping, 'names and values')
        for name, of_name in get_type_hints(kind).items():
            if name in value:
                check_type(f'{where} {name}', value[name], of_name)
    elif kind is Mapping:
        _check(where, value, Mapping, 'names and values')
        for name, one in value.items():
            check_type(f'{where} {name}', one, inner[1])
    elif kind is tuple:
        _check(where, value, (list, tuple), 'a list')
        for one in value:
            check_type(where, one, inner[0])
    elif kind is Literal:
        _check(where, value, str, 'a text')
    elif kind is not Any:
        raise AssertionError(f'{where}: no such type is known here: {hint}')


def _check_scalar(where: str, value: Any, kind: type) -> None:
    fits = isinstance(value, (int, float) if kind is float else kind)
    if fits and kind in (int, float):
        fits = not isinstance(value, bool) and abs(value) <= LARGEST
    if not fits:
        raise TypeError(f'{where} is {value!r:.40}, must be {SCALARS[kind]}')


def _check(where: str, value: Any, kind: Any, said: str) -> None:
    if not isinstance(value, kind):
        raise TypeError(f'{where} is {value!r:.40}, must be {said}')
