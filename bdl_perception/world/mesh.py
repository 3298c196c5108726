# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Shapes with a surface and a class, gathered into the one array that the renderer draws."""
from dataclasses import dataclass, field

from bdl_perception.perception.types import CLASS_NAMES, IGNORE
from bdl_perception.world.shapes import rotation_z, Shape
from bdl_perception.world.textures import TEXTURE_LAYERS
import numpy as np
from numpy.typing import NDArray

Colour = tuple[float, float, float]  # sRGB, 0 to 1

# A mesh is (T, 3, 16) float32, T triangles of three corners: position 3, normal 3, uv 2,
# colour 3, metal, texture layer, class id, roughness, emission.
Mesh = NDArray[np.float32]
FLOATS_PER_CORNER = 16


@dataclass(frozen=True)
class Material:
    """How a surface looks."""

    colour: Colour = (1., 1., 1.)
    texture: str = 'plain'
    rough: float = .8
    metal: float = 0.
    emission: float = 0.

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if self.texture not in TEXTURE_LAYERS:
            raise ValueError(f'no texture {self.texture!r}; known: {", ".join(TEXTURE_LAYERS)}')
        if not 0 < self.rough <= 1:
            raise ValueError(f'roughness {self.rough} must lie in (0, 1]')


@dataclass
class MeshBuilder:
    """Collects painted shapes; leaf cards go to a second mesh since they are cut out."""

    opaque: list[Mesh] = field(default_factory=list)
    cutout: list[Mesh] = field(default_factory=list)

    def add(self, shape: Shape, class_name: str, material: Material) -> None:
        """Paint a shape; the class name 'unknown' means no label."""
        target = self.cutout if material.texture.startswith('leaves') else self.opaque
        target.append(mesh_from_shape(shape, class_name, material))

    def place(self, mesh: Mesh, position: tuple[float, float, float], yaw_rad: float) -> None:
        """Add an opaque mesh that was built around the origin."""
        self.opaque.append(transform_mesh(mesh, position, yaw_rad))

    def opaque_mesh(self) -> Mesh:
        """All opaque triangles."""
        return concatenate_meshes(self.opaque)

    def cutout_mesh(self) -> Mesh:
        """All triangles that are cut out by their texture's alpha."""
        return concatenate_meshes(self.cutout)


def class_id(class_name: str) -> int:
    """Look a class up; 'unknown' is what no class names."""
    return IGNORE if class_name == 'unknown' else CLASS_NAMES.index(class_name)


def mesh_from_shape(shape: Shape, class_name: str, material: Material) -> Mesh:
    """Build the mesh of one shape."""
    mesh = np.empty((len(shape.corners), 3, FLOATS_PER_CORNER), np.float32)
    mesh[..., :3], mesh[..., 3:6], mesh[..., 6:8] = shape
    mesh[..., 8:] = (*material.colour, material.metal, TEXTURE_LAYERS.index(material.texture),
                     class_id(class_name), material.rough, material.emission)
    return mesh


def transform_mesh(mesh: Mesh, position: tuple[float, float, float], yaw_rad: float) -> Mesh:
    """Turn a mesh about the vertical and carry it to a place."""
    rotation = rotation_z(yaw_rad).T.astype(np.float32)
    copy: Mesh = mesh.copy()
    copy[..., :3] = mesh[..., :3] @ rotation + np.asarray(position, np.float32)
    copy[..., 3:6] = mesh[..., 3:6] @ rotation
    return copy


def concatenate_meshes(meshes: list[Mesh]) -> Mesh:
    """Join meshes; none at all is an empty mesh."""
    return np.concatenate(meshes) if meshes else np.empty((0, 3, FLOATS_PER_CORNER), np.float32)
