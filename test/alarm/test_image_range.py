# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Images unlike those of every calibration drive are WARN with a reason."""
from dataclasses import fields
import math
from typing import Mapping, Sequence

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.alarm.image_range import (
    CHECKS,
    fit_image_range,
    held_extremes,
    ImageRange,
    ImageRangeMonitor,
)
from bdl_perception.alarm.observations import Observation, ScoredDrive
from bdl_perception.perception.data_types import ImageStatistics
import numpy as np
import pytest

NOMINAL = {f'image_{name}': 1. for name in CHECKS}
STEP_NS = 100_000_000
DARK = ImageRange({'bright_level': 40.}, {})


def drive(levels: Sequence[float], name: str = 'bright_level',
          step_ns: int = STEP_NS) -> ScoredDrive:
    return ScoredDrive('a', tuple(
        Observation(index * step_ns, {**NOMINAL, f'image_{name}': level})
        for index, level in enumerate(levels)))


def constant_drives(*levels: float, name: str = 'bright_level') -> list[ScoredDrive]:
    return [drive([level] * 10, name) for level in levels]


def shown(monitor: ImageRangeMonitor, levels: Sequence[float], start: int = 0,
          name: str = 'bright_level') -> list[bool]:
    """Show frames .1 s apart and return whether each is followed by a reason."""
    found = []
    for index, level in enumerate(levels, start):
        monitor.add(index * STEP_NS, {f'image_{name}': level})
        found.append(bool(monitor.reasons))
    return found


def test_every_image_statistic_has_a_check() -> None:
    assert set(CHECKS) == {item.name for item in fields(ImageStatistics)}
    assert all(check.margin > 1 and (check.below or check.above) for check in CHECKS.values())


@pytest.mark.parametrize(('levels', 'limit'), [((60, 90, 120), 40), ((120, 60, 66), 42.86)])
def test_the_limit_is_beyond_the_darkest_drive_by_its_distance_to_the_next(
        levels: Sequence[float], limit: float) -> None:
    made = fit_image_range(constant_drives(*levels))
    assert made is not None
    assert made.low['bright_level'] == limit
    assert 'bright_level' not in made.high


def test_the_upper_limit_mirrors_the_lower_one() -> None:
    near = fit_image_range(constant_drives(60, 90, 120, name='middle_level'))
    far = fit_image_range(constant_drives(60, 90, 180, name='middle_level'))
    assert near is not None and far is not None
    assert (near.low['middle_level'], near.high['middle_level']) == (37.5, 192.)  # 1.6 each
    assert (far.low['middle_level'], far.high['middle_level']) == (37.5, 360.)  # 180 * 180 / 90


def test_a_drive_counts_with_the_level_that_it_held_for_half_a_second() -> None:
    levels = [9, 50, 20, 21, 22, 23, 24, 25, 60, 5, 5, 5, 5, 5, 70]  # six frames take .5 s
    assert held_extremes(drive(levels), 'image_bright_level') == (25, 21)  # 20 to 25, 21 to 60
    assert held_extremes(drive([3, 7]), 'image_bright_level') == (7, 3)  # shorter than .5 s


def test_frames_a_second_apart_count_in_pairs() -> None:
    assert held_extremes(drive([1, 9, 2, 3], step_ns=10**9), 'image_bright_level') == (3, 2)


def test_no_calibration_drive_is_outside() -> None:
    rng = np.random.default_rng(3)
    drives = [drive(np.exp(rng.normal(4, .5, 80)).tolist()) for _ in range(8)]
    made = fit_image_range(drives)
    assert made is not None
    for one in drives:
        monitor = ImageRangeMonitor(made)
        for observation in one.observations:
            monitor.add(observation.stamp_ns, observation.values)
            assert monitor.reasons == []


def test_without_the_statistics_of_every_frame_there_is_no_range() -> None:
    drives = constant_drives(60, 90, 120)
    bare = Observation(10**10, {'energy': 1.})
    assert fit_image_range([*drives, drives[0]._replace(
        observations=(*drives[0].observations, bare))]) is None


def test_a_limit_is_exceeded_after_half_a_second_and_met_again_after_half_a_second() -> None:
    monitor = ImageRangeMonitor(DARK)
    assert shown(monitor, [50, *[39] * 7]) == [False] * 6 + [True] * 2
    assert shown(monitor, [41] * 3 + [39] + [40] * 7, start=8) == [True] * 9 + [False] * 2


def test_a_frame_inside_starts_the_half_second_again() -> None:
    monitor = ImageRangeMonitor(DARK)
    assert shown(monitor, [39] * 5 + [40] + [39] * 6) == [False] * 11 + [True]


def test_the_reason_has_the_newest_value_the_limit_and_a_remedy() -> None:
    monitor = ImageRangeMonitor(ImageRange({'bright_level': 40., 'middle_level': 20.},
                                           {'red_blue': 2., 'noise': 9.}))
    for index in range(9):
        monitor.add(index * STEP_NS, {'image_bright_level': 39. - index, 'image_middle_level': 10.,
                                      'image_red_blue': 3., 'image_noise': 9.})
    assert [tuple(reason) for reason in monitor.reasons] == [
        (AlertLevel.WARN, 'the image is darker than in every calibration drive (level of the '
         'bright parts 31, limit 40; median level 10, limit 20): check exposure and lens'),
        (AlertLevel.WARN, 'the image is redder than in every calibration drive (red by blue 3, '
         'limit 2): check encoding and white balance')]


@pytest.mark.parametrize('values', [{}, {'image_bright_level': math.nan}])
def test_a_missing_statistic_is_outside(values: Mapping[str, float]) -> None:
    monitor = ImageRangeMonitor(DARK)
    for index in range(6):
        monitor.add(index * STEP_NS, values)
    assert 'bright parts nan, limit 40' in monitor.reasons[0].text


def test_after_a_reset_the_half_second_begins_again() -> None:
    monitor = ImageRangeMonitor(DARK)
    assert shown(monitor, [39] * 6)[-1]
    monitor.reset()
    assert shown(monitor, [39] * 6) == [False] * 5 + [True]


def test_without_limits_there_is_no_reason() -> None:
    assert not any(shown(ImageRangeMonitor(None), [0.] * 20))


@pytest.mark.parametrize(('low', 'high', 'message'), [
    ({'brightness': 3.}, {}, "'brightness' below 3.0, must be one of bright_level, "),
    ({}, {'bright_level': 3.}, "'bright_level' above 3.0, must be one of middle_level, noise"),
    ({'noise': 3.}, {}, "'noise' below"),
    ({'detail': 0.}, {}, "'detail' below 0.0"), ({}, {'green': math.nan}, "'green' above nan"),
    ({}, {'green': 1e7}, "'green' above 1"), ({'detail': -1.}, {}, "'detail' below -1.0")])
def test_a_limit_that_no_image_can_have_is_rejected(
        low: Mapping[str, float], high: Mapping[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImageRange(low, high)
