# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A scene in the memory of the graphics card."""
from collections.abc import Sequence
from typing import Any, NamedTuple

from bdl_perception.world.graphics import set_matrix
from bdl_perception.world.mesh import Mesh
from bdl_perception.world.scene import Body
from bdl_perception.world.scene import Scene
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BEHIND_M, AHEAD_M = 25., 265.  # part of the street that is drawn; depth images end at 256 m
LAMPS = 8
LAMPS_AHEAD_M = 12.  # the lamps nearest to this point count

# How a corner of a mesh is read by each kind of shader; x skips bytes.
SURFACE_ATTRIBUTES = ('3f 3f 2f 4f 4f', 'position', 'normal', 'uv', 'colour_metal', 'surface')
DEPTH_ATTRIBUTES = ('3f 52x', 'position')
LEAF_ATTRIBUTES = ('3f 12x 2f 16x 4f', 'position', 'uv', 'surface')


class Programs(NamedTuple):
    """The compiled shaders that draw triangles."""

    surface: Any
    depth: Any
    leaf: Any


def pose_matrix(body: Body) -> Floats:
    """Body to world, (4, 4)."""
    c, s = np.cos(body.yaw_rad), np.sin(body.yaw_rad)
    matrix = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], float)
    matrix[:3, 3] = body.position
    return matrix


class _Part:
    """A long mesh in the order of x, so that only what is near the camera is drawn."""

    def __init__(self, context: Any, mesh: Mesh, surface: Any, depth: Any,
                 depth_attributes: tuple[str, ...]) -> None:
        middle = mesh[:, :, 0].mean(axis=1)
        order = np.argsort(middle, kind='stable')
        self._x_m = middle[order]
        self._buffer = None
        if not len(mesh):
            return
        self._buffer = context.buffer(np.ascontiguousarray(mesh[order]).tobytes())
        self._arrays = {
            'surface': context.vertex_array(surface, [(self._buffer, *SURFACE_ATTRIBUTES)]),
            'depth': context.vertex_array(depth, [(self._buffer, *depth_attributes)])}

    def draw(self, kind: str, x_m: float, ahead_m: float) -> None:
        if self._buffer is None:
            return
        first, last = np.searchsorted(self._x_m, (x_m - BEHIND_M, x_m + ahead_m))
        self._arrays[kind].render(first=int(first) * 3, vertices=int(last - first) * 3)

    def release(self) -> None:
        if self._buffer is not None:
            for array in self._arrays.values():
                array.release()
            self._buffer.release()


class UploadedScene:
    """Buffers and textures of one scene."""

    def __init__(self, context: Any, programs: Programs, scene: Scene) -> None:
        """Upload everything."""
        layers, side, _, channels = scene.textures.shape
        self.textures = context.texture_array((side, side, layers), channels,
                                              scene.textures.tobytes())
        self.textures.build_mipmaps()
        self.textures.filter = context.LINEAR_MIPMAP_LINEAR, context.LINEAR
        self._lamps = scene.lamps
        surface = programs.surface
        self._street = _Part(context, scene.street, surface, programs.depth, DEPTH_ATTRIBUTES)
        self._leaves = _Part(context, scene.leaves, surface, programs.leaf, LEAF_ATTRIBUTES)
        self._bodies = [_Part(context, mesh, surface, programs.depth, DEPTH_ATTRIBUTES)
                        for mesh in scene.bodies]

    def nearest_lamps(self, eye: Floats) -> Floats:
        """Return the lamps that light the road ahead, (at most LAMPS, 3)."""
        distance = np.linalg.norm(self._lamps - eye - (LAMPS_AHEAD_M, 0, 0), axis=1)
        return np.asarray(self._lamps[np.argsort(distance)[:LAMPS]])

    def draw(self, program: Any, kind: str, bodies: Sequence[Body], x_m: float,
             ahead_m: float = AHEAD_M) -> None:
        """Draw the street and what moves on it, as far as ahead_m from the camera at x_m."""
        set_matrix(program, 'pose', np.eye(4))
        self._street.draw(kind, x_m, ahead_m)
        for body in bodies:
            if -BEHIND_M < body.position[0] - x_m < ahead_m:
                set_matrix(program, 'pose', pose_matrix(body))
                self._bodies[body.mesh].draw(kind, 0., AHEAD_M)

    def draw_leaves(self, kind: str, x_m: float, ahead_m: float = AHEAD_M) -> None:
        """Draw what is cut out by alpha."""
        self._leaves.draw(kind, x_m, ahead_m)

    def release(self) -> None:
        """Free the memory."""
        self.textures.release()
        for part in (self._street, self._leaves, *self._bodies):
            part.release()
