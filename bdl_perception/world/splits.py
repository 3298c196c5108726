# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The drives of a split: their seeds, their conditions and when these begin."""
from dataclasses import dataclass
import math
from typing import NamedTuple

from bdl_perception.drives.description import DEFAULT_FADE_S, RARE_CONDITIONS, Segment
from bdl_perception.world.conditions import (
    condition_segment,
    NOMINAL_CONDITIONS,
    split_conditions,
)
from bdl_perception.world.versions import WORLD_VERSION, world_version
import numpy as np

MIN_SIDE_PX, MAX_SIDE_PX = 16, 4096  # of a frame
DEMO_SEGMENTS = tuple(condition_segment(*part) for part in (
    ('sun', 0., 16.), ('dense_fog', 16., 26.), ('sun', 26., 38.), ('lens_dirt', 38., 46.),
    ('sun', 46., 55.)))
# Part of every seed: no number is changed or reused, a new split takes the next one.
SPLIT_NUMBERS = {
    'train': 0, 'validation': 1, 'test': 2, 'validation_night': 3, 'validation_dense_fog': 4,
    'validation_unknown_objects': 5, 'validation_unseen_mount': 6, 'validation_lens_dirt': 7,
    'test_night': 8, 'test_dense_fog': 9, 'test_unknown_objects': 10, 'test_unseen_mount': 11,
    'test_lens_dirt': 12, 'demo': 13, 'validation_failing_exposure': 14,
    'test_failing_exposure': 15,
    **{f'{role}_{name}': 16 + 2 * i + j for i, name in enumerate(RARE_CONDITIONS)
       for j, role in enumerate(('validation', 'test'))}}


@dataclass(frozen=True)
class DriveSpec:
    """The specification of a drive: it determines every pixel."""

    name: str
    split: str
    seed: int
    segments: tuple[Segment, ...]
    frames: int
    rate_hz: float
    width: int
    height: int
    street_kind: str | None = None  # None: drawn
    world: int = WORLD_VERSION

    def __post_init__(self) -> None:
        """Check that the drive is not empty and has no gap between its segments."""
        world_version(self.world)
        if self.frames < 1 or not self.rate_hz > 0:
            raise ValueError(f'drive {self.name}: {self.frames} frames at {self.rate_hz} Hz; '
                             f'both must be positive')
        if not self.segments:
            raise ValueError(f'drive {self.name} has no condition')
        for before, after in zip(self.segments, self.segments[1:], strict=False):
            if before.end_s != after.start_s:
                raise ValueError(f'drive {self.name}: a segment ends at {before.end_s} s and the '
                                 f'next begins at {after.start_s} s; they must meet')

    @property
    def duration_s(self) -> float:
        """Return the time from the first frame to the end of the last."""
        return self.frames / self.rate_hz

    @property
    def stamps_ns(self) -> list[int]:
        """Return the time of each frame."""
        return [round(i * 1e9 / self.rate_hz) for i in range(self.frames)]


def drive_seed(split: str, index: int, seed: int) -> int:
    """Return the seed of a drive; no two splits share one."""
    entropy = (seed, SPLIT_NUMBERS[split], index)
    state = np.random.SeedSequence(entropy).generate_state(2, np.uint64)
    return int(state[0]) >> 11  # 53 bits: every JSON reader preserves them


class ConditionChange(NamedTuple):
    """When the condition of a held-out drive begins and ends, and how long it fades in."""

    start_s: float
    fade_s: float = DEFAULT_FADE_S
    end_s: float | None = None  # nominal again after it; None: the end of the drive


@dataclass(frozen=True)
class SplitSpec:
    """The drives of a split; its conditions take turns, and with a change begin nominal."""

    split: str
    drives: int
    frames: int
    rate_hz: float = 10.
    height: int = 192  # px
    width: int = 320
    seed: int = 0
    condition_change: ConditionChange | None = None
    world: int = WORLD_VERSION

    def __post_init__(self) -> None:
        """Check every value."""
        world_version(self.world)
        split_conditions(self.split)
        for name, count in (('drives', self.drives), ('frames', self.frames)):
            if count < 1:
                raise ValueError(f'{name} is {count}, must be 1 or more')
        check_render_settings(self.rate_hz, self.height, self.width, self.seed)

    def drive_specs(self) -> list[DriveSpec]:
        """Return the specifications of the drives."""
        return [DriveSpec(f'{self.split}_{index:04d}', self.split,
                          drive_seed(self.split, index, self.seed), self._segments(index),
                          self.frames, self.rate_hz, self.width, self.height, world=self.world)
                for index in range(self.drives)]

    def _segments(self, index: int) -> tuple[Segment, ...]:
        conditions, end_s = split_conditions(self.split), self.frames / self.rate_hz
        condition, change = conditions[index % len(conditions)], self.condition_change
        if change is None:
            return (condition_segment(condition, 0., end_s),)
        if condition in NOMINAL_CONDITIONS:
            raise ValueError(f'{self.split} has no held-out condition that could begin later')
        stop_s = end_s if change.end_s is None else change.end_s
        if not 0 < change.start_s < stop_s <= end_s:
            raise ValueError(f'the condition lasts from {change.start_s:g} s to {stop_s:g} s; it '
                             f'must begin after 0 s and end later, within the {end_s:g} s of '
                             f'a drive')
        if change.end_s is not None and change.start_s + change.fade_s > stop_s:
            raise ValueError(f'the condition ends at {stop_s:g} s, before it has faded in by '
                             f'{change.start_s + change.fade_s:g} s; let it last, or fade in '
                             f'sooner')
        nominal = NOMINAL_CONDITIONS[index % len(NOMINAL_CONDITIONS)]
        segments = (condition_segment(nominal, 0., change.start_s),
                    condition_segment(condition, change.start_s, stop_s, change.fade_s))
        return segments if stop_s == end_s else (
            *segments, condition_segment(nominal, stop_s, end_s))


def check_render_settings(rate_hz: float, height: int, width: int, seed: int) -> None:
    """Raise ValueError for a value that no drive can have."""
    if not 0 < rate_hz < math.inf:
        raise ValueError(f'rate_hz is {rate_hz}, must be above 0 and finite')
    for name, size in (('height', height), ('width', width)):
        if not MIN_SIDE_PX <= size <= MAX_SIDE_PX:
            raise ValueError(f'{name} is {size} px, must lie in {MIN_SIDE_PX} to {MAX_SIDE_PX}')
    if seed < 0:
        raise ValueError(f'seed is {seed}, must not be negative')


def demo_spec(rate_hz: float = 10., height: int = 384, width: int = 640,
              seed: int = 0) -> DriveSpec:
    """Return the drive of the demonstration: a town, with fog and later mud on the lens."""
    check_render_settings(rate_hz, height, width, seed)
    frames = round(DEMO_SEGMENTS[-1].end_s * rate_hz)
    return DriveSpec('demo', 'demo', drive_seed('demo', 0, seed), DEMO_SEGMENTS, frames, rate_hz,
                     width, height, 'urban')
