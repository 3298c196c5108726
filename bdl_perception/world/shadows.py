# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The geometry of the shadow map: the sun's view, and how a surface does not shade itself."""
from bdl_perception.world.camera import CameraPose
from bdl_perception.world.shapes import Floats
import numpy as np

SHADOW_RADIUS_M = 60.
SHADOW_TEXELS = 1024  # along a side of the shadow map
SHADOW_PCF_OFFSET = .7  # texels aside along both axes: the four lookups of a soft shadow
SHADOW_DEPTH_M = 260.
MIN_SHADOW_OFFSET_M = .08  # height above a surface at which its shadow is looked up
SHADOW_BIAS = .0015  # of the depth of the map: a surface that far behind it is still lit


def shadow_matrix(sun: Floats, centre: Floats) -> Floats:
    """Return world to the clip space of the shadow map, (4, 4): orthographic, from the sun."""
    pose = CameraPose.from_angles(centre + sun * SHADOW_DEPTH_M / 2,
                                  np.arctan2(-sun[1], -sun[0]), np.arcsin(sun[2]))
    flat = np.diag([1 / SHADOW_RADIUS_M, 1 / SHADOW_RADIUS_M, -2 / SHADOW_DEPTH_M, 1])
    flat[2, 3] = -1
    return np.asarray(flat @ pose.view_matrix())


def shadow_aside_m() -> float:
    """Return how far aside a lookup reads the shadow map, m."""
    return (SHADOW_PCF_OFFSET + 1) * 2 * SHADOW_RADIUS_M / SHADOW_TEXELS


def shadow_normal_offset_m(sun: Floats) -> float:
    """
    Return the height above a surface at which its shadow is looked up, m.

    It is the least height at which level ground does not shade itself. A lookup reads texels up
    to SHADOW_PCF_OFFSET + 1 aside. At a sun elevation e the ground there is nearer to the sun by
    cot(e) times that distance; the offset, divided by sin(e), and SHADOW_BIAS must exceed it.
    """
    aside_m = shadow_aside_m()
    flat = np.sqrt(1 - sun[2] ** 2)
    needed_m = aside_m * flat - SHADOW_BIAS * SHADOW_DEPTH_M * sun[2]
    return float(max(MIN_SHADOW_OFFSET_M, needed_m))


def slope_aside_m() -> float:
    """Return shadow_aside_m for a surface of any slope: along the diagonal, with a margin."""
    return 1.6 * shadow_aside_m()
