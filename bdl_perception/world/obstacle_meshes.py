# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The meshes of obstacles: animals, lost cargo, an overturned lorry, a lorry across the road."""
from typing import NamedTuple

from bdl_perception.world.mesh import (
    concatenate_meshes,
    Material,
    Mesh,
    mesh_from_parts,
    Part,
)
from bdl_perception.world.shapes import (
    box,
    disc,
    ellipsoid,
    Floats,
    noisy_ellipsoid,
    rod,
    rotation_x,
    rotation_y,
    rotation_z,
)
from bdl_perception.world.street import Street
from bdl_perception.world.vehicles import lorry_cab, truck, wheels
import numpy as np

TRAILER_M = 13.6, 2.55, 2.85  # length, width and height of the box of a semitrailer
TRAILER_FLOOR_M = 1.15
STEEL, RUBBER = Material((.16, .16, .17), rough=.5), Material((.05, .05, .05))
HIDES = ((.46, .33, .22), (.36, .27, .2), (.2, .17, .15), (.62, .5, .36), (.8, .78, .74))


class Piece(NamedTuple):
    """One of the bodies of an obstacle, around the middle of all."""

    mesh: Mesh
    x_m: float
    d_m: float
    yaw_rad: float


def animal(rng: np.random.Generator, street: Street) -> list[Piece]:
    """Build one to three deer, boars or horses that stand on the road."""
    kind = int(rng.integers(3))
    places = rng.permutation([-1.6, 0., 1.7])[:int(rng.integers(1, 4))]
    return [Piece(_quadruped(rng, kind), rng.uniform(-1.2, 1.2), d + rng.normal(0, .25),
                  rng.choice((-1, 1)) * np.pi / 2 + rng.normal(0, .5)) for d in places]


def _quadruped(rng: np.random.Generator, kind: int) -> Mesh:
    """Build a deer (0), a boar (1) or a horse (2) that faces +x."""
    height, length, thick = ((1.05, 1.3, .2), (.75, 1.15, .24), (1.5, 1.75, .3))[kind]
    grow = rng.uniform(.85, 1.15)
    height, length, thick = height * grow, length * grow, thick * grow
    low = kind == 1
    colour = np.array(HIDES[2 if low else rng.integers(len(HIDES))]) * rng.uniform(.8, 1.1)
    hide, dark = (Material(tuple((colour * tone).tolist()), rough=1.) for tone in (1., .55))
    z = height * (.66 if low else .78)
    parts = [(noisy_ellipsoid(radii, .04, rng, 10).translated(x, 0, z + up), hide)
             for x, up, radii in ((.26 * length, 0, (.28 * length, thick, 1.25 * thick)),
                                  (0., -.01, (.42 * length, thick, 1.1 * thick)),
                                  (-.28 * length, .02, (.26 * length, thick, 1.2 * thick)))]
    neck = np.array([.4 * length, 0, z + .2 * thick])
    lift = rng.uniform(-.1, .15) if low else rng.uniform(.28, .5) * height
    turn = rng.normal(0, .35)
    direction = np.array([np.cos(turn), np.sin(turn), 0.])
    head = neck + direction * length * .3 + (0, 0, lift)
    muzzle = head + direction * length * .25 - (0, 0, .1 * height)
    parts += [(rod(neck - (.12 * length, 0, .1 * thick), head, .75 * thick, 9, .6), hide),
              (ellipsoid((.5 * thick,) * 3, 8).translated(*head), hide),
              (rod(head, muzzle, .45 * thick, 8, .6), hide),
              (ellipsoid((.28 * thick,) * 3, 6).translated(*muzzle), dark)]
    for side in (-.35, .35):
        ear = head + (-.2 * thick, side * thick, .3 * thick)
        parts.append((rod(ear, ear + (-.2 * thick, side * thick, .6 * thick), .14 * thick, 5, .2),
                      hide))
        for x, swing in ((.33, rng.normal(0, .06)), (-.36, rng.normal(0, .06))):
            hip = np.array([x * length, side * 1.5 * thick, z - .3 * thick])
            knee = np.array([(x + swing) * length, side * 1.5 * thick, .45 * z])
            foot = np.array([(x + swing * .4) * length, side * 1.5 * thick, 0.])
            parts += [(rod(hip, knee, .42 * thick, 7, .5), hide),
                      (rod(knee, foot, .2 * thick, 6, .75), dark)]
    tail = np.array([-.5 * length, 0, z + .5 * thick])
    tip = tail + (-.12 * length, 0, -(.55 if kind == 2 else .2) * height)
    parts.append((rod(tail, tip, .16 * thick, 5, 1.3 if kind == 2 else .4), dark))
    if kind == 0 and rng.random() < .6:
        parts += _antlers(head, thick, Material((.45, .36, .26)))
    return mesh_from_parts('unknown', parts)


def _antlers(head: Floats, thick_m: float, bone: Material) -> list[Part]:
    parts = []
    for side in (-1, 1):
        foot = head + (0, side * .2 * thick_m, .3 * thick_m)
        fork = foot + (-.3 * thick_m, side * thick_m, 1.1 * thick_m)
        tips = [fork + np.array(offset) * thick_m
                for offset in ((.1, side * .2, 1.3), (.8, side * .1, .6), (-.6, side * .4, .7))]
        parts += [(rod(foot, fork, .03, 5, .8), bone),
                  *((rod(fork, tip, .022, 5, .4), bone) for tip in tips)]
    return parts


def lost_cargo(rng: np.random.Generator, street: Street) -> list[Piece]:
    """Scatter what fell from a lorry: boxes, pallets, planks, pipes, sacks, a mattress."""
    builders = (_carton, _pallet, _planks, _pipes, _sacks, _mattress)
    pieces = []
    for i in range(int(rng.integers(4, 9))):
        mesh = mesh_from_parts('unknown', builders[rng.integers(len(builders))](rng))
        pieces.append(Piece(mesh, rng.uniform(-3.5, 3.5), -2.1 + (i * 1.1) % 4.2
                            + rng.normal(0, .2), rng.uniform(0, 6.28)))
    return pieces


def _carton(rng: np.random.Generator) -> list[Part]:
    length, width, height = rng.uniform((.5, .4, .35), (1.1, .8, .8))
    card, tape = Material((.66, .5, .34)), Material((.8, .72, .5), rough=.4)
    return [(box(length, width, height), card),
            (box(length * 1.004, .07, height * 1.004), tape)]


def _pallet(rng: np.random.Generator) -> list[Part]:
    """Build a EUR pallet, 1.2 m by .8 m, flat or on its edge."""
    wood = Material((1.1, 1., .85), 'wood')
    shapes = [box(1.2, .1, .02).translated(0, y, z) for y in np.linspace(-.35, .35, 5)
              for z in (0., .122)]
    shapes += [box(.1, .8, .1).translated(x, 0, .02) for x in (-.55, 0, .55)]
    tilt = rotation_x(1.35) if rng.random() < .3 else np.eye(3)
    return [(shape.rotated(tilt).translated(0, 0, .4 * (tilt[2, 2] < .9)), wood)
            for shape in shapes]


def _planks(rng: np.random.Generator) -> list[Part]:
    wood = Material((1., .88, .7), 'wood')
    return [(box(rng.uniform(2., 3.2), .2, .05).rotated(rotation_z(rng.normal(0, .35)))
             .translated(*rng.normal(0, .2, 2), .05 * i), wood) for i in range(5)]


def _pipes(rng: np.random.Generator) -> list[Part]:
    grey = Material((.62, .6, .56) if rng.random() < .5 else (.78, .42, .16), rough=.5)
    parts = []
    for i in range(4):
        turn, radius = rng.normal(0, .15), rng.uniform(.07, .14)
        end = np.array([np.cos(turn), np.sin(turn), 0]) * 1.4
        middle = np.array([0, (i - 1.5) * .3, radius])
        parts.append((rod(middle - end, middle + end, radius, 10), grey))
    return parts


def _sacks(rng: np.random.Generator) -> list[Part]:
    cloth = Material((.74, .7, .6) if rng.random() < .6 else (.22, .24, .27))
    return [(noisy_ellipsoid((.42, .27, .17), .12, rng, 8).translated(
        *rng.normal(0, .35, 2), .14 + .2 * (i > 2)), cloth) for i in range(5)]


def _mattress(rng: np.random.Generator) -> list[Part]:
    cloth = Material(tuple(rng.uniform(.6, .85, 3).tolist()))
    upright = rotation_y(-1.2) if rng.random() < .4 else np.eye(3)
    return [(box(2., 1.4, .22).translated(1., 0, 0).rotated(upright), cloth)]


def overturned_lorry(rng: np.random.Generator, street: Street) -> list[Piece]:
    """Build a lorry that lies on its side across the road, its underside or roof in view."""
    vehicle = truck(rng)
    half, width = vehicle.length_m / 2, vehicle.width_m
    top, tone = float(vehicle.mesh[..., 2].max()), rng.uniform(.3, .8)
    rail = Material((tone, tone, tone), rough=.4)
    under = [(rod((x, -.9, .47), (x, .9, .47), .09), STEEL) for x in (-.62 * half, .7 * half)]
    under += [(rod((-.6 * half, 0, .6), (.5 * half, 0, .6), .06), STEEL),
              (disc(.3, 1., 12).rotated(rotation_z(np.pi / 2)).translated(.2 * half, -.8, .62),
               Material((.5, .5, .52), rough=.35, metal=.5)),
              *((box(.1, width * .94, .12).translated(x, 0, .83), STEEL)
                for x in np.linspace(-.9 * half, .4 * half, 7))]
    under += [(rod((-half * 1., y, z), (.48 * half, y, z), .07, 5), rail)  # edges of the load
              for y in (-width / 2, width / 2) for z in (.98, top)]
    under += [(box(.06, width + .05, top - .95).translated(x, 0, .97), rail)
              for x in np.linspace(-half * .99, .475 * half, 6)]
    whole = concatenate_meshes([vehicle.mesh, mesh_from_parts('car', under)])
    side = rng.choice((-1, 1))
    lying = _roll(whole, side * np.pi / 2)
    lying[..., 2] += width / 2 - .03
    turn = side * (rng.choice((-1, 1)) * np.pi / 2 + rng.normal(0, .45))
    return [Piece(lying, 0., _road_middle(street) * rng.uniform(.2, .8), turn)]


def _roll(mesh: Mesh, angle_rad: float) -> Mesh:
    """Turn a mesh about its long axis."""
    rotation = rotation_x(angle_rad).T.astype(np.float32)
    turned: Mesh = mesh.copy()
    turned[..., :3], turned[..., 3:6] = mesh[..., :3] @ rotation, mesh[..., 3:6] @ rotation
    return turned


def _road_middle(street: Street) -> float:
    """Return d of the middle of the own carriageway, or of the whole road without a median."""
    first = street.near_kerb
    lanes = street.forward_lanes + (0 if street.median_m else street.backward_lanes)
    return first + street.shoulder_m + lanes * street.lane_m / 2


def white_trailer(rng: np.random.Generator, street: Street) -> list[Piece]:
    """Build a lorry with a white semitrailer, which blocks the road from side to side."""
    length, width, height = TRAILER_M
    white = Material((.95, .955, .96), rough=.45)
    half, top = length / 2, TRAILER_FLOOR_M + height
    parts = [(box(length, width, height).translated(0, 0, TRAILER_FLOOR_M), white),
             (box(length * 1.002, width * 1.004, .1).translated(0, 0, TRAILER_FLOOR_M),
              Material((.7, .7, .71), rough=.4, metal=.3)),
             (box(length * 1.001, width * 1.003, .05).translated(0, 0, top - .05),
              Material((.8, .8, .81), rough=.4)),
             (box(length * .9, .9, .22).translated(0, 0, TRAILER_FLOOR_M - .22), STEEL)]
    for side in (-1, 1):
        parts += [(box(5.2, .04, .14).translated(.4, side * (width / 2 - .05), z), STEEL)
                  for z in (.45, .75)]
        parts += [(box(.07, .05, .7).translated(x, side * (width / 2 - .06), .45), STEEL)
                  for x in (-2., .4, 2.8)]
        parts += [(box(.14, .14, 1.).translated(3.6, side * .6, .1), STEEL)]
        parts += [(box(.1, .012, .06).translated(x, side * width / 2, TRAILER_FLOOR_M + .02),
                   Material((.85, .5, .08), emission=.2)) for x in np.linspace(-half, half, 6)]
    parts += wheels((-half + 1.4, -half + 2.7, -half + 4.), width, .52)
    cab = mesh_from_parts('car', lorry_cab(rng, half + .4))
    trailer = concatenate_meshes([mesh_from_parts('car', parts), cab])
    turn = rng.choice((-1, 1)) * np.pi / 2 + rng.normal(0, .16)
    return [Piece(trailer, 0., _road_middle(street) + rng.normal(0, 1.), turn)]
