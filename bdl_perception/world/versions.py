# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
What each version of the world draws: ranges of the camera, and shares of its nominal drives.

A version is never changed once a model was trained with it: a seed gives the same pixels again.
"""
from dataclasses import dataclass, fields

import numpy as np

Interval = tuple[float, float]
FIRST_WORLD_VERSION = 1  # of drives without a recorded version
WORLD_VERSION = 2  # the default; the shipped model was trained with it


@dataclass(frozen=True)
class CameraRanges:
    """Mount, lens and sensor of nominal drives; a pair is the interval of a uniform draw."""

    height_m: Interval = (1.2, 1.8)
    pitch_rad: Interval = (.01, .015)  # mean and sd; down is positive
    roll_sd_rad: float = .006
    fov_deg: Interval = (50., 80.)  # horizontal
    exposure_sd: float = .12  # of the logarithm of the gain
    white_balance_sd: float = .02
    blur_px: Interval = (0., .6)  # sigma at a width of 320
    read_noise: Interval = (.3, 2.)
    shot_noise: Interval = (.5, 3.)
    vignette: Interval = (0., .3)
    jpeg_quality: tuple[int, int] = (75, 97)
    shutter_s: Interval = (0., 0.)  # 0: no motion blur


@dataclass(frozen=True)
class Shares:
    """Shares, 0 to 1, of the nominal drives that have a feature."""

    low_sun_ahead: float = 0.  # of those in which the sun casts shadows
    road_cyclists: float = 0.  # cyclists ride among the vehicles, except on motorways
    crossing_people: float = 0.  # people cross the road, except on motorways
    turning_vehicles: float = 0.  # vehicles turn at the side streets, where there are any
    wet_road: float = 0.  # wet roads and pavements with puddles, which mirror
    avenue: float = 0.  # trees at both sides of the road, which dapple it with shade
    tunnel: float = 0.  # around or ahead of the first position of the camera
    bridge: float = 0.  # over the road ahead, where there is no tunnel
    construction_site: float = 0.  # beside the lanes ahead, where there is no tunnel


@dataclass(frozen=True)
class WorldVersion:
    """All that differs between versions of the world."""

    number: int
    camera: CameraRanges = CameraRanges()
    shares: Shares = Shares()
    sun_elevation_rad: Interval | None = None  # of the condition sun; None: that of its light
    glare: bool = False  # a sun in or near the frame veils it
    shadows_fit_slopes: bool = False  # False: sloping ground may shade itself in stripes
    clear_windows: bool = False  # cars have an inside that is visible
    people_density: float = 1.  # of pedestrians, times that of version 2


VERSIONS = {
    2: WorldVersion(2),
    3: WorldVersion(
        3, CameraRanges(
            height_m=(.95, 2.4), pitch_rad=(.015, .03), roll_sd_rad=.012, fov_deg=(40., 110.),
            exposure_sd=.28, white_balance_sd=.04, blur_px=(0., .9), read_noise=(.3, 2.8),
            shot_noise=(.5, 4.), vignette=(0., .45), jpeg_quality=(35, 97),
            shutter_s=(.0005, .02)),
        Shares(low_sun_ahead=.3, road_cyclists=.5, crossing_people=.45, turning_vehicles=.6,
               wet_road=.25, avenue=.2, tunnel=.08, bridge=.12, construction_site=.15),
        sun_elevation_rad=(.04, 1.2), glare=True, shadows_fit_slopes=True,
        clear_windows=True, people_density=2.5)}


def draw_features(shares: Shares, rng: np.random.Generator) -> frozenset[str]:
    """Draw which features a drive has, each by its own share."""
    return frozenset(one.name for one in fields(Shares)
                     if rng.random() < getattr(shares, one.name))


def possible_features(drawn: frozenset[str], motorway: bool, side_streets: bool, sunshine: bool,
                      obstacle: bool, snow: bool) -> frozenset[str]:
    """Leave out the features that a drive cannot have: where they need what it has not."""
    impossible = {
        'low_sun_ahead': not sunshine, 'road_cyclists': motorway, 'wet_road': snow,
        'crossing_people': motorway or obstacle, 'turning_vehicles': obstacle or not side_streets,
        'tunnel': obstacle, **dict.fromkeys(('bridge', 'construction_site'),
                                            obstacle or 'tunnel' in drawn)}
    return frozenset(name for name in drawn if not impossible.get(name, False))


def world_version(number: int) -> WorldVersion:
    """Return a version; ValueError for one that is unknown."""
    if number not in VERSIONS:
        raise ValueError(f'no world {number}; known: {", ".join(map(str, VERSIONS))}')
    return VERSIONS[number]
