# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Blocks, houses and what stands on the horizon."""
from bdl_perception.world.mesh import (
    concatenate_meshes,
    Material,
    Mesh,
    mesh_from_shape,
    transform_mesh,
)
from bdl_perception.world.parking import Occupancy
from bdl_perception.world.shapes import box, extrusion, rotation_z
from bdl_perception.world.street import Street
from bdl_perception.world.textures import FACADE_LAYERS
import numpy as np

FACADE_BAY_M = 3.2  # width of one window's bay and height of one floor; a facade tile holds four
ROOF_COLOURS = ((.42, .27, .22), (.34, .33, .34), (.46, .34, .27), (.26, .26, .28))


def _facade(rng: np.random.Generator) -> Material:
    tone = rng.uniform(.8, 1.08)
    warmth = rng.uniform(-.03, .03)
    return Material((tone + warmth, tone, tone - warmth), str(rng.choice(FACADE_LAYERS)), rough=.85)


def apartment_block(rng: np.random.Generator, length_m: float, depth_m: float, floors: int) -> Mesh:
    """Build a house of flats along x whose front looks to -y."""
    height = floors * FACADE_BAY_M
    parts = [mesh_from_shape(box(length_m, depth_m, height, 4 * FACADE_BAY_M), 'building', _facade(rng))]
    stone = Material((.62, .6, .57))
    if rng.random() < .6:  # cornice
        rim = box(length_m + .4, depth_m + .5, .35).translated(0, 0, height - .1)
        parts.append(mesh_from_shape(rim, 'building', stone))
    if rng.random() < .55:  # shops
        front = box(length_m - .2, .2, FACADE_BAY_M, 2 * FACADE_BAY_M).translated(0, -depth_m / 2, 0)
        parts.append(mesh_from_shape(front, 'building', Material((1, 1, 1), 'shop', rough=.5)))
    if rng.random() < .4 and floors > 2:
        parts += _balconies(rng, length_m, depth_m, floors)
    for _ in range(int(rng.integers(0, 4))):  # chimneys and lift houses
        chimney = box(*rng.uniform((.6, .6, .8), (2.5, 2, 2.2)))
        x, y = rng.uniform(-.35, .35, 2) * (length_m, depth_m)
        parts.append(mesh_from_shape(chimney.translated(x, y, height), 'building', stone))
    return concatenate_meshes(parts)


def _balconies(rng: np.random.Generator, length_m: float, depth_m: float,
               floors: int) -> list[Mesh]:
    tone = rng.uniform(.45, .8)
    paint = Material((tone, tone, tone * .97))
    columns = np.arange(-length_m / 2 + 2, length_m / 2 - 2, rng.choice((2, 3)) * FACADE_BAY_M)
    return [mesh_from_shape(box(1.8, 1., .9).translated(x, -depth_m / 2 - .5, floor * FACADE_BAY_M), 'building', paint)
            for x in columns for floor in range(1, floors)]


def house(rng: np.random.Generator, length_m: float, depth_m: float) -> Mesh:
    """Build a house with a pitched roof whose front looks to -y."""
    height = FACADE_BAY_M * int(rng.integers(1, 3))
    roof_m = depth_m * rng.uniform(.25, .45)
    parts = [mesh_from_shape(box(length_m, depth_m, height, 4 * FACADE_BAY_M), 'building', _facade(rng))]
    gable = extrusion([(-depth_m / 2 - .4, -.1), (0, roof_m), (depth_m / 2 + .4, -.1)],
                      length_m + .7)
    if rng.random() < .7:  # the ridge runs along the street
        gable = gable.rotated(rotation_z(np.pi / 2))
    else:
        gable = extrusion([(-length_m / 2 - .4, -.1), (0, roof_m), (length_m / 2 + .4, -.1)],
                          depth_m + .7)
    colour = ROOF_COLOURS[rng.integers(len(ROOF_COLOURS))]
    parts.append(mesh_from_shape(gable.translated(0, 0, height), 'building', Material(colour, 'roof')))
    chimney = box(.7, .7, roof_m + .8).translated(length_m * rng.uniform(-.35, .35), 0, height)
    parts.append(mesh_from_shape(chimney, 'building', Material((.5, .36, .3))))
    door = box(1.1, .12, 2.1).translated(length_m * rng.uniform(-.3, .3), -depth_m / 2, 0)
    parts.append(mesh_from_shape(door, 'building', Material(tuple(rng.uniform(.12, .45, 3)))))
    return concatenate_meshes(parts)


def place_buildings(street: Street, occupancy: Occupancy, rng: np.random.Generator) -> list[Mesh]:
    """Line both sides of a street with buildings."""
    density = {'urban': .93, 'suburban': .75, 'rural': .12, 'motorway': .06}[street.kind]
    floors = int(rng.integers(3, 7))
    rows = []
    for side in (-1, 1):
        setback_m = street.pavement_m + street.verge_m + (8 if street.kind == 'motorway' else 0)
        x = street.start_m + rng.uniform(0, 8)
        while x < street.end_m:
            tall = street.kind == 'urban' and rng.random() < .9
            length = rng.uniform(10, 24) if tall else rng.uniform(8, 14)
            depth = rng.uniform(9, 14) if tall else rng.uniform(7, 10)
            middle, d = x + length / 2, street.kerb_offset(side, setback_m + depth / 2)
            free = not street.has_junction(side, middle, length / 2 + 1.5)
            if free and rng.random() < density and occupancy.claim(middle, d, length, depth):
                mesh = (apartment_block(rng, length, depth, max(2, floors + int(rng.integers(-2, 3))))
                        if tall else house(rng, length, depth))
                rows.append(_place_facing_road(street, mesh, middle, d, side))
            x += length + (rng.uniform(0, .4) if tall else rng.uniform(3, 9))
    return rows


def _place_facing_road(street: Street, mesh: Mesh, x: float, d: float, side: int) -> Mesh:
    """Put a building at (x, d), its front towards the road."""
    turn = 0. if side * street.traffic_side > 0 else np.pi
    return transform_mesh(mesh, street.world_point(x, d, -.3), street.heading(x) + turn)


def build_skyline(street: Street, rng: np.random.Generator) -> list[Mesh]:
    """Stand plain blocks far off the street, so that gaps do not end at the horizon."""
    share = {'urban': .9, 'suburban': .35, 'rural': .06, 'motorway': .2}[street.kind]
    skyline = []
    for x in np.arange(street.start_m + 20, street.end_m, 26.):
        for side in (-1, 1):
            if rng.random() < share:
                d = street.kerb_offset(side, rng.uniform(48, 80))
                length, depth, height = rng.uniform((12, 12, 8), (24, 20, 26)).tolist()
                mesh = mesh_from_shape(box(length, depth, height, 4 * FACADE_BAY_M), 'building', _facade(rng))
                skyline.append(transform_mesh(mesh, street.world_point(x, d, -.5), street.heading(x)))
    return skyline
