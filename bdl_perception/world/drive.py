# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A drive: a seeded street, its traffic, the motion of the camera, and conditions in time."""
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from bdl_perception.world import camera
from bdl_perception.world.buildings import place_buildings, place_skyline
from bdl_perception.world.conditions import (
    blend_lights,
    DAYLIGHT,
    draw_sky,
    Light,
    LIGHTS,
    NOMINAL_CONDITIONS,
    segment_weights,
)
from bdl_perception.world.crossing import add_crossing
from bdl_perception.world.ego_motion import draw_ego_motion, EgoMotion
from bdl_perception.world.furniture import place_furniture
from bdl_perception.world.ground import build_ground
from bdl_perception.world.imaging import draw_lenses, Imaging, View
from bdl_perception.world.mesh import concatenate_meshes
from bdl_perception.world.obstacles import draw_obstacle, KINDS
from bdl_perception.world.renderer import Renderer
from bdl_perception.world.roadside import park_cars, Roadside
from bdl_perception.world.scene import Body, Scene, Sky
from bdl_perception.world.splits import DriveSpec
from bdl_perception.world.street import draw_street, Junction, Street
from bdl_perception.world.structures import build_structures, plan_tunnel, Tunnel
from bdl_perception.world.textures import texture_array
from bdl_perception.world.traffic import draw_traffic, Population, Traffic
from bdl_perception.world.unknown_objects import draw_unknown_objects, FARTHEST_M, UnknownObject
from bdl_perception.world.vegetation import plant_vegetation
from bdl_perception.world.versions import draw_features, possible_features, world_version
from bdl_perception.world.weather import draw_smoke, Smoke
import numpy as np
from numpy.typing import NDArray

FAILED_EXPOSURE_GAIN = 1 / 16  # four stops: a sunny street is as dark as dusk, without its colours
STREET_AHEAD_M = 270.  # length of the street beyond the last position of the camera
# One independent generator per name: a change in one part leaves the others as they were. The
# order may not change within a world version; a new one is added at the end.
RNG_STREAMS = ('street', 'ground', 'buildings', 'furniture', 'vegetation', 'parking', 'traffic',
               'textures', 'camera', 'sky', 'unknown_objects', 'dirt', 'conditions', 'obstacle',
               'rain', 'smoke', 'features', 'crossing', 'wet', 'structures')
TUNNEL_GAIN = 1.6  # which the exposure adds deep in a tunnel
MIRROR_AHEAD_M = 12.  # the height of the road there is that of a wet road that mirrors
OPEN_STREETS = ('rural', 'motorway')  # where a trailer stands against the sky


class Frame(NamedTuple):
    """A frame as the camera stores it, and its ground truth."""

    rgb: NDArray[np.uint8]  # (H, W, 3)
    depth: NDArray[np.float32]  # (H, W) m, +Inf: sky
    classes: NDArray[np.uint8]  # (H, W)


class WorldDrive:
    """A built drive; renders frame by frame."""

    def __init__(self, spec: DriveSpec) -> None:
        """Build the scene from the specification."""
        self.spec = spec
        seeds = np.random.SeedSequence(spec.seed).spawn(len(RNG_STREAMS))
        self._rng = {name: np.random.default_rng(stream)
                     for name, stream in zip(RNG_STREAMS, seeds, strict=True)}
        self.version = world_version(spec.world)
        self._names = {segment.name for segment in spec.segments}
        self._daylight = str(self._rng['conditions'].choice(DAYLIGHT))
        self.street, self.ego = self._draw_street()
        self.features = self._draw_features()
        self._wetness = self._rng['wet'].uniform(.45, 1.) if 'wet_road' in self.features else 0.
        self.tunnel = self._plan_tunnel()
        self.obstacle = draw_obstacle(spec.segments, spec.duration_s, self.ego, self.street,
                                      self._rng['obstacle'])
        if self.obstacle:
            self.ego = replace(self.ego, stop=self.obstacle.stop)
        self._used_junctions: list[Junction] = []
        self.traffic = self._draw_traffic()
        self.unknown_objects = self._draw_unknown_objects()
        self._obstacle_bodies = (self.obstacle.add_to(self.traffic, self.street)
                                 if self.obstacle else [])
        self.scene = self._build_scene()
        self.mount = camera.draw_mount(self._rng['camera'], self.version.camera)
        self._unseen_mount = camera.draw_unseen_mount(self._rng['camera'])
        self.sensor = camera.draw_sensor(self._rng['camera'], self.version.camera)
        self.sky = self._draw_sky()
        self.imaging = Imaging(self.sensor, draw_lenses(
            self._names, self._rng, (spec.height, spec.width)), self._draw_smoke(),
            self.version.glare)
        # A mount that changes within a drive keeps its lens.
        mount = self._unseen_mount if self._names == {'unseen_mount'} else self.mount
        self.pinhole = camera.Pinhole.from_fov(spec.width, spec.height, mount.horizontal_fov_rad)

    def _draw_features(self) -> frozenset[str]:
        light = self._condition_light(self.spec.segments[0].name)
        drawn = draw_features(self.version.shares, self._rng['features'])
        return possible_features(
            drawn, self.street.kind == 'motorway', bool(self.street.junctions),
            light.casts_shadows > 0, not self._names.isdisjoint(KINDS), light.snow > 0)

    def _draw_street(self) -> tuple[Street, EgoMotion]:
        rng = self._rng['street']
        kind = draw_street(rng, 1., self.spec.street_kind).kind
        if 'white_trailer' in self._names and not self.spec.street_kind:
            kind = str(self._rng['obstacle'].choice(OPEN_STREETS))
        ego = draw_ego_motion(rng, kind)
        length_m = ego.position_along(self.spec.duration_s) + STREET_AHEAD_M
        return draw_street(rng, length_m, kind), ego

    def _draw_traffic(self) -> Traffic:
        clear, obstacle = 8., self.obstacle
        if 'unknown_objects' in self._names:
            clear = FARTHEST_M + 8
        if obstacle:
            clear = obstacle.x_m + obstacle.size_m[0] + 8
        duration_s = self.spec.duration_s
        population = Population(self.version.people_density, 'road_cyclists' in self.features,
                                self.version.clear_windows)
        traffic = draw_traffic(self.street, self.ego, duration_s, clear, self._rng['traffic'],
                               population)
        if obstacle:
            traffic.clear(self.street, obstacle.x_m, obstacle.size_m[0], duration_s)
        else:
            self._used_junctions = add_crossing(traffic, self.street, self.ego, duration_s,
                                                self.features, self._rng['crossing'])
        return traffic

    def _draw_unknown_objects(self) -> list[UnknownObject]:
        meshes, objects = draw_unknown_objects(len(self.traffic.meshes),
                                               self._rng['unknown_objects'])
        self.traffic.meshes.extend(meshes)
        return objects

    def _build_scene(self) -> Scene:
        roadside, rng = Roadside(self.street), self._rng
        build_structures(roadside, self.tunnel, self.features, rng['structures'])
        if self.obstacle:
            roadside.occupancy.claim(self.obstacle.x_m, 0., *self.obstacle.size_m)
        build_ground(roadside, rng['ground'])
        place_buildings(roadside, rng['buildings'])
        place_skyline(roadside, rng['buildings'])
        lamps = place_furniture(roadside, rng['furniture'])
        for side, start, end in self._used_junctions:  # no car waits there
            roadside.occupancy.claim((start + end) / 2, self.street.kerb_offset(side, 12.),
                                     end - start, 14.)
        park_cars(roadside, rng['parking'], self.version.clear_windows)
        plant_vegetation(roadside, rng['vegetation'], 'avenue' in self.features)
        builder = roadside.builder
        return Scene(concatenate_meshes(builder.opaque), concatenate_meshes(builder.cutout),
                     tuple(self.traffic.meshes), texture_array(rng['textures']), lamps,
                     self.tunnel.light if self.tunnel else None)

    def _plan_tunnel(self) -> Tunnel | None:
        """Plan a tunnel; no side street joins in it."""
        if 'tunnel' not in self.features:
            return None
        tunnel = plan_tunnel(self.street, self._rng['structures'])
        self.street = self.street.without_junctions(tunnel.start_m, tunnel.end_m)
        return tunnel

    def _draw_sky(self) -> Sky:
        first = self.spec.segments[0].name
        light = self._condition_light(first)
        if first == 'sun' and self.version.sun_elevation_rad:
            light = replace(light, sun_elevation_rad=self.version.sun_elevation_rad)
        where = ('behind' if 'white_trailer' in self._names else
                 'low ahead' if 'low_sun_ahead' in self.features else None)
        return draw_sky(light, where, self.version.shadows_fit_slopes, self._rng['sky'])

    def _condition_light(self, condition: str) -> Light:
        """Return the light of a condition, else that of the nominal part or the daylight."""
        if condition in LIGHTS:
            return LIGHTS[condition]
        nominal = [s.name for s in self.spec.segments if s.name in NOMINAL_CONDITIONS]
        return LIGHTS[nominal[0] if nominal else self._daylight]

    def light_at(self, time_s: float) -> Light:
        """Return light and air at a time."""
        weights = segment_weights(self.spec.segments, time_s)
        first, last = (self._condition_light(weights[i][0].name) for i in (0, -1))
        return replace(blend_lights(first, last, weights[1][1]) if weights[1:] else first,
                       wet=self._wetness)

    def condition_weight(self, condition: str, time_s: float) -> float:
        """Return the weight of a condition at a time, 0 to 1."""
        return sum(share for segment, share in segment_weights(self.spec.segments, time_s)
                   if segment.name == condition)

    def gain_at(self, time_s: float) -> float:
        """Return the gain of the camera; a failing exposure loses four stops over the fade."""
        lost = self.condition_weight('failing_exposure', time_s)
        gain = self.sensor.gain * float(FAILED_EXPOSURE_GAIN ** lost)
        if self.tunnel is None:
            return gain
        return gain * (1 + TUNNEL_GAIN * self.tunnel.shade(self.ego.position_along(time_s)))

    def camera_pose(self, time_s: float) -> camera.CameraPose:
        """Return the pose of the camera; bumps of the road make it nod."""
        moved = self.condition_weight('unseen_mount', time_s)
        mount, unseen = self.mount, self._unseen_mount
        nod = .004 * np.sin(2 * np.pi * 1.3 * time_s) + .003 * np.sin(2 * np.pi * .47 * time_s)
        x = self.ego.position_along(time_s)
        slope = self.street.elevation(np.array([x - 1, x + 1]))
        return camera.CameraPose.from_angles(
            self.street.world_point(x, self.ego.lateral_offset(time_s),
                                    (1 - moved) * mount.height_m + moved * unseen.height_m),
            self.street.heading(x) + .006 * np.sin(2 * np.pi * .21 * time_s),
            (1 - moved) * mount.pitch_rad + moved * unseen.pitch_rad + nod
            - float(np.arctan((slope[1] - slope[0]) / 2)),
            (1 - moved) * mount.roll_rad + moved * unseen.roll_rad)

    def frames(self, renderer: Renderer) -> Iterator[Frame]:
        """Render the drive; the renderer must have its size."""
        renderer.load_scene(self.scene)
        for index, stamp_ns in enumerate(self.spec.stamps_ns):
            yield self._frame(renderer, index, stamp_ns * 1e-9)

    def _draw_smoke(self) -> Smoke | None:
        if self.obstacle is None or self.obstacle.condition != 'smoke':
            return None
        rng, x = self._rng['smoke'], self.obstacle.x_m
        return draw_smoke(self.street.world_point(x, rng.uniform(-3, 3)), rng)

    def _bodies_at(self, time_s: float) -> list[Body]:
        bodies = self.traffic.bodies_at(self.street, self.ego, time_s)
        if self.condition_weight('unknown_objects', time_s) >= .5:
            x = self.ego.position_along(time_s)
            bodies += [one.body_at(self.street, time_s, x) for one in self.unknown_objects]
        if self.obstacle and self.condition_weight(self.obstacle.condition, time_s) >= .5:
            bodies += self._obstacle_bodies
        return bodies

    def speed_at(self, time_s: float) -> float:
        """Return the speed of the camera, m/s."""
        before, after = (self.ego.position_along(time_s + step) for step in (-.05, .05))
        return (after - before) / .1

    def _frame(self, renderer: Renderer, index: int, time_s: float) -> Frame:
        view = View(self.camera_pose(time_s), self.pinhole, self.light_at(time_s), self.sky,
                    self.gain_at(time_s), self.speed_at(time_s), time_s)
        clean = renderer.render(view.pose, view.pinhole, view.light, view.sky,
                                self._bodies_at(time_s), view.gain,
                                self.street.world_point(
                                    self.ego.position_along(time_s) + MIRROR_AHEAD_M, 0.)[2])
        weights = {name: self.condition_weight(name, time_s) for name in self._names}
        rgb = self.imaging.store(clean, view, weights, (self.spec.seed, index))
        return Frame(rgb, clean.depth, clean.classes)
