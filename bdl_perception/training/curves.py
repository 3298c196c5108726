# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The history of a run, one row an epoch, as a table and as a picture."""
import csv
import os
from pathlib import Path
from typing import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

Row = Mapping[str, float]
VALIDATION = 'validation_'
PANELS = {  # title: beginnings of the columns' names
    'losses': ('loss', 'regression', 'classification'),
    'validation': (VALIDATION,),
    'learning rate': ('learning_rate',),
    'task log-variances': ('log_variance_',),
}


def write_curves(path: Path, history: Sequence[Row]) -> None:
    """Write one row an epoch, what it lacks empty; replaced as a whole."""
    columns = dict.fromkeys(name for row in history for name in row)
    sibling = path.with_suffix('.tmp')
    with sibling.open('w', newline='') as file:
        table = csv.DictWriter(file, list(columns))
        table.writeheader()
        table.writerows(history)
    os.replace(sibling, path)


def draw_curves(path: Path, history: Sequence[Row]) -> None:
    """Draw all panels over the epochs as a PNG; replaced as a whole."""
    figure = Figure(figsize=(9.0, 6.0), dpi=80)
    figure.subplots_adjust(0.07, 0.08, 0.98, 0.94, wspace=0.16, hspace=0.32)
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(2, 2).ravel()
    for axes, (title, beginnings) in zip(panels, PANELS.items(), strict=True):
        _draw_panel(axes, title, columns_of(history, beginnings), history)
    sibling = path.with_suffix('.tmp')
    with sibling.open('wb') as file:
        canvas.print_png(file)
    os.replace(sibling, path)


def columns_of(history: Sequence[Row], beginnings: tuple[str, ...]) -> list[str]:
    """Choose the columns by how their names begin, in the order of the rows."""
    every = dict.fromkeys(name for row in history for name in row)
    return [name for name in every if name.startswith(beginnings)]


def _draw_panel(axes: Axes, title: str, columns: Sequence[str], history: Sequence[Row]) -> None:
    """Draw a line for each column; a gap where an epoch lacks it."""
    epochs = [row['epoch'] for row in history]
    for name in columns:
        values = [row.get(name, float('nan')) for row in history]
        axes.plot(epochs, values, '.-', label=name.removeprefix(VALIDATION), linewidth=1.2)
    axes.set(title=title, xlabel='epoch')
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if len(columns) > 1:
        axes.legend(fontsize=8, frameon=False)
