# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Triangle shapes without colour and class; metres, x ahead, y to the left, z up."""
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Point = tuple[float, float, float]  # m


class Shape(NamedTuple):
    """T triangles of three corners each; no corner is shared."""

    corners: Floats  # (T, 3, 3) m
    normals: Floats  # (T, 3, 3), unit length
    uv: Floats  # (T, 3, 2), in tiles of a texture

    def translated(self, *position: float) -> 'Shape':
        """Translate by (x, y, z) metres."""
        return self._replace(corners=self.corners + np.array(position))

    def scaled(self, *factors: float) -> 'Shape':
        """Stretch along the axes; normals follow the inverse, as normals do."""
        scale = np.array(factors)
        return self._replace(corners=self.corners * scale,
                             normals=unit_vectors(self.normals / scale))

    def rotated(self, rotation: Floats) -> 'Shape':
        """Rotate about the origin by a (3, 3) matrix."""
        return self._replace(corners=self.corners @ rotation.T, normals=self.normals @ rotation.T)

    def scaled_uv(self, *tiles: float) -> 'Shape':
        """Repeat the texture."""
        return self._replace(uv=self.uv * np.array(tiles))


def unit_vectors(vectors: Floats) -> Floats:
    """Scale vectors (..., 3) to unit length."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12))


def rotation_x(angle_rad: float) -> Floats:
    """Return the rotation about the x axis, (3, 3)."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def rotation_y(angle_rad: float) -> Floats:
    """Return the rotation about the y axis, (3, 3); a positive angle pitches down."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def rotation_z(angle_rad: float) -> Floats:
    """Return the rotation about the vertical, (3, 3); a positive angle turns left."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def join_shapes(shapes: Sequence[Shape]) -> Shape:
    """Join the triangles of several shapes."""
    return Shape(*(np.concatenate(parts) for parts in zip(*shapes, strict=True)))


def shape_from_faces(vertices: ArrayLike, faces: ArrayLike, uv: ArrayLike | None = None,
                     normals: Floats | None = None) -> Shape:
    """
    Build triangles from an indexed mesh: vertices (V, 3), faces (T, 3), uv (V, 2).

    Without normals (V, 3) every triangle is shaded flat.
    """
    points, triangles = np.asarray(vertices, float), np.asarray(faces, int)
    corners = points[triangles]  # (T, 3, 3)
    if normals is None:
        flat = unit_vectors(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
        corner_normals = np.repeat(flat[:, None], 3, axis=1)
    else:
        corner_normals = normals[triangles]
    tiles = np.zeros((len(points), 2)) if uv is None else np.asarray(uv, float)
    return Shape(corners, corner_normals, tiles[triangles])


def quad(corners: ArrayLike, uv: ArrayLike = ((0, 0), (1, 0), (1, 1), (0, 1))) -> Shape:
    """Build a flat four-cornered face; corners (4, 3) in order around it."""
    return shape_from_faces(corners, [[0, 1, 2], [0, 2, 3]], uv)


@lru_cache(maxsize=1)
def _unit_box() -> Shape:
    square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2
    faces = []
    for axis, (first, second) in enumerate(((1, 2), (0, 2), (0, 1))):
        for sign in (-.5, .5):
            points = np.zeros((4, 3))
            points[:, first], points[:, second] = square.T
            points[:, axis] = sign
            face = quad(points, square + .5)
            outward = np.zeros(3)
            outward[axis] = 2 * sign
            faces.append(face._replace(normals=np.broadcast_to(outward, (2, 3, 3)).copy()))
    return join_shapes(faces)


def box(length_m: float, width_m: float, height_m: float, tile_m: float = 1.) -> Shape:
    """Build a box standing on the ground around the origin; a texture tile is tile_m wide."""
    unit, size = _unit_box(), np.array((length_m, width_m, height_m))
    spans = np.array([(1, 2), (1, 2), (0, 2), (0, 2), (0, 1), (0, 1)])  # axes of u and v per face
    tiles = np.repeat(size[spans] / tile_m, 2, axis=0)[:, None]  # (12, 1, 2)
    corners = unit.corners * size + (0, 0, height_m / 2)
    return Shape(corners, unit.normals, unit.uv * tiles)


@lru_cache(maxsize=64)
def _unit_cylinder(sides: int, taper: float) -> Shape:
    angle = np.arange(sides) * 2 * np.pi / sides
    ring = np.c_[np.cos(angle), np.sin(angle)]
    low = np.c_[ring, np.zeros(sides)]
    high = np.c_[ring * taper, np.ones(sides)]
    outward = np.c_[ring, np.zeros(sides)]
    here, after = np.arange(sides), (np.arange(sides) + 1) % sides
    wall = np.r_[np.c_[here, after, sides + after], np.c_[here, sides + after, sides + here]]
    around = np.c_[np.tile(angle / (2 * np.pi), 2), np.repeat([0, 1], sides)]
    mantle = shape_from_faces(np.r_[low, high], wall, around, np.r_[outward, outward])
    caps = [shape_from_faces(np.r_[end, [[0, 0, z]]], np.c_[here, after, np.full(sides, sides)])
            for end, z in ((low, 0.), (high, 1.))]
    return join_shapes([mantle, *caps])


def cylinder(radius_m: float, height_m: float, sides: int = 8, taper: float = 1.) -> Shape:
    """Build an upright cylinder on the ground; its top is `taper` times as wide as its foot."""
    return _unit_cylinder(sides, taper).scaled(radius_m, radius_m, height_m)


def rod(start: ArrayLike, end: ArrayLike, radius_m: float, sides: int = 6,
        taper: float = 1.) -> Shape:
    """Build a cylinder between two points."""
    foot = np.asarray(start, float)
    axis = np.asarray(end, float) - foot
    length = float(np.linalg.norm(axis))
    up = axis / length
    aside = unit_vectors(np.cross(up, (1., 0, 0) if abs(up[0]) < .9 else (0, 1., 0)))
    rotation = np.stack([aside, np.cross(up, aside), up], axis=1)
    return cylinder(radius_m, length, sides, taper).rotated(rotation).translated(*foot)


def disc(radius_m: float, thickness_m: float, sides: int = 14) -> Shape:
    """Build a wheel: an upright disc around the origin whose axle is the y axis."""
    lying = cylinder(radius_m, thickness_m, sides).translated(0, 0, -thickness_m / 2)
    return lying.rotated(rotation_x(np.pi / 2))


@lru_cache(maxsize=16)
def _unit_sphere(rings: int) -> tuple[Floats, NDArray[np.int64], Floats]:
    polar = np.linspace(0, np.pi, rings)
    around = np.linspace(0, 2 * np.pi, 2 * rings + 1)
    theta, phi = (grid.ravel() for grid in np.meshgrid(polar, around, indexing='ij'))
    points = np.c_[np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)]
    row = 2 * rings + 1
    start = (np.arange(rings - 1)[:, None] * row + np.arange(row - 1)).ravel()
    across = start + row + 1
    faces = np.r_[np.c_[start, start + row, across], np.c_[start, across, start + 1]]
    return points, faces, np.c_[phi / np.pi, theta / np.pi]


def ellipsoid(radii_m: Sequence[float], rings: int = 6) -> Shape:
    """Build an ellipsoid around the origin."""
    points, faces, uv = _unit_sphere(rings)
    return shape_from_faces(points, faces, uv, points).scaled(*radii_m)


def noisy_ellipsoid(radii_m: Sequence[float], roughness: float, rng: np.random.Generator,
                    rings: int = 8) -> Shape:
    """Build an ellipsoid with smooth radial noise: foliage cores, boulders."""
    points, faces, uv = _unit_sphere(rings)
    waves = rng.normal(0, 2.2, (6, 3))  # (6, 3) 1/m on the unit sphere
    swell = np.sin(points @ waves.T + rng.uniform(0, 2 * np.pi, 6)).sum(axis=1) / 6
    shifted = points * (1 + 2 * roughness * swell)[:, None]
    return shape_from_faces(shifted, faces, uv * np.mean(radii_m) * 2, points).scaled(*radii_m)


def extrusion(profile: Sequence[tuple[float, float]], width_m: float,
              width_scale: Callable[[float], float] = lambda z: 1.) -> Shape:
    """
    Extrude an (x, z) outline along y to a body of the given width.

    The outline must be star-shaped about its mean; width_scale(z) scales the width at a height.
    """
    outline = np.asarray(profile, float)
    n = len(outline)
    half = width_m / 2 * np.array([width_scale(z) for _, z in outline])
    left = np.c_[outline[:, 0], half, outline[:, 1]]
    middle = outline.mean(axis=0)
    hubs = [[middle[0], half.mean(), middle[1]], [middle[0], -half.mean(), middle[1]]]
    here, after = np.arange(n), (np.arange(n) + 1) % n
    hub = np.full(n, 2 * n)
    faces = np.r_[np.c_[here, n + here, after], np.c_[after, n + here, n + after],
                  np.c_[hub, here, after], np.c_[hub + 1, n + after, n + here]]
    return shape_from_faces(np.r_[left, left * (1, -1, 1), hubs], faces)


def ribbon(left: Floats, right: Floats, tile_m: float = 1.) -> Shape:
    """Build the surface between two lines of N points, (N, 3) m each."""
    n = len(left)
    here = np.arange(n - 1)
    faces = np.r_[np.c_[here, here + 1, n + here], np.c_[n + here, here + 1, n + here + 1]]
    width = np.linalg.norm(left - right, axis=1)
    u = left[:, 0] / tile_m
    uv = np.r_[np.c_[u, np.zeros(n)], np.c_[u, width / tile_m]]
    return shape_from_faces(np.r_[left, right], faces, uv)
