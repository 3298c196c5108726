# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Blocks, houses and what stands on the horizon."""
from bdl_perception.world.mesh import gathered
from bdl_perception.world.mesh import Material
from bdl_perception.world.mesh import Mesh
from bdl_perception.world.mesh import moved
from bdl_perception.world.mesh import painted
from bdl_perception.world.occupancy import Occupancy
from bdl_perception.world.shapes import box
from bdl_perception.world.shapes import extrusion
from bdl_perception.world.shapes import rotation_z
from bdl_perception.world.street import Street
from bdl_perception.world.textures import FACADES
import numpy as np

BAY_M = 3.2  # width of one window's bay and height of one floor; a facade tile holds four
ROOF_COLOURS = ((.42, .27, .22), (.34, .33, .34), (.46, .34, .27), (.26, .26, .28))


def _facade(rng: np.random.Generator) -> Material:
    tone = rng.uniform(.8, 1.08)
    warmth = rng.uniform(-.03, .03)
    return Material((tone + warmth, tone, tone - warmth), str(rng.choice(FACADES)), rough=.85)


def block(rng: np.random.Generator, length_m: float, depth_m: float, floors: int) -> Mesh:
    """Build a house of flats along x whose front looks to -y."""
    height = floors * BAY_M
    parts = [painted(box(length_m, depth_m, height, 4 * BAY_M), 'building', _facade(rng))]
    stone = Material((.62, .6, .57))
    if rng.random() < .6:  # cornice
        rim = box(length_m + .4, depth_m + .5, .35).at(0, 0, height - .1)
        parts.append(painted(rim, 'building', stone))
    if rng.random() < .55:  # shops
        front = box(length_m - .2, .2, BAY_M, 2 * BAY_M).at(0, -depth_m / 2, 0)
        parts.append(painted(front, 'building', Material((1, 1, 1), 'shop', rough=.5)))
    if rng.random() < .4 and floors > 2:
        parts += _balconies(rng, length_m, depth_m, floors)
    for _ in range(int(rng.integers(0, 4))):  # chimneys and lift houses
        chimney = box(*rng.uniform((.6, .6, .8), (2.5, 2, 2.2)))
        x, y = rng.uniform(-.35, .35, 2) * (length_m, depth_m)
        parts.append(painted(chimney.at(x, y, height), 'building', stone))
    return gathered(parts)


def _balconies(rng: np.random.Generator, length_m: float, depth_m: float,
               floors: int) -> list[Mesh]:
    tone = rng.uniform(.45, .8)
    paint = Material((tone, tone, tone * .97))
    columns = np.arange(-length_m / 2 + 2, length_m / 2 - 2, rng.choice((2, 3)) * BAY_M)
    return [painted(box(1.8, 1., .9).at(x, -depth_m / 2 - .5, floor * BAY_M), 'building', paint)
            for x in columns for floor in range(1, floors)]


def house(rng: np.random.Generator, length_m: float, depth_m: float) -> Mesh:
    """Build a house with a pitched roof whose front looks to -y."""
    height = BAY_M * int(rng.integers(1, 3))
    roof_m = depth_m * rng.uniform(.25, .45)
    parts = [painted(box(length_m, depth_m, height, 4 * BAY_M), 'building', _facade(rng))]
    gable = extrusion([(-depth_m / 2 - .4, -.1), (0, roof_m), (depth_m / 2 + .4, -.1)],
                      length_m + .7)
    if rng.random() < .7:  # the ridge runs along the street
        gable = gable.turned(rotation_z(np.pi / 2))
    else:
        gable = extrusion([(-length_m / 2 - .4, -.1), (0, roof_m), (length_m / 2 + .4, -.1)],
                          depth_m + .7)
    colour = ROOF_COLOURS[rng.integers(len(ROOF_COLOURS))]
    parts.append(painted(gable.at(0, 0, height), 'building', Material(colour, 'roof')))
    chimney = box(.7, .7, roof_m + .8).at(length_m * rng.uniform(-.35, .35), 0, height)
    parts.append(painted(chimney, 'building', Material((.5, .36, .3))))
    door = box(1.1, .12, 2.1).at(length_m * rng.uniform(-.3, .3), -depth_m / 2, 0)
    parts.append(painted(door, 'building', Material(tuple(rng.uniform(.12, .45, 3)))))
    return gathered(parts)


def build_rows(street: Street, taken: Occupancy, rng: np.random.Generator) -> list[Mesh]:
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
            middle, d = x + length / 2, street.kerb(side, setback_m + depth / 2)
            free = not street.open_side(side, middle, length / 2 + 1.5)
            if free and rng.random() < density and taken.claim(middle, d, length, depth):
                mesh = (block(rng, length, depth, max(2, floors + int(rng.integers(-2, 3))))
                        if tall else house(rng, length, depth))
                rows.append(_fronting(street, mesh, middle, d, side))
            x += length + (rng.uniform(0, .4) if tall else rng.uniform(3, 9))
    return rows


def _fronting(street: Street, mesh: Mesh, x: float, d: float, side: int) -> Mesh:
    """Put a building at (x, d), its front towards the road."""
    turn = 0. if side * street.side > 0 else np.pi
    return moved(mesh, street.point(x, d, -.3), street.heading(x) + turn)


def build_skyline(street: Street, rng: np.random.Generator) -> list[Mesh]:
    """Stand plain blocks far off the street, so that gaps do not end at the horizon."""
    share = {'urban': .9, 'suburban': .35, 'rural': .06, 'motorway': .2}[street.kind]
    skyline = []
    for x in np.arange(street.start_m + 20, street.end_m, 26.):
        for side in (-1, 1):
            if rng.random() < share:
                d = street.kerb(side, rng.uniform(48, 80))
                length, depth, height = rng.uniform((12, 12, 8), (24, 20, 26)).tolist()
                mesh = painted(box(length, depth, height, 4 * BAY_M), 'building', _facade(rng))
                skyline.append(moved(mesh, street.point(x, d, -.5), street.heading(x)))
    return skyline
