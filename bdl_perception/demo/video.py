# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Video and contact sheet of a record: panels, alert, and a timeline of score / threshold."""
from bisect import bisect_right
from contextlib import contextmanager
import os
from pathlib import Path
import sys
from textwrap import wrap
from typing import Iterator, Sequence, TYPE_CHECKING

from bdl_perception.demo.record import AlertEvent, PANELS, Record, THRESHOLD_PREFIX
from bdl_perception.demo.summary import calibration_hint, LEVELS, transitions
from bdl_perception.evaluation.alert_timeline import threshold_ratio
from bdl_perception.perception.data_types import Bytes
from bdl_perception.perception.visualization import DEPTH_RANGE_M, STD_RANGE_M
import cv2
import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEVEL_COLOURS = ('#2a9d4a', '#e0a800', '#c62828', '#7a7a7a')  # OK, WARN, ERROR, STALE
PANEL_HEIGHT, PANEL_WIDTH = 192, 320
TITLE_HEIGHT = 20
TIMELINE_HEIGHT = 200
GRID_COLUMNS = 3
PANEL_TITLES = {
    'camera': 'camera',
    'depth': f'depth, red {DEPTH_RANGE_M[0]:.0f} m to blue {DEPTH_RANGE_M[1]:.0f} m',
    'aleatoric': f'aleatoric std, to {STD_RANGE_M[1]:.0f} m',
    'epistemic': f'epistemic std, to {STD_RANGE_M[1]:.0f} m',
    'classes': 'classes'}


def draw_timeline(record: Record, width: int, height: int) -> tuple[Bytes, tuple[int, int]]:
    """
    Draw every watched score divided by its threshold, on a logarithmic axis.

    The background has the colour of the alert level. Returns rgb (height, width, 3) and the
    columns (px) of begin and end of the drive, for the cursor.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.06, 0.2, 0.8, 0.72))
    end_s = record.drive_time_s(record.frame_stamps_ns[-1])
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
    """Give the times (s) of each watched score and its ratios to the threshold."""
    thresholds = _read_thresholds(record)
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for scores in record.scores:
        at_s = record.drive_time_s(int(scores['stamp_ns']))
        for name in thresholds.keys() & scores.keys():
            times_s, ratios = curves.setdefault(name, ([], []))
            times_s.append(at_s)
            ratios.append(threshold_ratio(scores[name], thresholds[name]))
    return dict(sorted(curves.items()))


def _read_thresholds(record: Record) -> dict[str, float]:
    """Read the thresholds from the values of the alerts."""
    found: dict[str, float] = {}
    for alert in record.alerts:
        found.update({key[len(THRESHOLD_PREFIX):]: float(value)
                      for key, value in alert.values.items() if key.startswith(THRESHOLD_PREFIX)})
    return found


def _shade_levels(axes: 'Axes', record: Record, end_s: float) -> None:
    changes = transitions(record)
    ends_s = [*(at_s for at_s, _ in changes[1:]), end_s][:len(changes)]
    for (begin_s, alert), stop_s in zip(changes, ends_s, strict=True):
        axes.axvspan(
            max(begin_s, 0.0), min(stop_s, end_s), color=LEVEL_COLOURS[alert.level],
            alpha=0.25, linewidth=0)


class FrameComposer:
    """Composes the panels at one stamp to an image; images are bgr (H, W, 3), as in OpenCV."""

    def __init__(self, record: Record) -> None:
        """Draw the timeline, which is common to all images."""
        self.record = record
        width = GRID_COLUMNS * PANEL_WIDTH
        timeline, self._span = draw_timeline(record, width, TIMELINE_HEIGHT)
        self._timeline = cv2.cvtColor(timeline, cv2.COLOR_RGB2BGR)
        self._stamps = {panel: _list_stamps(record.folder / panel) for panel in PANELS}
        self._alert_times_ns = [alert.received_ns for alert in record.alerts]

    def compose(self, stamp_ns: int) -> Bytes:
        """Give camera | depth | aleatoric / epistemic | classes | alert over the timeline."""
        tiles = [self.draw_panel(name, stamp_ns) for name in PANELS] + [self.draw_alert(stamp_ns)]
        rows = [np.hstack(tiles[i:i + GRID_COLUMNS]) for i in range(0, len(tiles), GRID_COLUMNS)]
        return np.vstack([*rows, self._draw_cursor(stamp_ns)])

    def draw_panel(self, name: str, stamp_ns: int) -> Bytes:
        """Draw the newest image of a panel that is not after the stamp."""
        stamps = self._stamps[name]
        index = bisect_right(stamps, stamp_ns) - 1
        tile = np.full((PANEL_HEIGHT, PANEL_WIDTH, 3), 40, np.uint8)
        if index >= 0:
            image = cv2.imread(str(self.record.panel_path(name, stamps[index])))
            if image is not None:
                cv2.resize(image, (PANEL_WIDTH, PANEL_HEIGHT), dst=tile,
                           interpolation=cv2.INTER_AREA)
        return _add_title(tile, PANEL_TITLES[name])

    def draw_alert(self, stamp_ns: int) -> Bytes:
        """Draw level and message of the alert at the stamp."""
        index = bisect_right(self._alert_times_ns, stamp_ns) - 1
        tile = np.full((PANEL_HEIGHT, PANEL_WIDTH, 3), 40, np.uint8)
        if index >= 0:
            _draw_alert_text(tile, self.record.alerts[index])
        return _add_title(tile, f'alert at {self.record.drive_time_s(stamp_ns):.1f} s')

    def _draw_cursor(self, stamp_ns: int) -> Bytes:
        strip: Bytes = self._timeline.astype(np.uint8)
        duration_s = self.record.drive_time_s(self.record.frame_stamps_ns[-1])
        fraction = self.record.drive_time_s(stamp_ns) / duration_s
        column = round(self._span[0] + fraction * (self._span[1] - self._span[0]))
        cv2.line(strip, (column, 0), (column, TIMELINE_HEIGHT - 1), (0, 0, 0), 1)
        return strip


def write_video(composer: FrameComposer, path: Path) -> None:
    """Write the composed image of each frame as VP8, which browsers play, at the camera's rate."""
    stamps = composer.record.frame_stamps_ns
    first = composer.compose(stamps[0])
    rate_hz = 1 / composer.record.frame_interval_s
    with _silent_stderr():
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'VP80'), rate_hz,
                                 (first.shape[1], first.shape[0]))
    if not writer.isOpened():
        raise OSError(f'cannot write a video to {path}; is the folder writable?')
    try:
        for stamp_ns in stamps:
            writer.write(composer.compose(stamp_ns))
    finally:
        writer.release()


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Hide what OpenCV prints: that it has no tag for VP8, though a WebM has none."""
    sys.stderr.flush()
    before, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


def write_contact_sheet(composer: FrameComposer, times_s: Sequence[float], path: Path) -> None:
    """Write the panels at some times of the drive (s), one row each, over the timeline."""
    record = composer.record
    stamps = [min(record.frame_stamps_ns, key=lambda stamp: abs(record.drive_time_s(stamp) - at_s))
              for at_s in times_s]
    rows = [np.hstack([composer.draw_panel(name, stamp_ns) for name in PANELS]
                      + [composer.draw_alert(stamp_ns)]) for stamp_ns in stamps]
    timeline, _ = draw_timeline(record, rows[0].shape[1], TIMELINE_HEIGHT + 60)
    hint = calibration_hint(record)
    notes = [_add_title(np.zeros((0, rows[0].shape[1], 3), np.uint8), hint)] if hint else []
    sheet = np.vstack([*notes, *rows, cv2.cvtColor(timeline, cv2.COLOR_RGB2BGR)])
    if not cv2.imwrite(str(path), sheet):
        raise OSError(f'cannot write an image to {path}; is the folder writable?')


def _list_stamps(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in folder.glob('*.jpg'))


def _add_title(tile: Bytes, title: str) -> Bytes:
    bar = np.full((TITLE_HEIGHT, tile.shape[1], 3), 20, np.uint8)
    cv2.putText(bar, title, (6, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (235, 235, 235), 1,
                cv2.LINE_AA)
    return np.vstack([bar, tile])


def _draw_alert_text(tile: Bytes, alert: AlertEvent) -> None:
    red, green, blue = (int(LEVEL_COLOURS[alert.level][i:i + 2], 16) for i in (1, 3, 5))
    cv2.rectangle(tile, (0, 0), (PANEL_WIDTH, 52), (blue, green, red), -1)
    cv2.putText(tile, LEVELS[alert.level], (10, 38), cv2.FONT_HERSHEY_SIMPLEX, 1.1,
                (255, 255, 255), 2, cv2.LINE_AA)
    for row, line in enumerate(wrap(alert.message, 46)[:8]):
        cv2.putText(tile, line, (8, 72 + 15 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.36,
                    (230, 230, 230), 1, cv2.LINE_AA)
