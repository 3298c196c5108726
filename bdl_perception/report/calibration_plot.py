# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Plot of a calibration: distribution and thresholds of each score, peak evidence of drives."""
from io import BytesIO
from typing import Any, Sequence

from bdl_perception.alarm.calibration import Calibration
import numpy as np


def draw_calibration(calibration: Calibration) -> bytes:
    """Draw the plot as a PNG; ModuleNotFoundError without matplotlib, which is optional."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    count = len(calibration.distribution.watched)
    figure = Figure(figsize=(8, 2.4 * (count + 1)), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(count + 1, 1)
    for name, panel in zip(calibration.distribution.watched, axes, strict=False):
        _draw_score(panel, calibration, name)
    _draw_peak_evidence(axes[-1], calibration)
    png = BytesIO()
    figure.savefig(png, dpi=100)
    return png.getvalue()


def _draw_score(axes: Any, calibration: Calibration, name: str) -> None:
    """Draw the cumulative distribution of a score, of all drives and of each group."""
    pooled = calibration.distribution
    sets = {'all drives': pooled.scores[name],
            **{group: part.scores[name] for group, part in pooled.groups.items()},
            **{camera: part.distribution.scores[name]
               for camera, part in calibration.cameras.items()}}
    tests = {'all drives': calibration.test.pooled, **calibration.group_tests}
    for label, values in sets.items():
        line, = axes.plot(values, _cumulative_shares(values), label=f'{label} ({len(values)})')
        test = tests.get(label)  # None: too few, thresholds are of all drives
        for limits in (test.thresholds, test.low_thresholds) if test else ():
            if name in limits and np.isfinite(limits[name]):
                axes.axvline(limits[name], color=line.get_color(), linewidth=.8, linestyle='--')
    axes.set(xlabel=name, ylabel='share below', ylim=(0, 1))
    axes.legend(fontsize=8)


def _draw_peak_evidence(axes: Any, calibration: Calibration) -> None:
    """Draw the peak evidence of each held-out drive, and the limits."""
    for label, values, limit, colour in (
            ('fast', calibration.provenance.held_out_peaks, calibration.limits.cusum, 'C0'),
            ('slow', calibration.provenance.held_out_slow_peaks, calibration.limits.slow, 'C1')):
        axes.plot(range(len(values)), values, 'o', color=colour, markersize=3, label=label)
        if limit is not None:
            axes.axhline(limit, color=colour, linewidth=.8, linestyle='--')
    axes.set(xlabel='held-out drive', ylabel='peak evidence', ylim=(0, None))
    axes.legend(fontsize=8)


def _cumulative_shares(values: Sequence[float]) -> Any:
    return np.arange(1, len(values) + 1) / max(len(values), 1)
