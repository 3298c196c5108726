# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Meshes: shapes with a material and a class, in the one array that the renderer draws."""
from collections.abc import Iterable
from dataclasses import dataclass, field

from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
from bdl_perception.world.shapes import Point, rotation_z, Shape
from bdl_perception.world.textures import TEXTURE_LAYERS
import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]  # sRGB, 0 to 1

# (T, 3, 16) float32, T triangles of three corners: position 3, normal 3, uv 2, colour 3, metal,
# texture layer, class id, roughness, emission (below 0: minus the opacity of a window).
Mesh = NDArray[np.float32]
FLOATS_PER_CORNER = 16


@dataclass(frozen=True)
class Material:
    """The optical properties of a surface."""

    colour: Colour = (1., 1., 1.)
    texture: str = 'plain'
    rough: float = .8
    metal: float = 0.
    emission: float = 0.
    opacity: float = 1.  # less: a window


Part = tuple[Shape, Material]


@dataclass
class MeshBuilder:
    """Collects meshes; leaf cards go to a second mesh because alpha cuts them out."""

    opaque: list[Mesh] = field(default_factory=list)
    cutout: list[Mesh] = field(default_factory=list)

    def add(self, shape: Shape, class_name: str, material: Material) -> None:
        """Add a shape."""
        target = self.cutout if material.texture.startswith('leaves') else self.opaque
        target.append(mesh_from_shape(shape, class_name, material))

    def place(self, mesh: Mesh, position: Point, yaw_rad: float) -> None:
        """Add an opaque mesh that was built around the origin."""
        self.opaque.append(transform_mesh(mesh, position, yaw_rad))


def mesh_from_shape(shape: Shape, class_name: str, material: Material) -> Mesh:
    """Build the mesh of one shape; the class name 'unknown' means no label."""
    class_id = IGNORE if class_name == 'unknown' else CLASS_NAMES.index(class_name)
    mesh = np.empty((len(shape.corners), 3, FLOATS_PER_CORNER), np.float32)
    mesh[..., :3], mesh[..., 3:6], mesh[..., 6:8] = shape
    mesh[..., 8:] = (*material.colour, material.metal, TEXTURE_LAYERS.index(material.texture),
                     class_id, material.rough,
                     material.emission if material.opacity == 1 else -material.opacity)
    return mesh


def mesh_from_parts(class_name: str, parts: Iterable[Part]) -> Mesh:
    """Build the mesh of several shapes of one class."""
    return concatenate_meshes([mesh_from_shape(shape, class_name, material)
                               for shape, material in parts])


def transform_mesh(mesh: Mesh, position: Point, yaw_rad: float) -> Mesh:
    """Rotate a mesh about the vertical axis, then translate it."""
    rotation = rotation_z(yaw_rad).T.astype(np.float32)
    copy: Mesh = mesh.copy()
    copy[..., :3] = mesh[..., :3] @ rotation + np.asarray(position, np.float32)
    copy[..., 3:6] = mesh[..., 3:6] @ rotation
    return copy


def concatenate_meshes(meshes: list[Mesh]) -> Mesh:
    """Join meshes; the result of an empty list is an empty mesh."""
    return np.concatenate(meshes) if meshes else np.empty((0, 3, FLOATS_PER_CORNER), np.float32)
