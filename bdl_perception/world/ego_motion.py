# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The motion of the camera's car along a street."""
from dataclasses import dataclass
import math

import numpy as np


@dataclass(frozen=True)
class Stop:
    """The camera's car brakes to rest before a place; its speed falls exponentially."""

    x_m: float  # of the camera at rest
    braking_m: float  # before x_m, where it begins to brake
    resume_s: float  # from then on it drives as before

    def braked(self, free_x_m: float) -> float:
        """Return where the car is that without braking would be at free_x_m."""
        beyond = max(0., free_x_m - self.x_m + self.braking_m) / self.braking_m
        return free_x_m - self.braking_m * (beyond - 1 + math.exp(-beyond))


@dataclass(frozen=True)
class EgoMotion:
    """Motion of the camera's car: speed oscillates about its mean, the car sways in its lane."""

    speed_mps: float
    speed_swing: float  # share of the speed
    period_s: float
    lateral_sway_m: float
    stop: Stop | None = None

    def __post_init__(self) -> None:
        """Check that the car never drives backwards."""
        if self.speed_mps < 0 or not 0 <= self.speed_swing < 1:
            raise ValueError(f'{self}: the speed must not be negative, the swing in [0, 1)')

    def position_along(self, time_s: float) -> float:
        """Return the position along the street, m: the integral of the speed."""
        free = self._free_position(time_s)
        if self.stop is None:
            return free
        held = self._free_position(min(time_s, self.stop.resume_s))
        return self.stop.braked(held) + free - held

    def _free_position(self, time_s: float) -> float:
        rate = 2 * np.pi / self.period_s
        return float(self.speed_mps * (time_s + self.speed_swing * np.sin(rate * time_s) / rate))

    def lateral_offset(self, time_s: float) -> float:
        """Return the position across the lane, m."""
        return float(self.lateral_sway_m * np.sin(2 * np.pi * time_s / (1.7 * self.period_s)))


def draw_ego_motion(rng: np.random.Generator, kind: str) -> EgoMotion:
    """Draw the motion of the camera's car."""
    motorway = kind == 'motorway'
    speed = rng.uniform(22, 33) if motorway else rng.uniform(5, 13)
    swing = rng.uniform(0, .08 if motorway else .3)  # 33 m/s swing by 3 m/s^2 at most
    return EgoMotion(speed, swing, rng.uniform(6, 14), rng.uniform(.03, .2))
