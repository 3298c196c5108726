# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.alarm.groups import group_of
from bdl_perception.alarm.groups import NIGHT_BELOW


def test_light_is_told_by_brightness_alone() -> None:
    assert group_of('light', {'brightness': NIGHT_BELOW, 'energy': 0.}) == 'day'
    assert group_of('light', {'brightness': NIGHT_BELOW - 1e-9}) == 'night'
    assert group_of('light', {'energy': 0.}) is None
    assert group_of('none', {'brightness': .5}) is None
