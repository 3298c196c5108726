# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The plots of the benchmark."""
from pathlib import Path
from typing import Mapping, NamedTuple, Sequence


class Panel(NamedTuple):
    """Curves over one axis."""

    x_label: str
    y_label: str
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]  # name -> x, y
    goal: float | None = None  # a dashed line


def draw(path: Path, panels: Sequence[Panel], marker: str = 'o') -> str:
    """Write a PNG with the panels side by side; returns its name."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    figure = Figure((4.5 * len(panels), 3.6), layout='constrained')
    FigureCanvasAgg(figure)
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for name, (x, y) in panel.curves.items():
            axes.plot(x, y, marker=marker, label=name)
        if panel.goal is not None:
            axes.axhline(panel.goal, color='black', linewidth=0.8, linestyle='--', label='goal')
        axes.set(xlabel=panel.x_label, ylabel=panel.y_label, xlim=(0, None), ylim=(0, None))
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=120, metadata={'Software': None})
    return path.name
