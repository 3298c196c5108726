# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the lens adds: mud and drops of rain on the windscreen, and the glare of the sun."""
from dataclasses import dataclass

from bdl_perception.world.camera import CameraPose, Image, Pinhole
from bdl_perception.world.shapes import Floats
import cv2
import numpy as np
from numpy.typing import NDArray

MIN_DROP, MAX_DROP = .007, .065  # radius in image widths
DROP_VIEW = .14, 2.  # image widths and radii away that a drop shows, upside down
SUN_RADIUS = .012  # image widths around the sun in which sky must be visible
NEAR_FRAME = .25  # image widths outside the frame at which the sun still causes glare


def add_glare(rgb: Image, sky: NDArray[np.bool_], pose: CameraPose, pinhole: Pinhole,
              sun: tuple[Floats, Floats]) -> Image:
    """
    Add the light that lens and windscreen scatter, as far as the sun is visible.

    sky: (H, W), where nothing hides it. sun: unit vector towards it, and its light (3,).
    """
    direction, light = sun
    right, up, ahead = (float(direction @ axis) for axis in (pose.right, pose.up, pose.forward))
    if ahead < .1:
        return rgb
    column, row = (pinhole.cx + pinhole.fx * right / ahead, pinhole.cy - pinhole.fy * up / ahead)
    y, x = np.mgrid[0:pinhole.height, 0:pinhole.width].astype(np.float32)
    distance = np.hypot(x - column, y - row) / pinhole.width
    around = distance < max(SUN_RADIUS, 1.05 * distance.min())
    outside = float(np.clip(1 - distance.min() / NEAR_FRAME, 0, 1))
    strength = outside * float(sky[around].mean())
    if strength <= 0:
        return rgb
    veil = 230 / (1 + (distance / .035) ** 2) + 85 * np.exp(-distance / .22)
    colour = light / light.max() * min(1., float(light.max()) / 1.5)
    darker = 1 - .3 * strength  # the exposure adapts
    return np.asarray(rgb * darker + strength * veil[..., None] * colour, np.float32)


@dataclass(frozen=True)
class LensDirt:
    """Mud and water on the lens: cover and smear of each pixel."""

    cover: Image  # (H, W), 0 to 1
    smear: Image  # (H, W), 0 to 1
    mud: Image  # (H, W, 3), albedo

    def apply(self, rgb: Image, amount: float) -> Image:
        """Apply it to an image; amount 0 is a clean lens, 1 all of the dirt."""
        if amount <= 0:
            return rgb
        width = rgb.shape[1]
        blurred = cv2.GaussianBlur(rgb, (0, 0), width * .025)
        smear = (amount * self.smear)[..., None]
        smeared = rgb * (1 - smear) + blurred * smear
        # Light from all directions falls on the mud.
        light = cv2.GaussianBlur(rgb, (0, 0), width * .12)
        cover = (amount * self.cover)[..., None]
        return np.asarray(smeared * (1 - cover) + self.mud * light * cover, np.float32)


def draw_lens_dirt(rng: np.random.Generator, height: int, width: int) -> LensDirt:
    """Draw splashes of mud until a third to two thirds of the lens are covered."""
    target, cover = rng.uniform(.35, .6), np.zeros((height, width), np.float32)
    ragged = sum((_smooth_noise(rng, height, width, cells) * share
                  for cells, share in ((7, .30), (18, .22), (45, .14))), np.float32(0))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / width
    while cover.mean() < target:
        centre_x, centre_y = rng.uniform((0, 0), (1, height / width))
        distance = np.hypot(x - centre_x, y - centre_y) * (1 + ragged)
        cover = np.maximum(cover, _splash_mask(rng, distance))
    brown = np.array((.52, .42, .31), np.float32) * rng.uniform(.6, 1.1)
    mud = brown * np.clip(.95 + .2 * _smooth_noise(rng, height, width, 24), .5, 1.4)[..., None]
    smear = np.clip(cv2.GaussianBlur(cover, (0, 0), width * .03) * 1.7, 0, 1)
    return LensDirt(cover, np.asarray(smear, np.float32), np.asarray(mud, np.float32))


def _smooth_noise(rng: np.random.Generator, height: int, width: int, cells: int) -> Image:
    """Return smooth noise, (H, W), mean 0, sd near 1, `cells` blots across the width."""
    coarse = rng.standard_normal((max(2, cells * height // width), cells), np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def _splash_mask(rng: np.random.Generator, distance: Image) -> Image:
    """Cover all within a random radius, in image widths, with a soft rim."""
    size = rng.uniform(.03, .17) if rng.random() < .6 else rng.uniform(.006, .03)
    soft = rng.uniform(.12, .5) * size
    return np.asarray(np.clip((size - distance) / soft, 0, 1) * rng.uniform(.6, .97), np.float32)


@dataclass(frozen=True)
class RainDrops:
    """Drops on the windscreen: out of focus, each shows the scene small and upside down."""

    cover: Image  # (H, W), 0 to 1: opacity of the drops
    shift: Image  # (H, W, 2) px: to the place that a pixel of a drop shows
    shade: Image  # (H, W), brightness: dark above, bright below, as the sky is upside down
    film: Image  # (H, W), 0 to 1: water between the drops, which blurs

    def apply(self, rgb: Image, amount: float) -> Image:
        """Apply them to an image; amount 0 is a dry windscreen."""
        if amount <= 0:
            return rgb
        height, width = rgb.shape[:2]
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        soft = cv2.GaussianBlur(rgb, (0, 0), width * .012)
        wet = rgb + (amount * self.film)[..., None] * (soft - rgb)
        shown = cv2.remap(soft, x + self.shift[..., 0], y + self.shift[..., 1],
                          cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        cover = (amount * self.cover)[..., None]
        return np.asarray(wet * (1 - cover) + shown * self.shade[..., None] * cover, np.float32)


def draw_rain_drops(rng: np.random.Generator, height: int, width: int) -> RainDrops:
    """Draw many small drops and a few large ones; large ones lie over small ones."""
    count = int(rng.uniform(110, 320))
    radii = np.sort(MIN_DROP + (MAX_DROP - MIN_DROP) * rng.random(count) ** 7)
    places = rng.uniform((0, 0), (1, height / width), (count, 2))
    cover, shift = (np.zeros((height, width, *more), np.float32) for more in ((), (2,)))
    shade = np.ones((height, width), np.float32)
    warp = _smooth_noise(rng, height, width, 22)
    for (centre_x, centre_y), radius in zip(places, radii, strict=True):
        _add_drop(cover, shift, shade, (centre_x * width, centre_y * width, radius * width),
                  (rng.uniform(.75, 1.05), rng.uniform(.08, .3)), warp)
    film = np.clip(.3 + .3 * _smooth_noise(rng, height, width, 9), 0, 1)
    cover, shift, shade = (np.asarray(cv2.GaussianBlur(part, (0, 0), width * .002), np.float32)
                           for part in (cover, shift, shade))
    return RainDrops(cover, shift, shade, np.asarray(film, np.float32))


def _add_drop(cover: Image, shift: Image, shade: Image, circle: tuple[float, float, float],
              form: tuple[float, float], warp: Image) -> None:
    """Add a drop in place; circle: centre and radius, px; form: height / width, soft rim."""
    (centre_x, centre_y, radius), (stretch, rim) = circle, form
    reach, (height, width) = radius * 1.5 + 2, cover.shape
    rows = slice(max(0, int(centre_y - reach)), min(height, int(centre_y + reach) + 1))
    columns = slice(max(0, int(centre_x - reach)), min(width, int(centre_x + reach) + 1))
    y, x = np.mgrid[rows, columns].astype(np.float32)
    u, v = (x - centre_x) / radius, (y - centre_y) / radius * stretch
    distance = np.hypot(u, v) * (1 + .12 * warp[rows, columns])
    opaque = np.clip((1 - distance) / rim, 0, 1)
    wide, own = DROP_VIEW
    bulge = -(wide * width + own * radius) * np.clip(distance, 0, 1) ** .5
    inside = (opaque > .02)[..., None]
    target = np.stack([bulge * u, bulge * v], axis=-1)
    shift[rows, columns] = np.where(inside, target, shift[rows, columns])
    lit = np.clip(1 + .12 * v - .4 * np.clip(distance, 0, 1) ** 4 * (v < .35), .4, 1.3)
    shade[rows, columns] = np.where(inside[..., 0], lit, shade[rows, columns])
    cover[rows, columns] = np.maximum(cover[rows, columns], .93 * opaque)
