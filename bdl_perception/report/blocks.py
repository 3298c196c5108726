# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Blocks of a page section (text, table, plots), and Matplotlib figures as inline SVG."""
from contextlib import contextmanager
import io
import re
from typing import Any, Iterator, Mapping, NamedTuple, Sequence, TYPE_CHECKING
import zlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
    layout: str = 'numbers'  # facts: two columns of text; cards: one below the other where narrow
    kind: str = 'table'


class Plot(NamedTuple):
    """An inline SVG with its alternative text and its caption."""

    svg: str
    alt: str
    caption: str
    kind: str = 'plot'


class Plots(NamedTuple):
    """Plots, side by side on a wide page."""

    plots: Sequence[Plot]
    kind: str = 'plots'


class NotMeasured(NamedTuple):
    """A result that was not measured, and the reason."""

    subject: str
    reason: str
    kind: str = 'missing'


def sets_with_metric(evaluation: Values, metric: str) -> dict[str, Values]:
    """Give a metric of each set that has it."""
    return {name: one[metric] for name, one in evaluation['sets'].items() if metric in one}


Block = Text | Table | Plots | NotMeasured


class Section(NamedTuple):
    """A heading with its blocks."""

    title: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """Give the id of the heading."""
        return '-'.join(''.join(c if c.isalnum() else ' ' for c in self.title.lower()).split())


SIZE_IN = (4.8, 3.3)  # half a page or the whole screen of a phone, so that text is legible
TEXT_COLOUR = '#0a0b0c'  # replaced by the text colour of the page in the SVG
COLOURS = ('#3b82c4', '#e07b39', '#2a9d72', '#c25a9a', '#8a7bd1', '#b8901f', '#6b7785', '#d1495b')
DASHES = ('-', '--', '-.', ':', '-', '--', '-.', ':')  # so that lines differ not only by colour
STYLE: dict[str, Any] = {
    'svg.fonttype': 'none', 'svg.hashsalt': 'bdl', 'font.size': 9., 'font.family': 'sans-serif',
    'text.color': TEXT_COLOUR, 'axes.labelcolor': TEXT_COLOUR, 'axes.edgecolor': TEXT_COLOUR,
    'xtick.color': TEXT_COLOUR, 'ytick.color': TEXT_COLOUR, 'axes.facecolor': 'none',
    'figure.facecolor': 'none', 'savefig.facecolor': 'none', 'grid.color': TEXT_COLOUR,
    'grid.alpha': .15, 'axes.grid': True,
    'axes.spines.top': False, 'axes.spines.right': False, 'legend.frameon': False,
    'legend.fontsize': 8., 'axes.axisbelow': True,
    'text.parse_math': False}  # a set may have $ in its name


class PlotFigure:
    """A figure with one pair of axes, and the plot made of it."""

    def __init__(self, figure: 'Figure') -> None:
        """Add the axes."""
        self.figure = figure
        self.axes: Axes = figure.add_subplot()
        self._plot: Plot | None = None

    @property
    def plot(self) -> Plot:
        """Give the finished plot; RuntimeError inside the with block."""
        if self._plot is None:
            raise RuntimeError('the plot is not finished; leave the with block first')
        return self._plot

    def finish(self, alt: str, caption: str) -> None:
        """Convert the figure to SVG."""
        self._plot = Plot(to_svg(self.figure, alt + caption), alt, caption)


@contextmanager
def plot_figure(alt: str, caption: str,
                size_in: tuple[float, float] = SIZE_IN) -> Iterator[PlotFigure]:
    """Provide axes to draw on; the plot is finished when the with block ends."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    with rc_context(STYLE):  # type: ignore[arg-type]
        drawing = PlotFigure(Figure(size_in, layout='constrained'))
        yield drawing
        drawing.finish(alt, caption)


def line_style(index: int) -> dict[str, Any]:
    """Give colour and dashes of a line by its index."""
    return {'color': COLOURS[index % len(COLOURS)], 'linestyle': DASHES[index % len(DASHES)]}


def to_svg(figure: 'Figure', name: str) -> str:
    """Give an <svg> element with ids unique to the name and the text colour of the page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format='svg', metadata={'Date': None, 'Creator': None})
    text = buffer.getvalue()
    text = text[text.index('<svg'):]
    text = re.sub(r'<metadata>.*?</metadata>', '', text, flags=re.S)
    text = re.sub(r'<style[^>]*>.*?</style>', '', text, flags=re.S)  # the page sets the style
    prefix = f'p{zlib.crc32((name + text).encode()):08x}-'
    text = re.sub(r'\bid="', f'id="{prefix}', text)
    text = re.sub(r'href="#', f'href="#{prefix}', text)
    text = re.sub(r'url\(#', f'url(#{prefix}', text)
    text = re.sub(r'<svg ([^>]*?)width="[^"]*"', r'<svg \1', text, count=1)
    text = re.sub(r'<svg ([^>]*?)height="[^"]*"', r'<svg \1', text, count=1)
    text = text.replace(TEXT_COLOUR, 'currentColor')
    return text.replace('<svg ', '<svg aria-hidden="true" ', 1)
