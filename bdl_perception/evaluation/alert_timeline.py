# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Level and scores of every frame of a drive, and the selection of moments to show."""
from array import array
import math
from typing import Iterable, Iterator, Mapping, NamedTuple, Sequence

from bdl_perception.alarm.alert_types import AlertLevel, AlertState
import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
EVIDENCE, SLOW_EVIDENCE = 'evidence', 'slow evidence'  # of the sequential alarm, beside the scores
REFERENCE_PERCENTILE = 95.  # of a recording; stands for a threshold where there is none
SEVERITY_OF_LEVEL = {AlertLevel.OK: 0, AlertLevel.WARN: 1, AlertLevel.STALE: 1,
                     AlertLevel.ERROR: 2}  # STALE: nothing is known, the scores decide
MIN_SEPARATION_S = 1.  # of two moments that are listed as the worst
SEPARATION_SHARE = 40  # of the duration of a drive, likewise


def threshold_ratio(score: float, threshold: float, low_threshold: float | None = None) -> float:
    """
    Divide a score by its threshold; above 1 it is anomalous, and a NaN is +Inf.

    A negative threshold (of energy) is a logarithm, so the exponentials are divided. With a low
    threshold the larger of the two ratios is returned. By hand: 3 of 2 is 1.5; 1 of 8, with a
    low threshold of 2, is 2.
    """
    if math.isnan(score):
        return math.inf
    ratio = _divide(score, threshold)
    return ratio if low_threshold is None else max(ratio, _divide(low_threshold, score))


def _divide(value: float, by: float) -> float:
    if by > 0:
        return value / by
    return math.exp(min(value - by, 700.))  # exp(709) is the largest float


class AlertTimeline:
    """Numbers of the frames so far; their memory is 8 bytes for each score of a frame."""

    def __init__(self) -> None:
        """Start without frames."""
        self._stamps_ns, self._levels = array('q'), array('B')
        self._scores: dict[str, array[float]] = {}
        self._ratios: dict[str, array[float]] = {}

    def append(self, stamp_ns: int, state: AlertState, scores: Mapping[str, float]) -> None:
        """Add a frame: its scores, and the alert right after them."""
        own = {**scores, **_evidence(state)}
        self._stamps_ns.append(stamp_ns)
        self._levels.append(state.level)
        self._extend(self._scores, own)
        self._extend(self._ratios, _ratios(state, own))

    def _extend(self, columns: dict[str, 'array[float]'], values: Mapping[str, float]) -> None:
        count = len(self._stamps_ns)
        for name in sorted(values.keys() - columns.keys()):
            columns[name] = array('d', [math.nan]) * (count - 1)
        for name, column in columns.items():
            column.append(values.get(name, math.nan))

    def __len__(self) -> int:
        """Count the frames."""
        return len(self._stamps_ns)

    @property
    def stamps_ns(self) -> NDArray[np.int64]:
        """Return the stamp of each frame, ns."""
        return np.array(self._stamps_ns, np.int64)

    @property
    def levels(self) -> NDArray[np.uint8]:
        """Return the alert level right after each frame."""
        return np.array(self._levels, np.uint8)

    @property
    def has_thresholds(self) -> bool:
        """Return whether any frame had thresholds: a calibration was loaded."""
        return bool(self._ratios)

    def scores(self) -> dict[str, Values]:
        """Return every score and the evidence, by name; NaN: absent, or not a number."""
        return {name: np.array(column, np.float64) for name, column in self._scores.items()}

    def ratios(self) -> dict[str, Values]:
        """
        Return score / threshold of the watched scores, by name; NaN: absent in this frame.

        Without a calibration every score is divided by its 95th percentile in this drive.
        """
        if self.has_thresholds:
            return {name: np.array(column, np.float64) for name, column in self._ratios.items()}
        return {name: _relative(values) for name, values in self.scores().items()
                if np.isfinite(values).any()}

    def severity(self) -> Values:
        """Return the largest ratio of each frame; 0 where there is none."""
        rows = np.array(list(self.ratios().values()) or [np.zeros(len(self))])  # (scores, frames)
        worst: Values = np.nan_to_num(np.fmax.reduce(rows), nan=0., posinf=np.inf)
        return worst


def _evidence(state: AlertState) -> dict[str, float]:
    found = {EVIDENCE: state.cusum} if state.cusum_limit else {}
    if state.slow is not None and state.slow_limit:
        found[SLOW_EVIDENCE] = state.slow
    return found


def _ratios(state: AlertState, scores: Mapping[str, float]) -> dict[str, float]:
    ratios = {name: threshold_ratio(scores[name], threshold, state.low_thresholds.get(name))
              for name, threshold in state.thresholds.items() if name in scores}
    limits = {EVIDENCE: state.cusum_limit, SLOW_EVIDENCE: state.slow_limit}
    return ratios | {name: scores[name] / limit for name, limit in limits.items()
                     if limit and name in scores}


def _relative(values: Values) -> Values:
    reference = float(np.percentile(values[np.isfinite(values)], REFERENCE_PERCENTILE))
    return values / reference if reference > 0 else np.exp(np.clip(values - reference, None, 700))


class LevelPeriod(NamedTuple):
    """Frames in a row of one alert level; last is the index of the last one."""

    level: AlertLevel
    first: int
    last: int


def level_periods(levels: Iterable[int]) -> Iterator[LevelPeriod]:
    """Yield the periods of constant level."""
    start, current, index = 0, None, -1
    for index, level in enumerate(levels):
        if current is not None and level != current:
            yield LevelPeriod(AlertLevel(current), start, index - 1)
            start = index
        current = level
    if current is not None:
        yield LevelPeriod(AlertLevel(current), start, index)


def rank_moments(timeline: AlertTimeline, candidates: Sequence[int], count: int) -> list[int]:
    """
    Return at most count of the candidates (indices of frames), the worst first.

    ERROR comes before WARN and STALE, these before OK, then the largest ratio decides. Two
    moments are at least 1 s and a 40th of the drive apart.
    """
    stamps_ns, levels, severity = timeline.stamps_ns, timeline.levels, timeline.severity()
    if not len(stamps_ns):
        return []
    apart_ns = max(MIN_SEPARATION_S * 1e9, (stamps_ns[-1] - stamps_ns[0]) / SEPARATION_SHARE)
    order = sorted(candidates, key=lambda i: (
        -SEVERITY_OF_LEVEL[AlertLevel(int(levels[i]))], -severity[i], i))
    chosen: list[int] = []
    for index in order:
        if len(chosen) == count:
            break
        if all(abs(int(stamps_ns[index]) - int(stamps_ns[one])) >= apart_ns for one in chosen):
            chosen.append(index)
    return chosen


def select_moments(timeline: AlertTimeline, candidates: Sequence[int], count: int) -> list[int]:
    """
    Return at most count of the candidates in the order of time.

    A quarter are the first frames of a changed level, a quarter the worst moments. The rest is
    evenly spaced over the candidates.
    """
    if len(candidates) <= count:
        return sorted(candidates)
    quarter = max(count // 4, 1)
    changes = _nearest(candidates, [one.first for one in sorted(
        level_periods(timeline.levels), key=lambda one: -SEVERITY_OF_LEVEL[one.level])])
    chosen = dict.fromkeys([*list(dict.fromkeys(changes))[:quarter],
                            *rank_moments(timeline, candidates, quarter)][:count])
    others = sorted(set(candidates) - chosen.keys())
    spaced = np.linspace(0, len(others) - 1, count - len(chosen)).round().astype(int)
    chosen.update(dict.fromkeys(others[i] for i in spaced))
    return sorted(chosen)


def _nearest(candidates: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """Return the candidate that is nearest to each wanted index."""
    known = np.sort(np.asarray(candidates, np.int64))
    right = np.clip(np.searchsorted(known, wanted), 1, len(known) - 1)
    left = right - 1
    nearer = np.where(np.abs(known[right] - wanted) <= np.abs(known[left] - wanted), right, left)
    return [int(one) for one in known[nearer]]


def representative_moments(timeline: AlertTimeline, count: int) -> list[int]:
    """
    Return at most count frames that show the course of the alert, in the order of time.

    One frame of each period of a level: of ERROR first, then of the longest ones. It is the frame
    with the largest ratio, of OK the middle one. Worst moments follow if there are more rows.
    """
    stamps_ns, severity = timeline.stamps_ns, timeline.severity()
    periods = sorted(level_periods(timeline.levels), key=lambda one: (
        one.level != AlertLevel.ERROR, int(stamps_ns[one.first] - stamps_ns[one.last])))
    shown = [(one.first + one.last) // 2 if one.level == AlertLevel.OK
             else one.first + int(np.argmax(severity[one.first:one.last + 1])) for one in periods]
    return sorted(dict.fromkeys([*shown, *rank_moments(
        timeline, range(len(timeline)), count)][:count]))
