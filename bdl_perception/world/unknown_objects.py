# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Things that no nominal drive has, for the held-out condition `unknown_objects`."""
from collections.abc import Callable
from dataclasses import dataclass

from bdl_perception.world.mesh import Material, Mesh, MeshBuilder
from bdl_perception.world.scene import Body
from bdl_perception.world.shapes import (
    box,
    cylinder,
    disc,
    ellipsoid,
    noisy_ellipsoid,
    rod,
    rotation_y,
)
from bdl_perception.world.street import Street
import numpy as np

NEAREST_M, FARTHEST_M = 7., 28.  # how far ahead of the camera they are met


def _bright_colour(rng: np.random.Generator) -> tuple[float, float, float]:
    hue = rng.permutation([rng.uniform(.8, 1), rng.uniform(.2, .8), rng.uniform(.05, .2)])
    return float(hue[0]), float(hue[1]), float(hue[2])


def crates(rng: np.random.Generator) -> Mesh:
    """Build a heap of huge bright boxes."""
    builder = MeshBuilder()
    size = rng.uniform(1.1, 1.9)
    builder.add(box(size, size, size), 'unknown', Material(_bright_colour(rng), rough=.5))
    small = rng.uniform(.5, .9)
    builder.add(box(small, small, small).translated(0, rng.uniform(-.3, .3), size), 'unknown',
                Material(_bright_colour(rng), 'wood'))
    return builder.opaque_mesh()


def ball(rng: np.random.Generator) -> Mesh:
    """Build a giant ball."""
    builder, radius = MeshBuilder(), rng.uniform(.7, 1.4)
    builder.add(ellipsoid((radius,) * 3, 12).translated(0, 0, radius), 'unknown',
                Material(_bright_colour(rng), rough=.35))
    builder.add(cylinder(radius * 1.005, radius * .3, 24).translated(0, 0, radius * .85), 'unknown',
                Material(_bright_colour(rng), rough=.35))
    return builder.opaque_mesh()


def cow(rng: np.random.Generator) -> Mesh:
    """Build an animal on four legs, across the road."""
    builder, size = MeshBuilder(), rng.uniform(.8, 1.25)
    hide = Material((.45, .3, .2) if rng.random() < .5 else (.85, .83, .78))
    spot = Material((.12, .1, .09))
    builder.add(ellipsoid((.33 * size, .95 * size, .42 * size), 10).translated(0, 0, 1.05 * size),
                'unknown', hide)
    for _ in range(4):
        y, z = rng.uniform((-.5, .95), (.5, 1.2)) * size
        builder.add(ellipsoid((.32 * size, .22 * size, .2 * size)).translated(-.06 * size, y, z),
                    'unknown', spot)
    for x in (-.18, .18):
        for y in (-.65, .6):
            builder.add(rod((x * size, y * size, 0), (x * size, y * size, .95 * size),
                            .085 * size), 'unknown', hide)
    head = np.array((0, 1.25, 1.4)) * size
    builder.add(rod((0, .8 * size, 1.2 * size), head, .16 * size, 8), 'unknown', hide)
    builder.add(ellipsoid((.15 * size, .3 * size, .16 * size)).translated(*head), 'unknown', hide)
    for x in (-.1, .1):
        builder.add(rod(head + (x, -.1, .1), head + (x * 2.4, -.1, .35), .03, 5, .3), 'unknown',
                    spot)
    return builder.opaque_mesh()


def wardrobe(rng: np.random.Generator) -> Mesh:
    """Build a fallen wardrobe with its doors open, and a chair."""
    builder, wood = MeshBuilder(), Material((.75, .55, .4), 'wood')
    builder.add(box(1.1, 2.1, .65), 'unknown', wood)
    builder.add(box(.9, .06, .9).rotated(rotation_y(-.6)).translated(-.5, .5, .5), 'unknown', wood)
    builder.add(box(.5, .5, .06).translated(-.9, -.9, .5), 'unknown', Material((.6, .15, .12)))
    for x, y in ((-.7, -.7), (-.7, -1.1), (-1.1, -.7), (-1.1, -1.1)):
        builder.add(rod((x, y, 0), (x, y, 1. if x < -1 else .5), .03), 'unknown', wood)
    return builder.opaque_mesh()


def sofa(rng: np.random.Generator) -> Mesh:
    """Build a sofa that looks at the camera."""
    builder, cloth = MeshBuilder(), Material(_bright_colour(rng), 'paving')
    builder.add(box(.9, 2.1, .45), 'unknown', cloth)
    builder.add(box(.25, 2.1, .95).translated(.35, 0, 0), 'unknown', cloth)
    for side in (-1, 1):
        builder.add(box(.9, .25, .68).translated(0, side * 1.05, 0), 'unknown', cloth)
    return builder.opaque_mesh()


def boulder(rng: np.random.Generator) -> Mesh:
    """Build a rock and its splinters."""
    builder, stone = MeshBuilder(), Material((.74, .70, .64), 'paving', rough=1.)
    builder.add(noisy_ellipsoid((1., 1.2, .85), .35, rng, 12).translated(0, 0, .6), 'unknown', stone)
    for _ in range(4):
        x, y = rng.uniform((-1.6, -1.4), (.5, 1.4))
        builder.add(noisy_ellipsoid((.28, .25, .2), .35, rng, 6).translated(x, y, .12), 'unknown', stone)
    return builder.opaque_mesh()


def tyres(rng: np.random.Generator) -> Mesh:
    """Build a stack of tyres with a pole through it."""
    builder = MeshBuilder()
    for i in range(int(rng.integers(3, 7))):
        x, y = rng.normal(0, .06, 2)
        builder.add(cylinder(.5, .26, 16).translated(x, y, i * .28), 'unknown', Material((.07, .07, .07)))
    for side in (-1, 1):
        builder.add(disc(.5, .28, 16).translated(-.2, side * .95, .5), 'unknown',
                    Material((.09, .09, .09)))
    return builder.opaque_mesh()


def piano(rng: np.random.Generator) -> Mesh:
    """Build a grand piano on three legs with its lid up."""
    builder, lacquer = MeshBuilder(), Material((.05, .04, .04), rough=.2)
    builder.add(box(1.5, 1.4, .35).translated(0, 0, .65), 'unknown', lacquer)
    builder.add(box(.25, 1.3, .06).translated(-.8, 0, .75), 'unknown', Material((.93, .92, .88)))
    builder.add(box(1.4, .05, 1.2).translated(.05, .68, 1.), 'unknown', lacquer)
    for x, y in ((-.6, -.55), (-.6, .55), (.6, 0)):
        builder.add(rod((x, y, 0), (x, y, .66), .06), 'unknown', lacquer)
    return builder.opaque_mesh()


OBJECT_BUILDERS: tuple[Callable[[np.random.Generator], Mesh], ...] = (
    crates, ball, cow, wardrobe, sofa, boulder, tyres, piano)


@dataclass(frozen=True)
class UnknownObject:
    """A thing in the ego corridor that comes nearer and falls back; it never is run over."""

    mesh_index: int
    mean_distance_m: float
    swing_amplitude_m: float
    period_s: float
    phase_rad: float
    d_m: float
    yaw_offset_rad: float

    def body_at(self, street: Street, time_s: float, ego_x_m: float) -> Body:
        """Where it is."""
        swing = np.cos(2 * np.pi * time_s / self.period_s + self.phase_rad)
        x = ego_x_m + self.mean_distance_m + self.swing_amplitude_m * float(swing)
        return Body(self.mesh_index, street.world_point(x, self.d_m), street.heading(x) + self.yaw_offset_rad)


def draw_unknown_objects(first_mesh: int, rng: np.random.Generator) -> tuple[list[Mesh], list[UnknownObject]]:
    """Draw one to three things that keep apart from one another."""
    count = int(rng.integers(1, 4))
    makers = rng.choice(len(OBJECT_BUILDERS), count, replace=False)
    room = (FARTHEST_M - NEAREST_M) / count
    strangers = []
    for i in range(count):
        swing = rng.uniform(.2, .5) * (room - 3)
        middle = NEAREST_M + room * (i + .5)
        strangers.append(UnknownObject(first_mesh + i, middle, swing, rng.uniform(7, 15),
                                  rng.uniform(0, 6.28), rng.uniform(-1., 1.),
                                  rng.normal(0, .35)))
    return [OBJECT_BUILDERS[m](rng) for m in makers], strangers
