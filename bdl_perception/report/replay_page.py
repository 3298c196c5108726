# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The page of a replayed drive: one HTML file with a timeline, moments and their images."""
import base64
import html
from importlib.resources import files
import json
import math
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from bdl_perception.alarm.alert_types import AlertLevel, AlertState
from bdl_perception.evaluation.alert_timeline import (
    AlertTimeline,
    level_periods,
    rank_moments,
    Values,
)
from bdl_perception.perception.panels import class_colours, colour_bars, PANEL_TITLES
import cv2
import numpy as np

MAX_POINTS = 1500  # of a curve; of more frames the largest value of each group is drawn
MAX_BANDS = 1500  # of levels; more are drawn by the highest level of each group
WORST_COUNT = 12
GAP_S = 1.  # a longer one between two frames, and than five median ones, is marked
GAP_MEDIANS = 5
DIGITS = 4
POLICY = "default-src 'none'"
TITLE, DATA = '<!--title-->', '/*data*/'


class ReplayReport(NamedTuple):
    """The content of a page."""

    title: str
    facts: Sequence[tuple[str, str]]
    notes: Sequence[str]  # shown above everything, such as that the replay was interrupted
    timeline: AlertTimeline
    states: Mapping[int, AlertState]
    moments: Sequence[int]  # indices of frames with images, in the order of time
    read_image: Callable[[int, str], bytes | None]  # index, panel -> JPEG


def render_replay_page(report: ReplayReport) -> str:
    """Write the page; it loads nothing from a network or another file."""
    return _fill(report.title, page_values(report))


def _fill(title: str, values: Mapping[str, Any]) -> str:
    template = (files(__package__) / 'replay.html').read_text(encoding='utf-8')
    data = json.dumps(values, allow_nan=False, separators=(',', ':'))
    safe = data.replace('<', '\\u003c')  # no text can end the script element
    return template.replace(TITLE, html.escape(title)).replace(DATA, safe)


def render_live_page(report: ReplayReport, start_ns: int) -> str:
    """Write the page of a running drive, which receives more frames from the server of it."""
    values = {**page_values(report, start_ns), 'worst': [], 'live': True}
    return _fill(report.title, values).replace(POLICY, f"{POLICY}; connect-src 'self'")


def frame_event(report: ReplayReport, index: int, start_ns: int) -> dict[str, Any]:
    """Return the JSON values that add a frame to the page of a running drive."""
    timeline = report.timeline
    ratios = timeline.ratios() if timeline.has_thresholds else {}
    time_s = (int(timeline.stamps_ns[index]) - start_ns) / 1e9
    return {'moment': _moment(report, index, time_s, ratios, timeline.scores()),
            'ratios': {name: _number(values[index]) for name, values in ratios.items()}}


def page_values(report: ReplayReport, start_ns: int | None = None) -> dict[str, Any]:
    """Return the JSON values of the page; times are s after start_ns, or the first frame."""
    timeline = report.timeline
    stamps_ns = timeline.stamps_ns
    times_s = (stamps_ns - (stamps_ns[0] if start_ns is None else start_ns)) / 1e9
    positions = {index: position for position, index in enumerate(report.moments)}
    ratios, scores = timeline.ratios(), timeline.scores()
    return {
        'title': report.title, 'facts': list(report.facts), 'notes': list(report.notes),
        'levels': [level.name for level in AlertLevel],
        'begin': float(times_s[0]), 'end': float(times_s[-1]),
        'relative': not timeline.has_thresholds, 'bands': _bands(times_s, timeline.levels),
        'gaps': _gaps(times_s), 'curves': _curves(times_s, ratios),
        'panels': PANEL_TITLES, 'bars': _bars(), 'classes': class_colours(),
        'worst': [positions[index] for index in
                  rank_moments(timeline, report.moments, WORST_COUNT)],
        'moments': [_moment(report, index, float(times_s[index]), ratios, scores)
                    for index in report.moments]}


def _moment(report: ReplayReport, index: int, time_s: float, ratios: Mapping[str, Values],
            scores: Mapping[str, Values]) -> dict[str, Any]:
    state = report.states[index]
    rows = [[name, _number(values[index]),
             _number(ratios[name][index]) if name in ratios else None]
            for name, values in scores.items() if name in ratios or not ratios]
    images = {panel: report.read_image(index, panel) for panel in PANEL_TITLES}
    return {'t': time_s, 'frame': index, 'level': int(state.level), 'reasons': state.reasons,
            'rows': sorted(rows, key=lambda row: -(row[2] if row[2] is not None else math.inf)),
            'images': {panel: f'data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}'
                       for panel, jpeg in images.items() if jpeg}}


def _curves(times_s: Values, ratios: Mapping[str, Values]) -> dict[str, Any]:
    """Return the times and, by name, the values of each curve."""
    starts = _groups(len(times_s), MAX_POINTS)
    return {'t': [round(float(time_s), 3) for time_s in times_s[starts]],
            'y': {name: [_number(value) for value in np.fmax.reduceat(values, starts)]
                  for name, values in ratios.items()}}


def _bands(times_s: Values, levels: np.ndarray[Any, Any]) -> list[list[float]]:
    """Return level, begin and end (s) of each period; the last frame lasts as long as others."""
    starts = _groups(len(times_s), MAX_BANDS) if (
        sum(1 for _ in level_periods(levels)) > MAX_BANDS) else np.arange(len(times_s))
    coarse, ends_s = np.maximum.reduceat(levels, starts), times_s[starts]
    return [[int(one.level), float(ends_s[one.first]), float(
        ends_s[one.last + 1] if one.last + 1 < len(ends_s) else times_s[-1])]
        for one in level_periods(coarse)]


def _groups(count: int, limit: int) -> np.ndarray[Any, Any]:
    """Return the index of the first frame of each of at most limit groups of equal size."""
    size = max(math.ceil(count / limit), 1)
    return np.arange(0, count, size)


def _gaps(times_s: Values) -> list[list[float]]:
    """Return begin and end (s) of the pauses in which there is no frame."""
    steps = np.diff(times_s)
    if not len(steps):
        return []
    limit_s = max(GAP_S, GAP_MEDIANS * float(np.median(steps)))
    return [[float(times_s[i]), float(times_s[i + 1])] for i in np.flatnonzero(steps > limit_s)]


def _bars() -> dict[str, Any]:
    """Return the image and the ticks of each colour bar."""
    found = {}
    for panel, bar in colour_bars().items():
        _, png = cv2.imencode('.png', cv2.cvtColor(bar.rgb, cv2.COLOR_RGB2BGR))
        text = base64.b64encode(png.tobytes()).decode()
        found[panel] = {'image': f'data:image/png;base64,{text}', 'ticks': bar.ticks}
    return found


def _number(value: float) -> float | None:
    """Round a number of a curve; None: it is not finite."""
    return float(f'{value:.{DIGITS}g}') if math.isfinite(value) else None
