# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""People who cross the road, and vehicles that turn at side streets, without collisions."""
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from bdl_perception.world.ego_motion import EgoMotion
from bdl_perception.world.people import draw_appearance, pedestrian, WALK_POSTURES
from bdl_perception.world.scene import Body
from bdl_perception.world.shapes import Floats
from bdl_perception.world.street import Junction, Street
from bdl_perception.world.traffic import STRIDE_LENGTH_M, Traffic
from bdl_perception.world.vehicles import draw_vehicle
import numpy as np

TURN_RADIUS_M = 5.5
CHECK_STEP_S = .2  # of the check for collisions
AHEAD_M = 7., 55.  # of the camera at the time at which the place is passed
ATTEMPTS = 14
PERSON_GAP_M, VEHICLE_GAP_M = (4., 1.7), (6.5, 2.2)  # to any other, along and across


@dataclass(frozen=True)
class PathMover:
    """A road user that follows a path on the plan of the street at a constant speed."""

    mesh_indices: tuple[int, ...]  # postures of a step, or one
    path: Floats  # (N, 2) x and d, m
    start_m: float  # along the path at time 0
    speed_mps: float

    def place_at(self, time_s: float, ego_x_m: float) -> tuple[float, float]:
        """Return x and d at a time; before and after the path it goes straight on."""
        x, d, _ = self._place(time_s)
        return x, d

    def body_at(self, street: Street, time_s: float, ego_x_m: float) -> Body:
        """Return its pose at a time."""
        x, d, yaw = self._place(time_s)
        distance_m = self.start_m + self.speed_mps * time_s
        postures = len(self.mesh_indices)
        mesh = self.mesh_indices[int(distance_m / STRIDE_LENGTH_M * postures) % postures]
        return Body(mesh, street.world_point(x, d, street.surface_height(x, d)),
                    street.heading(x) + street.traffic_side * yaw)

    def _place(self, time_s: float) -> tuple[float, float, float]:
        steps = np.diff(self.path, axis=0)
        ends = np.r_[0, np.cumsum(np.hypot(*steps.T))]
        distance_m = self.start_m + self.speed_mps * time_s
        part = int(np.clip(np.searchsorted(ends, distance_m) - 1, 0, len(steps) - 1))
        unit = steps[part] / np.hypot(*steps[part])
        x, d = self.path[part] + (distance_m - ends[part]) * unit
        return float(x), float(d), float(np.arctan2(unit[1], unit[0]))


def crossing_path(street: Street, x_m: float, side: int) -> Floats:
    """Return the path (2, 2) of a person across the road, x and d in m."""
    return np.array([(x_m, street.kerb_offset(side, 2.)), (x_m, street.kerb_offset(-side, 2.))])


def turning_path(street: Street, junction: Junction, leaves_road: bool) -> Floats:
    """
    Return the path (N, 2) of a vehicle at a side street, x and d in m.

    It comes out into the nearest lane, or (leaves_road) it turns in across that lane's traffic.
    """
    side, first, last = junction
    lanes = [lane for lane in street.lanes() if (lane.direction < 0) == (side > 0)]
    lane = lanes[0] if side < 0 else lanes[-1]
    if leaves_road:
        others = [one for one in street.lanes() if one.direction != lane.direction]
        lane = others[0] if side < 0 else others[-1]
    kerb, middle = street.kerb_offset(side, 0), (first + last) / 2
    radius = min(TURN_RADIUS_M, abs(lane.d - kerb) + 3)
    angle = np.linspace(0, np.pi / 2, 9)
    along = lane.direction * (1 if not leaves_road else -1)  # from the junction along the road
    x = middle + along * radius * (1 - np.cos(angle))
    d = lane.d + side * radius * (1 - np.sin(angle))
    deep = np.array([[middle, street.kerb_offset(side, 14.)]])
    far = np.array([[middle + along * (radius + 40), lane.d]])
    path = np.concatenate([deep, np.c_[x, d], far])
    return np.asarray(path[::-1] if leaves_road else path)


def is_free(mover: PathMover, traffic: Traffic, ego: EgoMotion, duration_s: float,
            gap_m: tuple[float, float]) -> bool:
    """Return whether a road user stays away from all others and from the camera."""
    for time_s in np.arange(0, duration_s + CHECK_STEP_S, CHECK_STEP_S):
        ego_x = ego.position_along(time_s)
        x, d = mover.place_at(time_s, ego_x)
        others = np.array([one.place_at(time_s, ego_x) for one in traffic.movers]
                          + [(ego_x, 0.)])
        if ((abs(others[:, 0] - x) < gap_m[0]) & (abs(others[:, 1] - d) < gap_m[1])).any():
            return False
    return True


def add_crossing(traffic: Traffic, street: Street, ego: EgoMotion, duration_s: float,
                 features: Collection[str], rng: np.random.Generator) -> list[Junction]:
    """Add who crosses and who turns; returns the side streets in use."""
    used = []
    if 'turning_vehicles' in features:
        used = add_turning_vehicles(traffic, street, ego, duration_s, rng)
    if 'crossing_people' in features and street.kind != 'motorway':
        add_crossing_people(traffic, street, ego, duration_s, rng)
    return used


def add_crossing_people(traffic: Traffic, street: Street, ego: EgoMotion, duration_s: float,
                        rng: np.random.Generator) -> None:
    """Let one to five people cross ahead of the camera, where the gaps in the traffic allow."""
    wanted = int(rng.integers(1, 6))
    speed = rng.uniform(1., 1.7)

    def draw(person: tuple[int, ...]) -> PathMover:
        time_s = rng.uniform(0, duration_s)
        x = ego.position_along(time_s) + rng.uniform(*AHEAD_M)
        path = crossing_path(street, x, int(rng.choice((-1, 1))))
        length = float(np.hypot(*(path[1] - path[0])))
        return PathMover(person, path, length * rng.uniform(.2, .8) - speed * time_s, speed)

    for _ in range(wanted):
        clothes = draw_appearance(rng)
        person = tuple(traffic.add_mesh(pedestrian(clothes, posture))
                       for posture in range(WALK_POSTURES))
        _add_if_free(traffic, partial(draw, person), ego, duration_s, PERSON_GAP_M)


def add_turning_vehicles(traffic: Traffic, street: Street, ego: EgoMotion, duration_s: float,
                         rng: np.random.Generator) -> list[Junction]:
    """Let vehicles turn at the side streets ahead; returns the side streets that they use."""
    used, reach = [], ego.position_along(duration_s) + AHEAD_M[1] + 15
    for junction in street.junctions:
        middle = (junction[1] + junction[2]) / 2
        if not AHEAD_M[0] < middle < reach:
            continue
        index = traffic.add_mesh(draw_vehicle(rng, False, clear_windows=True).mesh)

        def draw(junction: Junction = junction, index: int = index) -> PathMover:
            leaves, speed = bool(rng.random() < .5), rng.uniform(2.5, 6)
            turn_m = rng.uniform(36, 52) if leaves else rng.uniform(8, 26)
            time_s = rng.uniform(0, duration_s)  # when it has come to the turn
            return PathMover((index,), turning_path(street, junction, leaves),
                             turn_m - speed * time_s, speed)

        if _add_if_free(traffic, draw, ego, duration_s, VEHICLE_GAP_M):
            used.append(junction)
    return used


def _add_if_free(traffic: Traffic, draw: Callable[[], PathMover], ego: EgoMotion,
                 duration_s: float, gap_m: tuple[float, float]) -> bool:
    """Draw until one is free, at most ATTEMPTS times."""
    for _ in range(ATTEMPTS):
        mover = draw()
        if is_free(mover, traffic, ego, duration_s, gap_m):
            traffic.movers.append(mover)
            return True
    return False
