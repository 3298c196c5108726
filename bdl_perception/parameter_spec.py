# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Declare a parameter once, as a dataclass field: default, unit, bounds and description."""
from dataclasses import field, fields
from typing import Any, NamedTuple

ParameterValue = bool | int | float | str


class ParameterSpec(NamedTuple):
    """The declaration of one parameter."""

    name: str
    kind: type
    default: ParameterValue
    unit: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    doc: str
    live: bool = False  # can be changed while the node runs

    @property
    def bounds(self) -> str:
        """Format the allowed values; empty when every value is allowed."""
        if self.choices:
            return ' or '.join(map(repr, self.choices))
        return '' if self.low is None else f'{self.low:.10g} to {self.high:.10g}'


def parameter(default: ParameterValue, doc: str, unit: str = '', low: float | None = None,
              high: float | None = None, choices: tuple[str, ...] = (),
              live: bool = False) -> Any:
    """Declare a parameter as a dataclass field; TypeError for a number without both bounds."""
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        if low is None or high is None:
            raise TypeError(f'the parameter "{doc}" is a number without bounds, give low and high')
    return field(default=default, metadata={
        'doc': doc, 'unit': unit, 'low': low, 'high': high, 'choices': choices,
        'live': live})


def parameter_of(cls: type, name: str) -> Any:
    """Declare a parameter that is already a field of cls: same default, unit, bounds and text."""
    [item] = [item for item in fields(cls) if item.name == name]
    return field(default=item.default, metadata=item.metadata)


def parameter_specs(cls: type) -> tuple[ParameterSpec, ...]:
    """List the parameters of a dataclass in their order."""
    defaults: dict[str, Any] = {item.name: item.default for item in fields(cls)}
    return tuple(ParameterSpec(item.name, type(defaults[item.name]), defaults[item.name],
                               **item.metadata) for item in fields(cls))


def check_parameter(spec: ParameterSpec, value: object) -> None:
    """Check the type, the choices and the bounds; ValueError names parameter, value and bounds."""
    allowed: tuple[type, ...] = (int, float) if spec.kind is float else (spec.kind,)
    if not isinstance(value, allowed) or isinstance(value, bool) != (spec.kind is bool):
        raise ValueError(f'parameter {spec.name} is {value!r}, must be a {spec.kind.__name__}')
    if spec.choices and value not in spec.choices:
        raise ValueError(f'parameter {spec.name} is {value!r}, must be {spec.bounds}')
    if spec.low is None or spec.high is None or not isinstance(value, (int, float)):
        return
    if not spec.low <= value <= spec.high:  # also rejects NaN
        unit = f' {spec.unit}' if spec.unit else ''
        raise ValueError(f'parameter {spec.name} is {value!r}, must lie in {spec.bounds}{unit}')


class Parameters:
    """Base of a dataclass of parameters: every instance is valid."""

    def __post_init__(self) -> None:
        """Check every value against its declaration, and the values together."""
        for spec in parameter_specs(type(self)):
            check_parameter(spec, getattr(self, spec.name))
        if reason := self.contradiction():
            raise ValueError(reason)

    def contradiction(self) -> str:
        """Return why values that are allowed cannot be used together; empty: they can."""
        return ''
