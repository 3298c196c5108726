# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The history of a run, one row per epoch: as CSV, as a plot, and for TensorBoard."""
import csv
import io
from pathlib import Path
import time
from types import TracebackType
from typing import Mapping, Sequence

from bdl_perception.files import write_atomic
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch.utils.tensorboard.writer import SummaryWriter

Row = Mapping[str, float]
VALIDATION_PREFIX = 'validation_'
PANELS = {  # title: prefixes of its columns
    'losses': ('loss', 'regression', 'classification'),
    'validation': (VALIDATION_PREFIX,),
    'learning rate': ('learning_rate',),
    'task log-variances': ('log_variance_',),
}


def write_curves(path: Path, history: Sequence[Row]) -> None:
    """Write one row per epoch, missing values empty; replaced atomically."""
    columns = dict.fromkeys(name for row in history for name in row)
    buffer = io.StringIO(newline='')
    table = csv.DictWriter(buffer, list(columns))
    table.writeheader()
    table.writerows(history)
    write_atomic(path, buffer.getvalue().encode())


def plot_curves(path: Path, history: Sequence[Row]) -> None:
    """Plot all panels over the epochs as a PNG, written atomically."""
    figure = Figure(figsize=(9.0, 6.0), dpi=80)
    figure.subplots_adjust(0.07, 0.08, 0.98, 0.94, wspace=0.16, hspace=0.32)
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(2, 2).ravel()
    for axes, (title, beginnings) in zip(panels, PANELS.items(), strict=True):
        _plot_panel(axes, title, select_columns(history, beginnings), history)
    buffer = io.BytesIO()
    canvas.print_png(buffer)
    write_atomic(path, buffer.getvalue())


def select_columns(history: Sequence[Row], prefixes: tuple[str, ...]) -> list[str]:
    """Return the columns with one of the prefixes, in the order of the rows."""
    every = dict.fromkeys(name for row in history for name in row)
    return [name for name in every if name.startswith(prefixes)]


def _plot_panel(axes: Axes, title: str, columns: Sequence[str], history: Sequence[Row]) -> None:
    """Plot a line for each column, with a gap where an epoch lacks it."""
    epochs = [row['epoch'] for row in history]
    for name in columns:
        values = [row.get(name, float('nan')) for row in history]
        axes.plot(epochs, values, '.-', label=name.removeprefix(VALIDATION_PREFIX), linewidth=1.2)
    axes.set(title=title, xlabel='epoch')
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    if len(columns) > 1:
        axes.legend(fontsize=8, frameon=False)


class TensorBoardLog:
    """
    Appends events to a folder, one step per epoch; a resumed run hides what it will write again.

    A kill between a checkpoint and its events loses those of the last epoch, so a resume writes
    them again: TensorBoard shows every epoch of the history once.
    """

    def __init__(self, folder: Path, history: list[dict[str, float]]) -> None:
        """Open the log; history: the epochs of the checkpoint, empty for a new run."""
        _wait_for_unique_name(folder)
        self._writer = SummaryWriter(folder, purge_step=max(1, len(history)))
        if history:
            self.write(history[-1])

    def __enter__(self) -> 'TensorBoardLog':
        """Return the log itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Write the rest and close, also after an error."""
        self._writer.close()

    def write(self, row: Mapping[str, float]) -> None:
        """Write one epoch to disk before returning."""
        for name, value in row.items():
            if name != 'epoch':
                self._writer.add_scalar(tensorboard_tag(name), value, int(row['epoch']))
        self._writer.flush()


def tensorboard_tag(name: str) -> str:
    """Return the tag of a column, with its group: validation/abs_rel, train/loss."""
    if name.startswith(VALIDATION_PREFIX):
        return f'validation/{name.removeprefix(VALIDATION_PREFIX)}'
    return f'train/{name}'


def _wait_for_unique_name(folder: Path) -> None:
    """Wait for a second without an event file: TensorBoard orders files by their second."""
    while any(folder.glob(f'events.out.tfevents.{int(time.time())}.*')):
        time.sleep(.05)
