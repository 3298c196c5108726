# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A calibration in words, with what it can and cannot be trusted for."""
from dataclasses import replace
from typing import Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_config import CalibrationConfig, design_limits
from bdl_perception.alarm.cusum import SLOW_ALARM_SHARE, ville_limit
from bdl_perception.alarm.detection_delay import (
    DetectionDelay,
    limit_setting_drives,
    MAX_ADDED_DELAY_S,
    min_detection_delay,
    min_slow_detection_delay,
)
from bdl_perception.alarm.score_distribution import MIN_DRIVES
from bdl_perception.metrics.depth_intervals import BIN_NAMES, DepthIntervals
from bdl_perception.perception.regions import parse_regions
from bdl_perception.perception.scores import score_descriptions

MAX_NAMED_DRIVES = 20  # drives; the file itself names all
RECOMMENDED_DRIVES = 20  # a further one tops them all with a probability below 5 %


def calibration_text(calibration: Calibration) -> str:
    """Tell drives, observations, thresholds, the limits, and warnings."""
    count = calibration.count_observations(calibration.scores)
    lines = [
        f'model         {calibration.identity.model}, {calibration.identity.samples} samples',
        f'drives        {len(calibration.drives)} ({_truncated_names(calibration.drives)})',
        _duration_line(calibration),
        f'observations  {count}, {calibration.score_step_s or calibration.step_s:g} s apart, of '
        f'{calibration.frames} scored',
        f'thresholds    together exceeded by {calibration.alpha:.2%} at most of single pictures '
        f'like these drives ({calibration.tails}); each begins a WARN that stays for clear_s']
    lines += (_threshold_lines(calibration) + _limit_lines(calibration) + _camera_lines(calibration)
              + _interval_lines(calibration))
    return '\n'.join(lines + [f'warning: {text}' for text in calibration_warnings(calibration)])


def calibration_warnings(calibration: Calibration) -> tuple[str, ...]:
    """Say what makes the calibration weaker than its numbers look, camera by camera."""
    if not calibration.cameras:
        return (*_evidence_warnings(calibration), *_group_warnings(calibration))
    every = [f'all drives: {text}' for text in _evidence_warnings(calibration)]
    own = [f'{name}: {text}' for name in calibration.group_distributions
           for text in _evidence_warnings(calibration.for_camera(name))]
    return (*own, *_group_warnings(calibration), *every)


def _truncated_names(names: Sequence[str]) -> str:
    """Name all, or of many the first ones."""
    more = len(names) - MAX_NAMED_DRIVES
    return ', '.join(names[:MAX_NAMED_DRIVES]) + (f' and {more} more' if more > 0 else '')


def _evidence_warnings(calibration: Calibration) -> tuple[str, ...]:
    found = []
    drives = calibration.independent_drive_count
    if drives < RECOMMENDED_DRIVES:
        found.append(f'{drives} drives are few: a further nominal drive may top all of them with '
                     f'a probability of {1 / (drives + 1):.0%}; add drives')
    fast = min_detection_delay(calibration)
    if fast is not None and fast.seconds > MAX_ADDED_DELAY_S:
        found.append(f'ERROR takes {fast.seconds:.3g} s of the strangest pictures at the least, '
                     f'too late to be of use; add drives: of more observations the strangest '
                     f'picture says more')
    return (*found, *_raised_limit_warnings(calibration), *_untested_limit_warnings(calibration),
            *_step_warnings(calibration))


def _duration_line(calibration: Calibration) -> str:
    """Say how long the drives are, and what so many can show of false alarms at best."""
    drives = calibration.independent_drive_count
    hours = calibration.frames * (calibration.observed_step_s or calibration.step_s) / 3600
    an_hour = len(calibration.drives) / hours / (drives + 1)
    return (f'length        about {hours:.2g} h; were no drive to raise an ERROR, {drives} could '
            f'show no less than one in {drives + 1} drives, {an_hour:.2g} an hour at their mean '
            f'length')


def _threshold_lines(calibration: Calibration) -> list[str]:
    units = score_descriptions(parse_regions(calibration.identity.regions))
    groups = {'': calibration.pooled_distribution, **calibration.group_distributions}
    lines = []
    for group, reference in groups.items():
        for name, limit in reference.thresholds.items():
            low = reference.low_thresholds.get(name)
            shown = f'{limit:12.5g}' if low is None else f'{low:.5g} to {limit:.5g}'
            seen = reference.scores[name]
            memory = calibration.cameras.get(group, calibration).decorrelation_s.get(name)
            lines.append(f'  {name:18} {shown} {units[name].unit:4} '
                         f'({group}{", " if group else ""}seen {seen[0]:.5g} to {seen[-1]:.5g}'
                         + (f', remembers {memory:.2g} s)' if memory else ')'))
    return lines


def _limit_lines(calibration: Calibration) -> list[str]:
    lines = [f'CUSUM limit   {calibration.cusum_limit:.2f} of an ERROR, '
             f'{calibration.false_alarms_per_hour:g} false alarms an hour wished; '
             f'{_min_delay_text(min_detection_delay(calibration))}']
    if calibration.slow_limit is not None:
        lines.append(f'slow limit    {calibration.slow_limit:.2f} of an ERROR, in steps of '
                     f'{calibration.slow_step_s:g} s; {SLOW_ALARM_SHARE:.0%} of these false alarms; '
                     f'{_min_delay_text(min_slow_detection_delay(calibration))}')
        if calibration.windows:
            lines.append(f'slow windows  {sum(calibration.windows)} of '
                         f'{calibration.slow_step_s:g} s in all drives, '
                         f'{max(calibration.windows)} in the longest')
    return lines


def _camera_lines(calibration: Calibration) -> list[str]:
    """Tell what there is of each camera, and what judges it."""
    lines = []
    for name, part in calibration.cameras.items():
        has = (f'  {name:11} {len(part.drives)} drives, '
               f'{calibration.count_observations(calibration.groups[name])} observations')
        if name not in calibration.group_distributions:
            lines.append(f'{has}: too few, judged by all drives')
            continue
        chosen = calibration.for_camera(name)
        slow = f', slow limit {chosen.slow_limit:.2f}' if chosen.slow_limit is not None else ''
        lines.append(f'{has} {chosen.score_step_s or chosen.step_s:g} s apart; CUSUM limit '
                     f'{chosen.cusum_limit:.2f}{slow}; {_min_delay_text(min_detection_delay(chosen))}')
    return ['cameras       each judged by its own drives; above, of all drives', *lines
            ] if lines else []


def _min_delay_text(soonest: DetectionDelay | None) -> str:
    if soonest is None:
        return 'never reached'
    return f'the strangest scene reaches it in {soonest.seconds:.3g} s at the least'


def _interval_lines(calibration: Calibration) -> list[str]:
    if calibration.intervals is None:
        return ['intervals     not scaled: no drive has a true depth']
    found = DepthIntervals.from_dict(calibration.intervals)
    wide = (f'{name} {row[found.levels.index(.9)] * found.factor:.3g}'
            for name, row in zip(BIN_NAMES, found.multipliers, strict=True))
    return [f'intervals     sigma of log-depth times {found.factor:.3f} by likelihood, '
            f'temperature of classes {found.temperature:.2f}, on {found.drives} drives with truth',
            f'  90 % of depths within so many sigma as stated: {", ".join(wide)}']


def _raised_limit_warnings(calibration: Calibration) -> list[str]:
    """Say which drives raised a limit, and how much later its ERROR is for them."""
    rate, slow = calibration.false_alarms_per_hour, calibration.slow_limit is not None
    least = design_limits(CalibrationConfig(step_s=calibration.step_s, slow_step_s=calibration.slow_step_s,
                        false_alarms_per_hour=rate))
    wished = (replace(calibration, cusum_limit=least.fast, slow_limit=least.slow) if slow else
              replace(calibration, cusum_limit=ville_limit(calibration.step_s, rate)))
    found = []
    for name, limit, asked, held_out, soonest in (
            ('CUSUM', calibration.cusum_limit, wished.cusum_limit, calibration.held_out,
             min_detection_delay),
            ('slow', calibration.slow_limit, wished.slow_limit, calibration.held_out_slow,
             min_slow_detection_delay)):
        if limit is not None and asked is not None and limit > asked:
            found.append(
                f'held-out drives came near or above the {name} limit of {asked:.2f} that the '
                f'wished rate asks for, so it was raised: detection is slower'
                f'{_added_delay_text(soonest(calibration), soonest(wished))}, and the rate is not shown to '
                f'be reached; {limit_setting_drives(calibration.drives, held_out)}: look at what raised it, '
                f'and leave out what is not nominal')
    return found


def _added_delay_text(raised: DetectionDelay | None, unraised: DetectionDelay | None) -> str:
    if raised is None or unraised is None:
        return ''
    return (f' (the soonest ERROR by {raised.seconds - unraised.seconds:.3g} s, '
            f'{raised.seconds:.3g} s)')


def _untested_limit_warnings(calibration: Calibration) -> list[str]:
    """Say when drives too short to reach a limit were all there was to hold it against."""
    found = []
    for name, soonest, lengths, unit in (
            ('fast', min_detection_delay(calibration), calibration.steps,
             f'steps of {calibration.step_s:g} s'),
            ('slow', min_slow_detection_delay(calibration), calibration.windows,
             f'windows of {calibration.slow_step_s:g} s')):
        if soonest is None or not lengths:
            continue
        long = sum(length >= soonest.steps for length in lengths)
        if long < MIN_DRIVES:
            found.append(
                f'{long or "none"} of {len(lengths)} drives held the {soonest.steps} {unit} '
                f'({soonest.seconds:.3g} s) that the {name} limit takes to reach: it is theory '
                f'{"alone" if not long else "more than measured"}, and its false alarms are not '
                f'known; calibrate with longer drives')
    return found


def _group_warnings(calibration: Calibration) -> list[str]:
    groups = {*calibration.groups, *(('day', 'night') if calibration.group_by == 'light' else ())}
    found = [calibration.group_rejection(group) for group in sorted(groups)]
    return [f'{lacking}: there the thresholds of all drives are used' for lacking in found
            if lacking]


def _step_warnings(calibration: Calibration) -> list[str]:
    observed_s, step_s = calibration.observed_step_s, calibration.step_s
    if observed_s is None or observed_s <= 1.5 * step_s:
        return []
    return [f'pictures of the drives are {observed_s:g} s apart, the alarm counts one each '
            f'{step_s:g} s: with a faster camera evidence of alike pictures grows faster than '
            f'was seen here; calibrate with drives of that rate']
