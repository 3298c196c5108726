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
    ragged = sum((_blots(rng, height, width, cells) * share
                  for cells, share in ((7, .30), (18, .22), (45, .14))), np.float32(0))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / width
    while cover.mean() < aim:
        centre_x, centre_y = rng.uniform((0, 0), (1, height / width))
        away = np.hypot(x - centre_x, y - centre_y) * (1 + ragged)
        cover = np.maximum(cover, _splash(rng, away))
    brown = np.array((.52, .42, .31), np.float32) * rng.uniform(.6, 1.1)
    mud = brown * np.clip(.95 + .2 * _blots(rng, height, width, 24), .5, 1.4)[..., None]
    smear = np.clip(cv2.GaussianBlur(cover, (0, 0), width * .03) * 1.7, 0, 1)
    return LensDirt(cover, np.asarray(smear, np.float32), np.asarray(mud, np.float32))


def _blots(rng: np.random.Generator, height: int, width: int, cells: int) -> Picture:
    """Smooth noise, (H, W), mean 0, sd near 1, `cells` blots across the width."""
    coarse = rng.standard_normal((max(2, cells * height // width), cells), np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def _splash(rng: np.random.Generator, away: Picture) -> Picture:
    """Cover what is not farther away (in picture widths) than a size drawn here; soft rim."""
    size = rng.uniform(.03, .17) if rng.random() < .6 else rng.uniform(.006, .03)
    soft = rng.uniform(.12, .5) * size
    return np.asarray(np.clip((size - away) / soft, 0, 1) * rng.uniform(.6, .97), np.float32)
