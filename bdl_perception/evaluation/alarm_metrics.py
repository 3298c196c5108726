# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Metrics of the alarm: false-alarm rate, detection delay and shares of WARN frames."""
from bisect import bisect_right
from dataclasses import replace
from itertools import accumulate
import math
from typing import Iterable, NamedTuple, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.drives.description import fade_fraction, Segment, STAMP_TOLERANCE_S
from bdl_perception.evaluation.alarm_replay import AlertStep
from bdl_perception.evaluation.drive_record import DriveRecord
import numpy as np
from scipy.stats import chi2

CONFIDENCE = .95
ABRUPT_S = .5  # s; a longer fade is no abrupt change (`bdl render`: drives.description)
FAST, SLOW, OTHER = 'fast', 'slow', 'other'  # evidence; other: neither, such as a score of NaN


class PoissonRate(NamedTuple):
    """Events per hour with the exact 95 % interval of a Poisson rate."""

    events: int
    hours: float
    per_hour: float
    low: float
    high: float


class Detection(NamedTuple):
    """The alert in one OOD part of one drive."""

    drive: str
    delay_s: float  # from the beginning of the change to the first ERROR; +Inf: missed
    early: bool  # ERROR was raised before the change, so there is no delay
    clear_s: float | None  # from the end to the first frame without ERROR; None: not observed
    fade_s: float = 0.  # duration of the fade into the condition
    strength: float = math.inf  # share of the condition at the first ERROR, 0 to 1; +Inf: missed
    warn_s: float = math.inf  # to the first WARN or ERROR; +Inf: none
    warn_strength: float = math.inf
    condition: str = ''  # the first one of the part
    final_strength: float = 1.  # at the last frame of the part; below 1: it ended too early


class DelaySummary(NamedTuple):
    """Detection of one condition over its drives."""

    drives: int
    missed: int
    early: int
    median_s: float  # +Inf: half of the drives are missed; NaN: no delay was measured
    percentile_95_s: float
    clear_median_s: float  # NaN: never observed
    fade_s: float  # the longest
    warn_median_s: float
    warn_strength_median: float
    strength_median: float
    cut_short: int  # missed drives in which the condition never reached its full strength
    detections: tuple[Detection, ...]


class AlertShares(NamedTuple):
    """Shares of the frames."""

    exceeded: float  # with a score above its threshold
    warned: float  # at WARN or worse, which the alert holds for clear_s


def poisson_rate(events: int, hours: float) -> PoissonRate:
    """
    Return a rate with its exact interval (Garwood 1936): chi2(2k) / 2 to chi2(2k + 2) / 2.

    No event in one hour: 0 per hour, at most -ln(.025) = 3.69. ValueError without time.
    """
    if not hours > 0:
        raise ValueError(f'monitored time is {hours} h, must be positive for a rate')
    tail = (1 - CONFIDENCE) / 2
    low = float(chi2.ppf(tail, 2 * events)) / 2 if events else 0.
    return PoissonRate(events, hours, events / hours, low / hours,
                       float(chi2.ppf(1 - tail, 2 * events + 2)) / 2 / hours)


def error_onsets(steps: Sequence[AlertStep]) -> list[AlertStep]:
    """Return the steps at which ERROR is raised: of 0 1 1 0 1 the second and the last."""
    return [steps[index] for index in _onset_indices(steps)]


def count_drives_with_onset(steps: Sequence[AlertStep], lengths: Iterable[int]) -> int:
    """Count the drives, of these numbers of consecutive steps, in which ERROR is raised."""
    ends = list(accumulate(lengths))
    return len({bisect_right(ends, index) for index in _onset_indices(steps)})


def _onset_indices(steps: Sequence[AlertStep]) -> list[int]:
    before = (False, *(step.error for step in steps[:-1]))
    return [index for index, (was, step) in enumerate(zip(before, steps, strict=False))
            if step.error and not was]


def error_cause(step: AlertStep, calibration: Calibration) -> str:
    """Return the evidence that exceeds its limit; FAST where both do."""
    if step.cusum > calibration.limits.cusum:
        return FAST
    return SLOW if relative_evidence(step, calibration) > 1 else OTHER


def relative_evidence(step: AlertStep, calibration: Calibration) -> float:
    """Return the larger of fast and slow evidence, each as a multiple of its limit."""
    fast = step.cusum / calibration.limits.cusum
    if step.slow is None or calibration.limits.slow is None:
        return fast
    return max(fast, step.slow / calibration.limits.slow)


def false_alarm_rate(drives: Sequence[Sequence[AlertStep]], hours: float) -> PoissonRate:
    """Return the rate of ERROR in nominal drives."""
    return poisson_rate(sum(len(error_onsets(steps)) for steps in drives), hours)


def count_causes(drives: Sequence[Sequence[AlertStep]],
                 calibration: Calibration) -> dict[str, int]:
    """Count the ERRORs of all drives by their cause."""
    found = [error_cause(step, calibration) for steps in drives for step in error_onsets(steps)]
    return {cause: found.count(cause) for cause in (FAST, SLOW, OTHER)}


def alert_shares(steps: Sequence[AlertStep]) -> AlertShares:
    """Return shares of the frames; NaN without any."""
    if not steps:
        return AlertShares(math.nan, math.nan)
    return AlertShares(sum(step.exceeds for step in steps) / len(steps),
                       sum(step.warned for step in steps) / len(steps))


def detections(record: DriveRecord,
               steps: Sequence[AlertStep]) -> list[tuple[Segment, Detection]]:
    """Measure the detection of every held-out part of a drive."""
    times_s = record.times_s()
    return [(segment, measure_detection(record.origin.name, times_s, steps, segment))
            for segment in merge_held_out_segments(record.origin.segments) if segment.held_out]


def measure_detection(drive: str, times_s: Sequence[float], steps: Sequence[AlertStep],
                      segment: Segment) -> Detection:
    """Measure one part of a drive; times_s of the frames are from its first one."""
    inside = [i for i, time_s in enumerate(times_s)
              if segment.start_s <= time_s + STAMP_TOLERANCE_S < segment.end_s]
    if not inside:
        raise ValueError(f'{drive} has no frame of {segment.name}; its drive.json does not fit')
    delay_s, strength = _first_raised(segment, [(times_s[i], steps[i].error) for i in inside])
    warn_s, warn_strength = _first_raised(
        segment, [(times_s[i], steps[i].exceeds or steps[i].error) for i in inside])
    return Detection(
        drive=drive, delay_s=delay_s, early=inside[0] > 0 and steps[inside[0] - 1].error,
        clear_s=_clear_time_s(times_s, steps, segment, inside[-1]), fade_s=segment.fade_s,
        strength=strength, warn_s=warn_s, warn_strength=warn_strength, condition=segment.name,
        final_strength=fade_fraction(segment, times_s[inside[-1]]))


def _first_raised(segment: Segment, raised: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """Return the time from the first frame to the first raised one, and the strength there."""
    for time_s, is_raised in raised:
        if is_raised:
            return time_s - raised[0][0], fade_fraction(segment, time_s)
    return math.inf, math.inf


def _clear_time_s(times_s: Sequence[float], steps: Sequence[AlertStep], segment: Segment,
                  last: int) -> float | None:
    """Return the time from the end of a segment, whose last frame this is, to no ERROR."""
    after = range(last + 1, len(steps))
    if not after or not steps[last].error:
        return None
    cleared = [times_s[i] - segment.end_s for i in after if not steps[i].error]
    return max(0., cleared[0]) if cleared else math.inf


def summarise_delays(found: Sequence[Detection]) -> DelaySummary:
    """
    Summarise detections; a quantile q is the smallest delay that a share of q does not exceed.

    Missed drives have an infinite delay. 1 s, 2 s and a miss: median 2 s, 95 % infinite.
    """
    valid = [one for one in found if not one.early]
    delays_s = [one.delay_s for one in valid]
    return DelaySummary(
        drives=len(found), missed=sum(map(math.isinf, delays_s)), early=len(found) - len(valid),
        median_s=_quantile(delays_s, .5), percentile_95_s=_quantile(delays_s, .95),
        clear_median_s=_quantile([one.clear_s for one in found if one.clear_s is not None], .5),
        fade_s=max((one.fade_s for one in found), default=0.),
        warn_median_s=_quantile([one.warn_s for one in valid], .5),
        warn_strength_median=_quantile([one.warn_strength for one in valid], .5),
        strength_median=_quantile([one.strength for one in valid], .5),
        cut_short=sum(math.isinf(one.delay_s) and one.final_strength < 1 for one in valid),
        detections=tuple(found))


def merge_held_out_segments(segments: Sequence[Segment]) -> list[Segment]:
    """Merge consecutive held-out segments, between which the alarm may remain raised."""
    merged: list[Segment] = []
    for segment in segments:
        if merged and merged[-1].held_out and segment.held_out:
            merged[-1] = replace(merged[-1], end_s=segment.end_s)
        else:
            merged.append(segment)
    return merged


def _quantile(values: Sequence[float], share: float) -> float:
    if not values:
        return math.nan
    return float(np.quantile(values, share, method='inverted_cdf'))
