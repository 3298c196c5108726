# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What stands along a street: lamps, signs, traffic lights, gantries, fences, bollards."""
from bdl_perception.world.mesh import (
    concatenate_meshes,
    Material,
    Mesh,
    mesh_from_shape,
    MeshBuilder,
)
from bdl_perception.world.parking import Occupancy
from bdl_perception.world.shapes import box, cylinder, disc, rod, rotation_x, rotation_z, Shape
from bdl_perception.world.street import KERB_HEIGHT_M, Street
import numpy as np
from numpy.typing import NDArray

STEEL = Material((.36, .37, .38), rough=.5, metal=.5)
LAMP_HEIGHT_M = 7.
WHITE = Material((.92, .92, .92), rough=.5)
SIGN_COLOURS = ((.72, .08, .08), (.1, .22, .62), (.9, .72, .12), (.12, .36, .22))


def lamp_post(arm_m: float) -> Mesh:
    """Build a street lamp whose arm reaches arm_m along +y."""
    parts = [mesh_from_shape(cylinder(.09, LAMP_HEIGHT_M, 8, .55), 'pole', STEEL),
             mesh_from_shape(rod((0, 0, LAMP_HEIGHT_M - .05), (0, arm_m, LAMP_HEIGHT_M + .15), .04),
                     'pole', STEEL),
             mesh_from_shape(box(.28, .65, .1).translated(0, arm_m, LAMP_HEIGHT_M + .08), 'pole',
                     Material((.9, .9, .8), emission=.5))]
    return concatenate_meshes(parts)


def _sign_plate(radius_m: float, sides: int) -> Shape:
    """Build a sign's plate that faces -x, a corner or an edge on top as signs have it."""
    spin = rotation_x(np.pi / 2 + (np.pi / sides if sides in (4, 8) else 0))
    upright = disc(radius_m, .03, sides).rotated(rotation_z(np.pi / 2))
    return upright.rotated(spin)


def traffic_sign(rng: np.random.Generator) -> Mesh:
    """Build a traffic sign that faces -x: round, triangular, square or eight-cornered."""
    sides = int(rng.choice((20, 20, 3, 4, 8)))
    colour, height = SIGN_COLOURS[rng.integers(len(SIGN_COLOURS))], rng.uniform(2.1, 2.7)
    radius = rng.uniform(.3, .42)
    parts = [mesh_from_shape(cylinder(.035, height + .3, 6), 'pole', STEEL),
             mesh_from_shape(_sign_plate(radius, sides).translated(-.07, 0, height), 'sign_symbol',
                     Material(colour, rough=.5))]
    if sides != 8:
        parts.append(mesh_from_shape(_sign_plate(radius * .66, sides).translated(-.085, 0, height), 'sign_symbol',
                             WHITE if rng.random() < .8 else Material(colour, rough=.5)))
    parts.append(mesh_from_shape(box(.01, radius * .5, radius * .16).translated(-.105, 0, height), 'sign_symbol',
                         Material((.06, .06, .06))))
    if rng.random() < .3:
        parts.append(mesh_from_shape(box(.03, .5, .22).translated(-.07, 0, height - radius - .35), 'sign_symbol',
                             WHITE))
    return concatenate_meshes(parts)


def traffic_light(rng: np.random.Generator) -> Mesh:
    """Build a traffic light that faces -x."""
    parts = [mesh_from_shape(cylinder(.07, 3.6, 8), 'pole', Material((.22, .22, .23))),
             mesh_from_shape(box(.22, .34, .98).translated(-.12, 0, 2.7), 'sign_symbol',
                     Material((.05, .05, .05)))]
    lit = int(rng.integers(3))
    for i, colour in enumerate(((1, .08, .05), (1, .62, .05), (.08, .9, .35))):
        dim = 1. if i == lit else .12
        lens = disc(.1, .02, 12).rotated(rotation_z(np.pi / 2)).translated(-.24, 0, 3.5 - .3 * i)
        red, green, blue = (dim * c for c in colour)
        parts.append(mesh_from_shape(lens, 'sign_symbol',
                             Material((red, green, blue), emission=2. * (i == lit))))
    return concatenate_meshes(parts)


def gantry(rng: np.random.Generator, width_m: float) -> Mesh:
    """Build a motorway gantry, centred, that faces -x."""
    parts = [mesh_from_shape(box(.3, .3, 6.6).translated(0, side * width_m / 2, 0), 'pole', STEEL)
             for side in (-1, 1)]
    parts.append(mesh_from_shape(box(.3, width_m, .5).translated(0, 0, 6.1), 'pole', STEEL))
    for y in np.linspace(-width_m / 3, width_m / 3, int(rng.integers(2, 4))):
        board = Material((.10, .22, .5) if rng.random() < .6 else (.1, .35, .22), rough=.6)
        parts.append(mesh_from_shape(box(.1, 3.4, 2.).translated(-.25, y, 5.3), 'sign_symbol', board))
        for row in (5.7, 6.3, 6.8):
            parts.append(mesh_from_shape(box(.02, rng.uniform(1.2, 2.8), .2).translated(-.31, y, row),
                                 'sign_symbol', WHITE))
    return concatenate_meshes(parts)


def fence_piece(kind: int, length_m: float) -> Mesh:
    """Build a piece of fence along x: rails, palings, a wall or a crash barrier."""
    wood, grey = Material((.8, .7, .6), 'wood'), Material((.55, .56, .57), rough=.45, metal=.4)
    if kind == 0:
        parts = [(box(.09, .09, 1.05), wood)]
        parts += [(box(length_m, .04, .13).translated(length_m / 2, 0, z), wood) for z in (.4, .8)]
    elif kind == 1:
        parts = [(box(.03, .03, 1.2).translated(x, 0, 0), TRIM) for x in np.arange(0, length_m, .16)]
        parts += [(box(length_m, .04, .05).translated(length_m / 2, 0, z), TRIM) for z in (.15, 1.1)]
    elif kind == 2:
        parts = [(box(length_m, .05, 1.6).translated(length_m / 2, 0, 0).scaled_uv(.5, 1), wood)]
    else:
        parts = [(box(.1, .1, .7), grey), (box(length_m, .06, .3).translated(length_m / 2, 0, .45), grey)]
    return concatenate_meshes([mesh_from_shape(shape, 'fence', material) for shape, material in parts])


TRIM = Material((.14, .15, .15), rough=.5)


def place_furniture(street: Street, builder: MeshBuilder, occupancy: Occupancy,
            rng: np.random.Generator) -> NDArray[np.float64]:
    """Put furniture along both sides; returns where lamps shine, (N, 3) m."""
    lamps: list[tuple[float, float, float]] = []
    for side in (-1, 1):
        if street.kind != 'rural':
            lamps += _place_lamps(street, builder, occupancy, rng, side)
        _place_signs(street, builder, occupancy, rng, side)
        _place_fences(street, builder, occupancy, rng, side)
    for side, start, end in street.junctions:
        if rng.random() < .6:
            _place_traffic_lights(street, builder, occupancy, rng, start if side < 0 else end)
    if street.kind == 'motorway':
        _furnish_motorway(street, builder, rng)
    return np.array(lamps).reshape(-1, 3)


def _post_offset(street: Street) -> float:
    """Return how far beyond the kerb posts stand."""
    return .45 if street.pavement_m else 1.2


def _yaw_to_road(street: Street, x: float, side: int) -> float:
    """Yaw of a thing whose +y shall point from a side to the road."""
    return street.heading(x) + (0. if side * street.traffic_side < 0 else np.pi)


def _place_lamps(street: Street, builder: MeshBuilder, taken: Occupancy, rng: np.random.Generator,
                side: int) -> list[tuple[float, float, float]]:
    lamps, d = [], street.kerb_offset(side, _post_offset(street))
    arm = rng.uniform(1.2, 2.2)
    mesh, spacing = lamp_post(arm), rng.uniform(24, 34)
    for x in np.arange(street.start_m + rng.uniform(0, spacing), street.end_m, spacing):
        if not street.has_junction(side, x, 1) and taken.claim(x, d, .5, .5):
            builder.place(mesh, street.world_point(x, d), _yaw_to_road(street, x, side))
            lamps.append(street.world_point(x, d - side * arm, LAMP_HEIGHT_M))
    return lamps


def _place_signs(street: Street, builder: MeshBuilder, taken: Occupancy, rng: np.random.Generator,
               side: int) -> None:
    d, x = street.kerb_offset(side, _post_offset(street)), street.start_m + rng.uniform(10, 30)
    while x < street.end_m:
        if not street.has_junction(side, x, 1) and taken.claim(x, d, .6, .6):
            away = 0. if side < 0 else np.pi  # signs of the other side face oncoming traffic
            builder.place(traffic_sign(rng), street.world_point(x, d, KERB_HEIGHT_M * (street.pavement_m > 0)),
                          street.heading(x) + away + rng.normal(0, .08))
        x += rng.uniform(14, 60)


def _place_traffic_lights(street: Street, builder: MeshBuilder, taken: Occupancy, rng: np.random.Generator,
            x: float) -> None:
    for side, shift in ((-1, -1.5), (1, 1.5)):
        d = street.kerb_offset(side, .45)
        if not street.has_junction(side, x + shift, .3) and taken.claim(x + shift, d, .6, .6):
            builder.place(traffic_light(rng), street.world_point(x + shift, d, KERB_HEIGHT_M),
                          street.heading(x) + (0. if side < 0 or rng.random() < .5 else np.pi))


def _place_fences(street: Street, builder: MeshBuilder, taken: Occupancy, rng: np.random.Generator,
                side: int) -> None:
    kind = 3 if street.kind == 'motorway' else int(rng.integers(3))
    chance = {'urban': .35, 'suburban': .75, 'rural': .5, 'motorway': .85}[street.kind]
    beyond = .6 if kind == 3 else street.pavement_m + (1.6 if street.kind == 'rural' else .2)
    d, step = street.kerb_offset(side, beyond), 4. if kind == 3 else 2.4
    mesh = fence_piece(kind, step)
    x, fenced = street.start_m, rng.random() < chance
    while x < street.end_m:
        run = rng.uniform(15, 60) if kind != 3 else 200.
        for at in np.arange(x, min(x + run, street.end_m), step) if fenced else ():
            if not street.has_junction(side, at + step / 2, step) and taken.claim(
                    at + step / 2, d, step * .95, .15):
                builder.place(mesh, street.world_point(at, d), street.heading(at + step / 2))
        x, fenced = x + run, rng.random() < chance


def _furnish_motorway(street: Street, builder: MeshBuilder, rng: np.random.Generator) -> None:
    middle = (street.near_kerb + street.far_kerb) / 2
    barrier = fence_piece(3, 4.)
    for x in np.arange(street.start_m, street.end_m, 4.):
        builder.place(barrier, street.world_point(x, middle), street.heading(x + 2))
    width = middle - street.near_kerb + .5
    for x in np.arange(rng.uniform(30, 120), street.end_m, 180.):
        builder.place(gantry(rng, width), street.world_point(x, middle - width / 2), street.heading(x))
