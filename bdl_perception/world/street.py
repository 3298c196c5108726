# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The plan of a street.

A place on a street is (x, d): x metres along it, d metres to the left of the centre of the ego
lane (to the right where traffic keeps left: such a street is the mirror image). Sides are -1, the
camera's own, and +1.
"""
from dataclasses import dataclass, replace
from typing import NamedTuple

from bdl_perception.world.shapes import Floats, Point
import numpy as np

Wave = tuple[float, float, float]  # amplitude m, wavelength m, phase rad
Junction = tuple[int, float, float]  # side, from x, to x
KERB_HEIGHT_M = .14
GROUND_STEP_M = 4.  # length of a piece of ground
STREET_KINDS = ('urban', 'suburban', 'rural', 'motorway')
STREET_KIND_PROBABILITIES = (.46, .26, .13, .15)


class Lane(NamedTuple):
    """A lane of a street."""

    d: float  # of its centre
    direction: int  # +1: that of the camera, -1: oncoming


@dataclass(frozen=True)
class Street:
    """The constants of a street; see the module for (x, d)."""

    kind: str
    start_m: float
    end_m: float
    traffic_side: int  # +1: traffic keeps right; -1: left
    forward_lanes: int  # lanes in the direction of the camera
    backward_lanes: int
    ego_lane: int  # counted from the kerb
    lane_m: float
    shoulder_m: float  # between the outer lane and the kerb: parking, cycling, hard shoulder
    parking: bool
    median_m: float
    pavement_m: float
    verge_m: float
    bends: tuple[Wave, ...]
    hills: tuple[Wave, ...]
    junctions: tuple[Junction, ...]

    @property
    def near_kerb(self) -> float:
        """Return d of the edge of the road on the camera's side."""
        return -(self.ego_lane + .5) * self.lane_m - self.shoulder_m

    @property
    def far_kerb(self) -> float:
        """Return d of the edge of the road on the other side."""
        return (self.near_kerb + 2 * self.shoulder_m + self.median_m
                + (self.forward_lanes + self.backward_lanes) * self.lane_m)

    def lanes(self) -> list[Lane]:
        """Return all lanes, from the camera's side to the other."""
        first = self.near_kerb + self.shoulder_m + self.lane_m / 2
        lanes = [Lane(first + i * self.lane_m, 1) for i in range(self.forward_lanes)]
        across = first + self.forward_lanes * self.lane_m + self.median_m
        return lanes + [Lane(across + i * self.lane_m, -1) for i in range(self.backward_lanes)]

    def kerb_offset(self, side: int, beyond_m: float) -> float:
        """Return d of a line beyond the kerb of a side."""
        return self.near_kerb - beyond_m if side < 0 else self.far_kerb + beyond_m

    def centreline_y(self, x: Floats) -> Floats:
        """Return world y of d = 0, m."""
        return _sum_of_sines(self.bends, x)

    def elevation(self, x: Floats) -> Floats:
        """Return world z of the road, m."""
        return _sum_of_sines(self.hills, x)

    def world_point(self, x: float, d: float, z: float = 0.) -> Point:
        """Return the world coordinates of a place, z metres above the road."""
        along = np.array(x)
        return (float(x), float(self.centreline_y(along) + self.traffic_side * d),
                float(self.elevation(along) + z))

    def heading(self, x: float) -> float:
        """Return the yaw of the street at x, rad."""
        rise = self.centreline_y(np.array([x - .5, x + .5]))
        return float(np.arctan(rise[1] - rise[0]))

    def polyline(self, x: Floats, d: float, z: float) -> Floats:
        """Return the world coordinates (N, 3) of a line along the street."""
        y = self.centreline_y(x) + self.traffic_side * d
        return np.stack([x, y, self.elevation(x) + z], axis=1)

    def sample_positions(self, start_m: float, end_m: float) -> Floats:
        """Return positions along x that are at most GROUND_STEP_M apart."""
        steps = int(np.ceil((end_m - start_m) / GROUND_STEP_M))
        return np.linspace(start_m, end_m, max(2, steps + 1))

    def has_junction(self, side: int, x: float, margin_m: float = 0.) -> bool:
        """Return whether a side street joins at x."""
        return any(s == side and a - margin_m < x < b + margin_m for s, a, b in self.junctions)

    def without_junctions(self, start_m: float, end_m: float) -> 'Street':
        """Return the street without the side streets in an interval of x."""
        return replace(self, junctions=tuple(
            one for one in self.junctions if one[2] < start_m or one[1] > end_m))

    def surface_height(self, x: float, d: float) -> float:
        """Return the height of road or pavement above the road, m."""
        side = -1 if d < self.near_kerb else 1
        on_road = self.near_kerb <= d <= self.far_kerb or self.has_junction(side, x)
        return 0. if on_road or not self.pavement_m else KERB_HEIGHT_M


def _sum_of_sines(waves: tuple[Wave, ...], x: Floats) -> Floats:
    total: Floats = np.zeros(np.shape(x))
    for amplitude, length, phase in waves:
        total = total + amplitude * (np.sin(2 * np.pi * x / length + phase) - np.sin(phase))
    return total


def draw_street(rng: np.random.Generator, length_m: float, kind: str | None = None) -> Street:
    """Draw the plan of a street that is length_m long."""
    kind = kind or str(rng.choice(STREET_KINDS, p=STREET_KIND_PROBABILITIES))
    if kind not in STREET_KINDS:
        raise ValueError(f'no kind of street {kind!r}; known: {", ".join(STREET_KINDS)}')
    motorway, town = kind == 'motorway', kind in ('urban', 'suburban')
    forward = (int(rng.integers(2, 4)) if motorway
               else 1 + int(kind == 'urban' and rng.random() < .45))
    parking = town and rng.random() < .6
    shoulder = (rng.uniform(2.2, 3.2) if motorway else 2.2 if parking
                else rng.uniform(.2, .5) if rng.random() < .4 else rng.uniform(1.2, 1.7))
    return Street(
        kind=kind, start_m=-40., end_m=length_m, traffic_side=1 if rng.random() < .65 else -1,
        forward_lanes=forward, backward_lanes=forward, ego_lane=int(rng.integers(forward)),
        lane_m=rng.uniform(3.4, 3.75) if motorway else rng.uniform(2.9, 3.5),
        shoulder_m=float(shoulder), parking=parking,
        median_m=rng.uniform(1.5, 4) if motorway else 0.,
        pavement_m=rng.uniform(2.2, 4.5) if kind == 'urban' else rng.uniform(1.6, 2.4) * town,
        verge_m=rng.uniform(0, 1.5) if kind == 'urban' else rng.uniform(3, 8),
        bends=((rng.uniform(-1, 1) * (5 if town else 9), rng.uniform(220, 420),
                rng.uniform(0, 6.28)),),
        hills=((rng.uniform(-1, 1) * 1.6, rng.uniform(240, 420), rng.uniform(0, 6.28)),),
        junctions=_draw_junctions(rng, length_m) if town else ())


def _draw_junctions(rng: np.random.Generator,
                    length_m: float) -> tuple[Junction, ...]:
    junctions: list[Junction] = []
    for side in (-1, 1):
        x = rng.uniform(10, 90)
        while x < length_m:
            width = rng.uniform(6, 9)
            junctions.append((side, x, x + width))
            x += width + rng.uniform(55, 130)
    return tuple(junctions)
