# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Matplotlib figures as SVG inside the page: text in its colours, light or dark."""
from contextlib import contextmanager
import io
import re
from typing import Any, Iterator, TYPE_CHECKING
import zlib

from bdl_perception.evaluation.report.blocks import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE_IN = (4.8, 3.3)  # as wide as half a page or a whole telephone, so that text stays legible
INK = '#0a0b0c'  # stands for the page's own text colour until the SVG is written
COLOURS = ('#3b82c4', '#e07b39', '#2a9d72', '#c25a9a', '#8a7bd1', '#b8901f', '#6b7785', '#d1495b')
DASHES = ('-', '--', '-.', ':', '-', '--', '-.', ':')  # colour is never the only difference
STYLE: dict[str, Any] = {
    'svg.fonttype': 'none', 'svg.hashsalt': 'bdl', 'font.size': 9., 'font.family': 'sans-serif',
    'text.color': INK, 'axes.labelcolor': INK, 'axes.edgecolor': INK, 'xtick.color': INK,
    'ytick.color': INK, 'axes.facecolor': 'none', 'figure.facecolor': 'none',
    'savefig.facecolor': 'none', 'grid.color': INK, 'grid.alpha': .15, 'axes.grid': True,
    'axes.spines.top': False, 'axes.spines.right': False, 'legend.frameon': False,
    'legend.fontsize': 8., 'axes.axisbelow': True}


class Sheet:
    """A figure that is being drawn, and the plot that it becomes."""

    def __init__(self, figure: 'Figure') -> None:
        """Keep the figure and give it one pair of axes."""
        self.figure = figure
        self.axes: Axes = figure.add_subplot()
        self._plot: Plot | None = None

    @property
    def plot(self) -> Plot:
        """Give the finished plot; RuntimeError while it is being drawn."""
        if self._plot is None:
            raise RuntimeError('the plot is not finished; leave the with block first')
        return self._plot

    def finish(self, alt: str, caption: str) -> None:
        """Turn the figure into SVG."""
        self._plot = Plot(to_svg(self.figure, alt + caption), alt, caption)


@contextmanager
def sheet(alt: str, caption: str, size_in: tuple[float, float] = SIZE_IN) -> Iterator[Sheet]:
    """Give axes to draw on; when the block is left the plot is there."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    with rc_context(STYLE):  # type: ignore[arg-type]
        made = Sheet(Figure(size_in, layout='constrained'))
        yield made
        made.finish(alt, caption)


def style(index: int) -> dict[str, Any]:
    """Give colour and dashes of the line with this number."""
    return {'color': COLOURS[index % len(COLOURS)], 'linestyle': DASHES[index % len(DASHES)]}


def to_svg(figure: 'Figure', name: str) -> str:
    """Give an <svg> element that may stand beside others: ids of its name, colours the page's."""
    buffer = io.StringIO()
    figure.savefig(buffer, format='svg', metadata={'Date': None, 'Creator': None})
    text = buffer.getvalue()
    text = text[text.index('<svg'):]
    text = re.sub(r'<metadata>.*?</metadata>', '', text, flags=re.S)
    text = re.sub(r'<style[^>]*>.*?</style>', '', text, flags=re.S)  # the page has its rule
    own = f'p{zlib.crc32((name + text).encode()):08x}-'
    text = re.sub(r'\bid="', f'id="{own}', text)
    text = re.sub(r'href="#', f'href="#{own}', text)
    text = re.sub(r'url\(#', f'url(#{own}', text)
    text = re.sub(r'<svg ([^>]*?)width="[^"]*"', r'<svg \1', text, count=1)
    text = re.sub(r'<svg ([^>]*?)height="[^"]*"', r'<svg \1', text, count=1)
    return text.replace(INK, 'currentColor').replace('<svg ', '<svg aria-hidden="true" ', 1)
