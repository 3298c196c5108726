# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Which drives raise a limit, and when an alarm is so late for them that it is refused."""
from dataclasses import replace
from typing import Sequence

from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.soonest import soonest_fast
from bdl_perception.alarm.soonest import soonest_slow
from bdl_perception.alarm.wish import Highest

# Limits are raised above all that a held-out drive gathered, so that one with a dirty lens could
# put ERROR off without end. At 50 km/h a car drives 70 m in the five seconds that it may at most.
LATEST_S = 5.
LATEST_SLOW_S = 60.  # what drifts over minutes is found a minute later


def oddest(drives: Sequence[str], held_out: Sequence[float]) -> str:
    """Name the drives of the highest held-out evidence, and tell the next value below."""
    if not held_out:
        return 'what each drive gathered is not known'
    most = max(held_out)
    names = [name for name, value in zip(drives, held_out, strict=True) if value == most]
    below = [value for value in held_out if value < most]
    beside = f', the next one {max(below):.2f}' if below else ''
    return f'drive {", ".join(names)} gathered {most:.2f}{beside}'


def refuse_late(calibration: Calibration, theory: Highest) -> None:
    """Refuse, with a ValueError, limits that drives raised until an ERROR comes too late."""
    wished = replace(calibration, cusum_limit=theory.fast, slow_limit=theory.slow)
    for name, soonest, held_out, latest_s in (
            ('an ERROR', soonest_fast, calibration.held_out, LATEST_S),
            ('a slow ERROR', soonest_slow, calibration.held_out_slow, LATEST_SLOW_S)):
        before, raised = soonest(wished), soonest(calibration)
        if before is None or (raised and raised.seconds - before.seconds <= latest_s):
            continue
        takes = f'{raised.seconds:.3g} s' if raised else 'for ever'
        raise ValueError(
            f'held-out drives ask for {name} that takes {takes} of the strangest pictures, '
            f'{before.seconds:.3g} s would do without them, and {latest_s:g} s more are the '
            f'most: {oddest(calibration.drives, held_out)}; look at it and leave it out if it '
            f'is not nominal, or add drives like it')
