# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Objects that no nominal drive contains, for the held-out condition `unknown_objects`."""
from collections.abc import Callable
from dataclasses import dataclass

from bdl_perception.world.mesh import Colour, Material, Mesh, mesh_from_parts, Part
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

NEAREST_M, FARTHEST_M = 7., 28.  # distance ahead of the camera


def _bright_colour(rng: np.random.Generator) -> Colour:
    hue = rng.permutation([rng.uniform(.8, 1), rng.uniform(.2, .8), rng.uniform(.05, .2)])
    return float(hue[0]), float(hue[1]), float(hue[2])


def crates(rng: np.random.Generator) -> list[Part]:
    """Build a stack of large bright boxes."""
    size = rng.uniform(1.1, 1.9)
    large = box(size, size, size), Material(_bright_colour(rng), rough=.5)
    small = rng.uniform(.5, .9)
    return [large, (box(small, small, small).translated(0, rng.uniform(-.3, .3), size),
                    Material(_bright_colour(rng), 'wood'))]


def ball(rng: np.random.Generator) -> list[Part]:
    """Build a giant ball with a belt."""
    radius = rng.uniform(.7, 1.4)
    belt = cylinder(radius * 1.005, radius * .3, 24).translated(0, 0, radius * .85)
    return [(shape, Material(_bright_colour(rng), rough=.35)) for shape in (
        ellipsoid((radius,) * 3, 12).translated(0, 0, radius), belt)]


def cow(rng: np.random.Generator) -> list[Part]:
    """Build a four-legged animal that stands across the road."""
    size = rng.uniform(.8, 1.25)
    hide = Material((.45, .3, .2) if rng.random() < .5 else (.85, .83, .78))
    spot = Material((.12, .1, .09))
    parts = [(ellipsoid((.33 * size, .95 * size, .42 * size), 10).translated(0, 0, 1.05 * size),
              hide)]
    for _ in range(4):
        y, z = rng.uniform((-.5, .95), (.5, 1.2)) * size
        patch = ellipsoid((.32 * size, .22 * size, .2 * size))
        parts.append((patch.translated(-.06 * size, y, z), spot))
    for x in (-.18, .18):
        parts += [(rod((x * size, y * size, 0), (x * size, y * size, .95 * size), .085 * size),
                   hide) for y in (-.65, .6)]
    head = np.array((0, 1.25, 1.4)) * size
    parts.append((rod((0, .8 * size, 1.2 * size), head, .16 * size, 8), hide))
    parts.append((ellipsoid((.15 * size, .3 * size, .16 * size)).translated(*head), hide))
    return parts + [(rod(head + (x, -.1, .1), head + (x * 2.4, -.1, .35), .03, 5, .3), spot)
                    for x in (-.1, .1)]


def wardrobe(rng: np.random.Generator) -> list[Part]:
    """Build an overturned wardrobe with open doors, and a chair."""
    wood = Material((.75, .55, .4), 'wood')
    legs = [rod((x, y, 0), (x, y, 1. if x < -1 else .5), .03)
            for x, y in ((-.7, -.7), (-.7, -1.1), (-1.1, -.7), (-1.1, -1.1))]
    door = box(.9, .06, .9).rotated(rotation_y(-.6)).translated(-.5, .5, .5)
    seat = box(.5, .5, .06).translated(-.9, -.9, .5), Material((.6, .15, .12))
    return [(box(1.1, 2.1, .65), wood), (door, wood), seat, *((leg, wood) for leg in legs)]


def sofa(rng: np.random.Generator) -> list[Part]:
    """Build a sofa that faces the camera."""
    cloth = Material(_bright_colour(rng), 'paving')
    arms = [box(.9, .25, .68).translated(0, side * 1.05, 0) for side in (-1, 1)]
    back = box(.25, 2.1, .95).translated(.35, 0, 0)
    return [(shape, cloth) for shape in (box(.9, 2.1, .45), back, *arms)]


def boulder(rng: np.random.Generator) -> list[Part]:
    """Build a rock and its fragments."""
    shapes = [noisy_ellipsoid((1., 1.2, .85), .35, rng, 12).translated(0, 0, .6)]
    for _ in range(4):
        x, y = rng.uniform((-1.6, -1.4), (.5, 1.4))
        shapes.append(noisy_ellipsoid((.28, .25, .2), .35, rng, 6).translated(x, y, .12))
    stone = Material((.74, .70, .64), 'paving', rough=1.)
    return [(shape, stone) for shape in shapes]


def tyres(rng: np.random.Generator) -> list[Part]:
    """Build a stack of tyres between two upright ones."""
    parts = []
    for i in range(int(rng.integers(3, 7))):
        x, y = rng.normal(0, .06, 2)
        parts.append((cylinder(.5, .26, 16).translated(x, y, i * .28), Material((.07, .07, .07))))
    return parts + [(disc(.5, .28, 16).translated(-.2, side * .95, .5),
                     Material((.09, .09, .09))) for side in (-1, 1)]


def piano(rng: np.random.Generator) -> list[Part]:
    """Build a grand piano on three legs with its lid up."""
    lacquer = Material((.05, .04, .04), rough=.2)
    keys = box(.25, 1.3, .06).translated(-.8, 0, .75), Material((.93, .92, .88))
    legs = [rod((x, y, 0), (x, y, .66), .06) for x, y in ((-.6, -.55), (-.6, .55), (.6, 0))]
    return [(box(1.5, 1.4, .35).translated(0, 0, .65), lacquer), keys,
            (box(1.4, .05, 1.2).translated(.05, .68, 1.), lacquer),
            *((leg, lacquer) for leg in legs)]


OBJECT_BUILDERS: tuple[Callable[[np.random.Generator], list[Part]], ...] = (
    crates, ball, cow, wardrobe, sofa, boulder, tyres, piano)


@dataclass(frozen=True)
class UnknownObject:
    """An object in the ego corridor whose distance oscillates; the camera never reaches it."""

    mesh_index: int
    mean_distance_m: float
    swing_amplitude_m: float
    period_s: float
    phase_rad: float
    d_m: float
    yaw_offset_rad: float

    def body_at(self, street: Street, time_s: float, ego_x_m: float) -> Body:
        """Return its pose at a time."""
        swing = np.cos(2 * np.pi * time_s / self.period_s + self.phase_rad)
        x = ego_x_m + self.mean_distance_m + self.swing_amplitude_m * float(swing)
        return Body(self.mesh_index, street.world_point(x, self.d_m),
                    street.heading(x) + self.yaw_offset_rad)


def draw_unknown_objects(first_mesh: int,
                         rng: np.random.Generator) -> tuple[list[Mesh], list[UnknownObject]]:
    """Draw one to three objects that do not meet."""
    count = int(rng.integers(1, 4))
    builders = rng.choice(len(OBJECT_BUILDERS), count, replace=False)
    room = (FARTHEST_M - NEAREST_M) / count
    objects = []
    for i in range(count):
        swing, middle = rng.uniform(.2, .5) * (room - 3), NEAREST_M + room * (i + .5)
        objects.append(UnknownObject(first_mesh + i, middle, swing, rng.uniform(7, 15),
                                     rng.uniform(0, 6.28), rng.uniform(-1., 1.),
                                     rng.normal(0, .35)))
    return [mesh_from_parts('unknown', OBJECT_BUILDERS[i](rng)) for i in builders], objects
