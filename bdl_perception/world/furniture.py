# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Street furniture: lamps, signs, traffic lights, gantries and fences."""
from collections.abc import Iterable

from bdl_perception.world.mesh import concatenate_meshes, Material, Mesh, mesh_from_parts, Part
from bdl_perception.world.roadside import Roadside
from bdl_perception.world.shapes import (
    box,
    cylinder,
    disc,
    Floats,
    Point,
    rod,
    rotation_x,
    rotation_z,
    Shape,
)
from bdl_perception.world.street import KERB_HEIGHT_M, Street
import numpy as np

STEEL = Material((.36, .37, .38), rough=.5, metal=.5)
TRIM = Material((.14, .15, .15), rough=.5)
WHITE = Material((.92, .92, .92), rough=.5)
LAMP_HEIGHT_M = 7.
SIGN_COLOURS = ((.72, .08, .08), (.1, .22, .62), (.9, .72, .12), (.12, .36, .22))
LENS_COLOURS = ((1, .08, .05), (1, .62, .05), (.08, .9, .35))
FENCE_PROBABILITY = {'urban': .35, 'suburban': .75, 'rural': .5, 'motorway': .85}
CRASH_BARRIER = 3  # kind of fence


def _posted(poles: Iterable[Part], signs: Iterable[Part]) -> Mesh:
    return concatenate_meshes([mesh_from_parts('pole', poles),
                               mesh_from_parts('sign_symbol', signs)])


def lamp_post(arm_m: float) -> Mesh:
    """Build a street lamp whose arm reaches arm_m along +y."""
    arm = rod((0, 0, LAMP_HEIGHT_M - .05), (0, arm_m, LAMP_HEIGHT_M + .15), .04)
    return mesh_from_parts('pole', [
        (cylinder(.09, LAMP_HEIGHT_M, 8, .55), STEEL), (arm, STEEL),
        (box(.28, .65, .1).translated(0, arm_m, LAMP_HEIGHT_M + .08),
         Material((.9, .9, .8), emission=.5))])


def _sign_plate(radius_m: float, sides: int) -> Shape:
    """Build a plate that faces -x, with a corner or an edge on top as on real signs."""
    spin = rotation_x(np.pi / 2 + (np.pi / sides if sides in (4, 8) else 0))
    return disc(radius_m, .03, sides).rotated(rotation_z(np.pi / 2)).rotated(spin)


def traffic_sign(rng: np.random.Generator) -> Mesh:
    """Build a traffic sign that faces -x: round, triangular, square or octagonal."""
    sides = int(rng.choice((20, 20, 3, 4, 8)))
    colour, height = SIGN_COLOURS[rng.integers(len(SIGN_COLOURS))], rng.uniform(2.1, 2.7)
    radius, paint = rng.uniform(.3, .42), Material(colour, rough=.5)
    signs = [(_sign_plate(radius, sides).translated(-.07, 0, height), paint)]
    if sides != 8:
        signs.append((_sign_plate(radius * .66, sides).translated(-.085, 0, height),
                      WHITE if rng.random() < .8 else paint))
    signs.append((box(.01, radius * .5, radius * .16).translated(-.105, 0, height),
                  Material((.06, .06, .06))))
    if rng.random() < .3:
        signs.append((box(.03, .5, .22).translated(-.07, 0, height - radius - .35), WHITE))
    return _posted([(cylinder(.035, height + .3, 6), STEEL)], signs)


def traffic_light(rng: np.random.Generator) -> Mesh:
    """Build a traffic light that faces -x."""
    lit = int(rng.integers(3))
    signs = [(box(.22, .34, .98).translated(-.12, 0, 2.7), Material((.05, .05, .05)))]
    for i, colour in enumerate(LENS_COLOURS):
        lens = disc(.1, .02, 12).rotated(rotation_z(np.pi / 2)).translated(-.24, 0, 3.5 - .3 * i)
        red, green, blue = ((1. if i == lit else .12) * c for c in colour)
        signs.append((lens, Material((red, green, blue), emission=2. * (i == lit))))
    return _posted([(cylinder(.07, 3.6, 8), Material((.22, .22, .23)))], signs)


def gantry(rng: np.random.Generator, width_m: float) -> Mesh:
    """Build a motorway gantry, centred, that faces -x."""
    posts = [box(.3, .3, 6.6).translated(0, side * width_m / 2, 0) for side in (-1, 1)]
    beam, signs = box(.3, width_m, .5).translated(0, 0, 6.1), []
    for y in np.linspace(-width_m / 3, width_m / 3, int(rng.integers(2, 4))):
        board = Material((.10, .22, .5) if rng.random() < .6 else (.1, .35, .22), rough=.6)
        signs.append((box(.1, 3.4, 2.).translated(-.25, y, 5.3), board))
        signs += [(box(.02, rng.uniform(1.2, 2.8), .2).translated(-.31, y, row), WHITE)
                  for row in (5.7, 6.3, 6.8)]
    return _posted([(shape, STEEL) for shape in (*posts, beam)], signs)


def fence_piece(kind: int, length_m: float) -> Mesh:
    """Build a piece of fence along x: rails, palings, a wall or a crash barrier."""
    wood, grey = Material((.8, .7, .6), 'wood'), Material((.55, .56, .57), rough=.45, metal=.4)

    def rail(width_m: float, height_m: float, z: float) -> Shape:
        return box(length_m, width_m, height_m).translated(length_m / 2, 0, z)

    if kind == 0:
        parts = [(box(.09, .09, 1.05), wood), *((rail(.04, .13, z), wood) for z in (.4, .8))]
    elif kind == 1:
        parts = [(box(.03, .03, 1.2).translated(x, 0, 0), TRIM)
                 for x in np.arange(0, length_m, .16)]
        parts += [(rail(.04, .05, z), TRIM) for z in (.15, 1.1)]
    elif kind == 2:
        parts = [(rail(.05, 1.6, 0).scaled_uv(.5, 1), wood)]
    else:
        parts = [(box(.1, .1, .7), grey), (rail(.06, .3, .45), grey)]
    return mesh_from_parts('fence', parts)


def place_furniture(roadside: Roadside, rng: np.random.Generator) -> Floats:
    """Place furniture on both sides; returns the positions of the lamps, (N, 3) m."""
    street, lamps = roadside.street, []
    for side in (-1, 1):
        if street.kind != 'rural':
            lamps += _place_lamps(roadside, rng, side)
        _place_signs(roadside, rng, side)
        _place_fences(roadside, rng, side)
    for side, start, end in street.junctions:
        if rng.random() < .6:
            _place_traffic_lights(roadside, rng, start if side < 0 else end)
    if street.kind == 'motorway':
        _furnish_motorway(roadside, rng)
    return np.array(lamps).reshape(-1, 3)


def _post_offset(street: Street, side: int) -> float:
    """Return d of the posts on a side."""
    return street.kerb_offset(side, .45 if street.pavement_m else 1.2)


def _place_lamps(roadside: Roadside, rng: np.random.Generator, side: int) -> list[Point]:
    street, lamps = roadside.street, []
    d, arm = _post_offset(street, side), rng.uniform(1.2, 2.2)
    mesh, spacing = lamp_post(arm), rng.uniform(24, 34)
    turn = 0. if side * street.traffic_side < 0 else np.pi  # the arm to the road
    for x in np.arange(street.start_m + rng.uniform(0, spacing), street.end_m, spacing):
        if roadside.claim(side, x, d, (.5, .5), 1):
            roadside.place(mesh, x, d, street.heading(x) + turn)
            lamps.append(street.world_point(x, d - side * arm, LAMP_HEIGHT_M))
    return lamps


def _place_signs(roadside: Roadside, rng: np.random.Generator, side: int) -> None:
    street = roadside.street
    d, x = _post_offset(street, side), street.start_m + rng.uniform(10, 30)
    turn = 0. if side < 0 else np.pi  # signs of the other side face oncoming traffic
    while x < street.end_m:
        if roadside.claim(side, x, d, (.6, .6), 1):
            roadside.place(traffic_sign(rng), x, d, street.heading(x) + turn + rng.normal(0, .08),
                           KERB_HEIGHT_M * (street.pavement_m > 0))
        x += rng.uniform(14, 60)


def _place_traffic_lights(roadside: Roadside, rng: np.random.Generator, x: float) -> None:
    for side, shift in ((-1, -1.5), (1, 1.5)):
        at, d = x + shift, roadside.street.kerb_offset(side, .45)
        if roadside.claim(side, at, d, (.6, .6), .3):
            roadside.place(traffic_light(rng), at, d, roadside.street.heading(x) + (
                0. if side < 0 or rng.random() < .5 else np.pi), KERB_HEIGHT_M)


def _place_fences(roadside: Roadside, rng: np.random.Generator, side: int) -> None:
    street = roadside.street
    barrier = street.kind == 'motorway'
    kind = CRASH_BARRIER if barrier else int(rng.integers(3))
    step = 4. if barrier else 2.4
    beyond = .6 if barrier else street.pavement_m + (1.6 if street.kind == 'rural' else .2)
    d, mesh = street.kerb_offset(side, beyond), fence_piece(kind, step)
    x, fenced = street.start_m, rng.random() < FENCE_PROBABILITY[street.kind]
    while x < street.end_m:
        run = 200. if barrier else rng.uniform(15, 60)
        for at in np.arange(x, min(x + run, street.end_m), step) if fenced else ():
            if roadside.claim(side, at + step / 2, d, (step * .95, .15), step):
                roadside.place(mesh, at, d, street.heading(at + step / 2))
        x, fenced = x + run, rng.random() < FENCE_PROBABILITY[street.kind]


def _furnish_motorway(roadside: Roadside, rng: np.random.Generator) -> None:
    street, barrier = roadside.street, fence_piece(CRASH_BARRIER, 4.)
    middle = (street.near_kerb + street.far_kerb) / 2
    for x in np.arange(street.start_m, street.end_m, 4.):
        roadside.place(barrier, x, middle, street.heading(x + 2))
    width = middle - street.near_kerb + .5
    for x in np.arange(rng.uniform(30, 120), street.end_m, 180.):
        roadside.place(gantry(rng, width), x, middle - width / 2, street.heading(x))
