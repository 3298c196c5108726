# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Colour images of the maps, for RViz, the overlay topic and the demo video.

Ranges are fixed and independent of the frame, so that a colour means the same number in every
frame. NaN and +Inf have colours that no colour map contains.
"""
from typing import cast

from bdl_perception.perception.data_types import Bytes, colourise, Floats
import cv2
import numpy as np

Range = tuple[float, float]
UNKNOWN_RGB = (255, 0, 255)  # NaN
TOO_FAR_RGB = (190, 200, 215)  # +Inf: sky, or beyond the training range
DEPTH_RANGE_M = (2., 80.)  # on a log scale, for resolution at near range
STD_RANGE_M = (0., 8.)
MUTUAL_INFORMATION_RANGE_NAT = (0., .5)
ENTROPY_RANGE_NAT = (0., 2.4)  # log 11 classes


def overlay(rgb: Bytes, classes: Bytes, opacity: float = .5) -> Bytes:
    """Blend class colours into rgb (H, W, 3); the ids (H, W) must have the same size."""
    if rgb.shape[:2] != classes.shape:
        raise ValueError(f'the image is {rgb.shape[:2]} and the classes {classes.shape}; '
                         f'fit the image to the network first')
    mixed = cv2.addWeighted(rgb, 1 - opacity, colourise(classes), opacity, 0)
    return cast(Bytes, mixed)  # (H, W, 3)


def colour_depth(depth: Floats) -> Bytes:
    """Draw depth (H, W) m as rgb: red is near, blue is far."""
    positive = np.maximum(depth, np.float32(1e-3))  # m; NaN stays NaN
    nearest, farthest = np.log(DEPTH_RANGE_M)
    return _colour(-np.log(positive), -farthest, -nearest, cv2.COLORMAP_TURBO)


def colour_std(std: Floats, limits: Range = STD_RANGE_M) -> Bytes:
    """Draw a standard deviation of depth (H, W) m as rgb: bright is high, grey has no depth."""
    rgb = _colour(std, *limits, cv2.COLORMAP_INFERNO)
    rgb[np.isnan(std)] = TOO_FAR_RGB
    return rgb


def colour_mutual_information(information: Floats,
                              limits: Range = MUTUAL_INFORMATION_RANGE_NAT) -> Bytes:
    """Draw mutual information (H, W) nat as rgb: bright is high."""
    return _colour(information, *limits, cv2.COLORMAP_INFERNO)


def colour_error(error: Floats, limits: Range) -> Bytes:
    """Draw an error (H, W) as rgb: bright is high, +Inf the brightest, grey has no truth."""
    return colour_std(np.minimum(error, np.float32(limits[1])), limits)  # NaN stays NaN


def colour_entropy(entropy: Floats) -> Bytes:
    """Draw entropy (H, W) nat as rgb: bright is high."""
    return _colour(entropy, *ENTROPY_RANGE_NAT, cv2.COLORMAP_INFERNO)


def _colour(values: Floats, lowest: float, highest: float, colour_map: int) -> Bytes:
    unit = np.clip((values - lowest) / (highest - lowest), 0, 1)  # (H, W)
    levels = np.nan_to_num(unit * 255).round().astype(np.uint8)
    rgb = cv2.cvtColor(cv2.applyColorMap(levels, colour_map), cv2.COLOR_BGR2RGB)
    rgb[np.isinf(values)] = TOO_FAR_RGB
    rgb[np.isnan(values)] = UNKNOWN_RGB
    return cast(Bytes, rgb)  # (H, W, 3)
