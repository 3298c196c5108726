# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Cars that stand: along the kerbs, and waiting in side streets."""
from dataclasses import dataclass, field

from bdl_perception.world.mesh import MeshBuilder
from bdl_perception.world.street import Street
from bdl_perception.world.vehicles import draw_vehicle
import numpy as np


@dataclass
class Occupancy:
    """Rectangles (x from, x to, d from, d to) in metres that are taken."""

    rectangles: list[tuple[float, float, float, float]] = field(default_factory=list)

    def claim(self, x: float, d: float, length_m: float, width_m: float) -> bool:
        """Take a rectangle around (x, d); False, and nothing taken, where something stands."""
        a, b = x - length_m / 2, x + length_m / 2
        low, high = d - width_m / 2, d + width_m / 2
        if any(a < right and left < b and low < top and bottom < high
               for left, right, bottom, top in self.rectangles):
            return False
        self.rectangles.append((a, b, low, high))
        return True


def park_cars(street: Street, builder: MeshBuilder, occupancy: Occupancy, rng: np.random.Generator) -> None:
    """Park cars along both kerbs, and let some wait in side streets."""
    vehicles = [draw_vehicle(rng, large=False) for _ in range(7)]
    for side in (-1, 1) if street.parking else ():
        share, x = rng.uniform(.3, .95), street.start_m
        while x < street.end_m:
            vehicle = vehicles[rng.integers(len(vehicles))]
            middle = x + vehicle.length_m / 2
            d = street.kerb_offset(side, -.2 - vehicle.width_m / 2)
            if (rng.random() < share and not street.has_junction(side, middle, 5)
                    and occupancy.claim(middle, d, vehicle.length_m + .4, vehicle.width_m)):
                turned = np.pi * (side > 0) + rng.normal(0, .015)
                builder.place(vehicle.mesh, street.world_point(middle, d),
                              street.heading(middle) + turned)
            x += vehicle.length_m + rng.uniform(.6, 1.6)
    for side, start, end in street.junctions:
        vehicle = vehicles[rng.integers(len(vehicles))]
        middle, d = (start + end) / 2, street.kerb_offset(side, street.pavement_m + rng.uniform(1, 6) + 3)
        if rng.random() < .5 and occupancy.claim(middle, d, vehicle.width_m, vehicle.length_m):
            builder.place(vehicle.mesh, street.world_point(middle, d),
                          street.heading(middle) - side * street.traffic_side * np.pi / 2)
