# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Settings of a benchmark run, and the rows of its table: measured value, goal and verdict."""
from dataclasses import dataclass, field
import math
from pathlib import Path
from typing import Any

from bdl_perception.bench.timing import Quartiles
from bdl_perception.perception.backend import DEMO_MODEL

GROUPS = {  # name of the group and of its module -> description
    'graphs': 'the two graphs alone, compared with torch',
    'runtime': 'settings of ONNX Runtime, each compared with the defaults',
    'node': 'a 30 Hz camera, 640x384, in another process',
    'baseline': 'our nodes compared with the baseline node',
    'memory': 'resident memory of perception_node',
    'latency': 'from the first out-of-distribution frame to the alert',
    'cameras': 'several cameras at 5 Hz each on this machine',
    'breakdown': 'time of each step of a frame and of a Monte Carlo cycle',
    'scaling': 'time as a function of samples and of resolution',
}


@dataclass(frozen=True)
class BenchSettings:
    """Settings of a run."""

    out: Path
    model: str = DEMO_MODEL  # shipped name or folder
    quick: bool = False  # seconds in place of minutes; the values must not be quoted
    minutes: float = 10.0  # duration of the group `memory`
    threads: int = 2  # of each network

    def __post_init__(self) -> None:
        """Check the ranges; ValueError."""
        if not 0.1 <= self.minutes <= 24 * 60:
            raise ValueError(f'minutes is {self.minutes}, must lie in 0.1 to 1440')
        if not 1 <= self.threads <= 256:
            raise ValueError(f'threads is {self.threads}, must lie in 1 to 256')

    def choose(self, quick: Any, full: Any) -> Any:
        """Select the size of a measurement."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Row:
    """A measured value and its goal; NaN means not measured."""

    what: str
    value: float
    unit: str = ''
    goal: float | None = None  # None: no goal
    at_least: bool = False  # the goal is a minimum, else a maximum
    quartiles: Quartiles | None = None  # of the samples whose median is the value
    note: str = ''

    @property
    def met(self) -> bool | None:
        """Compare the value with the goal; NaN never meets it. None: no goal."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    @property
    def goal_text(self) -> str:
        """Format the goal for the table."""
        if self.goal is None:
            return 'none'
        return f'{">=" if self.at_least else "<="} {_format_quantity(self.goal, self.unit)}'

    @property
    def value_text(self) -> str:
        """Format value, quartiles and note for the table."""
        text = _format_quantity(self.value, self.unit)
        if self.quartiles is not None:
            low, high = format_number(self.quartiles.low), format_number(self.quartiles.high)
            text += f' ({low} to {high})'
        return f'{text}; {self.note}' if self.note else text

    def as_dict(self) -> dict[str, Any]:
        """Give values for JSON; a value that is not finite becomes null."""
        quartiles = self.quartiles._asdict() if self.quartiles is not None else None
        return {'what': self.what, 'value': self.value if math.isfinite(self.value) else None,
                'unit': self.unit, 'goal': self.goal, 'at_least': self.at_least, 'met': self.met,
                'quartiles': quartiles, 'note': self.note}


@dataclass(frozen=True)
class GroupResult:
    """Rows of a group, the numbers behind them for JSON, and the names of its plots."""

    rows: list[Row]
    details: dict[str, Any] = field(default_factory=dict)
    plots: list[str] = field(default_factory=list)


def format_number(value: float) -> str:
    """Format with three significant digits and without exponent."""
    if not math.isfinite(value):
        return 'not measured'
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    text = f'{value:.{min(digits, 6)}f}'
    return text.rstrip('0').rstrip('.') if '.' in text else text


def _format_quantity(value: float, unit: str) -> str:
    text = format_number(value)
    return f'{text} {unit}'.rstrip() if math.isfinite(value) else text
