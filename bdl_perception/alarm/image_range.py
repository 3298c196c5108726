# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The range of the image statistics on the calibration drives, and images outside of it.

An image may lie between the fixed limits of perception.image_quality and yet be unlike every
calibration drive: darker, blurrier, of other colours. A calibrated limit gives WARN. It never
replaces a fixed limit, so that it can only be the stricter one.
"""
from dataclasses import dataclass
import math
from typing import Mapping, NamedTuple, Sequence

from bdl_perception.alarm.alert_types import AlertLevel, Reason
from bdl_perception.alarm.observations import ScoredDrive
from bdl_perception.perception.scores import IMAGE_PREFIX

HOLD_S = .5  # an image is outside, or inside again, when all frames of this time are
MAX_VALUE = 1e6


class Check(NamedTuple):
    """How a statistic is compared with the calibration drives; '': this side is not checked."""

    what: str
    below: str  # what an image is whose value is too low
    above: str
    margin: float  # smallest factor between the most extreme drive and the limit
    remedy: str


EXPOSURE, FOCUS, COLOUR = 'check exposure and lens', 'check focus and lens', (
    'check encoding and white balance')
# Half a stop of light is a factor of 1.4. A sharp image with more contrast is no fault.
CHECKS: Mapping[str, Check] = {  # one for each field of perception.data_types.ImageStatistics
    'bright_level': Check('level of the bright parts', 'darker', '', 1.4, EXPOSURE),
    'middle_level': Check('median level', 'darker', 'brighter', 1.6, EXPOSURE),
    'contrast': Check('contrast', 'of lower contrast', '', 1.4, EXPOSURE),
    'detail': Check('fine detail', 'blurrier', '', 1.4, FOCUS),
    'noise': Check('noise', '', 'noisier', 3., 'check gain, cable and driver'),
    'green': Check('green by red and blue', 'more magenta', 'greener', 1.07, COLOUR),
    'red_blue': Check('red by blue', 'bluer', 'redder', 1.25, COLOUR),
    'sky_red_blue': Check('red by blue, top by bottom', 'bluer at the top', 'redder at the top',
                          1.32, COLOUR),
}


@dataclass(frozen=True)
class ImageRange:
    """Limits of the image statistics by name; checks itself."""

    low: Mapping[str, float]
    high: Mapping[str, float]

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown statistic, or a limit that no image could have."""
        for side, limits in (('below', self.low), ('above', self.high)):
            known = [name for name, check in CHECKS.items() if getattr(check, side)]
            for name, limit in limits.items():
                if name not in known or not 0 < limit <= MAX_VALUE:
                    raise ValueError(f'calibration image_range has {name!r:.40} {side} {limit}, '
                                     f'must be one of {", ".join(known)} above 0 and at most '
                                     f'{MAX_VALUE:g}; calibrate again')


def fit_image_range(drives: Sequence[ScoredDrive]) -> ImageRange | None:
    """
    Return the limits by the drives; None if a drive has no image statistics.

    The extreme of a drive is the one that it held for HOLD_S, so that no calibration drive is
    outside. The limit is beyond the most extreme drive by its distance to the second one (as
    Robson & Whitlock 1964 estimate the end of a range), and at least by Check.margin. By hand,
    with a margin of 1.4: lowest levels of 60, 90 and 120 give 60 / (90 / 60) = 40, and of 60, 66
    and 120 give 60 / 1.4 = 42.9.
    """
    if any(IMAGE_PREFIX + name not in observation.values for name in CHECKS
           for drive in drives for observation in drive.observations):
        return None
    low, high = {}, {}
    for name, check in CHECKS.items():
        extremes = [held_extremes(drive, IMAGE_PREFIX + name) for drive in drives]
        if check.below:
            first, second = sorted(extreme[0] for extreme in extremes)[:2]
            low[name] = _rounded(first / max(check.margin, second / first))
        if check.above:
            first, second = sorted((extreme[1] for extreme in extremes), reverse=True)[:2]
            high[name] = _rounded(first * max(check.margin, first / second))
    return ImageRange(low, high)


def held_extremes(drive: ScoredDrive, name: str) -> tuple[float, float]:
    """Return the lowest and the highest level that a score of a drive held for HOLD_S."""
    rows = [(observation.stamp_ns, observation.values[name])
            for observation in drive.observations]
    windows, start = [], 0
    for index, (stamp_ns, _) in enumerate(rows):
        while start < index and rows[start + 1][0] <= stamp_ns - HOLD_S * 1e9:
            start += 1
        if stamp_ns - rows[start][0] >= HOLD_S * 1e9:
            windows.append([value for _, value in rows[start:index + 1]])
    windows = windows or [[value for _, value in rows]]
    return min(map(max, windows)), max(map(min, windows))


def _rounded(limit: float) -> float:
    return float(f'{min(max(limit, 1 / MAX_VALUE), MAX_VALUE):.4g}')


class _Limit(NamedTuple):
    """One limit of one statistic."""

    name: str
    value: float
    is_low: bool

    def exceedance(self, values: Mapping[str, float]) -> str:
        """Describe a value that is beyond the limit, or missing; '' if it is within."""
        value = values.get(IMAGE_PREFIX + self.name, math.nan)
        if (value >= self.value) if self.is_low else (value <= self.value):
            return ''
        return f'{CHECKS[self.name].what} {value:.3g}, limit {self.value:.3g}'

    @property
    def comparison(self) -> str:
        """Return what an image beyond the limit is."""
        check = CHECKS[self.name]
        return check.below if self.is_low else check.above


class ImageRangeMonitor:
    """Compares the image statistics of successive frames with the limits, if there are any."""

    def __init__(self, limits: ImageRange | None) -> None:
        """Start with images inside of the limits."""
        self._limits = [] if limits is None else [
            *(_Limit(*item, True) for item in limits.low.items()),
            *(_Limit(*item, False) for item in limits.high.items())]
        self.reset()

    def reset(self) -> None:
        """Forget all frames: their stamps are no longer in order."""
        self._outside: dict[_Limit, str] = {}  # details of the newest frame
        self._since_ns: dict[_Limit, int] = {}  # limits whose side is about to change

    def add(self, stamp_ns: int, values: Mapping[str, float]) -> None:
        """Add the values that were sent with a frame."""
        for limit in self._limits:
            details = limit.exceedance(values)
            if bool(details) == (limit in self._outside):
                self._since_ns.pop(limit, None)
            elif stamp_ns - self._since_ns.setdefault(limit, stamp_ns) < HOLD_S * 1e9:
                continue
            else:
                del self._since_ns[limit]
                self._outside.pop(limit, None)
            if details:
                self._outside[limit] = details

    @property
    def reasons(self) -> list[Reason]:
        """Return a WARN for each way in which the images are unlike the calibration drives."""
        found: dict[tuple[str, str], list[str]] = {}  # what the image is, remedy -> details
        for limit, details in self._outside.items():
            key = limit.comparison, CHECKS[limit.name].remedy
            found.setdefault(key, []).append(details)
        return [Reason(AlertLevel.WARN, f'the image is {comparison} than in every calibration '
                       f'drive ({"; ".join(details)}): {remedy}')
                for (comparison, remedy), details in found.items()]
