# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Cars, vans, trucks and buses; their origin is on the ground, they head to +x."""
from collections.abc import Callable
from typing import NamedTuple

from bdl_perception.world.mesh import Colour, Material, Mesh, mesh_from_parts, Part
from bdl_perception.world.shapes import box, disc, ellipsoid, extrusion, rod
import numpy as np

PAINTS: tuple[Colour, ...] = (
    (.82, .82, .83), (.66, .67, .69), (.10, .10, .11), (.32, .33, .35), (.45, .10, .10),
    (.12, .19, .36), (.87, .87, .86), (.24, .27, .25), (.52, .47, .40), (.14, .24, .19),
    (.20, .20, .22), (.55, .56, .58))
BUS_COLOURS: tuple[Colour, ...] = (
    (.62, .14, .12), (.75, .72, .62), (.2, .32, .45), (.35, .45, .3), (.7, .7, .7))
GLASS = Material((.05, .06, .07), rough=.08)
CLEAR_SHARE = .75  # of the cars, in a world with clear windows
CLEAR_GLASS = Material((.1, .12, .12), rough=.08, opacity=.3)
RUBBER = Material((.04, .04, .04))
RIM = Material((.5, .5, .52), rough=.3, metal=.8)
TRIM = Material((.08, .08, .09))


class Vehicle(NamedTuple):
    """The mesh and the size of a vehicle."""

    mesh: Mesh
    length_m: float
    width_m: float


def _paint(rng: np.random.Generator) -> Material:
    return Material(PAINTS[rng.integers(len(PAINTS))], rough=.28, metal=.3)


def wheels(axles_m: tuple[float, ...], width_m: float, radius_m: float) -> list[Part]:
    """Build two wheels on each axle."""
    parts = []
    for x in axles_m:
        for side in (-1, 1):
            y = side * (width_m / 2 - .1)
            parts.append((disc(radius_m, .22).translated(x, y, radius_m), RUBBER))
            rim = disc(radius_m * .6, .03, 10)
            parts.append((rim.translated(x, y + side * .11, radius_m), RIM))
    return parts


def _lights(length_m: float, width_m: float, height_m: float, size_m: float = .14) -> list[Part]:
    parts, tail = [], box(.06, size_m * 2.2, size_m)
    head = box(.08, size_m * 2.4, size_m)
    for side in (-1, 1):
        parts.append((tail.translated(-length_m / 2, side * width_m * .39, height_m),
                      Material((.6, .03, .03), emission=.5)))
        parts.append((head.translated(length_m / 2 - .05, side * width_m * .36, height_m - .1),
                      Material((.95, .95, .9), emission=.8)))
    return parts


def car(rng: np.random.Generator, clear_windows: bool = False) -> Vehicle:
    """Build a hatchback, saloon, estate or sports utility vehicle."""
    length, width = rng.uniform(3.7, 4.9), rng.uniform(1.68, 1.88)
    height, paint = rng.uniform(1.4, 1.75), _paint(rng)
    half, waist = length / 2, height * .58
    saloon = length > 4.2 and rng.random() < .45
    rear, slope = -half * (.62 if saloon else .97), half * rng.uniform(.1, .3)
    front = half * rng.uniform(.3, .42)

    def narrowing(share: float) -> Callable[[float], float]:
        return lambda z: 1 - share * max(0., z - waist) / (height - waist)

    body = [(-half, .32), (-half * .995, .7), (-half * .97, waist), (half * .35, waist),
            (half * .88, waist - .16), (half, .62), (half, .32)]
    cabin = [(rear, waist - .02), (rear + slope, height - .05), (-half * .05, height),
             (half * .08, height - .04), (front, waist - .02)]
    roof = [(rear + slope - .02, height - .1), (rear + slope, height), (-half * .05, height + .03),
            (half * .07, height - .03), (half * .06, height - .1)]
    pillar = [(-half * .2 - .05, waist - .02), (-half * .2 - .05, height - .03),
              (-half * .2 + .05, height - .03), (-half * .2 + .05, waist - .02)]
    inside = _interior(rng, (rear, rear + slope, half * .08, front), width, waist, height, paint
                       ) if clear_windows else []
    return Vehicle(mesh_from_parts('car', [
        (extrusion(body, width, lambda z: 1 - .07 * max(0., z - .6)), paint), *inside,
        (extrusion(cabin, width * .96, narrowing(.24)), CLEAR_GLASS if inside else GLASS),
        (extrusion(roof, width * .76), paint),
        (extrusion(pillar, width * .965, narrowing(.23)), paint),
        (box(length * .99, width * .97, .22).translated(0, 0, .22), TRIM),
        *((box(.12, .16, .13).translated(front - .25, side * (width / 2 + .02), waist), paint)
          for side in (-1, 1)),  # mirrors
        (box(.03, .5, .11).translated(-half - .01, 0, .55), Material((.85, .82, .7))),
        (box(.03, .5, .11).translated(half + .01, 0, .42), Material((.85, .85, .82))),
        *_lights(length, width, .72),
        *wheels((-length * .3, length * .31), width, rng.uniform(.29, .35))]), length, width)


def _interior(rng: np.random.Generator, profile_m: tuple[float, float, float, float],
              width_m: float, waist_m: float, height_m: float, paint: Material) -> list[Part]:
    """Build the pillars, seats and people of a car; x of rear, rear roof, front roof and front."""
    rear, rear_roof, front_roof, front = profile_m
    low, top, head_m = width_m * .47, width_m * .37, height_m - waist_m
    grey = rng.uniform(.05, .3)
    cloth = Material((grey, grey, grey * rng.uniform(.8, 1.1)))
    parts = [(rod((foot, side * low, waist_m), (roof, side * top, height_m - .04), .045, 5), paint)
             for side in (-1, 1) for foot, roof in ((rear, rear_roof), (front, front_roof))]
    parts.append((box((front - rear) * .92, width_m * .84, .03).translated(
        (front + rear) / 2, 0, waist_m - .02), Material((.05, .05, .05))))
    for row, x in enumerate((front_roof - .35, (rear_roof + front_roof) / 2 - .55)):
        for side in (-1, 1):
            y = side * width_m * .2
            parts += [(box(.14, .46, head_m * .5).translated(x, y, waist_m), cloth),
                      (box(.1, .26, head_m * .22).translated(x, y, waist_m + head_m * .55), cloth)]
            if rng.random() < (.7, .25)[row]:
                tone = rng.uniform(.35, 1.)
                skin = Material((.85 * tone, .65 * tone, .52 * tone))
                shirt = Material(tuple(rng.uniform(.05, .6, 3).tolist()))
                parts += [(ellipsoid((.1, .09, .12), 6).translated(
                    x + .22, y, waist_m + head_m * .66), skin),
                    (box(.22, .4, head_m * .42).translated(x + .2, y, waist_m), shirt)]
    return parts


def van(rng: np.random.Generator) -> Vehicle:
    """Build a delivery van."""
    length, width, height = rng.uniform(4.8, 5.8), rng.uniform(1.9, 2.05), rng.uniform(1.95, 2.5)
    paint = _paint(rng) if rng.random() < .5 else Material((.85, .85, .85), rough=.35)
    half = length / 2
    body = [(-half, .35), (-half, height), (half * .45, height), (half * .72, 1.15), (half, .95),
            (half, .35)]
    windscreen = [(half * .47, height - .08), (half * .5, height - .06), (half * .735, 1.2),
                  (half * .7, 1.2)]
    side = [(half * .2, 1.2), (half * .2, height - .25), (half * .45, height - .25),
            (half * .64, 1.2)]
    return Vehicle(mesh_from_parts('car', [
        (extrusion(body, width, lambda z: 1 - .05 * max(0., z - 1)), paint),
        (extrusion(windscreen, width * .9), GLASS), (extrusion(side, width * .99), GLASS),
        (box(.04, width * .7, .55).translated(-half, 0, height * .62), GLASS),
        *_lights(length, width, .8),
        *wheels((-length * .3, length * .33), width, .34)]), length, width)


def truck(rng: np.random.Generator) -> Vehicle:
    """Build a box truck."""
    length, width, height = rng.uniform(6., 9.), 2.4, rng.uniform(2.9, 3.7)
    half, tone = length / 2, rng.uniform(.5, .9)
    load = Material(tuple(np.clip(tone + rng.normal(0, .04, 3), 0, 1).tolist()), rough=.6)
    cab = [(half * .54, .5), (half * .54, 2.6), (half * .84, 2.6), (half, 1.5), (half, .5)]
    windscreen = [(half * .83, 2.5), (half * .86, 2.5), (half * 1.005, 1.55), (half * .96, 1.55)]
    seam = box(.02, width * .02, height - 1.1)
    return Vehicle(mesh_from_parts('car', [
        (box(length * .74, width, height - .95).translated(-length * .13, 0, .95), load),
        (box(length * .95, width * .5, .3).translated(0, 0, .6), TRIM),
        (extrusion(cab, width * .96), _paint(rng)), (extrusion(windscreen, width * .88), GLASS),
        *((seam.translated(-half * .999, side * .02, 1.), TRIM) for side in (-1, 1)),
        (box(.06, width, .14).translated(-half * .98, 0, .75),
         Material((.75, .2, .12), rough=.5)),
        *_lights(length, width, .85, .16),
        *wheels((-length * .36, -length * .22, length * .36), width, .47)]), length, width)


def lorry_cab(rng: np.random.Generator, back_m: float) -> list[Part]:
    """Build the tractor of a semitrailer, whose cab begins at x = back_m."""
    width, paint = 2.45, _paint(rng) if rng.random() < .6 else Material((.9, .9, .9), rough=.35)
    cab = [(0, .75), (0, 3.3), (.5, 3.75), (1.5, 3.4), (2.05, 1.9), (2.1, .45), (.6, .45)]
    glass = [(1.55, 3.1), (1.62, 3.1), (2.07, 2.), (1.9, 2.)]
    door = [(.75, 2.05), (.75, 2.85), (1.4, 2.85), (1.75, 2.05)]
    return [*((extrusion(outline, width * share).translated(back_m, 0, 0), material)
              for outline, share, material in ((cab, 1., paint), (glass, .94, GLASS),
                                               (door, 1.005, GLASS))),
            (box(4.6, .9, .3).translated(back_m - .6, 0, .75), TRIM),
            *wheels((back_m - 1.9, back_m + 1.2), width, .5)]


def bus(rng: np.random.Generator) -> Vehicle:
    """Build a city bus."""
    length, width, height = rng.uniform(9.5, 12.), 2.5, rng.uniform(2.9, 3.2)
    half, paint = length / 2, Material(BUS_COLOURS[rng.integers(len(BUS_COLOURS))], rough=.4)
    return Vehicle(mesh_from_parts('car', [
        (box(length, width, height - .35).translated(0, 0, .35), paint),
        (box(length * .93, width + .02, .95).translated(-length * .01, 0, 1.35), GLASS),
        (box(.04, width * .88, 1.4).translated(half, 0, 1.1), GLASS),
        (box(.04, width * .7, .8).translated(-half, 0, 1.6), GLASS),
        *((box(.1, width + .04, .97).translated(x, 0, 1.34), paint)
          for x in np.arange(-half + 1.2, half - .5, 1.5)),
        *_lights(length, width, .9, .18),
        *wheels((-length * .28, length * .3), width, .48)]), length, width)


VEHICLE_BUILDERS: dict[str, Callable[[np.random.Generator], Vehicle]] = {
    'car': car, 'van': van, 'truck': truck, 'bus': bus}


def draw_vehicle(rng: np.random.Generator, large: bool = True,
                 clear_windows: bool = False) -> Vehicle:
    """
    Draw a vehicle by its share in traffic; without `large` only cars and vans.

    clear_windows: of most cars; without it the glass of all is dark.
    """
    shares = (.78, .1, .08, .04) if large else (.9, .1, 0., 0.)
    name = str(rng.choice(list(VEHICLE_BUILDERS), p=shares))
    if clear_windows and name == 'car':
        return car(rng, rng.random() < CLEAR_SHARE)
    return VEHICLE_BUILDERS[name](rng)
