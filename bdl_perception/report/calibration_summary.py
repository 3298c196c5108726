# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Summary of a calibration beside its file: calibration.txt and calibration.png."""
from io import BytesIO
import math
from typing import Any, Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_warnings import calibration_warnings
from bdl_perception.alarm.cusum import SLOW_ALARM_SHARE
from bdl_perception.alarm.detection_delay import (
    DetectionDelay,
    min_detection_delay,
    min_slow_detection_delay,
)
from bdl_perception.alarm.image_range import CHECKS, HOLD_S, ImageRange
from bdl_perception.alarm.peak_limit import supported_rate
from bdl_perception.metrics.depth_intervals import BIN_NAMES, DepthIntervals
from bdl_perception.perception.regions import parse_regions
from bdl_perception.perception.scores import score_descriptions
from bdl_perception.report.calibration_support import (
    draw_trade_offs,
    driven_hours,
    support_lines,
)
import numpy as np

MAX_NAMED_DRIVES = 20  # calibration.json names all drives


def calibration_text(calibration: Calibration) -> str:
    """Summarise a calibration, one line per topic; written as calibration.txt."""
    distribution, origin = calibration.distribution, calibration.provenance
    lines = [
        f'model         {origin.identity.model}, {origin.identity.samples} samples',
        f'drives        {len(origin.drives)} ({_truncated_names(origin.drives)})',
        _duration_line(calibration),
        f'observations  {distribution.observations}, '
        f'{origin.score_step_s or calibration.limits.step_s:g} s apart, from {origin.frames} '
        f'scored frames',
        f'thresholds    at most {distribution.alpha:.2%} of frames like these exceed one of them '
        f'({distribution.tails}); an exceedance raises WARN for clear_s']
    lines += (_threshold_lines(calibration) + _limit_lines(calibration)
              + support_lines(calibration) + _camera_lines(calibration)
              + _image_lines(calibration.image_range) + _interval_lines(calibration))
    return '\n'.join(lines + [f'warning: {text}' for text in calibration_warnings(calibration)])


def _truncated_names(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMED_DRIVES
    return ', '.join(names[:MAX_NAMED_DRIVES]) + (f' and {more} more' if more > 0 else '')


def _duration_line(calibration: Calibration) -> str:
    """Give the duration, and what the drives show of further drives with a false ERROR."""
    origin, limits = calibration.provenance, calibration.limits
    hours = driven_hours(calibration)
    text = f'length        about {hours:.2g} h'
    if not origin.held_out_peaks:
        return text
    slow = origin.held_out_slow_peaks or (0.,) * len(origin.held_out_peaks)
    ratios = [max(fast / limits.cusum, peak / (limits.slow or math.inf))
              for fast, peak in zip(origin.held_out_peaks, slow, strict=True)]
    shown = supported_rate(ratios, 1.)
    per_hour = len(origin.drives) / hours
    return (f'{text}\nfalse ERRORs  {shown.exceeding} of {shown.drives} drives, each compared '
            f'with the others. Of further drives like these at most {shown.share:.1%} raise one '
            f'on average, with 95 % confidence at most {shown.share_bound:.1%}: '
            f'{shown.share * per_hour:.2g} and {shown.share_bound * per_hour:.2g} per hour at '
            f'their mean length')


def _threshold_lines(calibration: Calibration) -> list[str]:
    descriptions = score_descriptions(parse_regions(calibration.provenance.identity.regions))
    tests = {'': calibration.test.pooled, **calibration.group_tests}
    lines = []
    for group, test in tests.items():
        origin = calibration.cameras.get(group, calibration).provenance
        for name, high in test.thresholds.items():
            low = test.low_thresholds.get(name)
            limits = f'{high:12.5g}' if low is None else f'{low:.5g} to {high:.5g}'
            scores = test.scores[name]
            decorrelation_s = origin.decorrelation_s.get(name)
            lines.append(
                f'  {name:18} {limits} {descriptions[name].unit:4} '
                f'({group}{", " if group else ""}range {scores[0]:.5g} to {scores[-1]:.5g}'
                + (f', decorrelated after {decorrelation_s:.2g} s)' if decorrelation_s else ')'))
    return lines


def _limit_lines(calibration: Calibration) -> list[str]:
    distribution, limits = calibration.distribution, calibration.limits
    windows = calibration.provenance.windows_per_drive
    lines = [f'CUSUM limit   {limits.cusum:.2f} for ERROR, target '
             f'{limits.false_alarms_per_hour:g} false alarms per hour; '
             f'{_min_delay_text(min_detection_delay(distribution, limits))}']
    if limits.slow is not None:
        lines.append(f'slow limit    {limits.slow:.2f} for ERROR, in steps of '
                     f'{limits.slow_step_s:g} s; {SLOW_ALARM_SHARE:.0%} of the target rate; '
                     f'{_min_delay_text(min_slow_detection_delay(distribution, limits))}')
        if windows:
            lines.append(f'slow windows  {sum(windows)} of {limits.slow_step_s:g} s in all '
                         f'drives, {max(windows)} in the longest')
    return lines


def _camera_lines(calibration: Calibration) -> list[str]:
    """Give drives and limits of each camera."""
    lines = []
    for name, camera in calibration.cameras.items():
        distribution, origin = camera.distribution, camera.provenance
        counts = (f'  {name:11} {len(origin.drives)} drives, '
                  f'{distribution.observations} observations')
        if camera.limits is None or name not in calibration.group_tests:
            lines.append(f'{counts}: too few, uses all drives')
            continue
        limits = camera.limits
        slow = f', slow limit {limits.slow:.2f}' if limits.slow is not None else ''
        lines.append(f'{counts} {origin.score_step_s or limits.step_s:g} s apart; CUSUM limit '
                     f'{limits.cusum:.2f}{slow}; '
                     f'{_min_delay_text(min_detection_delay(distribution, limits))}')
    return ['cameras       each uses its own drives; the values above are of all drives', *lines
            ] if lines else []


def _image_lines(limits: ImageRange | None) -> list[str]:
    """Give the limits of the image statistics, of all drives."""
    if limits is None:
        return ['images        not compared with the calibration drives']
    rows = [(CHECKS[name].what, getattr(CHECKS[name], side), side, limit)
            for side, part in (('below', limits.low), ('above', limits.high))
            for name, limit in part.items()]
    return [f'images        WARN if they are beyond a limit for {HOLD_S:g} s; most extreme drive '
            f'plus its distance to the next one',
            *(f'  {word:22} {what} {side} {limit:.4g}' for what, word, side, limit in rows)]


def _min_delay_text(delay: DetectionDelay | None) -> str:
    if delay is None:
        return 'cannot be reached'
    return f'minimum detection delay {delay.seconds:.3g} s'


def _interval_lines(calibration: Calibration) -> list[str]:
    if calibration.intervals is None:
        return ['intervals     not calibrated: no drive has ground-truth depth']
    fitted = DepthIntervals.from_dict(calibration.intervals)
    widths = (f'{name} {row[fitted.levels.index(.9)] * fitted.factor:.3g}'
              for name, row in zip(BIN_NAMES, fitted.multipliers, strict=True))
    return [f'intervals     sigma of log-depth times {fitted.factor:.3f} by maximum likelihood, '
            f'temperature of classes {fitted.temperature:.2f}, from {fitted.drives} drives with '
            f'ground truth',
            f'  half width of 90 % intervals, in predicted sigma: {", ".join(widths)}']


def draw_calibration(calibration: Calibration) -> bytes:
    """Draw the plot as a PNG; ModuleNotFoundError without matplotlib, which is optional."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    count = len(calibration.distribution.watched)
    figure = Figure(figsize=(8, 2.4 * (count + 2)), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(count + 2, 1)
    for name, panel in zip(calibration.distribution.watched, axes, strict=False):
        _draw_score(panel, calibration, name)
    _draw_peak_evidence(axes[-2], calibration)
    draw_trade_offs(axes[-1], calibration)
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
