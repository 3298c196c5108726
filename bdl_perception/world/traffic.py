# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The traffic of a street: vehicles, cyclists and pedestrians, and their poses at a time.

No two of them collide: all on one track (a lane, a strip of pavement) have the same speed, and
those ahead of the camera in its own lane keep a distance to it.
"""
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from bdl_perception.world.ego_motion import EgoMotion
from bdl_perception.world.mesh import FLOATS_PER_CORNER, Mesh
from bdl_perception.world.people import cyclist, draw_appearance, pedestrian, WALK_POSTURES
from bdl_perception.world.scene import Body
from bdl_perception.world.street import Lane, Street
from bdl_perception.world.vehicles import draw_vehicle, Vehicle
import numpy as np

STRIDE_LENGTH_M = 1.4  # double step of a pedestrian
MOTORWAY_HEADWAY_S = 1.  # to the vehicle ahead; elsewhere traffic is slow and dense
ROAD_CYCLISTS = 5  # beside ten vehicles, where they ride on the road
CYCLIST = Vehicle(np.empty((0, 3, FLOATS_PER_CORNER), np.float32), 1.9, .6)  # its size only


class Population(NamedTuple):
    """What differs between versions of the world."""

    people_density: float = 1.  # of pedestrians, times that of world 2
    cyclists_on_road: bool = False  # among the vehicles of the lanes
    clear_windows: bool = False


POPULATION = Population()


@dataclass(frozen=True)
class Mover:
    """A road user with a constant speed along the street."""

    mesh_indices: tuple[int, ...]  # postures of a step, or one
    x_m: float  # at time 0
    d_m: float
    speed_mps: float  # negative: towards the camera

    def place_at(self, time_s: float, ego_x_m: float) -> tuple[float, float]:
        """Return x and d at a time."""
        return self.x_m + self.speed_mps * time_s, self.d_m

    def body_at(self, street: Street, time_s: float, ego_x_m: float) -> Body:
        """Return its pose at a time."""
        x = self.x_m + self.speed_mps * time_s
        postures = len(self.mesh_indices)
        mesh = self.mesh_indices[int(x / STRIDE_LENGTH_M * postures) % postures]
        turn = np.pi * (self.speed_mps < 0)
        return Body(mesh, street.world_point(x, self.d_m, street.surface_height(x, self.d_m)),
                    street.heading(x) + turn)


@dataclass(frozen=True)
class LeadVehicle:
    """A vehicle ahead of the camera in its lane; the gap oscillates."""

    mesh_index: int
    gap_m: float
    gap_swing_m: float
    period_s: float
    d_m: float

    def place_at(self, time_s: float, ego_x_m: float) -> tuple[float, float]:
        """Return x and d at a time."""
        swing = self.gap_swing_m * np.sin(2 * np.pi * time_s / self.period_s)
        return ego_x_m + self.gap_m + swing, self.d_m

    def body_at(self, street: Street, time_s: float, ego_x_m: float) -> Body:
        """Return its pose at a time."""
        x, _ = self.place_at(time_s, ego_x_m)
        return Body(self.mesh_index, street.world_point(x, self.d_m), street.heading(x))


class RoadUser(Protocol):
    """A person or a vehicle that moves on or beside the road."""

    def place_at(self, time_s: float, ego_x_m: float) -> tuple[float, float]:
        """Return x and d at a time."""

    def body_at(self, street: Street, time_s: float, ego_x_m: float) -> Body:
        """Return its pose at a time."""


@dataclass
class Traffic:
    """All moving road users, and the meshes that they share."""

    meshes: list[Mesh] = field(default_factory=list)
    movers: list[RoadUser] = field(default_factory=list)

    def add_mesh(self, mesh: Mesh) -> int:
        """Add a mesh and return its index."""
        self.meshes.append(mesh)
        return len(self.meshes) - 1

    def bodies_at(self, street: Street, ego: EgoMotion, time_s: float) -> list[Body]:
        """Return the poses of all road users at a time."""
        x = ego.position_along(time_s)
        return [mover.body_at(street, time_s, x) for mover in self.movers]

    def clear(self, street: Street, x_m: float, length_m: float, duration_s: float) -> None:
        """Remove all on the road that would pass a place in the time."""
        self.movers = [one for one in self.movers if not (
            isinstance(one, Mover) and street.near_kerb < one.d_m < street.far_kerb
            and min(one.x_m, one.x_m + one.speed_mps * duration_s) - length_m < x_m
            < max(one.x_m, one.x_m + one.speed_mps * duration_s) + length_m)]


def draw_traffic(street: Street, ego: EgoMotion, duration_s: float, clear_ahead_m: float,
                 rng: np.random.Generator, population: Population = POPULATION) -> Traffic:
    """Fill lanes and pavements; the ego lane stays free for clear_ahead_m."""
    traffic = Traffic()
    if street.kind == 'motorway':
        clear_ahead_m = max(clear_ahead_m, MOTORWAY_HEADWAY_S * ego.speed_mps)
    fleet = [(traffic.add_mesh(vehicle.mesh), vehicle)
             for vehicle in (draw_vehicle(rng, clear_windows=population.clear_windows)
                             for _ in range(10))]
    if population.cyclists_on_road and street.kind != 'motorway':
        fleet += [(traffic.add_mesh(cyclist(rng)), CYCLIST) for _ in range(ROAD_CYCLISTS)]
    density_m = rng.uniform(14, 70)
    for index, lane in enumerate(street.lanes()):
        if index == street.ego_lane:
            _fill_ego_lane(traffic, fleet, clear_ahead_m, rng)
        else:
            _fill_lane(traffic, fleet, lane, ego, duration_s, density_m, rng)
    if street.pavement_m:
        _fill_pavements(traffic, street, population.people_density, rng)
    if not street.parking and street.kind != 'motorway' and street.shoulder_m > 1:
        _fill_cycle_lanes(traffic, street, ego, duration_s, rng)
    return traffic


def _fill_ego_lane(traffic: Traffic, fleet: list[tuple[int, Vehicle]], clear_ahead_m: float,
                   rng: np.random.Generator) -> None:
    cars = [(n, v) for n, v in fleet if v.length_m < 5] or fleet
    gap = clear_ahead_m + rng.exponential(12)
    for position in range(6):
        swing = min(4., gap * .2)
        choice = cars if gap < 24 else fleet
        number, vehicle = choice[rng.integers(len(choice))]
        gap += vehicle.length_m / 2 + swing
        if position or rng.random() < .7:
            traffic.movers.append(LeadVehicle(number, gap, swing, rng.uniform(9, 20),
                                              rng.normal(0, .12) - _to_kerb(vehicle)))
        gap += vehicle.length_m / 2 + swing + 5 + rng.exponential(14)


def _fill_lane(traffic: Traffic, fleet: list[tuple[int, Vehicle]], lane: Lane, ego: EgoMotion,
               duration_s: float, density_m: float, rng: np.random.Generator) -> None:
    speed = lane.direction * ego.speed_mps * rng.uniform(.75, 1.25)
    relative_m = (speed - ego.speed_mps) * duration_s  # how far the lane slides past the camera
    x, last = -60. - max(relative_m, 0), 260. - min(relative_m, 0)
    while x < last:
        number, vehicle = fleet[rng.integers(len(fleet))]
        x += vehicle.length_m / 2
        d = lane.d + rng.normal(0, .12) - lane.direction * _to_kerb(vehicle)
        traffic.movers.append(Mover((number,), x, d, speed))
        x += vehicle.length_m / 2 + 7 + rng.exponential(density_m)


def _to_kerb(vehicle: Vehicle) -> float:
    """Return how far beside the middle of its lane a vehicle keeps, m."""
    return .9 if vehicle is CYCLIST else 0.


def _fill_pavements(traffic: Traffic, street: Street, density: float,
                    rng: np.random.Generator) -> None:
    """Place walkers on strips without posts, trees and fences."""
    crowd = {'urban': 22., 'suburban': 45.}.get(street.kind, 60.) * rng.uniform(.5, 2.2) / density
    people = []
    for _ in range(8):
        clothes = draw_appearance(rng)
        people.append(tuple(traffic.add_mesh(pedestrian(clothes, posture))
                            for posture in range(WALK_POSTURES)))
    for side in (-1, 1):
        for beyond in np.arange(1.35, street.pavement_m - .4, .75):
            speed = float(rng.choice((-1, 1)) * rng.uniform(.9, 1.6))
            x = street.start_m
            while x < street.end_m:
                x += 1.2 + rng.exponential(crowd)
                traffic.movers.append(Mover(people[rng.integers(len(people))], x,
                                            street.kerb_offset(side, float(beyond)), speed))


def _fill_cycle_lanes(traffic: Traffic, street: Street, ego: EgoMotion, duration_s: float,
                      rng: np.random.Generator) -> None:
    riders = [traffic.add_mesh(cyclist(rng)) for _ in range(3)]
    spread = rng.uniform(25, 120)
    for side in (-1, 1):
        speed = rng.uniform(3.5, 6.5) * (1 if side < 0 else -1)
        x = -40. - max((speed - ego.speed_mps) * duration_s, 0)
        while x < 220 - min((speed - ego.speed_mps) * duration_s, 0):
            x += 3 + rng.exponential(spread)
            traffic.movers.append(Mover((riders[rng.integers(len(riders))],), x,
                                        street.kerb_offset(side, -street.shoulder_m / 2), speed))
