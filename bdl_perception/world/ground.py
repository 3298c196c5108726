# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Road, lane markings, kerbs, pavements and the land beside them."""
from typing import NamedTuple

from bdl_perception.world.mesh import Colour, Material
from bdl_perception.world.roadside import Roadside
from bdl_perception.world.shapes import quad, ribbon
from bdl_perception.world.street import KERB_HEIGHT_M, Street
import numpy as np

Interval = tuple[float, float]  # m
PATCH_HEIGHT_M, MARKING_HEIGHT_M, CROSSING_HEIGHT_M = .006, .012, .014  # above the road


class Surface(NamedTuple):
    """The class and the material of a piece of ground."""

    class_name: str
    material: Material
    tile_m: float  # width of one texture tile


def build_ground(roadside: Roadside, rng: np.random.Generator) -> None:
    """Build road, markings, kerbs, pavements and the land beside them."""
    street = roadside.street
    tone = rng.uniform(.8, 1.15)
    road = Surface('road', Material((tone, tone, tone), 'asphalt', rough=.75), 5.)
    _add_strip(roadside, road, (street.near_kerb, street.far_kerb), (0., 0.))
    _mark_lanes(roadside, rng)
    _add_road_patches(roadside, rng)
    land = Surface('tree', Material(_grass_tint(rng), 'grass', rough=1.), 6.)
    for side in (-1, 1):
        slope_m = rng.uniform(0., 3.) if street.kind in ('rural', 'motorway') else .1
        _add_side(roadside, side, land, slope_m)
        d = street.kerb_offset(side, 0), street.kerb_offset(side, street.pavement_m + 90)
        for joined, start, end in street.junctions:
            if joined == side:
                _add_strip(roadside, road, d, (0., 0.), (start, end))
    if street.median_m:
        middle = street.near_kerb + street.shoulder_m + street.forward_lanes * street.lane_m
        _add_strip(roadside, land, (middle + .3, middle + street.median_m - .3), (.03, .03))


def _grass_tint(rng: np.random.Generator) -> Colour:
    tone = rng.uniform(.75, 1.15)
    return tone * rng.uniform(.95, 1.15), tone, tone * rng.uniform(.85, 1.05)


def _add_side(roadside: Roadside, side: int, land: Surface, slope_m: float) -> None:
    """Add kerb, pavement and land of one side, and close their ends towards side streets."""
    street, high = roadside.street, KERB_HEIGHT_M
    low = high - .1 if street.pavement_m else 0.
    kerb = Surface('pavement', Material((.6, .6, .58)), 1.)
    paving = Surface('pavement', Material((1, 1, 1), 'paving'), 4.)
    d = [street.kerb_offset(side, beyond) for beyond in
         (0, .15, street.pavement_m, street.pavement_m + 10, street.pavement_m + 90)]
    pavement = [(kerb, (d[0], d[0]), (0., high)), (kerb, (d[0], d[1]), (high, high)),
                (paving, (d[1], d[2]), (high, high))]
    slopes = [(land, (d[2], d[3]), (low, slope_m)), (land, (d[3], d[4]), (slope_m, slope_m + 2))]
    for span in _spans_between_junctions(street, side):
        for strip in (*pavement, *slopes) if street.pavement_m else slopes:
            _add_strip(roadside, *strip, span)
        for x in span:
            for surface, across, z in ((kerb, (d[0], d[2]), (high, high)), *slopes):
                _add_end_wall(roadside, surface, x, across, z)


def _add_strip(roadside: Roadside, surface: Surface, d: Interval, z: Interval,
               span: Interval | None = None) -> None:
    """Add a strip between two lines along the street, each with its d and z."""
    street = roadside.street
    x = street.sample_positions(*(span or (street.start_m, street.end_m)))
    left, right = (street.polyline(x, *line) for line in zip(d, z, strict=True))
    roadside.builder.add(ribbon(left, right, surface.tile_m), surface.class_name, surface.material)


def _add_end_wall(roadside: Roadside, surface: Surface, x: float, d: Interval,
                  z: Interval) -> None:
    """Add a wall across, from the level of side streets up to the ground."""
    foot = [roadside.street.world_point(x, across, -.1) for across in d]
    top = [roadside.street.world_point(x, *place) for place in zip(d, z, strict=True)]
    roadside.builder.add(quad([*foot, *top[::-1]]), surface.class_name, surface.material)


def _spans_between_junctions(street: Street, side: int) -> list[Interval]:
    """Return the intervals of x on one side between its side streets."""
    cuts = sorted((start, end) for joined, start, end in street.junctions if joined == side)
    starts = [street.start_m, *(end for _, end in cuts)]
    ends = [*(start for start, _ in cuts), street.end_m]
    return [(a, b) for a, b in zip(starts, ends, strict=True) if b - a > 1]


def _mark_lanes(roadside: Roadside, rng: np.random.Generator) -> None:
    street, z = roadside.street, (MARKING_HEIGHT_M, MARKING_HEIGHT_M)
    white = Surface('road', Material((.92, .92, .9), 'marking', rough=.7), 1.)
    yellow = Surface('road', Material((.85, .68, .22), 'marking', rough=.7), 1.)
    middle = yellow if rng.random() < .3 else white
    edges = [lane.d - street.lane_m / 2 for lane in street.lanes()]
    edges.append(street.lanes()[-1].d + street.lane_m / 2)
    dash_m, gap_m = (6., 12.) if street.kind == 'motorway' else (3., 5.)
    solid_middle = rng.random() < .35
    for i, d in enumerate(edges):
        outer = i in (0, len(edges) - 1) or (street.median_m > 0 and i == street.forward_lanes)
        centre = i == street.forward_lanes and not street.median_m
        spans: list[Interval | None] = [None]
        if not (outer or (centre and solid_middle)):
            starts = np.arange(street.start_m, street.end_m - dash_m, dash_m + gap_m)
            spans = [(x, x + dash_m) for x in starts]
        for span in spans:
            _add_strip(roadside, middle if centre else white, (d - .07, d + .07), z, span)
    if street.median_m:
        d = edges[street.forward_lanes] - street.median_m  # the inner edge of the own carriageway
        _add_strip(roadside, white, (d - .07, d + .07), z)
    for side, start, _ in street.junctions:
        if rng.random() < .4:
            x = start - 4.5 if side < 0 else start - 5.5
            for d in np.arange(street.near_kerb + .4, street.far_kerb - .6, 1.):  # a crossing
                _add_strip(roadside, white, (d, d + .5), (CROSSING_HEIGHT_M,) * 2, (x, x + 3.))


def _add_road_patches(roadside: Roadside, rng: np.random.Generator) -> None:
    """Add repairs, manhole covers and oil stains."""
    street = roadside.street
    for _ in range(int((street.end_m - street.start_m) / 14)):
        x = rng.uniform(street.start_m, street.end_m - 8)
        d = rng.uniform(street.near_kerb + .5, street.far_kerb - 2)
        square = rng.random() < .4
        long, wide = (rng.uniform(.5, .8),) * 2 if square else rng.uniform((.8, .4), (7, 1.6))
        tone = rng.uniform(.45, .85)
        patch = Surface('road', Material((tone,) * 3, 'asphalt', rough=.8), 3.)
        _add_strip(roadside, patch, (d, d + wide), (PATCH_HEIGHT_M,) * 2, (x, x + long))
