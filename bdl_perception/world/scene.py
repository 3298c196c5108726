# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the renderer is given: still and moving meshes, textures, lamps and the sky."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bdl_perception.world.mesh import Mesh
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Body(NamedTuple):
    """A thing that moves: which mesh, and where it is now."""

    mesh_index: int
    position: tuple[float, float, float]  # m
    yaw_rad: float


@dataclass(frozen=True)
class Scene:
    """Everything that is uploaded once per drive."""

    static_mesh: Mesh
    cutout_mesh: Mesh
    body_meshes: tuple[Mesh, ...]
    textures: NDArray[np.uint8]  # (L, S, S, 4)
    lamps: Floats  # (N, 3) m


@dataclass(frozen=True)
class Sky:
    """What a drive fixes about its sky."""

    sun_direction: Floats  # (3,) unit vector towards the sun
    cloud_shift: float


EGL_LIBRARIES: dict[str, Any] = {  # the files of the run-time packages: no -dev links are needed
    'backend': 'egl', 'libgl': 'libGL.so.1', 'libegl': 'libEGL.so.1'}


class NoGraphicsError(RuntimeError):
    """There is no off-screen OpenGL on this machine."""


def open_context() -> Any:
    """Open an off-screen OpenGL context through EGL; no display is needed."""
    import moderngl
    try:
        return moderngl.create_context(standalone=True, **EGL_LIBRARIES)
    except Exception as error:  # moderngl raises bare Exception and OSError alike
        raise NoGraphicsError(
            'no off-screen OpenGL (EGL); on Debian and Ubuntu: '
            'apt install libegl1 libegl-mesa0 libgl1 libgl1-mesa-dri') from error


def set_uniforms(program: Any, values: Mapping[str, object]) -> None:
    """Set the uniforms that the compiler has kept."""
    for name, value in values.items():
        if name in program:
            program[name].value = tuple(value) if isinstance(value, np.ndarray) else value


def set_uniform_matrix(program: Any, name: str, matrix: NDArray[np.float64]) -> None:
    """Set a uniform (4, 4) matrix; OpenGL keeps columns."""
    program[name].write(matrix.T.astype('f4').tobytes())



DRAW_BEHIND_M, DRAW_AHEAD_M = 25., 265.  # part of the street that is drawn; depth images end at 256 m
MAX_LAMPS = 8
LAMP_FOCUS_AHEAD_M = 12.  # the lamps nearest to this point count

# How a corner of a mesh is read by each kind of shader; x skips bytes.
SURFACE_ATTRIBUTES = ('3f 3f 2f 4f 4f', 'position', 'normal', 'uv', 'colour_metal', 'surface')
DEPTH_ATTRIBUTES = ('3f 52x', 'position')
LEAF_ATTRIBUTES = ('3f 12x 2f 16x 4f', 'position', 'uv', 'surface')


class ShaderPrograms(NamedTuple):
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


class _GpuMesh:
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
        first, last = np.searchsorted(self._x_m, (x_m - DRAW_BEHIND_M, x_m + ahead_m))
        self._arrays[kind].render(first=int(first) * 3, vertices=int(last - first) * 3)

    def release(self) -> None:
        if self._buffer is not None:
            for array in self._arrays.values():
                array.release()
            self._buffer.release()


class GpuScene:
    """Buffers and textures of one scene."""

    def __init__(self, context: Any, programs: ShaderPrograms, scene: Scene) -> None:
        """Upload everything."""
        layers, side, _, channels = scene.textures.shape
        self.textures = context.texture_array((side, side, layers), channels,
                                              scene.textures.tobytes())
        self.textures.build_mipmaps()
        self.textures.filter = context.LINEAR_MIPMAP_LINEAR, context.LINEAR
        self._lamps = scene.lamps
        surface = programs.surface
        self._street = _GpuMesh(context, scene.static_mesh, surface, programs.depth, DEPTH_ATTRIBUTES)
        self._leaves = _GpuMesh(context, scene.cutout_mesh, surface, programs.leaf, LEAF_ATTRIBUTES)
        self._bodies = [_GpuMesh(context, mesh, surface, programs.depth, DEPTH_ATTRIBUTES)
                        for mesh in scene.body_meshes]

    def nearest_lamps(self, eye: Floats) -> Floats:
        """Return the lamps that light the road ahead, (at most LAMPS, 3)."""
        distance = np.linalg.norm(self._lamps - eye - (LAMP_FOCUS_AHEAD_M, 0, 0), axis=1)
        return np.asarray(self._lamps[np.argsort(distance)[:MAX_LAMPS]])

    def draw(self, program: Any, kind: str, bodies: Sequence[Body], x_m: float,
             ahead_m: float = DRAW_AHEAD_M) -> None:
        """Draw the street and what moves on it, as far as ahead_m from the camera at x_m."""
        set_uniform_matrix(program, 'pose', np.eye(4))
        self._street.draw(kind, x_m, ahead_m)
        for body in bodies:
            if -DRAW_BEHIND_M < body.position[0] - x_m < ahead_m:
                set_uniform_matrix(program, 'pose', pose_matrix(body))
                self._bodies[body.mesh_index].draw(kind, 0., DRAW_AHEAD_M)

    def draw_leaves(self, kind: str, x_m: float, ahead_m: float = DRAW_AHEAD_M) -> None:
        """Draw what is cut out by alpha."""
        self._leaves.draw(kind, x_m, ahead_m)

    def release(self) -> None:
        """Free the memory."""
        self.textures.release()
        for part in (self._street, self._leaves, *self._bodies):
            part.release()
