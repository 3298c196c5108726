# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Contact sheet: one row for each frame, one column for each map, one range per column."""
from pathlib import Path
from typing import Any, Mapping, Sequence

from bdl_perception.metrics.pixels import LabelledPrediction
from bdl_perception.perception.data_types import (
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

COLUMNS: Mapping[str, str] = {  # title -> unit of its colour bar; empty: no colour bar
    'input': '', 'depth': 'm', 'truth depth': 'm', 'classes': '', 'truth classes': '',
    'aleatoric std': 'm', 'epistemic std': 'm', 'mutual information': 'nat',
    'error': '|depth - truth| / truth, or 1: wrong class'}
MAX_SHOWN_DEPTH_M = DEPTH_RANGE_M[1]
ERROR_RANGE: Range = (0., 1.)
AUTOSCALED_COLUMNS = ('aleatoric std', 'epistemic std', 'mutual information')
RANGE_PERCENTILE = 99.  # of the pixels of a column; outliers must not darken all others
CELL_WIDTH_IN = 2.3
LABEL_WIDTH_IN = 1.85
HEAD_IN, FOOT_IN = .55, 1.
BAR_INSET_IN = .12  # so that the numbers of two bars do not overlap
GAP_IN = .06
DPI = 110
DEPTH_TICKS_M = (2, 5, 10, 20, 40, 80)
NO_TRUTH = 'no ground truth'
FOOTNOTE = ('Grey: sky or too far; in the error: not comparable. Magenta: not finite. Black '
            'class: no label. Ranges of uncertainties contain 99 % of the pixels of all rows.')

Cells = Mapping[str, NDArray[Any] | None]  # column -> map; None: no ground truth


def cell_maps(labelled: LabelledPrediction) -> Cells:
    """Give the map (h, w) of each column; the input is rgb (h, w, 3)."""
    return {
        'input': labelled.rgb, 'depth': labelled.prediction.depth, 'truth depth': labelled.depth,
        'classes': labelled.prediction.classes, 'truth classes': labelled.classes,
        'aleatoric std': labelled.prediction.aleatoric_std,
        'epistemic std': labelled.epistemic.depth_std,
        'mutual information': labelled.epistemic.mutual_information, 'error': error_map(labelled)}


def error_map(labelled: LabelledPrediction) -> Floats | None:
    """Give the depth error, else the class error; None without ground truth."""
    if labelled.depth is not None:
        return depth_error(labelled.prediction.depth, labelled.depth)
    if labelled.classes is None:
        return None
    return class_error(labelled.prediction.classes, labelled.classes)


def depth_error(depth: Floats, truth: Floats) -> Floats:
    """
    Give |depth - truth| / truth, (h, w).

    A prediction of +Inf (sky) for a finite truth has the error +Inf. A finite prediction for a
    truth of +Inf has the error 1, the limit for a truth that goes to infinity. The error is NaN
    where the truth is NaN and where both are far.
    """
    finite = np.isfinite(depth) & np.isfinite(truth)  # (h, w)
    error = np.full(depth.shape, np.nan, np.float32)
    error[finite] = np.abs(depth[finite] - truth[finite]) / truth[finite]
    error[np.isinf(depth) & (truth <= MAX_SHOWN_DEPTH_M)] = np.inf
    error[np.isfinite(depth) & np.isinf(truth)] = 1
    return error


def class_error(classes: Bytes, truth: Bytes) -> Floats:
    """Give 1 for a wrong class, 0 for a correct class, NaN without label, (h, w)."""
    error: Floats = (classes != truth).astype(np.float32)
    error[truth == IGNORE] = np.nan
    return error


def column_ranges(rows: Sequence[Cells]) -> dict[str, Range]:
    """Give the range of each column with a colour bar, common to all rows."""
    return {'depth': DEPTH_RANGE_M, 'truth depth': DEPTH_RANGE_M, 'error': ERROR_RANGE,
            **{name: (0., _upper_limit(name, rows)) for name in AUTOSCALED_COLUMNS}}


def _upper_limit(name: str, rows: Sequence[Cells]) -> float:
    values = np.concatenate([np.asarray(row[name]).ravel() for row in rows])
    finite = values[np.isfinite(values)]
    highest = float(np.percentile(finite, RANGE_PERCENTILE)) if finite.size else 0.
    return highest if highest > 0 else 1.


def write_sheet(path: Path, title: str, labels: Sequence[str], rows: Sequence[Cells]) -> None:
    """Draw the rows with their labels and write the image, in the format of its suffix."""
    if not rows:
        raise ValueError('there is no frame to draw; use a source with frames')
    draw_sheet(title, labels, rows).savefig(path, dpi=DPI)


def draw_sheet(title: str, labels: Sequence[str], rows: Sequence[Cells]) -> Figure:
    """Lay out cells, colour bars and the legend of the classes; lengths are in inches."""
    cell_height = CELL_WIDTH_IN * _aspect(rows)
    width = LABEL_WIDTH_IN + len(COLUMNS) * (CELL_WIDTH_IN + GAP_IN) + GAP_IN
    height = HEAD_IN + len(rows) * (cell_height + GAP_IN) + FOOT_IN
    figure = Figure(figsize=(width, height))
    figure.text(GAP_IN / width, 1 - .2 / height, title, fontsize=11, va='center', weight='bold',
                parse_math=False)
    limits = column_ranges(rows)
    for number, (label, row) in enumerate(zip(labels, rows, strict=True)):
        bottom = height - HEAD_IN - (number + 1) * (cell_height + GAP_IN)
        figure.text(GAP_IN / width, (bottom + cell_height / 2) / height, label, fontsize=8,
                    va='center', linespacing=1.4, parse_math=False)
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
    """Convert the map of a column to rgb (h, w, 3)."""
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
    """Draw the legend of the classes below their two columns."""
    patches = [Patch(facecolor=colour / 255, label=name)
               for name, colour in zip(CLASS_NAMES, CLASS_COLOURS, strict=True)]
    left = _column_left_in(list(COLUMNS).index('classes'))
    figure.legend(handles=patches, loc='upper left', ncols=4, fontsize=7, frameon=False,
                  bbox_to_anchor=(left / width, (FOOT_IN - .06) / height), columnspacing=1.,
                  handlelength=1.2, borderaxespad=0.)
