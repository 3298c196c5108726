# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Draws the picture sheet: one row for each frame, one column for each map."""
from pathlib import Path
from typing import Any, Mapping, Sequence

from bdl_perception.evaluation.sheet_cells import Cells
from bdl_perception.evaluation.sheet_cells import COLUMNS
from bdl_perception.evaluation.sheet_cells import ranges
from bdl_perception.perception.classes import CLASS_COLOURS
from bdl_perception.perception.classes import CLASS_NAMES
from bdl_perception.perception.classes import colourise
from bdl_perception.perception.colouring import colour_depth
from bdl_perception.perception.colouring import colour_error
from bdl_perception.perception.colouring import colour_mutual_information
from bdl_perception.perception.colouring import colour_std
from bdl_perception.perception.colouring import Range
from bdl_perception.perception.values import Bytes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator
from matplotlib.ticker import NullLocator
import numpy as np
from numpy.typing import NDArray

CELL_WIDTH_IN = 2.3
LABEL_WIDTH_IN = 1.85
HEAD_IN, FOOT_IN = .55, 1.
BAR_INSET_IN = .12  # so that the numbers of two bars do not meet
GAP_IN = .06
DPI = 110
DEPTH_TICKS_M = (2, 5, 10, 20, 40, 80)
NO_TRUTH = 'no truth'
FOOTNOTE = ('Grey: sky or too far; in the error: nothing to judge. Magenta: not known. Black '
            'class: no label. Ranges of uncertainties hold 99 % of the pixels of all rows.')


def write_sheet(path: Path, title: str, labels: Sequence[str], rows: Sequence[Cells]) -> None:
    """Draw the rows, each with its label, and write the picture (kind by its ending)."""
    if not rows:
        raise ValueError('there is no frame to draw; give a source that has some')
    figure = draw_sheet(title, labels, rows)
    figure.savefig(path, dpi=DPI)


def draw_sheet(title: str, labels: Sequence[str], rows: Sequence[Cells]) -> Figure:
    """Lay out cells, colour bars and the legend of the classes; lengths are inches."""
    cell_height = CELL_WIDTH_IN * _aspect(rows)
    width = LABEL_WIDTH_IN + len(COLUMNS) * (CELL_WIDTH_IN + GAP_IN) + GAP_IN
    height = HEAD_IN + len(rows) * (cell_height + GAP_IN) + FOOT_IN
    figure = Figure(figsize=(width, height))
    figure.text(GAP_IN / width, 1 - .2 / height, title, fontsize=11, va='center', weight='bold')
    limits = ranges(rows)
    for number, (label, row) in enumerate(zip(labels, rows, strict=True)):
        bottom = height - HEAD_IN - (number + 1) * (cell_height + GAP_IN)
        figure.text(GAP_IN / width, (bottom + cell_height / 2) / height, label, fontsize=8,
                    va='center', linespacing=1.4)
        for column, name in enumerate(COLUMNS):
            box = (_left(column) / width, bottom / height, CELL_WIDTH_IN / width,
                   cell_height / height)
            axes = figure.add_axes(box, xticks=[], yticks=[])
            _fill(axes, name, row[name], limits)
            if number == 0:
                axes.set_title(name, fontsize=10, pad=4)
    _draw_bars(figure, limits, width, height)
    _draw_legend(figure, width, height)
    figure.text(GAP_IN / width, .12 / height, FOOTNOTE, fontsize=8, va='center')
    return figure


def painted(name: str, values: NDArray[Any], limits: Mapping[str, Range]) -> Bytes:
    """Turn the map of a column into rgb (h, w, 3)."""
    if name == 'input':
        return values
    if name.endswith('classes'):
        return colourise(values)
    if name.endswith('depth'):
        return colour_depth(values)
    if name.endswith('std'):
        return colour_std(values, limits[name])
    draw = colour_error if name == 'error' else colour_mutual_information
    return draw(values, limits[name])


def _aspect(rows: Sequence[Cells]) -> float:
    height, width = np.asarray(rows[0]['input']).shape[:2]
    return height / width


def _left(column: int) -> float:
    return LABEL_WIDTH_IN + column * (CELL_WIDTH_IN + GAP_IN)


def _fill(axes: Any, name: str, values: NDArray[Any] | None,
          limits: Mapping[str, Range]) -> None:
    if values is None:
        axes.set_facecolor('#eeeeee')
        axes.text(.5, .5, NO_TRUTH, ha='center', va='center', fontsize=9, color='#666666',
                  transform=axes.transAxes)
        return
    axes.imshow(painted(name, values, limits), aspect='auto', interpolation='nearest')


def _draw_bars(figure: Figure, limits: Mapping[str, Range], width: float, height: float) -> None:
    for column, (name, unit) in enumerate(COLUMNS.items()):
        if name not in limits:
            continue
        box = ((_left(column) + BAR_INSET_IN) / width, (FOOT_IN - .25) / height,
               (CELL_WIDTH_IN - 2 * BAR_INSET_IN) / width, .14 / height)
        axes = figure.add_axes(box)
        metres = name.endswith('depth')
        norm = (LogNorm if metres else Normalize)(*limits[name])
        bar = figure.colorbar(ScalarMappable(norm, 'turbo_r' if metres else 'inferno'), cax=axes,
                              orientation='horizontal')
        if metres:
            axes.xaxis.set_major_locator(FixedLocator(DEPTH_TICKS_M))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter('{x:g}')
        bar.set_label(unit, fontsize=8, labelpad=1)
        axes.tick_params(labelsize=7, pad=1)


def _draw_legend(figure: Figure, width: float, height: float) -> None:
    """Name the colours of the classes below their two columns."""
    patches = [Patch(facecolor=colour / 255, label=name)
               for name, colour in zip(CLASS_NAMES, CLASS_COLOURS, strict=True)]
    left = _left(list(COLUMNS).index('classes'))
    figure.legend(handles=patches, loc='upper left', ncols=4, fontsize=7, frameon=False,
                  bbox_to_anchor=(left / width, (FOOT_IN - .06) / height), columnspacing=1.,
                  handlelength=1.2, borderaxespad=0.)
