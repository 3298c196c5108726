# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Pedestrians and cyclists; their origin is on the ground, they head to +x."""
from dataclasses import dataclass

from bdl_perception.world.mesh import Colour, Material, Mesh, mesh_from_parts, Part
from bdl_perception.world.shapes import box, cylinder, disc, ellipsoid, Floats, rod
import numpy as np

WALK_POSTURES = 4  # of one step
SKIN = np.array([.85, .65, .52])


@dataclass(frozen=True)
class PersonAppearance:
    """Size and clothes of a person."""

    height_scale: float  # share of 1.75 m
    width_scale: float
    top: Colour
    legs: Colour
    skin: Colour
    hair: Colour
    bag: bool


def draw_appearance(rng: np.random.Generator) -> PersonAppearance:
    """Draw an adult or a child."""
    grey = rng.uniform(.06, .7)
    top = grey + rng.normal(0, .1 if rng.random() < .7 else .22, 3)
    return PersonAppearance(
        height_scale=rng.uniform(.9, 1.08) if rng.random() < .9 else rng.uniform(.62, .85),
        width_scale=rng.uniform(.9, 1.2), top=_clip_colour(top),
        legs=_clip_colour(rng.uniform(.04, .35) + rng.normal(0, .03, 3)),
        skin=_clip_colour(SKIN * rng.uniform(.4, 1)),
        hair=_clip_colour(rng.uniform(.04, .4) * np.array([1, .85, .7])), bag=rng.random() < .3)


def _clip_colour(values: Floats) -> Colour:
    red, green, blue = np.clip(values, .03, 1).tolist()
    return red, green, blue


def pedestrian(appearance: PersonAppearance, posture: int) -> Mesh:
    """Build a walking person in one of WALK_POSTURES postures."""
    swing = .34 * np.sin(2 * np.pi * posture / WALK_POSTURES)
    top, legs, skin = (Material(c) for c in (appearance.top, appearance.legs, appearance.skin))
    w, h = appearance.width_scale, appearance.height_scale
    shoe, parts = Material((.08, .07, .07)), []
    for side in (-1, 1):
        hip, knee = (0, side * .09 * w, .9 * h), (side * swing * .45, side * .1, .48 * h)
        foot = side * swing, side * .1, .06 * h
        shoulder = 0, side * .22 * w, 1.42 * h
        hand = -side * swing * .8, side * .28 * w, .84 * h
        parts += [(rod(hip, knee, .09 * w, 7, .8), legs), (rod(knee, foot, .07 * w, 7, .8), legs),
                  (box(.26, .1, .09).translated(foot[0] + .05, foot[1], 0), shoe),
                  (rod(shoulder, hand, .055 * w, 6, .8), top),
                  (ellipsoid((.05, .04, .06), 4).translated(*hand), skin)]
    torso = cylinder(1, .62 * h, 9, 1.15).scaled(.14 * w, .2 * w, 1)
    parts += [(torso.translated(0, 0, .86 * h), top),
              (ellipsoid((.14 * w, .24 * w, .1), 5).translated(0, 0, 1.46 * h), top),
              (cylinder(.055, .14, 6).translated(0, 0, 1.48 * h), skin),
              (ellipsoid((.1, .085, .125)).translated(0, 0, 1.66 * h), skin),
              (ellipsoid((.11, .095, .11)).translated(-.02, 0, 1.7 * h),
               Material(appearance.hair))]
    if appearance.bag:
        parts.append((box(.17, .3, .42).translated(-.2 * w, 0, 1.0 * h),
                      Material(_clip_colour(np.array(appearance.legs) * 1.6))))
    return mesh_from_parts('pedestrian', parts)


def cyclist(rng: np.random.Generator) -> Mesh:
    """Build a cyclist on a bicycle."""
    clothes = draw_appearance(rng)
    top, legs, skin = (Material(c) for c in (clothes.top, clothes.legs, clothes.skin))
    parts = _bicycle(Material(_clip_colour(rng.uniform(.05, .6, 3)), rough=.4, metal=.4))
    lean = rng.uniform(.15, .4)
    hip, neck = np.array([-.22, 0, .98]), np.array([-.22 + lean, 0, 1.5])
    parts.append((rod(hip, neck, .16, 8, 1.15), top))
    phase = rng.uniform(0, 6.28)
    for side in (-1, 1):
        pedal = np.array([.02 + .16 * np.cos(phase + side * 1.57), side * .1,
                          .3 + .16 * np.sin(phase + side * 1.57)])
        knee = (hip + pedal) / 2 + (.24, 0, .1)
        shoulder, grip = neck + (-.04, side * .2, -.06), (.42, side * .24, 1.02)
        parts += [(rod(hip + (0, side * .09, 0), knee, .085, 7, .8), legs),
                  (rod(knee, pedal, .06, 7, .8), legs), (rod(shoulder, grip, .05, 6, .8), top)]
    head = neck + (.08, 0, .2)
    helmet = _clip_colour(rng.uniform(.1, .8, 3)) if rng.random() < .6 else clothes.hair
    parts += [(ellipsoid((.1, .085, .125)).translated(*head), skin),
              (ellipsoid((.13, .1, .09)).translated(*(head + (0, 0, .07))), Material(helmet))]
    return mesh_from_parts('bicyclist', parts)


def _bicycle(paint: Material) -> list[Part]:
    tyre, parts = Material((.05, .05, .05)), []
    angles = np.linspace(0, 2 * np.pi, 13)
    for hub_x in (-.52, .52):
        rim = np.c_[hub_x + .33 * np.cos(angles), np.zeros(13), .34 + .33 * np.sin(angles)]
        parts += [(rod(start, end, .025, 4), tyre)
                  for start, end in zip(rim[:-1], rim[1:], strict=True)]
        parts.append((disc(.04, .1, 6).translated(hub_x, 0, .34), paint))
    joints = {'rear': (-.52, 0, .34), 'front': (.52, 0, .34), 'pedals': (0, 0, .3),
              'saddle': (-.2, 0, .92), 'head': (.36, 0, .85), 'bar': (.4, 0, 1.02)}
    parts += [(rod(joints[a], joints[b], .022, 5), paint) for a, b in (
        ('rear', 'pedals'), ('rear', 'saddle'), ('pedals', 'saddle'), ('saddle', 'head'),
        ('pedals', 'head'), ('front', 'head'), ('head', 'bar'))]
    return [*parts, (rod((.4, -.26, 1.02), (.4, .26, 1.02), .018, 5), tyre)]
