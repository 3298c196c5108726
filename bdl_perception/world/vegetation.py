# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Trees, bushes, gardens and woods."""
from bdl_perception.world.mesh import Colour, Material, MeshBuilder
from bdl_perception.world.roadside import Roadside
from bdl_perception.world.shapes import (
    cylinder,
    Floats,
    noisy_ellipsoid,
    Point,
    rod,
    Shape,
    unit_vectors,
)
from bdl_perception.world.textures import LEAF_LAYERS
import numpy as np

ROW_PROBABILITY = {'urban': .45, 'suburban': .6, 'rural': .5, 'motorway': .35}
AVENUE_GROWTH = 1.5  # size of its trees, times that of others
WOOD_DENSITY = {'urban': .12, 'suburban': .5, 'rural': .75, 'motorway': .7}


def leaf_cards(rng: np.random.Generator, centres: Floats, crown_centre: Floats,
               size_m: float) -> Shape:
    """
    Build square cards of leaves around centres (N, 3) m, tilted at random.

    Normals point away from the centre of the crown: the cards are shaded like one round body.
    """
    n = len(centres)
    first = unit_vectors(rng.normal(size=(n, 3)))
    second = unit_vectors(np.cross(first, rng.normal(size=(n, 3))))
    half = size_m / 2 * rng.uniform(.7, 1.3, (n, 1))
    square = [centres + half * (u * first + v * second)
              for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    outward = centres - crown_centre
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
    corners = np.stack(square, axis=1)[:, [0, 1, 2, 0, 2, 3]].reshape(2 * n, 3, 3)
    uv = np.array([(0, 0), (1, 0), (1, 1), (0, 0), (1, 1), (0, 1)], float)
    return Shape(corners, np.repeat(outward, 6, axis=0).reshape(2 * n, 3, 3),
                 np.tile(uv, (n, 1)).reshape(2 * n, 3, 2))


def _foliage_colour(rng: np.random.Generator) -> Colour:
    tone, yellow = rng.uniform(.75, 1.2), rng.uniform(-.1, .25)
    return tone * (1 + yellow), tone, tone * (1 - abs(yellow))


def plant_tree(builder: MeshBuilder, position: Point, rng: np.random.Generator,
               growth: float = 1.) -> None:
    """Plant a tree: trunk, boughs, and several clusters of leaves around dark cores."""
    foot = np.array(position)
    trunk_m, spread_m = growth * rng.uniform(1.8, 3.4), growth * rng.uniform(1.3, 2.6)
    bark = Material((1, 1, 1), 'bark', rough=1.)
    colour = _foliage_colour(rng)
    leaf = Material(colour, str(rng.choice(LEAF_LAYERS)), rough=1.)
    core = Material((colour[0] * .7, colour[1] * .7, colour[2] * .7), 'foliage', rough=1.)
    lean = rng.normal(0, .12, 2)
    fork = foot + (*lean, trunk_m)
    builder.add(rod(foot - (0, 0, .2), fork, rng.uniform(.12, .24), 8, .75), 'tree', bark)
    crown = fork + (0, 0, spread_m * rng.uniform(.6, 1.1))
    for _ in range(int(rng.integers(4, 7))):
        middle = crown + rng.normal(0, .45, 3) * spread_m * (1, 1, .8)
        size = spread_m * rng.uniform(.42, .62)
        builder.add(rod(fork, middle, .06, 5, .5), 'tree', bark)
        cluster = noisy_ellipsoid((size * .8, size * .8, size * .65), .3, rng, 6)
        builder.add(cluster.translated(*middle), 'tree', core)
        direction = unit_vectors(rng.normal(size=(22, 3)))
        around = middle + direction * size * rng.uniform(.7, 1.1, (22, 1)) * (1, 1, .85)
        builder.add(leaf_cards(rng, around, crown, size * .95), 'tree', leaf)


def plant_conifer(builder: MeshBuilder, position: Point, rng: np.random.Generator) -> None:
    """Plant a narrow tree of stacked cones."""
    foot, height = np.array(position), rng.uniform(5, 11)
    tone = rng.uniform(.55, .8)
    colour = tone * .9, tone, tone * .85
    needles, cards = (Material(colour, name, rough=1.) for name in ('foliage', LEAF_LAYERS[0]))
    builder.add(cylinder(.16, height * .3, 6).translated(*foot), 'tree',
                Material((1, 1, 1), 'bark', rough=1.))
    for share in np.linspace(.12, .8, 5):
        wide = height * .22 * (1.05 - share) * rng.uniform(.9, 1.1)
        cone = cylinder(wide, height * .32, 9, .06).scaled_uv(3, 2)
        builder.add(cone.translated(0, 0, height * share).translated(*foot), 'tree', needles)
        ring = rng.uniform(0, 6.28, 14)
        edge = foot + np.c_[wide * .8 * np.cos(ring), wide * .8 * np.sin(ring),
                            np.full(14, height * (share + .05))]
        builder.add(leaf_cards(rng, edge, foot + (0, 0, height * share), wide * .6), 'tree', cards)


def plant_bush(builder: MeshBuilder, position: Point, rng: np.random.Generator,
               size_m: float) -> None:
    """Plant a bush."""
    middle = np.array(position) + (0, 0, size_m * .4)
    colour = _foliage_colour(rng)
    core = noisy_ellipsoid((size_m * .55, size_m * .55, size_m * .5), .25, rng, 6)
    builder.add(core.translated(*middle), 'tree', Material(colour, 'foliage', rough=1.))
    direction = unit_vectors(rng.normal(size=(16, 3)) * (1, 1, .8))
    cards = leaf_cards(rng, middle + direction * size_m * .5, middle, size_m * .6)
    builder.add(cards, 'tree', Material(colour, str(rng.choice(LEAF_LAYERS)), rough=1.))


def plant_vegetation(roadside: Roadside, rng: np.random.Generator, avenue: bool = False) -> None:
    """Plant rows of trees along the street, gardens and woods behind; avenue: dense rows."""
    kind = roadside.street.kind
    for side in (-1, 1):
        if avenue:
            _plant_row(roadside, rng, side, rng.uniform(5.5, 8), AVENUE_GROWTH)
        elif rng.random() < ROW_PROBABILITY[kind]:
            _plant_row(roadside, rng, side, rng.uniform(8, 18))
        if kind != 'urban' and rng.random() < .5:
            _plant_gardens(roadside, rng, side)
        _plant_woods(roadside, rng, side)


def _plant_row(roadside: Roadside, rng: np.random.Generator, side: int, spacing: float,
               growth: float = 1.) -> None:
    street = roadside.street
    beyond = .8 if street.pavement_m > 2.8 else street.pavement_m + street.verge_m * .5
    d = street.kerb_offset(side, max(beyond, .8) + 4 * (street.kind == 'motorway'))
    for x in np.arange(street.start_m + rng.uniform(0, 10), street.end_m, spacing):
        x = x + rng.normal(0, .6)
        if rng.random() < .85 and roadside.claim(side, x, d, (1.2, .7), 3):
            plant_tree(roadside.builder, street.world_point(x, d), rng, growth)


def _plant_gardens(roadside: Roadside, rng: np.random.Generator, side: int) -> None:
    street = roadside.street
    for x in np.arange(street.start_m, street.end_m, 7.):
        x, beyond = x + rng.uniform(-2, 2), street.pavement_m + rng.uniform(1.2, 4)
        d, size = street.kerb_offset(side, beyond), rng.uniform(.8, 1.8)
        if rng.random() < .45 and roadside.claim(side, x, d, (size, size), 3):
            plant_bush(roadside.builder, street.world_point(x, d), rng, size)


def _plant_woods(roadside: Roadside, rng: np.random.Generator, side: int) -> None:
    """Plant the land behind the first row of houses."""
    street, conifers = roadside.street, rng.random() < .35
    for x in np.arange(street.start_m, street.end_m, 7.):
        x, beyond = x + rng.uniform(-3, 3), street.pavement_m + street.verge_m + rng.uniform(6, 40)
        d = street.kerb_offset(side, beyond)
        if rng.random() < WOOD_DENSITY[street.kind] and roadside.claim(side, x, d, (4, 4), 4):
            plant = plant_conifer if conifers and rng.random() < .7 else plant_tree
            plant(roadside.builder, street.world_point(x, d, .5 if beyond > 12 else 0.), rng)
