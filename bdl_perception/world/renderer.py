# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Off-screen renderer of a scene: colour, depth along the optical axis, class ids."""
from collections.abc import Sequence
from typing import NamedTuple

from bdl_perception.perception.data_types import CLASS_NAMES
from bdl_perception.world import shaders
from bdl_perception.world.camera import CameraPose, Pinhole
from bdl_perception.world.conditions import Light
from bdl_perception.world.scene import (
    Body,
    GpuScene,
    MAX_LAMPS,
    open_context,
    Scene,
    set_uniform_matrix,
    set_uniforms,
    ShaderPrograms,
    Sky,
)
from bdl_perception.world.shadows import (
    shadow_matrix,
    shadow_normal_offset_m,
    SHADOW_TEXELS,
    slope_aside_m,
)
from bdl_perception.world.shapes import Floats
from bdl_perception.world.textures import FACADE_LAYERS, TEXTURE_LAYERS
import numpy as np
from numpy.typing import NDArray

GROUND_CLASSES = tuple(CLASS_NAMES.index(name) for name in ('road', 'pavement'))
SKY_DEPTH_M = 1e8  # m; the shader of the sky writes 1e9
LIGHT_UNIFORMS = ('sun_light', 'sky_light', 'ground_light', 'fog_light', 'zenith', 'fog_density',
                  'night', 'snow', 'wet')  # fields of Light with the name of their uniform
SUPERSAMPLING = 2  # per side: four samples a pixel
SHADOW_CENTRE_AHEAD_M, SHADOW_CASTERS_AHEAD_M = 45., 110.
SHADOW_STEP_M = 5.  # the map moves in steps; otherwise the edges of shadows would crawl


class Rendering(NamedTuple):
    """A clean frame and its ground truth."""

    rgb: NDArray[np.float32]  # (H, W, 3), 0 to 255
    depth: NDArray[np.float32]  # (H, W) m along the optical axis, +Inf: sky
    classes: NDArray[np.uint8]  # (H, W)


def resolve_samples(samples: NDArray[np.float32], step: int) -> tuple[
        NDArray[np.float32], NDArray[np.uint8]]:
    """
    Reduce (H*step, W*step, 2) samples of depth and class to one of each per pixel.

    The class is the most frequent one. On one surface the depth is 1 / mean(1 / depth) over the
    samples: 1/depth is linear over the image of a plane, so this is the depth at the centre of
    the pixel. At an edge it is the nearest sample of the chosen class, since a mean would lie
    between two surfaces. Ground counts as one surface at any range of depth, over the samples of
    the chosen class.
    """
    corners = [samples[i::step, j::step] for i in range(step) for j in range(step)]
    depth = np.stack([corner[..., 0] for corner in corners])  # (samples, H, W) m
    ids = np.stack([corner[..., 1] for corner in corners])  # (samples, H, W)
    nearest = depth.min(axis=0)
    one_surface = (ids == ids[0]).all(axis=0) & (depth.max(axis=0) < 1.15 * nearest)
    resolved = len(corners) / (1 / depth).sum(axis=0)  # (H, W) m
    classes = ids[0].copy()
    edge_ids, edge_depth = ids[:, ~one_surface], depth[:, ~one_surface]  # (samples, edges)
    votes = (edge_ids[:, None] == edge_ids[None]).sum(axis=0)
    chosen = np.take_along_axis(edge_ids, votes.argmax(axis=0)[None], axis=0)[0]
    classes[~one_surface] = chosen
    nearest = np.where(edge_ids == chosen, edge_depth, np.inf).min(axis=0)
    middle = votes.max(axis=0) / np.where(edge_ids == chosen, 1 / edge_depth, 0).sum(axis=0)
    resolved[~one_surface] = np.where(np.isin(chosen, GROUND_CLASSES), middle, nearest)
    resolved[resolved > SKY_DEPTH_M] = np.inf
    return resolved, classes.astype(np.uint8)


class Renderer:
    """An OpenGL context with frame buffers of one size; draws one scene after another."""

    def __init__(self, width: int, height: int) -> None:
        """Open the context, compile the shaders and create the buffers."""
        self.width, self.height = width, height
        self.context = open_context()
        program = self.context.program
        self._programs = ShaderPrograms(program(shaders.SURFACE_VERTEX, shaders.SURFACE_FRAGMENT),
                                        program(shaders.DEPTH_VERTEX, shaders.DEPTH_FRAGMENT),
                                        program(shaders.LEAF_VERTEX, shaders.LEAF_FRAGMENT))
        self._sky = program(shaders.SKY_VERTEX, shaders.SKY_FRAGMENT)
        self._make_buffers()
        triangle = np.array([-1, -1, 3, -1, -1, 3], 'f4')  # covers the screen
        self._screen = self.context.vertex_array(
            self._sky, [(self.context.buffer(triangle.tobytes()), '2f', 'corner')])
        self._scene: GpuScene | None = None

    def _make_buffers(self) -> None:
        size = self.width * SUPERSAMPLING, self.height * SUPERSAMPLING
        self._colour = self.context.texture(size, 4)
        self._geometry = self.context.texture(size, 2, dtype='f4')
        self._frame = self.context.framebuffer([self._colour, self._geometry],
                                               self.context.depth_renderbuffer(size))
        self._mirror = self.context.texture((self.width, self.height), 4, dtype='f2')
        self._mirror_frame = self.context.framebuffer(
            [self._mirror, self.context.texture((self.width, self.height), 2, dtype='f4')],
            self.context.depth_renderbuffer((self.width, self.height)))
        self._shadow_map = self.context.depth_texture((SHADOW_TEXELS,) * 2)
        self._shadow_map.compare_func = '<='
        self._shadow_frame = self.context.framebuffer([], self._shadow_map)

    def load_scene(self, scene: Scene) -> None:
        """Upload a scene; it replaces the one before."""
        with self.context:
            if self._scene is not None:
                self._scene.release()
            self._scene = GpuScene(self.context, self._programs, scene)

    def render(self, pose: CameraPose, pinhole: Pinhole, light: Light, sky: Sky,
               bodies: Sequence[Body], gain: float = 1.,
               mirror_height_m: float = 0.) -> Rendering:
        """
        Draw the loaded scene.

        gain multiplies the exposure of the light. mirror_height_m: of the road ahead, which
        mirrors where it is wet.
        """
        if self._scene is None:
            raise RuntimeError('no scene to draw: call load_scene() first')
        if (pinhole.width, pinhole.height) != (self.width, self.height):
            raise ValueError(f'pinhole of {pinhole.width}x{pinhole.height}, but the renderer '
                             f'was opened for {self.width}x{self.height}')
        scene = self._scene
        with self.context:  # another renderer may have been current
            scene.textures.use(0)
            self._shadow_map.use(1)
            self._mirror.use(2)
            self._set_light(pose, light, sky, gain, scene)
            self.context.enable(self.context.DEPTH_TEST)
            self._draw_shadows(scene, pose, light, sky, bodies)
            if light.wet > 0:
                self._draw_mirror(scene, pose, pinhole, bodies, mirror_height_m)
            self._frame.use()
            self._frame.clear(0, 0, 0, 1)
            self._draw_surfaces(scene, pose, pinhole, bodies)
            self._draw_sky(pose, pinhole)
            if scene.has_windows:
                self._draw_windows(scene, pose, bodies)
            return self._read_buffers()

    def _set_light(self, pose: CameraPose, light: Light, sky: Sky, gain: float,
                   scene: GpuScene) -> None:
        lamps = scene.nearest_lamps(pose.eye)
        values = {
            **{name: getattr(light, name) for name in LIGHT_UNIFORMS},
            'clouds': light.cloud_cover, 'shadows': light.casts_shadows,
            'exposure': light.exposure * gain, 'eye': pose.eye, 'forward': pose.forward,
            'sun': sky.sun_direction, 'cloud_shift': sky.cloud_shift, 'lamp_count': len(lamps),
            'shadow_lift_m': shadow_normal_offset_m(sky.sun_direction),
            'shadow_aside_m': slope_aside_m() if sky.shadows_fit_slopes else 0.,
            'in_mirror': False, **scene.tunnel_uniforms,
            'first_facade': float(TEXTURE_LAYERS.index(FACADE_LAYERS[0])),
            'last_facade': float(TEXTURE_LAYERS.index(FACADE_LAYERS[-1]))}
        set_uniforms(self._programs.surface, values)
        set_uniforms(self._sky, values)
        padded = np.zeros((MAX_LAMPS, 3), 'f4')
        padded[:len(lamps)] = lamps
        self._programs.surface['lamps'].write(padded.tobytes())

    def _draw_shadows(self, scene: GpuScene, pose: CameraPose, light: Light, sky: Sky,
                      bodies: Sequence[Body]) -> None:
        aim = pose.eye + pose.forward * SHADOW_CENTRE_AHEAD_M
        matrix = shadow_matrix(sky.sun_direction, np.floor(aim / SHADOW_STEP_M) * SHADOW_STEP_M)
        set_uniform_matrix(self._programs.surface, 'shadow_view', matrix)
        if light.casts_shadows <= .5:
            return
        self._shadow_frame.use()
        self._shadow_frame.clear()
        set_uniform_matrix(self._programs.depth, 'view_projection', matrix)
        scene.draw(self._programs.depth, 'depth', bodies, pose.eye[0], SHADOW_CASTERS_AHEAD_M)
        set_uniform_matrix(self._programs.leaf, 'view_projection', matrix)
        scene.draw_leaves('depth', pose.eye[0], SHADOW_CASTERS_AHEAD_M)

    def _draw_mirror(self, scene: GpuScene, pose: CameraPose, pinhole: Pinhole,
                     bodies: Sequence[Body], height_m: float) -> None:
        """Draw what a level mirror at a height shows, in linear light."""
        flip = np.diag([1., 1., -1., 1.])
        flip[2, 3] = 2 * height_m
        for program in (self._programs.surface, self._sky):
            set_uniforms(program, {'in_mirror': True})
        self._mirror_frame.use()
        self._mirror_frame.clear(0, 0, 0, 1)
        self._draw_surfaces(scene, pose, pinhole, bodies, flip)
        level = np.array([1., 1., -1.])
        below = CameraPose(pose.eye, pose.forward * level, pose.right * level, pose.up * level)
        set_uniforms(self._sky, {'forward': below.forward})
        self._draw_sky(below, pinhole)
        set_uniforms(self._sky, {'forward': pose.forward})
        for program in (self._programs.surface, self._sky):
            set_uniforms(program, {'in_mirror': False})

    def _draw_surfaces(self, scene: GpuScene, pose: CameraPose, pinhole: Pinhole,
                       bodies: Sequence[Body], flip: Floats | None = None) -> None:
        program, view = self._programs.surface, pose.view_matrix()
        set_uniform_matrix(program, 'view_projection', pinhole.projection_matrix() @ (
            view if flip is None else view @ flip))
        set_uniforms(program, {'textures': 0, 'shadow_map': 1, 'mirror': 2, 'cutout': False})
        scene.draw(program, 'surface', bodies, pose.eye[0])
        set_uniforms(program, {'cutout': True})
        set_uniform_matrix(program, 'pose', np.eye(4))
        scene.draw_leaves('surface', pose.eye[0])

    def _draw_windows(self, scene: GpuScene, pose: CameraPose, bodies: Sequence[Body]) -> None:
        """Blend windows with what is behind them; depth and class are those of the glass."""
        set_uniforms(self._programs.surface, {'cutout': False})
        self.context.enable(self.context.BLEND)
        self.context.blend_func = self.context.SRC_ALPHA, self.context.ONE_MINUS_SRC_ALPHA
        scene.draw(self._programs.surface, 'surface', bodies, pose.eye[0], windows=True)
        self.context.disable(self.context.BLEND)

    def _draw_sky(self, pose: CameraPose, pinhole: Pinhole) -> None:
        set_uniforms(self._sky, {'right_edge': pose.right * (pinhole.width / 2 / pinhole.fx),
                                 'top_edge': pose.up * (pinhole.height / 2 / pinhole.fy)})
        self._screen.render(vertices=3)

    def _read_buffers(self) -> Rendering:
        height, width = self.height * SUPERSAMPLING, self.width * SUPERSAMPLING
        colour = np.frombuffer(self._colour.read(), np.uint8).reshape(height, width, 4)
        samples = np.frombuffer(self._geometry.read(), np.float32).reshape(height, width, 2)
        blocks = colour[::-1, :, :3].reshape(self.height, SUPERSAMPLING, self.width,
                                             SUPERSAMPLING, 3)
        depth, classes = resolve_samples(samples[::-1], SUPERSAMPLING)
        return Rendering(blocks.mean(axis=(1, 3), dtype=np.float32), depth, classes)
