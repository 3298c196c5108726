# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Which drives a split has: their seeds, their conditions and when those begin."""
import math
from typing import NamedTuple

from bdl_perception.world.conditions import (
    DEFAULT_FADE_S,
    NOMINAL_CONDITIONS,
    Segment,
    split_conditions,
)
from bdl_perception.world.drive import DriveSpec
import numpy as np

DEMO_SEGMENTS = (Segment('sun', 0., 16.), Segment('dense_fog', 16., 26.), Segment('sun', 26., 38.),
                 Segment('lens_dirt', 38., 46.), Segment('sun', 46., 55.))
MIN_SIDE_PX, MAX_SIDE_PX = 16, 4096  # of a picture's side
# Part of every seed: a number is never changed nor given again, a new split takes the next.
SPLIT_NUMBERS = {
    'train': 0, 'validation': 1, 'test': 2, 'validation_night': 3, 'validation_dense_fog': 4,
    'validation_unknown_objects': 5, 'validation_unseen_mount': 6, 'validation_lens_dirt': 7,
    'test_night': 8, 'test_dense_fog': 9, 'test_unknown_objects': 10, 'test_unseen_mount': 11,
    'test_lens_dirt': 12, 'demo': 13, 'validation_failing_exposure': 14,
    'test_failing_exposure': 15}


def drive_seed(split: str, index: int, seed: int) -> int:
    """Return the seed of a drive; no two splits share one."""
    if split != 'demo':
        split_conditions(split)  # names the known splits where this is none
    entropy = (seed, SPLIT_NUMBERS[split], index)
    state = np.random.SeedSequence(entropy).generate_state(2, np.uint64)
    return int(state[0]) >> 11  # 53 bits: every JSON reader keeps them


class ConditionChange(NamedTuple):
    """When the condition of a held-out drive begins and ends, and how long it takes to fade in."""

    start_s: float
    fade_s: float = DEFAULT_FADE_S
    end_s: float | None = None  # then nominal again, within SWITCH_S; None: to the drive's end


def split_specs(split: str, drives: int, frames: int, rate_hz: float, height: int, width: int,
                seed: int, condition_change: ConditionChange | None = None) -> list[DriveSpec]:
    """Specify the drives of a split; its conditions take turns. With a change: nominal before."""
    for name, count in (('drives', drives), ('frames', frames)):
        if count < 1:
            raise ValueError(f'{name} is {count}, must be 1 or more')
    check_render_settings(rate_hz, height, width, seed)
    end_s = frames / rate_hz
    return [DriveSpec(f'{split}_{index:04d}', split, drive_seed(split, index, seed),
                      _drive_segments(split, index, end_s, condition_change), frames, rate_hz, width, height)
            for index in range(drives)]


def check_render_settings(rate_hz: float, height: int, width: int, seed: int) -> None:
    """Refuse what no drive can have, by the name of what is wrong."""
    if not 0 < rate_hz < math.inf:
        raise ValueError(f'rate_hz is {rate_hz}, must be above 0 and finite')
    for name, size in (('height', height), ('width', width)):
        if not MIN_SIDE_PX <= size <= MAX_SIDE_PX:
            raise ValueError(f'{name} is {size} px, must lie in {MIN_SIDE_PX} to {MAX_SIDE_PX}')
    if seed < 0:
        raise ValueError(f'seed is {seed}, must not be negative')


def _drive_segments(split: str, index: int, end_s: float,
              change: ConditionChange | None) -> tuple[Segment, ...]:
    conditions = split_conditions(split)
    condition = conditions[index % len(conditions)]
    if change is None:
        return (Segment(condition, 0., end_s),)
    if condition in NOMINAL_CONDITIONS:
        raise ValueError(f'{split} has no held-out condition that could begin later')
    over_s = end_s if change.end_s is None else change.end_s
    if not 0 < change.start_s < over_s <= end_s:
        raise ValueError(f'the condition lasts from {change.start_s:g} s to {over_s:g} s, must begin '
                         f'after 0 s and end later, within the {end_s:g} s of a drive')
    if change.end_s is not None and change.start_s + change.fade_s > over_s:
        raise ValueError(f'the condition ends at {over_s:g} s, before it has faded in by '
                         f'{change.start_s + change.fade_s:g} s; let it last, or fade in sooner')
    nominal = NOMINAL_CONDITIONS[index % len(NOMINAL_CONDITIONS)]
    segments = (Segment(nominal, 0., change.start_s),
                Segment(condition, change.start_s, over_s, change.fade_s))
    return segments if over_s == end_s else (*segments, Segment(nominal, over_s, end_s))


def demo_spec(rate_hz: float, height: int, width: int, seed: int) -> DriveSpec:
    """Specify one street in town that meets fog, then mud on the lens, and recovers from both."""
    check_render_settings(rate_hz, height, width, seed)
    frames = round(DEMO_SEGMENTS[-1].end_s * rate_hz)
    return DriveSpec('demo', 'demo', drive_seed('demo', 0, seed), DEMO_SEGMENTS, frames, rate_hz,
                     width, height, 'urban')
