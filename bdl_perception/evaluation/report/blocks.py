# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What a section of the page is made of; the template knows how each looks."""
from typing import Any, Mapping, NamedTuple, Sequence

Values = Mapping[str, Any]


class Text(NamedTuple):
    """A paragraph."""

    text: str
    kind: str = 'text'


class Table(NamedTuple):
    """Rows of cells; the first cell of a row names it."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    look: str = 'numbers'  # facts: two columns of text; cards: one below the other where narrow
    kind: str = 'table'


class Plot(NamedTuple):
    """An inline drawing, in words for who cannot see it, and its caption."""

    svg: str
    alt: str
    caption: str
    kind: str = 'plot'


class Plots(NamedTuple):
    """Drawings side by side where there is room."""

    plots: Sequence[Plot]
    kind: str = 'plots'


class Missing(NamedTuple):
    """What was not measured, and why."""

    what: str
    why: str
    kind: str = 'missing'


def with_measure(evaluation: Values, measure: str) -> dict[str, Values]:
    """Give what a measure says of each set that it could judge."""
    return {name: one[measure] for name, one in evaluation['sets'].items() if measure in one}


Block = Text | Table | Plots | Missing


class Section(NamedTuple):
    """A heading with its blocks."""

    title: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """Give the id of its heading."""
        return '-'.join(''.join(c if c.isalnum() else ' ' for c in self.title.lower()).split())
