# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Mud and water on the lens."""
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class LensDirt:
    """A layer over the picture: how much each pixel is covered and smeared, and by what."""

    cover: Picture  # (H, W), 0 to 1
    smear: Picture  # (H, W), 0 to 1
    mud: Picture  # (H, W, 3), albedo

    def over(self, rgb: Picture, amount: float) -> Picture:
        """Look through it; amount 0 is a clean lens, 1 all of the dirt."""
        if amount <= 0:
            return rgb
        width = rgb.shape[1]
        blurred = cv2.GaussianBlur(rgb, (0, 0), width * .025)
        smear = (amount * self.smear)[..., None]
        seen = rgb * (1 - smear) + blurred * smear
        # Mud is lit by what falls on the lens from everywhere.
        light = cv2.GaussianBlur(rgb, (0, 0), width * .12)
        cover = (amount * self.cover)[..., None]
        return np.asarray(seen * (1 - cover) + self.mud * light * cover, np.float32)


def draw_dirt(rng: np.random.Generator, height: int, width: int) -> LensDirt:
    """Throw splashes of mud at the lens until a third to two thirds are covered."""
    aim, cover = rng.uniform(.35, .6), np.zeros((height, width), np.float32)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / width
    while cover.mean() < aim:
        centre_x, centre_y = rng.uniform((0, 0), (1, height / width))
        cover = np.maximum(cover, _splash(rng, x - centre_x, y - centre_y))
    rough = cv2.resize(rng.random((12, 20), np.float32), (width, height),
                       interpolation=cv2.INTER_CUBIC)
    brown = np.array((.52, .42, .31), np.float32) * rng.uniform(.6, 1.1)
    mud = brown * (.7 + .5 * rough)[..., None]
    smear = np.clip(cv2.GaussianBlur(cover, (0, 0), width * .03) * 1.7, 0, 1)
    return LensDirt(cover, smear.astype(np.float32), mud.astype(np.float32))


def _splash(rng: np.random.Generator, x: Picture, y: Picture) -> Picture:
    """Build one splash with fingers and a soft rim."""
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    size = rng.uniform(.02, .16) if rng.random() < .7 else rng.uniform(.01, .03)
    fingers = sum(rng.normal(0, .35 / k ** .7) * np.sin(k * angle + rng.uniform(0, 6.28))
                  for k in range(2, 15))
    edge = size * (1 + fingers)
    soft = rng.uniform(.15, .6) * size
    return np.asarray(np.clip((edge - radius) / soft, 0, 1) * rng.uniform(.6, .97), np.float32)
