# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One line of the benchmark's table: what was measured, and what was to be reached."""
from dataclasses import dataclass
import math
from typing import Any

from bdl_perception.bench.spread import Spread


@dataclass(frozen=True)
class Row:
    """A measured number beside its goal; NaN means that nothing was measured."""

    what: str
    value: float
    unit: str = ''
    goal: float | None = None  # None: only stated
    at_least: bool = False  # else at most
    spread: Spread | None = None  # whose median the value is
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
        return f'{">=" if self.at_least else "<="} {_measure(self.goal, self.unit)}'

    @property
    def value_text(self) -> str:
        """Say what was measured, with its quartiles and its note."""
        text = _measure(self.value, self.unit)
        if self.spread is not None:
            text += f' ({number(self.spread.low)} to {number(self.spread.high)})'
        return f'{text}; {self.note}' if self.note else text

    def as_dict(self) -> dict[str, Any]:
        """Give what JSON can hold; a value that is not finite is null."""
        spread = self.spread._asdict() if self.spread is not None else None
        return {'what': self.what, 'value': finite(self.value), 'unit': self.unit,
                'goal': self.goal, 'at_least': self.at_least, 'met': self.met,
                'quartiles': spread, 'note': self.note}


def number(value: float) -> str:
    """Write three significant digits, and no power of ten."""
    if not math.isfinite(value):
        return 'nothing'
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    text = f'{value:.{min(digits, 6)}f}'
    return text.rstrip('0').rstrip('.') if '.' in text else text


def finite(value: float) -> float | None:
    """JSON knows no NaN."""
    return value if math.isfinite(value) else None


def _measure(value: float, unit: str) -> str:
    return f'{number(value)} {unit}'.rstrip() if math.isfinite(value) else number(value)
