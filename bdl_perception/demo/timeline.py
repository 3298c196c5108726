# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The scores of a drive against their thresholds over time, under the colours of the alert."""
import math
from typing import TYPE_CHECKING

from bdl_perception.demo.record import Record
from bdl_perception.demo.summary import transitions
from bdl_perception.perception.values import Bytes
import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes  # imported for drawing only: it takes a second

LEVEL_COLOURS = ('#2a9d4a', '#e0a800', '#c62828', '#7a7a7a')  # OK, WARN, ERROR, STALE
THRESHOLD_PREFIX = 'threshold_'


def draw_timeline(record: Record, width: int, height: int) -> tuple[Bytes, tuple[int, int]]:
    """
    Draw every watched score divided by its threshold, on a logarithmic axis.

    Returns rgb (height, width, 3) and the columns (px) of the drive's begin and end, so that a
    cursor can be laid over it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.06, 0.2, 0.8, 0.72))
    end_s = record.drive_s(record.frames[-1])
    _shade_levels(axes, record, end_s)
    for name, (times_s, ratios) in score_ratios(record).items():
        axes.plot(times_s, ratios, label=name, linewidth=1.2)
    axes.axhline(1.0, color='black', linewidth=0.8, linestyle='--')
    axes.set(yscale='log', xlim=(0, end_s), xlabel='s', ylabel='score / threshold')
    axes.legend(loc='center left', bbox_to_anchor=(1.0, 0.5), fontsize=7, frameon=False)
    canvas.draw()
    rgb = np.asarray(canvas.buffer_rgba())[..., :3].copy()  # (height, width, 3)
    left, right = (int(axes.transData.transform((at_s, 1.0))[0]) for at_s in (0.0, end_s))
    return rgb, (left, right)


def score_ratios(record: Record) -> dict[str, tuple[list[float], list[float]]]:
    """Give for each watched score the times (s) and the scores divided by their threshold."""
    thresholds = _thresholds(record)
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for scores in record.scores:
        at_s = record.drive_s(int(scores['stamp_ns']))
        for name in thresholds.keys() & scores.keys():
            times_s, ratios = curves.setdefault(name, ([], []))
            times_s.append(at_s)
            ratios.append(_ratio(scores[name], thresholds[name]))
    return dict(sorted(curves.items()))


def _thresholds(record: Record) -> dict[str, float]:
    """Read the thresholds as the alert itself states them."""
    found: dict[str, float] = {}
    for alert in record.alerts:
        found.update({key[len(THRESHOLD_PREFIX):]: float(value)
                      for key, value in alert.values.items() if key.startswith(THRESHOLD_PREFIX)})
    return found


def _ratio(score: float, threshold: float) -> float:
    """Divide; a score below zero is the logarithm of something (energy), so that is divided."""
    return score / threshold if threshold > 0 else math.exp(score - threshold)


def _shade_levels(axes: 'Axes', record: Record, end_s: float) -> None:
    changes = transitions(record)
    ends_s = [*(at_s for at_s, _ in changes[1:]), end_s][:len(changes)]
    for (begin_s, alert), stop_s in zip(changes, ends_s, strict=True):
        axes.axvspan(
            max(begin_s, 0.0), min(stop_s, end_s), color=LEVEL_COLOURS[alert.level],
            alpha=0.25, linewidth=0)
