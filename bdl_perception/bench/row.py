# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One line of the benchmark's table: what was measured, and what was to be reached."""
from dataclasses import dataclass, field
import math
from pathlib import Path
from typing import Any

from bdl_perception.bench.timing import Quartiles


@dataclass(frozen=True)
class Row:
    """A measured number beside its goal; NaN means that nothing was measured."""

    what: str
    value: float
    unit: str = ''
    goal: float | None = None  # None: only stated
    at_least: bool = False  # else at most
    quartiles: Quartiles | None = None  # whose median the value is
    note: str = ''

    @property
    def met(self) -> bool | None:
        """Compare with the goal, None without one; what was not measured is not met."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    @property
    def goal_text(self) -> str:
        """Say what was to be reached."""
        if self.goal is None:
            return 'stated'
        return f'{">=" if self.at_least else "<="} {_format_quantity(self.goal, self.unit)}'

    @property
    def value_text(self) -> str:
        """Say what was measured, with its quartiles and its note."""
        text = _format_quantity(self.value, self.unit)
        if self.quartiles is not None:
            text += f' ({format_number(self.quartiles.low)} to {format_number(self.quartiles.high)})'
        return f'{text}; {self.note}' if self.note else text

    def as_dict(self) -> dict[str, Any]:
        """Give what JSON can hold; a value that is not finite is null."""
        spread = self.quartiles._asdict() if self.quartiles is not None else None
        return {'what': self.what, 'value': finite_or_none(self.value), 'unit': self.unit,
                'goal': self.goal, 'at_least': self.at_least, 'met': self.met,
                'quartiles': spread, 'note': self.note}


def format_number(value: float) -> str:
    """Write three significant digits, and no power of ten."""
    if not math.isfinite(value):
        return 'nothing'
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    text = f'{value:.{min(digits, 6)}f}'
    return text.rstrip('0').rstrip('.') if '.' in text else text


def finite_or_none(value: float) -> float | None:
    """JSON knows no NaN."""
    return value if math.isfinite(value) else None


def _format_quantity(value: float, unit: str) -> str:
    return f'{format_number(value)} {unit}'.rstrip() if math.isfinite(value) else format_number(value)


DEFAULT_MODEL = 'street'  # the shipped one
GROUPS = {  # name -> what its rows are about; the module of the same name measures
    'graphs': 'the two graphs by themselves, beside torch',
    'runtime': 'settings of ONNX Runtime, each against those that are shipped',
    'node': 'a 30 Hz camera, 640x384, in another process',
    'obvious': 'the node beside the obvious way to write it',
    'memory': 'resident memory of perception_node',
    'latency': 'from the first strange frame to the alert',
    'cameras': 'several cameras at 5 Hz each on this machine',
    'breakdown': 'what the time of a frame and of a Monte Carlo cycle goes to',
    'growth': 'time against samples and resolution',
}


@dataclass(frozen=True)
class BenchSettings:
    """One run."""

    out: Path
    model: str = DEFAULT_MODEL  # shipped name or folder
    quick: bool = False  # seconds in place of minutes: shows that it runs, proves nothing
    minutes: float = 10.0  # of watching the memory
    threads: int = 2  # of each network

    def __post_init__(self) -> None:
        """Refuse what cannot be measured."""
        if not 0.1 <= self.minutes <= 24 * 60:
            raise ValueError(f'minutes is {self.minutes}, must lie in 0.1 to 1440')
        if not 1 <= self.threads <= 256:
            raise ValueError(f'threads is {self.threads}, must lie in 1 to 256')

    def choose(self, quick: Any, full: Any) -> Any:
        """Take the one or the other size of a measurement."""
        return quick if self.quick else full


@dataclass(frozen=True)
class GroupResult:
    """The rows of a group, the numbers behind them for the JSON, and its plots in out."""

    rows: list[Row]
    details: dict[str, Any] = field(default_factory=dict)
    plots: list[str] = field(default_factory=list)
