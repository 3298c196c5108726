# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Draws the picture sheet: one row for each frame, one column for each map."""
from pathlib import Path
from typing import Any, Mapping, Sequence

from bdl_perception.metrics.pixels import LabelledPrediction
from bdl_perception.perception.types import (
    Bytes,
    CLASS_COLOURS,
    CLASS_NAMES,
    colourise,
    Floats,
    IGNORE,
)
from bdl_perception.perception.visualization import (
    colour_depth,
    colour_error,
    colour_mutual_information,
    colour_std,
    DEPTH_RANGE_M,
    Range,
)
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator
import numpy as np
from numpy.typing import NDArray

COLUMNS: Mapping[str, str] = {  # title -> unit of its colour bar; empty: it has none
    'input': '', 'depth': 'm', 'truth depth': 'm', 'classes': '', 'truth classes': '',
    'aleatoric std': 'm', 'epistemic std': 'm', 'mutual information': 'nat',
    'error': '|depth - truth| / truth, or 1: wrong class'}
MAX_SHOWN_DEPTH_M = DEPTH_RANGE_M[1]
ERROR_RANGE: Range = (0., 1.)
AUTOSCALED_COLUMNS = ('aleatoric std', 'epistemic std', 'mutual information')
RANGE_PERCENTILE = 99.  # percent of a column's pixels that its range holds: a few must not darken all others

Cells = Mapping[str, NDArray[Any] | None]  # None: no truth


def cell_maps(view: LabelledPrediction) -> Cells:
    """Give the map (h, w) of each column, rgb (h, w, 3) of the input."""
    return {
        'input': view.rgb, 'depth': view.prediction.depth, 'truth depth': view.depth,
        'classes': view.prediction.classes, 'truth classes': view.classes,
        'aleatoric std': view.prediction.aleatoric_std,
        'epistemic std': view.epistemic.depth_std,
        'mutual information': view.epistemic.mutual_information, 'error': error_map(view)}


def error_map(view: LabelledPrediction) -> Floats | None:
    """Give the error of depth, or of the classes where no depth is true; None without truth."""
    if view.depth is not None:
        return depth_error(view.prediction.depth, view.depth)
    if view.classes is None:
        return None
    return class_error(view.prediction.classes, view.classes)


def depth_error(depth: Floats, truth: Floats) -> Floats:
    """
    Give |depth - truth| / truth, (h, w).

    Nothing seen (+Inf) where something is: +Inf. Something seen in the sky: 1, the limit for a
    truth ever farther away. Unknown truth is NaN, and so is what both call far: no error.
    """
    finite = np.isfinite(depth) & np.isfinite(truth)  # (h, w)
    found = np.full(depth.shape, np.nan, np.float32)
    found[finite] = np.abs(depth[finite] - truth[finite]) / truth[finite]
    found[np.isinf(depth) & (truth <= MAX_SHOWN_DEPTH_M)] = np.inf
    found[np.isfinite(depth) & np.isinf(truth)] = 1
    return found


def class_error(classes: Bytes, truth: Bytes) -> Floats:
    """Give 1 for a wrong class, 0 for a right one, NaN without label, (h, w)."""
    found: Floats = (classes != truth).astype(np.float32)
    found[truth == IGNORE] = np.nan
    return found


def column_ranges(rows: Sequence[Cells]) -> dict[str, Range]:
    """Give one range for each column with a colour bar, the same for every row."""
    found = {'depth': DEPTH_RANGE_M, 'truth depth': DEPTH_RANGE_M, 'error': ERROR_RANGE}
    return {**found, **{name: (0., _upper_limit(name, rows)) for name in AUTOSCALED_COLUMNS}}


def _upper_limit(name: str, rows: Sequence[Cells]) -> float:
    maps = [np.asarray(row[name]).ravel() for row in rows]
    values = np.concatenate(maps)
    finite = values[np.isfinite(values)]
    highest = float(np.percentile(finite, RANGE_PERCENTILE)) if finite.size else 0.
    return highest if highest > 0 else 1.


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
    limits = column_ranges(rows)
    for number, (label, row) in enumerate(zip(labels, rows, strict=True)):
        bottom = height - HEAD_IN - (number + 1) * (cell_height + GAP_IN)
        figure.text(GAP_IN / width, (bottom + cell_height / 2) / height, label, fontsize=8,
                    va='center', linespacing=1.4)
        for column, name in enumerate(COLUMNS):
            box = (_column_left_in(column) / width, bottom / height, CELL_WIDTH_IN / width,
                   cell_height / height)
            axes = figure.add_axes(box, xticks=[], yticks=[])
            _draw_cell(axes, name, row[name], limits)
            if number == 0:
                axes.set_title(name, fontsize=10, pad=4)
    _draw_bars(figure, limits, width, height)
    _draw_legend(figure, width, height)
    figure.text(GAP_IN / width, .12 / height, FOOTNOTE, fontsize=8, va='center')
    return figure


def colourise_map(name: str, values: NDArray[Any], limits: Mapping[str, Range]) -> Bytes:
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
    return float(height / width)


def _column_left_in(column: int) -> float:
    return LABEL_WIDTH_IN + column * (CELL_WIDTH_IN + GAP_IN)


def _draw_cell(axes: Any, name: str, values: NDArray[Any] | None,
          limits: Mapping[str, Range]) -> None:
    if values is None:
        axes.set_facecolor('#eeeeee')
        axes.text(.5, .5, NO_TRUTH, ha='center', va='center', fontsize=9, color='#666666',
                  transform=axes.transAxes)
        return
    axes.imshow(colourise_map(name, values, limits), aspect='auto', interpolation='nearest')


def _draw_bars(figure: Figure, limits: Mapping[str, Range], width: float, height: float) -> None:
    for column, (name, unit) in enumerate(COLUMNS.items()):
        if name not in limits:
            continue
        box = ((_column_left_in(column) + BAR_INSET_IN) / width, (FOOT_IN - .25) / height,
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
    left = _column_left_in(list(COLUMNS).index('classes'))
    figure.legend(handles=patches, loc='upper left', ncols=4, fontsize=7, frameon=False,
                  bbox_to_anchor=(left / width, (FOOT_IN - .06) / height), columnspacing=1.,
                  handlelength=1.2, borderaxespad=0.)
