# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Kinds of pictures that are calibrated each on their own (Mondrian conformal prediction).

Thresholds of day and night together are too high for the one and too low for the other. The
promise then holds within each group, and each needs as many scores as a calibration of its own.
"""
from typing import Literal, Mapping

from bdl_perception.alarm.scores import BRIGHTNESS

GroupBy = Literal['none', 'light']
GROUP_BY: tuple[GroupBy, ...] = ('none', 'light')
# Of the mean luma: rendered nights lie near 0.2, overcast days above 0.35.
NIGHT_BELOW = .28


def group_of(group_by: GroupBy, values: Mapping[str, float]) -> str | None:
    """Name the group of a picture with these values; None: there are none, or nobody knows."""
    if group_by == 'none' or BRIGHTNESS not in values:
        return None
    return 'night' if values[BRIGHTNESS] < NIGHT_BELOW else 'day'
