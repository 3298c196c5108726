# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The scene that the renderer draws, and its upload to an off-screen OpenGL context.

A scene holds static and moving meshes, textures, lamps and the sky.
"""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bdl_perception.world.mesh import Mesh
from bdl_perception.world.shapes import Floats, Point
import numpy as np
from numpy.typing import NDArray

DAYLIGHT_M = 9.  # from an end of a tunnel, where daylight has fallen to 1 / e
EGL_LIBRARIES: dict[str, Any] = {  # file names of the run-time packages, not of the -dev links
    'backend': 'egl', 'libgl': 'libGL.so.1', 'libegl': 'libEGL.so.1'}
DRAW_BEHIND_M, DRAW_AHEAD_M = 25., 265.  # drawn part of the street; depth images end at 256 m
MAX_LAMPS = 8
LAMP_FOCUS_AHEAD_M = 12.  # the lamps nearest to this point are lit
# How the shaders read a corner of a mesh; x skips bytes.
SURFACE_ATTRIBUTES = ('3f 3f 2f 4f 4f', 'position', 'normal', 'uv', 'colour_metal', 'surface')
DEPTH_ATTRIBUTES = ('3f 52x', 'position')
LEAF_ATTRIBUTES = ('3f 12x 2f 16x 4f', 'position', 'uv', 'surface')


class Body(NamedTuple):
    """The pose of a moving mesh."""

    mesh_index: int
    position: Point
    yaw_rad: float


class TunnelLight(NamedTuple):
    """The inside of a tunnel, for the shader; see structures.Tunnel."""

    span: tuple[float, float]  # x from, x to
    middle: tuple[float, ...]  # world y by the share s of the span: a + b s + c s^2 + d s^3
    size: tuple[float, float]  # half width, z of the ceiling


@dataclass(frozen=True)
class Scene:
    """All that is uploaded once per drive."""

    static_mesh: Mesh
    cutout_mesh: Mesh
    body_meshes: tuple[Mesh, ...]
    textures: NDArray[np.uint8]  # (L, S, S, 4)
    lamps: Floats  # (N, 3) m
    tunnel: TunnelLight | None = None


@dataclass(frozen=True)
class Sky:
    """The sky of a drive."""

    sun_direction: Floats  # (3,) unit vector towards the sun
    cloud_shift: float
    shadows_fit_slopes: bool = False  # False: only level ground does not shade itself


class NoGraphicsError(RuntimeError):
    """Off-screen OpenGL is not available."""


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
    """Set uniforms; those that the compiler has removed are skipped."""
    for name, value in values.items():
        if name in program:
            program[name].value = tuple(value) if isinstance(value, np.ndarray) else value


def set_uniform_matrix(program: Any, name: str, matrix: Floats) -> None:
    """Set a uniform (4, 4) matrix; OpenGL stores columns."""
    program[name].write(matrix.T.astype('f4').tobytes())


class ShaderPrograms(NamedTuple):
    """The compiled shaders of triangles."""

    surface: Any
    depth: Any
    leaf: Any


def pose_matrix(body: Body) -> Floats:
    """Return the transform from a body to the world, (4, 4)."""
    c, s = np.cos(body.yaw_rad), np.sin(body.yaw_rad)
    matrix = np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], float)
    matrix[:3, 3] = body.position
    return matrix


class _GpuMesh:
    """A mesh sorted by x: only the triangles near the camera are drawn."""

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
        self.tunnel_uniforms: dict[str, object] = {'tunnel_span': (0., 0.)}  # none
        if scene.tunnel:
            self.tunnel_uniforms = {f'tunnel_{name}': value
                                    for name, value in scene.tunnel._asdict().items()}
        meshes = [scene.static_mesh, *scene.body_meshes]
        clear = [mesh[:, 0, -1] < 0 for mesh in meshes]
        self.has_windows = any(map(np.any, clear))
        (self._street, *self._bodies), self._windows = (
            [_GpuMesh(context, mesh[part], programs.surface, programs.depth, DEPTH_ATTRIBUTES)
             for mesh, part in zip(meshes, parts, strict=True)]
            for parts in ([~one for one in clear], clear))
        self._leaves = _GpuMesh(context, scene.cutout_mesh, programs.surface, programs.leaf,
                                LEAF_ATTRIBUTES)

    def nearest_lamps(self, eye: Floats) -> Floats:
        """Return the lamps that light the road ahead, (at most MAX_LAMPS, 3)."""
        distance = np.linalg.norm(self._lamps - eye - (LAMP_FOCUS_AHEAD_M, 0, 0), axis=1)
        return np.asarray(self._lamps[np.argsort(distance)[:MAX_LAMPS]])

    def draw(self, program: Any, kind: str, bodies: Sequence[Body], x_m: float,
             ahead_m: float = DRAW_AHEAD_M, windows: bool = False) -> None:
        """Draw the street and the bodies, or their windows, up to ahead_m from x_m."""
        street, *meshes = self._windows if windows else (self._street, *self._bodies)
        set_uniform_matrix(program, 'pose', np.eye(4))
        street.draw(kind, x_m, ahead_m)
        for body in sorted(bodies, key=lambda one: -one.position[0]) if windows else bodies:
            if -DRAW_BEHIND_M < body.position[0] - x_m < ahead_m:
                set_uniform_matrix(program, 'pose', pose_matrix(body))
                meshes[body.mesh_index].draw(kind, 0., DRAW_AHEAD_M)

    def draw_leaves(self, kind: str, x_m: float, ahead_m: float = DRAW_AHEAD_M) -> None:
        """Draw the mesh that alpha cuts out."""
        self._leaves.draw(kind, x_m, ahead_m)

    def release(self) -> None:
        """Free the memory."""
        self.textures.release()
        for part in (self._street, self._leaves, *self._bodies, *self._windows):
            part.release()
