# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Report of a benchmark run: Markdown table, JSON with machine and versions, plots."""
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
import json
import os
from pathlib import Path
import platform
from typing import Any, Mapping, NamedTuple, Sequence, TYPE_CHECKING

from bdl_perception.bench.row import BenchSettings, GroupResult
from bdl_perception.files import write_atomic
from bdl_perception.perception.backend import DEMO_MODEL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TABLE_HEADER = ('quantity', 'goal', 'measured', 'met', 'command')
MET_TEXT = {True: 'yes', False: '**no**', None: ''}
PACKAGES = ('bdl_perception', 'numpy', 'opencv-python-headless', 'onnxruntime', 'torch',
            'ros-jazzy-rclpy', 'ros-jazzy-rmw-fastrtps-cpp')
CPU_INFO = Path('/proc/cpuinfo')
Results = Mapping[str, GroupResult]  # group -> result


def write_report(results: Results, settings: BenchSettings, machine: Mapping[str, Any]) -> None:
    """Write bench.json and bench.md; after each group, so that a crash loses one group only."""
    document = results_document(results, settings, machine)
    write_atomic(settings.out / 'bench.json',
                 (json.dumps(document, indent=2, allow_nan=False) + '\n').encode())
    write_atomic(settings.out / 'bench.md', (markdown_table(results, settings) + '\n').encode())


def results_document(results: Results, settings: BenchSettings,
                     machine: Mapping[str, Any]) -> dict[str, Any]:
    """Collect all measurements and the machine for JSON."""
    return {'machine': dict(machine), 'model': settings.model, 'quick': settings.quick,
            'threads': settings.threads,
            'groups': {name: {'command': bench_command(name, settings),
                              'rows': [row.as_dict() for row in result.rows],
                              'details': result.details, 'plots': result.plots}
                       for name, result in results.items()}}


def markdown_table(results: Results, settings: BenchSettings) -> str:
    """Format all rows as a Markdown table."""
    lines = [_table_line(TABLE_HEADER), _table_line(['---'] * len(TABLE_HEADER))]
    for name, result in results.items():
        command = f'`{bench_command(name, settings)}`'
        lines += [_table_line([row.what, row.goal_text, row.value_text, MET_TEXT[row.met],
                               command]) for row in result.rows]
    return '\n'.join(lines)


def bench_command(group: str, settings: BenchSettings) -> str:
    """Give the command that measures a group again."""
    words = ['bdl bench --only', group]
    if settings.model != DEMO_MODEL:
        words += ['--model', settings.model]
    if settings.threads != BenchSettings.threads:
        words += ['--threads', str(settings.threads)]
    if group == 'memory' and not settings.quick:
        words += ['--minutes', f'{settings.minutes:g}']
    return ' '.join(words + ['--quick'] * settings.quick)


def _table_line(cells: Sequence[str]) -> str:
    return f'| {" | ".join(cells)} |'


def describe_machine() -> dict[str, Any]:
    """Give processor, system, versions of packages, and the load before the run."""
    return {'cpu': _cpu_model(), 'cores': len(os.sched_getaffinity(0)),
            'system': platform.platform(), 'python': platform.python_version(),
            'load_before': os.getloadavg()[0],
            'versions': {name: _package_version(name) for name in PACKAGES},
            'date': datetime.now(timezone.utc).isoformat(timespec='seconds')}


def _cpu_model() -> str:
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    names = [line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()


def _package_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None  # ROS 2 from apt has no package metadata


class Panel(NamedTuple):
    """Curves in one pair of axes."""

    x_label: str
    y_label: str
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]  # name -> x, y
    goal: float | None = None  # a dashed line


def draw_curves(path: Path, panels: Sequence[Panel], marker: str = 'o') -> str:
    """Write a PNG with the panels side by side; returns its name."""
    figure = _new_figure(len(panels))
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for name, (x, y) in panel.curves.items():
            axes.plot(x, y, marker=marker, label=name)
        if panel.goal is not None:
            axes.axhline(panel.goal, color='black', linewidth=0.8, linestyle='--', label='goal')
        axes.set(xlabel=panel.x_label, ylabel=panel.y_label, xlim=(0, None), ylim=(0, None))
        axes.legend(fontsize=8)
    return _save_figure(figure, path)


def draw_bars(path: Path, panels: Mapping[str, Mapping[str, float]]) -> str:
    """Write a PNG with a panel of named bars for each axis label; returns its name."""
    figure = _new_figure(len(panels))
    subplots = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (label, bars) in zip(subplots, panels.items(), strict=True):
        drawn = axes.barh(list(bars), list(bars.values()))
        axes.bar_label(drawn, fmt='%.2f', padding=2, fontsize=8)
        axes.invert_yaxis()  # the first step on top
        axes.set(xlabel=label, xlim=(0, 1.15 * max(bars.values())))
    return _save_figure(figure, path)


def _new_figure(panels: int) -> 'Figure':
    from matplotlib.figure import Figure
    return Figure((4.5 * panels, 3.6), layout='constrained')


def _save_figure(figure: 'Figure', path: Path) -> str:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=120, metadata={'Software': None})
    return path.name
