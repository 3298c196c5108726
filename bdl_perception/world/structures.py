# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Tunnels, bridges over the road, and construction sites."""
from collections.abc import Collection
from dataclasses import dataclass, replace

from bdl_perception.world.furniture import traffic_sign
from bdl_perception.world.mesh import concatenate_meshes, Material, Mesh, mesh_from_parts, Part
from bdl_perception.world.people import draw_appearance, pedestrian
from bdl_perception.world.roadside import Roadside
from bdl_perception.world.scene import DAYLIGHT_M, TunnelLight
from bdl_perception.world.shapes import box, cylinder, disc, Floats, quad, ribbon, rod
from bdl_perception.world.street import Street
from bdl_perception.world.vehicles import truck
import numpy as np

TUNNEL_FROM_M, TUNNEL_LENGTH_M = (-70., 50.), (70., 170.)
BRIDGE_AT_M, CONSTRUCTION_FROM_M = (14., 75.), (9., 40.)
WALL_GAP_M = .4  # between pavement and wall
PORTAL_M = 16.  # width of the portal wall beside the opening
COVER_M = 3.  # of earth over a tunnel
CONCRETE = (.58, .57, .55)
ORANGE, WHITE = Material((.95, .36, .06), rough=.6), Material((.92, .92, .9), rough=.5)
YELLOW = Material((.9, .62, .08), rough=.5)


@dataclass(frozen=True)
class Tunnel:
    """The inside of a tunnel, where daylight comes from its two ends alone."""

    start_m: float
    end_m: float
    height_m: float  # above the road
    half_width_m: float
    middle_y: tuple[float, ...]  # world y by the share s of its length: a + b s + c s^2 + d s^3
    top_z: float

    @property
    def light(self) -> TunnelLight:
        """Return what the shader needs of it."""
        return TunnelLight((self.start_m, self.end_m), self.middle_y,
                           (self.half_width_m, self.top_z))

    def shade(self, x_m: float) -> float:
        """Return the share of daylight that is missing at a place of the road, 0 to 1."""
        inside_m = min(x_m - self.start_m, self.end_m - x_m)
        return float(1 - np.exp(-max(0., inside_m) / DAYLIGHT_M))


def plan_tunnel(street: Street, rng: np.random.Generator) -> Tunnel:
    """Draw a tunnel around or ahead of the first position of the camera."""
    start = max(street.start_m, rng.uniform(*TUNNEL_FROM_M))
    end = min(start + rng.uniform(*TUNNEL_LENGTH_M), street.end_m - 60)
    height = 7.2 if street.kind == 'motorway' else rng.uniform(4.8, 6.)
    middle = (street.near_kerb + street.far_kerb) / 2
    places = np.linspace(start, end, 9)
    y = street.centreline_y(places) + street.traffic_side * middle
    fitted = tuple(np.polyfit(np.linspace(0, 1, 9), y, 3)[::-1].tolist())
    half = (street.far_kerb - street.near_kerb) / 2 + street.pavement_m + WALL_GAP_M
    return Tunnel(start, end, height, half, fitted,
                  float(street.elevation(places).max()) + height + .1)


def build_tunnel(roadside: Roadside, tunnel: Tunnel, rng: np.random.Generator) -> None:
    """Build walls, ceiling, lamps, portals and the earth above."""
    street, height = roadside.street, tunnel.height_m
    tone = rng.uniform(.8, 1.15)
    red, green, blue = (tone * part for part in CONCRETE)
    concrete = Material((red, green, blue), 'paving' if rng.random() < .4 else 'plain', rough=.7)
    low, high = (street.kerb_offset(side, street.pavement_m + WALL_GAP_M) for side in (-1, 1))
    x = street.sample_positions(tunnel.start_m, tunnel.end_m)

    def strip(first: tuple[float, float], last: tuple[float, float], class_name: str,
              material: Material) -> None:
        shape = ribbon(street.polyline(x, *first), street.polyline(x, *last), 4.)
        roadside.builder.add(shape, class_name, material)

    lower = Material((.8, .8, .77) if rng.random() < .5 else (red, green, blue), rough=.45)
    for d in (low, high):
        strip((d, -.3), (d, 2.2), 'building', lower)
        strip((d, 2.2), (d, height), 'building', concrete)
    strip((low, height), (high, height), 'building', concrete)
    earth = Material((.95, 1., .85), 'grass', rough=1.)
    for outer, edge in ((low - PORTAL_M, low), (high + PORTAL_M, high)):
        strip((outer, 0.), (edge, height + COVER_M), 'tree', earth)
    strip((low, height + COVER_M), (high, height + COVER_M), 'tree', earth)
    lamp = Material((1., .93, .78) if rng.random() < .5 else (.9, .95, 1.), emission=1.6)
    spacing = rng.uniform(5, 11)
    for d in (low + .25 * (high - low), low + .75 * (high - low)):
        for place in np.arange(tunnel.start_m + 2, tunnel.end_m - 2, spacing):
            roadside.place(mesh_from_parts('building', [(box(1.6, .25, .08), lamp)]), place, d,
                           street.heading(place), height - .1)
    for place in (tunnel.start_m, tunnel.end_m):
        _add_portal(roadside, place, (low, high), height, concrete)


def _add_portal(roadside: Roadside, x_m: float, opening: tuple[float, float], height_m: float,
                concrete: Material) -> None:
    """Add the wall around an opening, a little before the tunnel."""
    (low, high), top = opening, height_m + COVER_M + .6

    def wall(first: tuple[float, float], last: tuple[float, float]) -> None:
        corners = [roadside.street.world_point(x_m, d, z) for d, z in (
            first, (last[0], first[1]), last, (first[0], last[1]))]
        roadside.builder.add(quad(corners), 'building', concrete)

    wall((low - .6, height_m - .1), (high + .6, top))
    for outer, edge in ((low - PORTAL_M * .5, low), (high + PORTAL_M * .5, high)):
        wall((outer, -.5), (edge, top))


def build_bridge(roadside: Roadside, rng: np.random.Generator) -> None:
    """Build a bridge over the road: deck, railings, abutments, piers beside a median."""
    street, x = roadside.street, rng.uniform(*BRIDGE_AT_M)
    deck_m, clear_m = rng.uniform(6, 14), 6.9 if street.kind == 'motorway' else rng.uniform(4.6, 6)
    beyond = street.pavement_m + rng.uniform(.5, 3.)
    width = street.far_kerb - street.near_kerb + 2 * beyond
    red, green, blue = (rng.uniform(.75, 1.15) * part for part in CONCRETE)
    concrete = Material((red, green, blue), rough=.8)
    parts: list[Part] = [(box(deck_m, width + 40, 1.1).translated(0, 0, clear_m), concrete),
                         (box(deck_m + .5, width + 40, .3).translated(0, 0, clear_m + .9),
                          concrete)]
    for side in (-1, 1):
        wall = box(deck_m, 4., clear_m + 1).translated(0, side * (width / 2 + 2), -.5)
        parts.append((wall, concrete))
        parts += [(cylinder(.45, clear_m, 10).translated(side * deck_m * .3, 0, 0), concrete)
                  ] if street.median_m > 1.4 else []
    rails = [(box(.05, width + 40, .06).translated(side * deck_m / 2, 0, clear_m + z),
              Material((.3, .38, .42), rough=.5)) for side in (-1, 1) for z in (1.6, 2.1)]
    rails += [(box(.05, .05, 1.).translated(side * deck_m / 2, y, clear_m + 1.2),
               Material((.3, .38, .42), rough=.5)) for side in (-1, 1)
              for y in np.arange(-width / 2 - 20, width / 2 + 20, 2.)]
    middle = (street.near_kerb + street.far_kerb) / 2
    roadside.occupancy.claim(x, middle, deck_m + 4, width + 12)
    roadside.place(concatenate_meshes([mesh_from_parts('building', parts),
                                       mesh_from_parts('fence', rails)]), x, middle,
                   street.heading(x))


def _barrier_board(rng: np.random.Generator) -> Mesh:
    """Build a red and white board on two feet, 2 m along x."""
    red = Material((.82, .07, .05), rough=.5)
    boards = [(box(.4, .05, .22).translated(-.8 + .4 * i, 0, .8), red if i % 2 else WHITE)
              for i in range(5)]
    feet = [(box(.07, .5, .06).translated(x, 0, 0), ORANGE) for x in (-.8, .8)]
    feet += [(box(.05, .05, .95).translated(x, 0, 0), WHITE) for x in (-.8, .8)]
    return mesh_from_parts('fence', [*boards, *feet])


def _cone() -> Mesh:
    return mesh_from_parts('pole', [
        (box(.38, .38, .04), ORANGE), (cylinder(.15, .72, 10, .2), ORANGE),
        (cylinder(.118, .14, 10, .82).translated(0, 0, .28), WHITE)])


def _excavator() -> Mesh:
    """Build an excavator on tracks, its arm towards +x."""
    dark = Material((.09, .09, .09))
    arm: list[Floats] = [np.array(place) for place in (
        (.6, -.4, 1.6), (2.6, -.4, 3.4), (4.2, -.4, 2.1), (4., -.4, .7))]
    return mesh_from_parts('car', [
        *((box(3.2, .5, .8).translated(0, side * .95, 0), dark) for side in (-1, 1)),
        *((disc(.38, .52, 10).translated(x, side * .95, .4), dark)
          for side in (-1, 1) for x in (-1.5, 1.5)),
        (box(2.8, 2.2, 1.).translated(-.4, 0, .95), YELLOW),
        (box(1.2, 1., 1.3).translated(.5, .5, 1.7), Material((.1, .12, .13), rough=.1)),
        (box(1.25, 1.05, .12).translated(.5, .5, 3.), YELLOW),
        *((rod(start, end, .17, 6), YELLOW) for start, end in zip(arm, arm[1:], strict=False)),
        (box(.8, 1., .6).translated(3.9, -.4, .2), dark)])


def build_construction_site(roadside: Roadside, rng: np.random.Generator) -> None:
    """Close a strip beside the lanes with cones and boards; machines and workers stand there."""
    street, side = roadside.street, int(rng.choice((-1, 1)))
    start = rng.uniform(*CONSTRUCTION_FROM_M)
    end = start + rng.uniform(16, 45)
    edge = street.kerb_offset(side, -.85 * street.shoulder_m)
    deep = street.kerb_offset(side, street.pavement_m + rng.uniform(1.5, 4))
    middle = edge + .55 * (deep - edge)
    roadside.occupancy.claim((start + end) / 2, (edge + deep) / 2, end - start + 2,
                             abs(deep - edge))
    board, cone = _barrier_board(rng), _cone()
    boards = rng.random() < .5
    for x in np.arange(start, end, 2.3 if boards else rng.uniform(2.5, 5)):
        roadside.place(board if boards else cone, x, edge, street.heading(x) + rng.normal(0, .06))
    for x in (start, end):
        for share in (.15, .5, .85):
            roadside.place(board, x, edge + share * (deep - edge),
                           street.heading(x) + np.pi / 2, .05)
    roadside.place(traffic_sign(rng), start - 2, street.kerb_offset(side, .6),
                   street.heading(start) + np.pi * (side > 0), .1)
    x = rng.uniform(start + 4, max(start + 5, end - 6))
    machine = _excavator() if rng.random() < .6 else truck(rng).mesh
    roadside.place(machine, x, middle, street.heading(x) + rng.choice((0, np.pi))
                   + rng.normal(0, .2), .1)
    for _ in range(int(rng.integers(1, 4))):
        worker, at = draw_appearance(rng), rng.uniform(start, end)
        worker = replace(worker, top=(.95, .42, .05), hair=(.9, .75, .1))
        roadside.place(pedestrian(worker, int(rng.integers(4))), at, edge + rng.uniform(.2, .5)
                       * (deep - edge), rng.uniform(0, 6.28), .1)


def build_structures(roadside: Roadside, tunnel: Tunnel | None, features: Collection[str],
                     rng: np.random.Generator) -> None:
    """Build what a drive has of these, before all else is placed."""
    if tunnel:
        length = tunnel.end_m - tunnel.start_m
        roadside.occupancy.claim((tunnel.start_m + tunnel.end_m) / 2, 0., length + 6, 120.)
        build_tunnel(roadside, tunnel, rng)
        return
    if 'bridge' in features:
        build_bridge(roadside, rng)
    if 'construction_site' in features:
        build_construction_site(roadside, rng)
