# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Objects pasted into training frames: known ones with their label, unknown ones as outliers.

Unknown objects are random shapes with the texture of another frame or with one colour; the network
learns to be uncertain there (outlier exposure; Hendrycks et al. 2019). Known objects are rare
classes of another frame (copy and paste; Ghiasi et al. 2021). They are pasted in the same way, so
that the edge of a pasted object alone does not show that it is unknown.
"""
from dataclasses import replace
import math
from typing import Sequence

from bdl_perception.datasets.base import TrainingSample
from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
from bdl_perception.training.augment import AugmentConfig
import cv2
import numpy as np
from numpy.typing import NDArray

KNOWN_CLASSES = tuple(map(CLASS_NAMES.index, ('sign_symbol', 'car', 'pedestrian', 'bicyclist')))
ROAD = CLASS_NAMES.index('road')
MIN_PIXELS = 24  # of a known object
HEIGHTS = .03, .5  # of an unknown object, as a share of the height of the frame
MAX_STRETCH = 2.5  # of its width against its height, and the other way
ON_ROAD = .6  # probability that an unknown object stands on the road, if there is one
DONOR_TEXTURE = .6  # probability of the texture of another frame; else one colour
EDGE_PX = .6  # standard deviation of the blur of an edge


def paste_objects(samples: Sequence[TrainingSample], rng: np.random.Generator,
                  config: AugmentConfig) -> list[TrainingSample]:
    """Paste objects into the samples of a batch, each from the one before; all have one size."""
    pasted = []
    for index, sample in enumerate(samples):
        donor = samples[index - 1]
        if config.paste and rng.random() < config.paste:
            sample = paste_known(sample, donor, rng)
        if config.outliers and rng.random() < config.outliers:
            sample = paste_unknown(sample, donor.rgb, rng)
        pasted.append(sample)
    return pasted


def paste_known(sample: TrainingSample, donor: TrainingSample,
                rng: np.random.Generator) -> TrainingSample:
    """Copy a connected object of a rare class to the same place, with its class and depth."""
    kind = int(rng.choice(KNOWN_CLASSES))
    found = (donor.classes == kind).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(found)
    large = [index for index in range(1, count) if stats[index, cv2.CC_STAT_AREA] >= MIN_PIXELS]
    if not large:
        return sample
    mask = labels == rng.choice(large)
    classes, depth = sample.classes.copy(), sample.depth.copy()
    classes[mask] = kind
    # An object of the same size in px has the same ratio of depth to focal length.
    depth[mask] = donor.depth[mask] * np.float32(sample.fx / donor.fx)
    return replace(sample, rgb=_blend(sample.rgb, donor.rgb, mask), classes=classes, depth=depth)


def paste_unknown(sample: TrainingSample, texture: NDArray[np.uint8],
                  rng: np.random.Generator) -> TrainingSample:
    """
    Paste a random shape, without class and depth; `anomalies` of the result is 1 there, else 0.

    texture: (H, W, 3) rgb of another frame.
    """
    mask = _draw_shape(_choose_foot(sample, rng), sample.classes.shape, rng)
    surface = (_donor_texture(texture, rng) if rng.random() < DONOR_TEXTURE
               else _plain_texture(mask, rng))
    classes, depth = sample.classes.copy(), sample.depth.copy()
    classes[mask], depth[mask] = IGNORE, np.nan
    return replace(sample, rgb=_blend(sample.rgb, surface, mask), classes=classes, depth=depth,
                   anomalies=mask.astype(np.uint8))


def _choose_foot(sample: TrainingSample, rng: np.random.Generator) -> tuple[int, int]:
    """Return the column and the row of the lowest point of an object."""
    road = np.argwhere(sample.classes == ROAD)
    if len(road) and rng.random() < ON_ROAD:
        row, column = road[rng.integers(len(road))]
    else:
        row, column = (rng.integers(size) for size in sample.classes.shape)
    return int(column), int(row)


def _draw_shape(foot: tuple[int, int], shape: tuple[int, ...],
                rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw a polygon of random corners above a foot, with round edges in half of the cases."""
    height = shape[0] * math.exp(rng.uniform(*np.log(HEIGHTS)))
    width = height * math.exp(rng.uniform(-1, 1) * math.log(MAX_STRETCH))
    corners = int(rng.integers(4, 13))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radii = rng.uniform(.5, 1, corners) / 2
    points = np.c_[foot[0] + width * radii * np.cos(angles),
                   foot[1] - height / 2 + height * radii * np.sin(angles)]
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [points.round().astype(np.int32)], 255)
    if rng.random() < .5:
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), max(.5, height / 12)), np.uint8)
    return mask > 127


def _donor_texture(texture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return an enlarged part of another frame, in half of the cases turned by 180 degrees."""
    height, width = texture.shape[:2]
    zoom = rng.uniform(1, 4)
    part_height, part_width = int(height / zoom), int(width / zoom)
    top, left = rng.integers(height - part_height + 1), rng.integers(width - part_width + 1)
    part = texture[top:top + part_height, left:left + part_width]
    if rng.random() < .5:
        part = part[::-1, ::-1]
    channels = rng.permutation(3) if rng.random() < .3 else np.arange(3)
    return np.asarray(cv2.resize(part[..., channels], (width, height)), np.uint8)


def _plain_texture(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return one colour with a gradient of brightness across the object and a coarse texture."""
    colour = rng.uniform(0, 255, 3) if rng.random() < .5 else np.full(3, rng.uniform(0, 255))
    rows, columns = np.indices(mask.shape)
    slope_down, slope_across = rng.uniform(-1.5, 1.5, 2)
    light = 1 + slope_down * (rows / mask.shape[0] - .5) + slope_across * (
        columns / mask.shape[1] - .5)
    coarse = rng.normal(0, rng.uniform(0, .2), (mask.shape[0] // 4 + 1, mask.shape[1] // 4 + 1))
    light = light + cv2.resize(coarse, mask.shape[::-1])
    return np.asarray(np.clip(colour * light[..., None], 0, 255), np.uint8)


def _blend(rgb: NDArray[np.uint8], surface: NDArray[np.uint8],
           mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Put a surface into a frame where the mask is true, with soft edges."""
    share = np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), EDGE_PX))[..., None]
    mixed: NDArray[np.uint8] = (rgb * (1 - share) + surface * share + .5).astype(np.uint8)
    return mixed
