# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How often the alarm is wrong, and how soon it is right."""
from bisect import bisect_right
from itertools import accumulate
import math
from typing import Iterable, NamedTuple, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.drives.description import fade_fraction, Segment
from bdl_perception.evaluation.alarm_replay import AlertStep
from bdl_perception.evaluation.drive_record import DriveRecord
import numpy as np
from scipy.stats import chi2

CONFIDENCE = .95


class PoissonRate(NamedTuple):
    """Events an hour with an exact 95 % interval of a Poisson rate."""

    events: int
    hours: float
    per_hour: float
    low: float
    high: float


def poisson_rate(events: int, hours: float) -> PoissonRate:
    """
    Give an exact interval (Garwood 1936): of k events, chi2(2k) / 2 to chi2(2k + 2) / 2.

    By hand: none in one hour is 0 an hour, at most -ln(.025) = 3.69. ValueError without time.
    """
    if not hours > 0:
        raise ValueError(f'{hours} hours were watched, of which no rate can be told')
    tail = (1 - CONFIDENCE) / 2
    low = float(chi2.ppf(tail, 2 * events)) / 2 if events else 0.
    return PoissonRate(events, hours, events / hours, low / hours,
                float(chi2.ppf(1 - tail, 2 * events + 2)) / 2 / hours)


# What fades in for longer cannot be seen at once, and its delay says how slowly it came. `bdl
# render` takes .5 s where nothing else is said (world.conditions.SWITCH_S).
ABRUPT_S = .5
FAST, SLOW, OTHER = 'fast', 'slow', 'other'  # evidence; other: neither, such as a score of NaN


class Detection(NamedTuple):
    """What the alarm said of one strange stretch of one drive."""

    drive: str
    delay_s: float  # from the beginning of the change to the first ERROR; +Inf: missed
    early: bool  # ERROR stood already before; then there is no delay to be told
    clear_s: float | None  # from the end to the first frame without ERROR; None: not to be seen
    fade_s: float = 0.  # how long the condition took to be wholly there
    strength: float = math.inf  # how much of it was there at the first ERROR, 0 to 1; +Inf: missed
    warn_s: float = math.inf  # to the first WARN or ERROR; +Inf: none
    warn_strength: float = math.inf
    condition: str = ''  # that came first
    there: float = 1.  # how much of it was there at its last frame; below 1: it ended too soon


class DelaySummary(NamedTuple):
    """Of all strange stretches of one condition."""

    drives: int
    missed: int
    early: int
    median_s: float  # +Inf: half of them are missed; NaN: none was judged
    percentile_95_s: float
    clear_median_s: float  # NaN: never seen to clear
    fade_s: float  # the longest; a slow one has a condition of its own
    warn_median_s: float
    warn_strength_median: float
    strength_median: float
    cut_short: int  # of those missed; what was there of the condition was never all of it


class AlertShares(NamedTuple):
    """How many of the frames are strange, and at how many a planner is told to be careful."""

    exceeded: float  # with a score above its threshold at this moment
    warned: float  # at WARN or worse, which the alert holds for clear_s


def error_onsets(steps: Sequence[AlertStep]) -> list[AlertStep]:
    """Give the steps at which ERROR was raised: of 0 1 1 0 1 the second and the last."""
    return [steps[index] for index in _onset_indices(steps)]


def count_drives_with_onset(steps: Sequence[AlertStep], lengths: Iterable[int]) -> int:
    """Count the drives, of these many steps each in a row, in which ERROR was raised."""
    ends = list(accumulate(lengths))
    return len({bisect_right(ends, index) for index in _onset_indices(steps)})


def _onset_indices(steps: Sequence[AlertStep]) -> list[int]:
    before = (False, *(step.error for step in steps[:-1]))
    return [index for index, (was, step) in enumerate(zip(before, steps, strict=False))
            if step.error and not was]


def error_cause(step: AlertStep, calibration: Calibration) -> str:
    """Name the evidence that is above its limit, the fast one where both are."""
    if step.cusum > calibration.cusum_limit:
        return FAST
    return SLOW if relative_evidence(step, calibration) > 1 else OTHER


def relative_evidence(step: AlertStep, calibration: Calibration) -> float:
    """Give the fast or the slow evidence, whichever is the larger multiple of its limit."""
    fast = step.cusum / calibration.cusum_limit
    if step.slow is None or calibration.slow_limit is None:
        return fast
    return max(fast, step.slow / calibration.slow_limit)


def false_alarm_rate(drives: Sequence[Sequence[AlertStep]], hours: float) -> PoissonRate:
    """Give the rate of ERROR in drives that deserve none."""
    return poisson_rate(sum(len(error_onsets(steps)) for steps in drives), hours)


def count_causes(drives: Sequence[Sequence[AlertStep]], calibration: Calibration) -> dict[str, int]:
    """Count the ERRORs of all drives by what raised them."""
    found = [error_cause(step, calibration) for steps in drives for step in error_onsets(steps)]
    return {cause: found.count(cause) for cause in (FAST, SLOW, OTHER)}


def alert_shares(steps: Sequence[AlertStep]) -> AlertShares:
    """Give shares of the frames; NaN without any."""
    if not steps:
        return AlertShares(math.nan, math.nan)
    return AlertShares(sum(step.exceeds for step in steps) / len(steps),
                  sum(step.warned for step in steps) / len(steps))


def detections(record: DriveRecord, steps: Sequence[AlertStep]) -> list[tuple[Segment, Detection]]:
    """Judge every stretch of a drive that is held out."""
    return [(segment, measure_detection(record.origin.name, _frame_times_s(record), steps, segment))
            for segment in merge_held_out_segments(record.origin.segments) if segment.held_out]


def measure_detection(name: str, times_s: Sequence[float], steps: Sequence[AlertStep],
           segment: Segment) -> Detection:
    """Judge one stretch; times_s of the frames are from the drive's first one."""
    inside = [i for i, time_s in enumerate(times_s)
              if segment.start_s <= time_s + 1e-9 < segment.end_s]
    if not inside:
        raise ValueError(f'{name} has no frame of {segment.name}; its drive.json does not fit')
    early = inside[0] > 0 and steps[inside[0] - 1].error
    error = _first_raised(segment, [(times_s[i], steps[i].error) for i in inside])
    warn = _first_raised(segment, [(times_s[i], steps[i].exceeds or steps[i].error) for i in inside])
    after = range(inside[-1] + 1, len(steps))
    cleared = [times_s[i] - segment.end_s for i in after if not steps[i].error]
    was_on = bool(after) and steps[inside[-1]].error
    clear_s = (max(0., cleared[0]) if cleared else math.inf) if was_on else None
    return Detection(name, error[0], early, clear_s, segment.fade_s, error[1], *warn,
                     condition=segment.name, there=fade_fraction(segment, times_s[inside[-1]]))


def _first_raised(stretch: Segment, raised: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """Give seconds from the first frame to the first that is raised, and how strange that is."""
    for time_s, there in raised:
        if there:
            return time_s - raised[0][0], fade_fraction(stretch, time_s)
    return math.inf, math.inf


def summarise_delays(outcomes: Sequence[Detection]) -> DelaySummary:
    """
    Sum up detections; a quantile q is the smallest delay that a share of q does not exceed.

    Missed drives count as endless. By hand, 1 s, 2 s and a miss: median 2 s, 95 % endless.
    """
    judged = [one for one in outcomes if not one.early]
    delay_s = [one.delay_s for one in judged]
    clear = [one.clear_s for one in outcomes if one.clear_s is not None]
    return DelaySummary(len(outcomes), sum(map(math.isinf, delay_s)), len(outcomes) - len(judged),
                  _quantile(delay_s, .5), _quantile(delay_s, .95), _quantile(clear, .5),
                  max((one.fade_s for one in outcomes), default=0.),
                  _quantile([one.warn_s for one in judged], .5),
                  _quantile([one.warn_strength for one in judged], .5),
                  _quantile([one.strength for one in judged], .5),
                  sum(math.isinf(one.delay_s) and one.there < 1 for one in judged))


def merge_held_out_segments(segments: Sequence[Segment]) -> list[Segment]:
    """Join segments that follow each other and are both held out: the alarm may stay on."""
    joined: list[Segment] = []
    for segment in segments:
        if joined and joined[-1].held_out and segment.held_out:
            joined[-1] = joined[-1]._replace(end_s=segment.end_s)
        else:
            joined.append(segment)
    return joined


def _frame_times_s(record: DriveRecord) -> list[float]:
    first = record.stamps_ns[0]
    return [(stamp - first) / 1e9 for stamp in record.stamps_ns]


def _quantile(values: Sequence[float], share: float) -> float:
    if not values:
        return math.nan
    return float(np.quantile(values, share, method='inverted_cdf'))
