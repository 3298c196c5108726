# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Cars that stand: along the kerbs, and waiting in side streets."""
from bdl_perception.world.mesh import MeshBuilder
from bdl_perception.world.occupancy import Occupancy
from bdl_perception.world.street import Street
from bdl_perception.world.vehicles import any_vehicle
import numpy as np


def park(street: Street, builder: MeshBuilder, taken: Occupancy, rng: np.random.Generator) -> None:
    """Park cars along both kerbs, and let some wait in side streets."""
    vehicles = [any_vehicle(rng, large=False) for _ in range(7)]
    for side in (-1, 1) if street.parking else ():
        share, x = rng.uniform(.3, .95), street.start_m
        while x < street.end_m:
            vehicle = vehicles[rng.integers(len(vehicles))]
            middle = x + vehicle.length_m / 2
            d = street.kerb(side, -.2 - vehicle.width_m / 2)
            if (rng.random() < share and not street.open_side(side, middle, 5)
                    and taken.claim(middle, d, vehicle.length_m + .4, vehicle.width_m)):
                turned = np.pi * (side > 0) + rng.normal(0, .015)
                builder.place(vehicle.mesh, street.point(middle, d),
                              street.heading(middle) + turned)
            x += vehicle.length_m + rng.uniform(.6, 1.6)
    for side, start, end in street.junctions:
        vehicle = vehicles[rng.integers(len(vehicles))]
        middle, d = (start + end) / 2, street.kerb(side, street.pavement_m + rng.uniform(1, 6) + 3)
        if rng.random() < .5 and taken.claim(middle, d, vehicle.width_m, vehicle.length_m):
            builder.place(vehicle.mesh, street.point(middle, d),
                          street.heading(middle) - side * street.side * np.pi / 2)
