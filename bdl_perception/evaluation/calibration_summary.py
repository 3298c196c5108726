# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A calibration in words, with what it can and cannot be trusted for."""
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.scores import SCORE_NAMES
from bdl_perception.alarm.sequential import ville_limit

MANY_DRIVES = 20  # a further one tops them all with a probability below 5 %


def summary(calibration: Calibration) -> str:
    """Tell drives, observations, thresholds, the limit, and warnings."""
    count = len(next(iter(calibration.scores.values())))
    lines = [
        f'model         {calibration.identity.model}, {calibration.identity.samples} samples',
        f'drives        {len(calibration.drives)} ({", ".join(calibration.drives)})',
        f'observations  {count}, {calibration.step_s:g} s apart, of {calibration.frames} scored',
        f'thresholds    of a WARN, together exceeded by {calibration.alpha:.2%} at most of what '
        f'is like these drives']
    lines += [f'  {name:18} {limit:12.5g} {SCORE_NAMES[name].unit:4} {_range(calibration, name)}'
              for name, limit in calibration.thresholds.items()]
    lines.append(f'CUSUM limit   {calibration.cusum_limit:.2f} of an ERROR, '
                 f'{calibration.false_alarms_per_hour:g} false alarms an hour wished')
    return '\n'.join(lines + [f'warning: {text}' for text in warnings(calibration)])


def warnings(calibration: Calibration) -> tuple[str, ...]:
    """Say what makes the calibration weaker than its numbers look."""
    found = []
    drives = len(calibration.drives)
    if drives < MANY_DRIVES:
        found.append(f'{drives} drives are few: a further nominal drive may top all of them with '
                     f'a probability of {1 / (drives + 1):.0%}; add drives')
    wished = ville_limit(calibration.step_s, calibration.false_alarms_per_hour)
    if calibration.cusum_limit > wished:
        found.append(f'held-out drives came near or above the limit of {wished:.2f} that the '
                     f'wished rate asks for, so it was raised: detection is slower, and the rate '
                     f'is not shown to be reached')
    return tuple(found)


def _range(calibration: Calibration, name: str) -> str:
    values = calibration.scores[name]
    return f'(seen {values[0]:.5g} to {values[-1]:.5g})'
