# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The history of a run, one row an epoch, as a table and as a picture."""
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
PANELS = {  # title: beginnings of the columns' names
    'losses': ('loss', 'regression', 'classification'),
    'validation': (VALIDATION_PREFIX,),
    'learning rate': ('learning_rate',),
    'task log-variances': ('log_variance_',),
}


def write_curves(path: Path, history: Sequence[Row]) -> None:
    """Write one row an epoch, what it lacks empty; replaced as a whole."""
    columns = dict.fromkeys(name for row in history for name in row)
    buffer = io.StringIO(newline='')
    table = csv.DictWriter(buffer, list(columns))
    table.writeheader()
    table.writerows(history)
    write_atomic(path, buffer.getvalue().encode())


def plot_curves(path: Path, history: Sequence[Row]) -> None:
    """Draw all panels over the epochs as a PNG; replaced as a whole."""
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
    """Choose the columns by how their names begin, in the order of the rows."""
    every = dict.fromkeys(name for row in history for name in row)
    return [name for name in every if name.startswith(prefixes)]


def _plot_panel(axes: Axes, title: str, columns: Sequence[str], history: Sequence[Row]) -> None:
    """Draw a line for each column; a gap where an epoch lacks it."""
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
    Appends events to a folder; a run that is taken up again hides what it will write anew.

    A kill between a checkpoint and its events loses the last epoch's, so that one is written
    again: every epoch of the history is seen, and once.
    """

    def __init__(self, folder: Path, history: list[dict[str, float]]) -> None:
        """history: the epochs that the checkpoint knows, empty for a new run."""
        _wait_for_unique_name(folder)
        self._writer = SummaryWriter(folder, purge_step=max(1, len(history)))
        if history:
            self.write(history[-1])

    def __enter__(self) -> 'TensorBoardLog':
        """Give the log itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Write what is left, also when the run has failed."""
        self._writer.close()

    def write(self, row: Mapping[str, float]) -> None:
        """Write one epoch, so that it is on the disk when this returns."""
        for name, value in row.items():
            if name != 'epoch':
                self._writer.add_scalar(tensorboard_tag(name), value, int(row['epoch']))
        self._writer.flush()


def tensorboard_tag(name: str) -> str:
    """Group a column as TensorBoard does: validation/abs_rel, train/loss."""
    if name.startswith(VALIDATION_PREFIX):
        return f'validation/{name.removeprefix(VALIDATION_PREFIX)}'
    return f'train/{name}'


def _wait_for_unique_name(folder: Path) -> None:
    """Let the second end in which a file of the folder was begun: TensorBoard sorts by name."""
    while any(folder.glob(f'events.out.tfevents.{int(time.time())}.*')):
        time.sleep(.05)
