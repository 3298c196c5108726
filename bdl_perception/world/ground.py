# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Road, lane markings, kerbs, pavements and the land beside them."""
from bdl_perception.world.mesh import Material, MeshBuilder
from bdl_perception.world.shapes import quad, ribbon
from bdl_perception.world.street import KERB_HEIGHT_M, Street
import numpy as np


def build_ground(street: Street, builder: MeshBuilder, rng: np.random.Generator) -> None:
    """Build road, markings, kerbs, pavements and the land beside them."""
    tone = rng.uniform(.8, 1.15)
    asphalt = Material((tone, tone, tone), 'asphalt', rough=.75)
    _add_strip(street, builder, 'road', asphalt, street.near_kerb, street.far_kerb, 0., tile_m=5.)
    _mark_lanes(street, builder, rng)
    _add_road_patches(street, builder, rng)
    land = Material(_grass_tint(rng), 'grass', rough=1.)
    for side in (-1, 1):
        slope_m = rng.uniform(0., 3.) if street.kind in ('rural', 'motorway') else .1
        _add_roadside(street, builder, side, land, asphalt, slope_m)
    if street.median_m:
        middle = street.near_kerb + street.shoulder_m + street.forward_lanes * street.lane_m
        _add_strip(street, builder, 'tree', land, middle + .3, middle + street.median_m - .3, .03, 6.)


def _grass_tint(rng: np.random.Generator) -> tuple[float, float, float]:
    tone = rng.uniform(.75, 1.15)
    return tone * rng.uniform(.95, 1.15), tone, tone * rng.uniform(.85, 1.05)


def _add_strip(street: Street, builder: MeshBuilder, class_name: str, material: Material, d_from: float,
         d_to: float, z: float, tile_m: float, span: tuple[float, float] | None = None,
         z_to: float | None = None) -> None:
    x = street.sample_positions(*(span or (street.start_m, street.end_m)))
    shape = ribbon(street.polyline(x, d_from, z), street.polyline(x, d_to, z if z_to is None else z_to),
                   tile_m)
    builder.add(shape, class_name, material)


def _add_roadside(street: Street, builder: MeshBuilder, side: int, land: Material, asphalt: Material,
              slope_m: float) -> None:
    d = [street.kerb_offset(side, beyond) for beyond in
         (0, .15, street.pavement_m, street.pavement_m + 10, street.pavement_m + 90)]
    kerb = Material((.6, .6, .58))
    for start, end in _spans_between_junctions(street, side):
        if street.pavement_m:
            _add_strip(street, builder, 'pavement', kerb, d[0], d[0], 0., 1., (start, end), KERB_HEIGHT_M)
            _add_strip(street, builder, 'pavement', kerb, d[0], d[1], KERB_HEIGHT_M, 1., (start, end))
            paving = Material((1, 1, 1), 'paving')
            _add_strip(street, builder, 'pavement', paving, d[1], d[2], KERB_HEIGHT_M, 4., (start, end))
        low = KERB_HEIGHT_M - .1 if street.pavement_m else 0.
        _add_strip(street, builder, 'tree', land, d[2], d[3], low, 6., (start, end), slope_m)
        _add_strip(street, builder, 'tree', land, d[3], d[4], slope_m, 6., (start, end), slope_m + 2)
        for x in (start, end):  # close the ends towards side streets
            _add_end_wall(street, builder, 'pavement', kerb, x, (d[0], d[2]), (KERB_HEIGHT_M, KERB_HEIGHT_M))
            _add_end_wall(street, builder, 'tree', land, x, (d[2], d[3]), (low, slope_m))
            _add_end_wall(street, builder, 'tree', land, x, (d[3], d[4]), (slope_m, slope_m + 2))
    for joined, start, end in street.junctions:
        if joined == side:
            _add_strip(street, builder, 'road', asphalt, d[0], d[4], 0., 5., (start, end))


def _add_end_wall(street: Street, builder: MeshBuilder, class_name: str, material: Material, x: float,
           d: tuple[float, float], z: tuple[float, float]) -> None:
    """Stand a wall across, from the level of side streets up to the ground."""
    foot = [street.world_point(x, across, -.1) for across in d]
    top = [street.world_point(x, across, up) for across, up in zip(d, z, strict=True)]
    builder.add(quad([*foot, *top[::-1]]), class_name, material)


def _spans_between_junctions(street: Street, side: int) -> list[tuple[float, float]]:
    """Return the stretches of a side between the side streets that join it."""
    cuts = sorted((start, end) for joined, start, end in street.junctions if joined == side)
    starts = [street.start_m, *(end for _, end in cuts)]
    ends = [*(start for start, _ in cuts), street.end_m]
    return [(a, b) for a, b in zip(starts, ends, strict=True) if b - a > 1]


def _mark_lanes(street: Street, builder: MeshBuilder, rng: np.random.Generator) -> None:
    white = Material((.92, .92, .9), 'marking', rough=.7)
    yellow = Material((.85, .68, .22), 'marking', rough=.7)
    middle = yellow if rng.random() < .3 else white
    edges = [lane.d - street.lane_m / 2 for lane in street.lanes()]
    edges.append(street.lanes()[-1].d + street.lane_m / 2)
    dash_m, gap_m = (6., 12.) if street.kind == 'motorway' else (3., 5.)
    solid_middle = rng.random() < .35
    for i, d in enumerate(edges):
        outer = i in (0, len(edges) - 1) or (street.median_m > 0 and i == street.forward_lanes)
        centre = i == street.forward_lanes and not street.median_m
        if outer or (centre and solid_middle):
            _add_strip(street, builder, 'road', middle if centre else white, d - .07, d + .07, .012, 1.)
        else:
            for x in np.arange(street.start_m, street.end_m - dash_m, dash_m + gap_m):
                _add_strip(street, builder, 'road', middle if centre else white, d - .07, d + .07,
                     .012, 1., (x, x + dash_m))
    if street.median_m:
        d = edges[street.forward_lanes] - street.median_m  # the inner edge of the own carriageway
        _add_strip(street, builder, 'road', white, d - .07, d + .07, .012, 1.)
    for side, start, _ in street.junctions:
        if rng.random() < .4:
            _mark_crossing(street, builder, start - 4.5 if side < 0 else start - 5.5, white)


def _mark_crossing(street: Street, builder: MeshBuilder, x: float, white: Material) -> None:
    for d in np.arange(street.near_kerb + .4, street.far_kerb - .6, 1.):
        _add_strip(street, builder, 'road', white, d, d + .5, .014, 1., (x, x + 3.))


def _add_road_patches(street: Street, builder: MeshBuilder, rng: np.random.Generator) -> None:
    """Lay repairs, manholes and oil stains."""
    for _ in range(int((street.end_m - street.start_m) / 14)):
        x = rng.uniform(street.start_m, street.end_m - 8)
        d = rng.uniform(street.near_kerb + .5, street.far_kerb - 2)
        long, wide = (rng.uniform(.5, .8),) * 2 if rng.random() < .4 else rng.uniform((.8, .4),
                                                                                      (7, 1.6))
        tone = rng.uniform(.45, .85)
        _add_strip(street, builder, 'road', Material((tone,) * 3, 'asphalt', rough=.8), d, d + wide,
             .006, 3., (x, x + long))
