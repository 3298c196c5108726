# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The plots of the benchmark."""
from pathlib import Path
from typing import Mapping, NamedTuple, Sequence, TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure  # imported for drawing only: it takes a second


class Panel(NamedTuple):
    """Curves over one axis."""

    x_label: str
    y_label: str
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]  # name -> x, y
    goal: float | None = None  # a dashed line


def draw(path: Path, panels: Sequence[Panel], marker: str = 'o') -> str:
    """Write a PNG with the panels side by side; returns its name."""
    figure = _figure(len(panels))
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for name, (x, y) in panel.curves.items():
            axes.plot(x, y, marker=marker, label=name)
        if panel.goal is not None:
            axes.axhline(panel.goal, color='black', linewidth=0.8, linestyle='--', label='goal')
        axes.set(xlabel=panel.x_label, ylabel=panel.y_label, xlim=(0, None), ylim=(0, None))
        axes.legend(fontsize=8)
    return _save(figure, path)


def draw_bars(path: Path, panels: Mapping[str, Mapping[str, float]]) -> str:
    """Write a PNG with a panel of named bars for each label of an axis; returns its name."""
    figure = _figure(len(panels))
    subplots = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (label, bars) in zip(subplots, panels.items(), strict=True):
        drawn = axes.barh(list(bars), list(bars.values()))
        axes.bar_label(drawn, fmt='%.2f', padding=2, fontsize=8)
        axes.invert_yaxis()  # the first step on top
        axes.set(xlabel=label, xlim=(0, 1.15 * max(bars.values())))
    return _save(figure, path)


def _figure(panels: int) -> 'Figure':
    from matplotlib.figure import Figure
    return Figure((4.5 * panels, 3.6), layout='constrained')


def _save(figure: 'Figure', path: Path) -> str:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=120, metadata={'Software': None})
    return path.name
