# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Plot of a calibration: distribution and thresholds of each score, peak evidence of drives."""
from pathlib import Path
from typing import Any, Sequence

from bdl_perception.alarm.calibration import Calibration
import numpy as np


def draw_calibration(calibration: Calibration, path: Path) -> str:
    """Write a PNG and report its path; without matplotlib (optional) report why there is none."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        return f'no plot: {error}; pip install matplotlib'
    count = len(calibration.watched)
    figure = Figure(figsize=(8, 2.4 * (count + 1)), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(count + 1, 1)
    for name, panel in zip(calibration.watched, axes, strict=False):
        _draw_score(panel, calibration, name)
    _draw_peak_evidence(axes[-1], calibration)
    figure.savefig(path, dpi=100)
    return f'plot: {path}'


def _draw_score(axes: Any, calibration: Calibration, name: str) -> None:
    """Draw the cumulative distribution of a score, of all drives and of each group."""
    sets = {'all drives': calibration.scores[name],
            **{group: scores[name] for group, scores in calibration.groups.items()}}
    distributions = {'all drives': calibration.pooled_distribution,
                     **calibration.group_distributions}
    for label, values in sets.items():
        line, = axes.plot(values, _cumulative_shares(values), label=f'{label} ({len(values)})')
        distribution = distributions.get(label)  # None: too few, thresholds are of all drives
        for limits in ((distribution.thresholds, distribution.low_thresholds)
                       if distribution else ()):
            if name in limits and np.isfinite(limits[name]):
                axes.axvline(limits[name], color=line.get_color(), linewidth=.8, linestyle='--')
    axes.set(xlabel=name, ylabel='share below', ylim=(0, 1))
    axes.legend(fontsize=8)


def _draw_peak_evidence(axes: Any, calibration: Calibration) -> None:
    """Draw the peak evidence of each held-out drive, and the limits."""
    for label, values, limit, colour in (
            ('fast', calibration.held_out, calibration.cusum_limit, 'C0'),
            ('slow', calibration.held_out_slow, calibration.slow_limit, 'C1')):
        axes.plot(range(len(values)), values, 'o', color=colour, markersize=3, label=label)
        if limit is not None:
            axes.axhline(limit, color=colour, linewidth=.8, linestyle='--')
    axes.set(xlabel='held-out drive', ylabel='peak evidence', ylim=(0, None))
    axes.legend(fontsize=8)


def _cumulative_shares(values: Sequence[float]) -> Any:
    return np.arange(1, len(values) + 1) / max(len(values), 1)
