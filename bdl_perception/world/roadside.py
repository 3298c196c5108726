# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The places beside a street: static objects that do not overlap, and parked cars."""
from dataclasses import dataclass, field

from bdl_perception.world.mesh import Mesh, MeshBuilder
from bdl_perception.world.street import Street
from bdl_perception.world.vehicles import draw_vehicle
import numpy as np


@dataclass
class Occupancy:
    """Occupied rectangles (x from, x to, d from, d to) on the plan of a street, m."""

    rectangles: list[tuple[float, float, float, float]] = field(default_factory=list)

    def claim(self, x: float, d: float, length_m: float, width_m: float) -> bool:
        """Occupy a rectangle around (x, d); False, without effect, where another one overlaps."""
        a, b = x - length_m / 2, x + length_m / 2
        low, high = d - width_m / 2, d + width_m / 2
        if any(a < right and left < b and low < top and bottom < high
               for left, right, bottom, top in self.rectangles):
            return False
        self.rectangles.append((a, b, low, high))
        return True


@dataclass(frozen=True)
class Roadside:
    """A street, its occupied places, and the builder of its static meshes."""

    street: Street
    builder: MeshBuilder = field(default_factory=MeshBuilder)
    occupancy: Occupancy = field(default_factory=Occupancy)

    def claim(self, side: int, x: float, d: float, size_m: tuple[float, float],
              margin_m: float) -> bool:
        """Occupy a rectangle (length, width) that keeps a margin along x to side streets."""
        return (not self.street.has_junction(side, x, margin_m)
                and self.occupancy.claim(x, d, *size_m))

    def place(self, mesh: Mesh, x: float, d: float, yaw_rad: float, z: float = 0.) -> None:
        """Add a mesh at (x, d), z metres above the road; yaw in the world."""
        self.builder.place(mesh, self.street.world_point(x, d, z), yaw_rad)


def park_cars(roadside: Roadside, rng: np.random.Generator, clear_windows: bool = False) -> None:
    """Park cars along both kerbs, and place waiting cars in side streets."""
    street, vehicles = roadside.street, [draw_vehicle(rng, False, clear_windows)
                                         for _ in range(7)]
    for side in (-1, 1) if street.parking else ():
        share, x = rng.uniform(.3, .95), street.start_m
        while x < street.end_m:
            vehicle = vehicles[rng.integers(len(vehicles))]
            middle = x + vehicle.length_m / 2
            d = street.kerb_offset(side, -.2 - vehicle.width_m / 2)
            size = vehicle.length_m + .4, vehicle.width_m
            if rng.random() < share and roadside.claim(side, middle, d, size, 5):
                turn = np.pi * (side > 0) + rng.normal(0, .015)
                roadside.place(vehicle.mesh, middle, d, street.heading(middle) + turn)
            x += vehicle.length_m + rng.uniform(.6, 1.6)
    for side, start, end in street.junctions:
        vehicle, middle = vehicles[rng.integers(len(vehicles))], (start + end) / 2
        d = street.kerb_offset(side, street.pavement_m + rng.uniform(1, 6) + 3)
        if (rng.random() < .5
                and roadside.occupancy.claim(middle, d, vehicle.width_m, vehicle.length_m)):
            roadside.place(vehicle.mesh, middle, d, street.heading(middle)
                           - side * street.traffic_side * np.pi / 2)
