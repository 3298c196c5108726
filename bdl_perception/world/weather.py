# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Falling snow and clouds of smoke, drawn over a rendered frame by the depth of its pixels."""
from dataclasses import dataclass

from bdl_perception.world.camera import CameraPose, Image, Pinhole
from bdl_perception.world.conditions import Light
from bdl_perception.world.shapes import Floats, Point
import cv2
import numpy as np

FLAKES_PER_M3 = 7.
FLAKE_RANGE_M = .5, 14.  # farther flakes are part of the visibility of the light
FLAKE_SIZE_M = .017
EXPOSURE_S = .008  # a flake is a streak of this duration
FALL_MPS = 1.2
STREAK_POINTS = 7
PUFFS = 70
NOISE_TILE = 128  # px; repeats without a seam


def add_snowfall(rgb: Image, depth: Image, pinhole: Pinhole, speed_mps: float, amount: float,
                 rng: np.random.Generator) -> Image:
    """Draw flakes before what is farther away; those near the lens are out of focus."""
    if amount <= 0:
        return rgb
    near, far = FLAKE_RANGE_M
    half = np.array([pinhole.width / pinhole.fx, pinhole.height / pinhole.fy]) / 2
    count = rng.poisson(amount * FLAKES_PER_M3 * 4 * half.prod() * far ** 3 / 3)
    range_m = np.maximum(far * rng.random(count) ** (1 / 3), near)
    place = np.c_[rng.uniform(-half, half, (count, 2)) * range_m[:, None], range_m]  # (N, 3) m
    motion = np.array([.6, FALL_MPS, -speed_mps]) + rng.normal(0, .4, (count, 3))
    opacity = np.zeros(depth.shape, np.float32)
    size_px = FLAKE_SIZE_M * rng.uniform(.4, 1.5, count) * pinhole.fx / range_m
    for low, high in ((0., .6), (.6, 1.5), (1.5, 4.), (4., np.inf)):
        chosen = (size_px >= low) & (size_px < high)
        if chosen.any():
            opacity += _flake_layer(place[chosen], motion[chosen], size_px[chosen], depth, pinhole)
    cover = (1 - np.exp(-1.1 * opacity))[..., None]
    flake = .4 * float(np.percentile(rgb, 97)) + .6 * 255
    return np.asarray(rgb * (1 - cover) + flake * cover, np.float32)


def _flake_layer(place: Floats, motion: Floats, size_px: Floats, depth: Image,
                 pinhole: Pinhole) -> Image:
    """Return the optical depth (H, W) of flakes of about one size."""
    height, width = depth.shape
    layer = np.zeros(depth.shape, np.float32)
    for step in np.linspace(0, EXPOSURE_S, STREAK_POINTS):
        x, y, z = (place + step * motion).T
        z = np.maximum(z, .1)
        column, row = (np.round(pinhole.cx + pinhole.fx * x / z).astype(int),
                       np.round(pinhole.cy + pinhole.fy * y / z).astype(int))
        shown = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        row, column, area = row[shown], column[shown], np.pi / 4 * size_px[shown] ** 2
        visible = depth[row, column] > z[shown]
        np.add.at(layer, (row[visible], column[visible]), area[visible] / STREAK_POINTS)
    blur_px = max(.45, float(np.median(size_px)) / 2.6)
    return np.asarray(cv2.GaussianBlur(layer, (0, 0), blur_px), np.float32)


@dataclass(frozen=True)
class Smoke:
    """A cloud of puffs that rise from a source beside the road and drift across it."""

    source: Floats  # (N, 3) m, where each puff is born
    wind_mps: Floats  # (3,)
    life_s: Floats  # (N,)
    phase: Floats  # (N,) of its life at time 0
    size_m: Floats  # (N,) sd of a young puff
    density: Floats  # (N,) extinction at its middle, 1/m
    albedo: float
    noise: Image  # (NOISE_TILE, NOISE_TILE), mean 1

    def apply(self, rgb: Image, depth: Image, pose: CameraPose, pinhole: Pinhole, time_s: float,
              brightness: float, amount: float) -> Image:
        """
        Draw the cloud over an image by Beer's law, farthest puff first.

        brightness: of a white puff in the light of the scene, 0 to 255.
        """
        if amount <= 0:
            return rgb
        age = (self.phase + time_s / self.life_s) % 1
        middle = self.source + self.wind_mps * (age * self.life_s)[:, None]
        sd = self.size_m * (1 + 2.2 * age)
        density = amount * self.density * np.minimum(age * 8, 1) * (1 - age) / (1 + 1.2 * age) ** 2
        axes = np.stack([pose.right, -pose.up, pose.forward])
        local = (middle - pose.eye) @ axes.T  # (N, 3) m: right, down, ahead
        image: Image = rgb.copy()
        for index in np.argsort(-local[:, 2]):
            if local[index, 2] > -sd[index]:
                self._add_puff(image, depth, pinhole, local[index],
                               (float(sd[index]), float(density[index]), int(index)), brightness)
        return image

    def _add_puff(self, image: Image, depth: Image, pinhole: Pinhole,
                  middle: Floats, puff: tuple[float, float, int], brightness: float) -> None:
        """Draw one puff in place: size m, density 1/m and number; middle right, down, ahead."""
        sd, density, number = puff
        part = _puff_window(pinhole, middle, 2.8 * sd)
        if part is None:
            return
        rows, columns = part
        v, u = np.mgrid[rows, columns].astype(np.float32)
        ray = np.stack([(u - pinhole.cx) / pinhole.fx, (v - pinhole.cy) / pinhole.fy,
                        np.ones_like(u)], axis=-1)
        length = np.linalg.norm(ray, axis=-1)
        ray /= length[..., None]
        end_m = np.asarray(np.minimum(depth[rows, columns], 1e4) * length, np.float32)
        along = np.asarray(ray @ middle, np.float32)
        beside = np.maximum(middle @ middle - along ** 2, 0)
        offset = middle[1] - along * ray[..., 1]  # > 0: above the middle of the puff
        ragged = self._noise(ray, middle, sd, number)
        column_m = sd * np.sqrt(np.pi / 2) * (_erf((end_m - along) / (1.414 * sd))
                                              + _erf(along / (1.414 * sd)))
        depth_units = density * ragged * np.exp(-beside / (2 * sd ** 2)) * column_m
        passed = np.exp(-np.maximum(depth_units, 0))[..., None]
        lit = np.clip(.72 + .3 * offset / sd + .25 * (ragged - 1), .3, 1.15)[..., None]
        glow = brightness * self.albedo * lit
        image[rows, columns] = image[rows, columns] * passed + glow * (1 - passed)

    def _noise(self, ray: Image, middle: Floats, sd: float, number: int) -> Image:
        """Return the texture of a puff, mean 1, which moves and grows with it."""
        scale = NOISE_TILE / (5 * sd)
        ahead = max(float(middle[2]), sd)
        u = (ray[..., 0] / ray[..., 2] * ahead - middle[0]) * scale + 37 * number
        v = (ray[..., 1] / ray[..., 2] * ahead - middle[1]) * scale + 53 * number
        return np.asarray(cv2.remap(
            self.noise, np.asarray(u % NOISE_TILE, np.float32),
            np.asarray(v % NOISE_TILE, np.float32), cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_WRAP), np.float32)


def white_brightness(light: Light, gain: float) -> float:
    """Return the brightness of a white puff, 0 to 255: the tone curve of the shaders."""
    lit = (.8 * np.mean(light.sky_light) + .4 * np.mean(light.sun_light)) * light.exposure * gain
    tone = lit * (2.51 * lit + .03) / (lit * (2.43 * lit + .59) + .14)
    return float(255 * np.clip(tone, 0, 1) ** (1 / 2.2))


def _erf(x: Image) -> Image:
    """Approximate the error function within .02 by a hyperbolic tangent."""
    return np.asarray(np.tanh(1.2 * x), np.float32)


def _puff_window(pinhole: Pinhole, middle: Floats, reach_m: float) -> tuple[slice, slice] | None:
    """Return rows and columns that a ball may cover; None where it is out of view."""
    x, y, ahead = middle
    if ahead < reach_m * 1.05:  # the camera is in it or beside it
        return slice(0, pinhole.height), slice(0, pinhole.width)
    spread = reach_m / (ahead - reach_m)
    edges = []
    for centre, at, focal, size in ((pinhole.cy, y, pinhole.fy, pinhole.height),
                                    (pinhole.cx, x, pinhole.fx, pinhole.width)):
        low, high = (centre + focal * (at / ahead + sign * spread) for sign in (-1, 1))
        edges.append(slice(max(0, int(low)), min(size, int(high) + 2)))
    return None if any(edge.start >= edge.stop for edge in edges) else (edges[0], edges[1])


def draw_smoke(fire: Point, rng: np.random.Generator) -> Smoke:
    """Draw the smoke of a fire at a place of the world: dark of tyres or pale of hay."""
    across = rng.choice((-1, 1))
    source = np.array(fire) + (0, -across * rng.uniform(0., 2.5), .3)
    pale = rng.random() < .5
    coarse = rng.random((NOISE_TILE // 8, NOISE_TILE // 8), np.float32)
    fine = rng.random((NOISE_TILE // 3, NOISE_TILE // 3), np.float32)
    middle = slice(NOISE_TILE, 2 * NOISE_TILE)  # of three tiles: no seam
    noise = sum(share * cv2.resize(np.tile(grid, (3, 3)), (3 * NOISE_TILE,) * 2,
                                   interpolation=cv2.INTER_CUBIC)[middle, middle]
                for grid, share in ((coarse, 1.3), (fine, .7)))
    return Smoke(
        source + rng.normal(0, (.9, .7, .15), (PUFFS, 3)),
        np.array([rng.normal(0, .25), across * rng.uniform(.25, .8), rng.uniform(.3, .7)]),
        rng.uniform(6, 11, PUFFS), rng.random(PUFFS), rng.uniform(.45, .8, PUFFS),
        rng.uniform(.5, 1.3, PUFFS), float(rng.uniform(.6, .9) if pale else rng.uniform(.1, .3)),
        np.asarray(noise, np.float32))
