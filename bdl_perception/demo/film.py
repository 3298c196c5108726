# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The recorded drive as a video and as a sheet of pictures."""
from bisect import bisect_right
from pathlib import Path
from textwrap import wrap
from typing import Sequence

from bdl_perception.demo.record import AlertEvent
from bdl_perception.demo.record import PANELS
from bdl_perception.demo.record import Record
from bdl_perception.demo.summary import LEVELS
from bdl_perception.demo.timeline import draw_timeline
from bdl_perception.demo.timeline import LEVEL_COLOURS
from bdl_perception.perception.colouring import DEPTH_RANGE_M
from bdl_perception.perception.colouring import STD_RANGE_M
from bdl_perception.perception.values import Bytes
import cv2
import numpy as np

PANEL_HEIGHT, PANEL_WIDTH = 192, 320
TITLE_HEIGHT = 20
TIMELINE_HEIGHT = 200
COLUMNS = 3
TITLES = {
    'camera': 'camera',
    'depth': f'depth, red {DEPTH_RANGE_M[0]:.0f} m to blue {DEPTH_RANGE_M[1]:.0f} m',
    'aleatoric': f'aleatoric std, to {STD_RANGE_M[1]:.0f} m',
    'epistemic': f'epistemic std, to {STD_RANGE_M[1]:.0f} m',
    'classes': 'classes'}


class Filmmaker:
    """Composes the panels of one moment; pictures are bgr as OpenCV writes them."""

    def __init__(self, record: Record) -> None:
        """Prepare what is the same in every picture."""
        self.record = record
        width = COLUMNS * PANEL_WIDTH
        timeline, self._span = draw_timeline(record, width, TIMELINE_HEIGHT)
        self._timeline = cv2.cvtColor(timeline, cv2.COLOR_RGB2BGR)
        self._stamps = {panel: _stamps(record.folder / panel) for panel in PANELS}
        self._alert_times_ns = [alert.received_ns for alert in record.alerts]

    def compose(self, stamp_ns: int) -> Bytes:
        """Give camera | depth | aleatoric / epistemic | classes | alert over the timeline."""
        tiles = [self.panel(name, stamp_ns) for name in PANELS] + [self.alert(stamp_ns)]
        rows = [np.hstack(tiles[i:i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)]
        return np.vstack([*rows, self._cursor(stamp_ns)])

    def panel(self, name: str, stamp_ns: int) -> Bytes:
        """Show the newest picture of a panel that is not younger than the moment."""
        stamps = self._stamps[name]
        index = bisect_right(stamps, stamp_ns) - 1
        tile = np.full((PANEL_HEIGHT, PANEL_WIDTH, 3), 40, np.uint8)
        if index >= 0:
            picture = cv2.imread(str(self.record.picture(name, stamps[index])))
            if picture is not None:
                cv2.resize(picture, (PANEL_WIDTH, PANEL_HEIGHT), dst=tile,
                           interpolation=cv2.INTER_AREA)
        return _titled(tile, TITLES[name])

    def alert(self, stamp_ns: int) -> Bytes:
        """Write the level and the reasons of the alert that stood at the moment."""
        index = bisect_right(self._alert_times_ns, stamp_ns) - 1
        tile = np.full((PANEL_HEIGHT, PANEL_WIDTH, 3), 40, np.uint8)
        if index >= 0:
            _write_alert(tile, self.record.alerts[index])
        return _titled(tile, f'alert at {self.record.drive_s(stamp_ns):.1f} s')

    def _cursor(self, stamp_ns: int) -> Bytes:
        strip: Bytes = self._timeline.astype(np.uint8)
        whole_s = self.record.drive_s(self.record.frames[-1])
        fraction = self.record.drive_s(stamp_ns) / whole_s
        column = round(self._span[0] + fraction * (self._span[1] - self._span[0]))
        cv2.line(strip, (column, 0), (column, TIMELINE_HEIGHT - 1), (0, 0, 0), 1)
        return strip


def write_video(filmmaker: Filmmaker, path: Path) -> None:
    """Write every camera frame's picture as an mp4 at the camera's own pace."""
    stamps = filmmaker.record.frames
    first = filmmaker.compose(stamps[0])
    rate_hz = 1 / filmmaker.record.spacing_s
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), rate_hz,
                             (first.shape[1], first.shape[0]))
    if not writer.isOpened():
        raise OSError(f'cannot write a video to {path}; is the folder writable?')
    try:
        for stamp_ns in stamps:
            writer.write(filmmaker.compose(stamp_ns))
    finally:
        writer.release()


def write_sheet(filmmaker: Filmmaker, moments_s: Sequence[float], path: Path) -> None:
    """Write the pictures of a few moments (s from the start), one below the other."""
    record = filmmaker.record
    chosen = [min(record.frames, key=lambda stamp: abs(record.drive_s(stamp) - at_s))
              for at_s in moments_s]
    rows = [np.hstack([filmmaker.panel(name, stamp_ns) for name in PANELS]
                      + [filmmaker.alert(stamp_ns)]) for stamp_ns in chosen]
    wide = rows[0].shape[1]
    timeline, _ = draw_timeline(filmmaker.record, wide, TIMELINE_HEIGHT + 60)
    sheet = np.vstack([*rows, cv2.cvtColor(timeline, cv2.COLOR_RGB2BGR)])
    if not cv2.imwrite(str(path), sheet):
        raise OSError(f'cannot write a picture to {path}; is the folder writable?')


def _stamps(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in folder.glob('*.jpg'))


def _titled(tile: Bytes, title: str) -> Bytes:
    bar = np.full((TITLE_HEIGHT, tile.shape[1], 3), 20, np.uint8)
    cv2.putText(bar, title, (6, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (235, 235, 235), 1,
                cv2.LINE_AA)
    return np.vstack([bar, tile])


def _write_alert(tile: Bytes, alert: AlertEvent) -> None:
    red, green, blue = (int(LEVEL_COLOURS[alert.level][i:i + 2], 16) for i in (1, 3, 5))
    cv2.rectangle(tile, (0, 0), (PANEL_WIDTH, 52), (blue, green, red), -1)
    cv2.putText(tile, LEVELS[alert.level], (10, 38), cv2.FONT_HERSHEY_SIMPLEX, 1.1,
                (255, 255, 255), 2, cv2.LINE_AA)
    for row, line in enumerate(wrap(alert.message, 46)[:8]):
        cv2.putText(tile, line, (8, 72 + 15 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.36,
                    (230, 230, 230), 1, cv2.LINE_AA)
