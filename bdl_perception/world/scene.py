# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the renderer is given: still and moving meshes, textures, lamps and the sky."""
from dataclasses import dataclass
from typing import NamedTuple

from bdl_perception.world.mesh import Mesh
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Body(NamedTuple):
    """A thing that moves: which mesh, and where it is now."""

    mesh: int
    position: tuple[float, float, float]  # m
    yaw_rad: float


@dataclass(frozen=True)
class Scene:
    """Everything that is uploaded once per drive."""

    street: Mesh
    leaves: Mesh
    bodies: tuple[Mesh, ...]
    textures: NDArray[np.uint8]  # (L, S, S, 4)
    lamps: Floats  # (N, 3) m


@dataclass(frozen=True)
class Sky:
    """What a drive fixes about its sky."""

    sun: Floats  # (3,) unit vector towards the sun
    cloud_shift: float
