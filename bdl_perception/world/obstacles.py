# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Obstacles that stand on the road, and the place of a fire that smokes.

No nominal drive contains them. The car of the camera brakes, and stops before them.
"""
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from bdl_perception.drives.description import Segment
from bdl_perception.world.ego_motion import EgoMotion, Stop
from bdl_perception.world.obstacle_meshes import (
    animal,
    lost_cargo,
    overturned_lorry,
    Piece,
    white_trailer,
)
from bdl_perception.world.scene import Body
from bdl_perception.world.street import Street
from bdl_perception.world.traffic import Traffic
import numpy as np

BRAKING_MPS2 = 5.
START_M = 4., 45.  # a short drive begins that far before the place where the camera stops


class Kind(NamedTuple):
    """A kind of obstacle."""

    build: Callable[[np.random.Generator, Street], list[Piece]]
    gap_m: tuple[float, float]  # from the camera at rest to the middle
    size_m: tuple[float, float]  # along and across the street that is cleared for it


KINDS = {'smoke': Kind(lambda rng, street: [], (3, 10), (1., 1.)),
         'animal': Kind(animal, (7, 14), (4., 6.)),
         'lost_cargo': Kind(lost_cargo, (7.5, 14), (9., 6.)),
         'overturned_lorry': Kind(overturned_lorry, (10, 17), (11., 12.)),
         'white_trailer': Kind(white_trailer, (9, 16), (7., 25.))}


@dataclass(frozen=True)
class Obstacle:
    """The place of an obstacle on a street, its bodies, and the stop of the camera's car."""

    condition: str
    x_m: float
    stop: Stop
    pieces: tuple[Piece, ...]
    size_m: tuple[float, float]

    def add_to(self, traffic: Traffic, street: Street) -> list[Body]:
        """Add its meshes to the traffic; returns its bodies."""
        bodies = []
        for piece in self.pieces:
            x = self.x_m + piece.x_m
            height = street.surface_height(x, piece.d_m)
            bodies.append(Body(traffic.add_mesh(piece.mesh),
                               street.world_point(x, piece.d_m, height),
                               street.heading(x) + street.traffic_side * piece.yaw_rad))
        return bodies


def draw_obstacle(segments: Iterable[Segment], duration_s: float, ego: EgoMotion, street: Street,
                  rng: np.random.Generator) -> Obstacle | None:
    """Draw the obstacle of a drive; None where no segment has one."""
    found = [one for one in segments if one.name in KINDS]
    if not found:
        return None
    segment, kind = found[0], KINDS[found[0].name]
    start, end_s = ego.position_along(segment.start_s), min(segment.end_s, duration_s)
    driven = (ego.position_along(end_s) - start) * rng.uniform(.5, .9)
    distance_m = min(max(driven, rng.uniform(*START_M)), max(90., 3.5 * ego.speed_mps))
    stop = Stop(start + distance_m,
                max(2., min(ego.speed_mps ** 2 / BRAKING_MPS2, .9 * distance_m)), segment.end_s)
    return Obstacle(segment.name, start + distance_m + rng.uniform(*kind.gap_m), stop,
                    tuple(kind.build(rng, street)), kind.size_m)
