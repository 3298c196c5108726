# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Kinds of pictures that are calibrated each on their own (Mondrian conformal prediction).

Thresholds of day and night together are too high for the one and too low for the other, and so
are those of a front and a rear camera. The promise then holds within each group, and each needs as
many drives and scores as a calibration of its own. The light is told picture by picture; the
camera once and for all (Calibration.of_camera).
"""
from typing import Literal, Mapping

from bdl_perception.alarm.scores import BRIGHTNESS

GroupBy = Literal['none', 'light', 'camera']
GROUP_BY: tuple[GroupBy, ...] = ('none', 'light', 'camera')
# Of the mean luma: rendered nights lie near 0.2, overcast days above 0.35.
NIGHT_BELOW = .28


def group_of(group_by: GroupBy, values: Mapping[str, float]) -> str | None:
    """Name the group of a picture with these values; None: they do not tell one."""
    if group_by != 'light' or BRIGHTNESS not in values:
        return None
    return 'night' if values[BRIGHTNESS] < NIGHT_BELOW else 'day'
