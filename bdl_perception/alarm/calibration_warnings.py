# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Weaknesses of a calibration that its numbers do not show, as texts with a remedy."""
import math
from typing import NamedTuple, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.detection_delay import (
    DetectionDelay,
    limit_setting_drives,
    MAX_ADDED_DELAY_S,
    min_detection_delay,
    min_slow_detection_delay,
)
from bdl_perception.alarm.peak_limit import MIN_RANK, supported_rate
from bdl_perception.alarm.score_distribution import MIN_DRIVES

RECOMMENDED_DRIVES = 20  # a further drive exceeds a limit with a probability of 2 / 21 at most


class LimitSummary(NamedTuple):
    """A limit of the alarm, its design value, and the drives that it was compared with."""

    name: str
    limit: float
    design_limit: float  # for the target false-alarm rate, by theory
    delay: DetectionDelay | None  # minimum detection delay; None: the limit cannot be reached
    design_delay: DetectionDelay | None  # likewise, of the design limit
    peak_evidence: Sequence[float]  # highest evidence of each held-out drive
    lengths: Sequence[int]  # steps of each drive
    step: str


def limit_summaries(calibration: Calibration) -> list[LimitSummary]:
    """Summarise the CUSUM limit and, where there is one, the slow limit."""
    known, limits, origin = calibration.distribution, calibration.limits, calibration.provenance
    design = limits.design()
    summaries = [LimitSummary(
        'CUSUM', limits.cusum, design.cusum, min_detection_delay(known, limits),
        min_detection_delay(known, design), origin.held_out_peaks, origin.steps_per_drive,
        f'steps of {limits.step_s:g} s')]
    if limits.slow is not None and design.slow is not None:
        summaries.append(LimitSummary(
            'slow', limits.slow, design.slow, min_slow_detection_delay(known, limits),
            min_slow_detection_delay(known, design), origin.held_out_slow_peaks,
            origin.windows_per_drive, f'windows of {limits.slow_step_s:g} s'))
    return summaries


def calibration_warnings(calibration: Calibration) -> tuple[str, ...]:
    """Return the warnings of a calibration; with several cameras, those of each camera first."""
    if not calibration.cameras:
        return (*_evidence_warnings(calibration), *_group_warnings(calibration))
    pooled = [f'all drives: {text}' for text in _evidence_warnings(calibration)]
    cameras = [f'{name}: {text}' for name in calibration.group_tests
               for text in _evidence_warnings(calibration.for_camera(name))]
    return (*cameras, *_group_warnings(calibration), *pooled)


def _evidence_warnings(calibration: Calibration) -> list[str]:
    summaries = limit_summaries(calibration)
    return [*_few_drives_warnings(calibration.independent_drive_count),
            *_late_error_warnings(summaries[0].delay),
            *[text for summary in summaries
              for text in (*_raised_limit_warnings(summary, calibration.provenance.drives),
                           *_outlier_drive_warnings(summary, calibration.provenance.drives))],
            *[text for summary in summaries for text in _untested_limit_warnings(summary)],
            *_step_warnings(calibration)]


def _few_drives_warnings(drives: int) -> list[str]:
    if drives >= RECOMMENDED_DRIVES:
        return []
    return [f'{drives} drives are few: they show only that at most {MIN_RANK} of {drives + 1} '
            f'further nominal drives ({MIN_RANK / (drives + 1):.0%}) raise a false ERROR; add '
            f'drives']


def _late_error_warnings(delay: DetectionDelay | None) -> list[str]:
    if delay is None or delay.seconds <= MAX_ADDED_DELAY_S:
        return []
    return [f'the minimum detection delay of ERROR is {delay.seconds:.3g} s, which is too late; '
            f'add drives: with more observations an extreme frame has a smaller p-value']


def _raised_limit_warnings(summary: LimitSummary, drives: Sequence[str]) -> list[str]:
    """Name the drives that raised a limit above its design value, and the added delay."""
    if summary.limit <= summary.design_limit:
        return []
    delays = summary.delay, summary.design_delay
    added = (f' (minimum detection delay longer by '
             f'{delays[0].seconds - delays[1].seconds:.3g} s, now {delays[0].seconds:.3g} s)'
             if delays[0] and delays[1] else '')
    return [f'held-out drives raise the {summary.name} limit above the {summary.design_limit:.2f} '
            f'of the target rate{added}, and the target rate is not demonstrated; '
            f'{limit_setting_drives(drives, summary.peak_evidence, summary.limit)}: remove '
            f'those that are not nominal, or add similar drives']


def _outlier_drive_warnings(summary: LimitSummary, drives: Sequence[str]) -> list[str]:
    """Name the drives above a limit: such a drive raises a false ERROR."""
    found = supported_rate(summary.peak_evidence, summary.limit) if summary.peak_evidence else None
    if not found or not found.exceeding:
        return []
    above = math.nextafter(summary.limit, math.inf)
    return [f'{found.exceeding} of {found.drives} drives exceed the {summary.name} limit '
            f'{summary.limit:.2f} when the others form the distribution: '
            f'{limit_setting_drives(drives, summary.peak_evidence, above)}. A drive like them '
            f'raises a false ERROR: remove those that are not nominal, or add similar drives']


def _untested_limit_warnings(summary: LimitSummary) -> list[str]:
    """Warn when too few drives are long enough to reach a limit."""
    if summary.delay is None or not summary.lengths:
        return []
    long = sum(length >= summary.delay.steps for length in summary.lengths)
    if long >= MIN_DRIVES:
        return []
    return [f'{long or "none"} of {len(summary.lengths)} drives have the {summary.delay.steps} '
            f'{summary.step} ({summary.delay.seconds:.3g} s) that reaching the {summary.name} '
            f'limit takes: the limit is {"mainly" if long else "only"} theoretical and its '
            f'false-alarm rate is not measured; calibrate with longer drives']


def _group_warnings(calibration: Calibration) -> list[str]:
    groups = ('day', 'night') if calibration.group_by == 'light' else calibration.cameras
    rejections = [calibration.group_rejection(group) for group in sorted(groups)]
    return [f'{rejection}; the thresholds of all drives are used' for rejection in rejections
            if rejection]


def _step_warnings(calibration: Calibration) -> list[str]:
    observed_s, step_s = calibration.provenance.observed_step_s, calibration.limits.step_s
    if observed_s is None or observed_s <= 1.5 * step_s:
        return []
    return [f'frames of the drives are {observed_s:g} s apart, but the alarm uses one each '
            f'{step_s:g} s; with a faster camera evidence grows faster than measured here: '
            f'calibrate with drives at that rate']
