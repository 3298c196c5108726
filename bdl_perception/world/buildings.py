# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Apartment blocks, houses and a skyline."""
from bdl_perception.world.mesh import Material, Mesh, mesh_from_parts, Part
from bdl_perception.world.roadside import Roadside
from bdl_perception.world.shapes import box, extrusion, rotation_z
from bdl_perception.world.textures import FACADE_LAYERS
import numpy as np

FACADE_BAY_M = 3.2  # width of a window bay and height of a floor; a facade tile holds 4 x 4
ROOF_COLOURS = ((.42, .27, .22), (.34, .33, .34), (.46, .34, .27), (.26, .26, .28))
STONE = Material((.62, .6, .57))
HOUSE_DENSITY = {'urban': .93, 'suburban': .75, 'rural': .12, 'motorway': .06}
SKYLINE_DENSITY = {'urban': .9, 'suburban': .35, 'rural': .06, 'motorway': .2}


def _walls(rng: np.random.Generator, length_m: float, depth_m: float, height_m: float) -> Part:
    tone = rng.uniform(.8, 1.08)
    warmth = rng.uniform(-.03, .03)
    colour = (tone + warmth, tone, tone - warmth)
    return (box(length_m, depth_m, height_m, 4 * FACADE_BAY_M),
            Material(colour, str(rng.choice(FACADE_LAYERS)), rough=.85))


def apartment_block(rng: np.random.Generator, length_m: float, depth_m: float,
                    floors: int) -> Mesh:
    """Build an apartment block along x whose front faces -y."""
    height = floors * FACADE_BAY_M
    parts = [_walls(rng, length_m, depth_m, height)]
    if rng.random() < .6:  # cornice
        rim = box(length_m + .4, depth_m + .5, .35)
        parts.append((rim.translated(0, 0, height - .1), STONE))
    if rng.random() < .55:
        shops = box(length_m - .2, .2, FACADE_BAY_M, 2 * FACADE_BAY_M)
        parts.append((shops.translated(0, -depth_m / 2, 0), Material((1, 1, 1), 'shop', rough=.5)))
    if rng.random() < .4 and floors > 2:
        parts += _balconies(rng, length_m, depth_m, floors)
    for _ in range(int(rng.integers(0, 4))):  # chimneys and lift housings
        chimney = box(*rng.uniform((.6, .6, .8), (2.5, 2, 2.2)))
        x, y = rng.uniform(-.35, .35, 2) * (length_m, depth_m)
        parts.append((chimney.translated(x, y, height), STONE))
    return mesh_from_parts('building', parts)


def _balconies(rng: np.random.Generator, length_m: float, depth_m: float,
               floors: int) -> list[Part]:
    tone = rng.uniform(.45, .8)
    paint = Material((tone, tone, tone * .97))
    columns = np.arange(-length_m / 2 + 2, length_m / 2 - 2, rng.choice((2, 3)) * FACADE_BAY_M)
    return [(box(1.8, 1., .9).translated(x, -depth_m / 2 - .5, floor * FACADE_BAY_M), paint)
            for x in columns for floor in range(1, floors)]


def house(rng: np.random.Generator, length_m: float, depth_m: float) -> Mesh:
    """Build a house with a pitched roof whose front faces -y."""
    height = FACADE_BAY_M * int(rng.integers(1, 3))
    roof_m = depth_m * rng.uniform(.25, .45)
    walls = _walls(rng, length_m, depth_m, height)
    ridge_along_x = rng.random() < .7
    span, ridge = (depth_m, length_m) if ridge_along_x else (length_m, depth_m)
    gable = extrusion([(-span / 2 - .4, -.1), (0, roof_m), (span / 2 + .4, -.1)], ridge + .7)
    gable = gable.rotated(rotation_z(np.pi / 2)) if ridge_along_x else gable
    roof = Material(ROOF_COLOURS[rng.integers(len(ROOF_COLOURS))], 'roof')
    chimney = box(.7, .7, roof_m + .8).translated(length_m * rng.uniform(-.35, .35), 0, height)
    door = box(1.1, .12, 2.1).translated(length_m * rng.uniform(-.3, .3), -depth_m / 2, 0)
    return mesh_from_parts('building', [
        walls, (gable.translated(0, 0, height), roof), (chimney, Material((.5, .36, .3))),
        (door, Material(tuple(rng.uniform(.12, .45, 3))))])


def place_buildings(roadside: Roadside, rng: np.random.Generator) -> None:
    """Place rows of buildings on both sides of a street."""
    street = roadside.street
    floors = int(rng.integers(3, 7))
    setback_m = street.pavement_m + street.verge_m + (8 if street.kind == 'motorway' else 0)
    for side in (-1, 1):
        x = street.start_m + rng.uniform(0, 8)
        while x < street.end_m:
            tall = street.kind == 'urban' and rng.random() < .9
            length = rng.uniform(10, 24) if tall else rng.uniform(8, 14)
            depth = rng.uniform(9, 14) if tall else rng.uniform(7, 10)
            middle, d = x + length / 2, street.kerb_offset(side, setback_m + depth / 2)
            free = not street.has_junction(side, middle, length / 2 + 1.5)
            if (free and rng.random() < HOUSE_DENSITY[street.kind]
                    and roadside.occupancy.claim(middle, d, length, depth)):
                storeys = max(2, floors + int(rng.integers(-2, 3))) if tall else 0
                mesh = (apartment_block(rng, length, depth, storeys) if tall
                        else house(rng, length, depth))
                turn = 0. if side * street.traffic_side > 0 else np.pi  # the front to the road
                roadside.place(mesh, middle, d, street.heading(middle) + turn, -.3)
            x += length + (rng.uniform(0, .4) if tall else rng.uniform(3, 9))


def place_skyline(roadside: Roadside, rng: np.random.Generator) -> None:
    """Place plain blocks far from the street, so that gaps do not end at the horizon."""
    street = roadside.street
    for x in np.arange(street.start_m + 20, street.end_m, 26.):
        for side in (-1, 1):
            if rng.random() < SKYLINE_DENSITY[street.kind]:
                d = street.kerb_offset(side, rng.uniform(48, 80))
                length, depth, height = rng.uniform((12, 12, 8), (24, 20, 26)).tolist()
                block = mesh_from_parts('building', [_walls(rng, length, depth, height)])
                roadside.place(block, x, d, street.heading(x), -.5)
