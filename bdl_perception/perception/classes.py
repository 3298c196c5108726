# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The eleven semantic classes (CamVid, SegNet order) and how they are drawn."""
import numpy as np
from numpy.typing import NDArray

CLASS_NAMES = (
    'sky', 'building', 'pole', 'road', 'pavement', 'tree',
    'sign_symbol', 'fence', 'car', 'pedestrian', 'bicyclist',
)
SKY = CLASS_NAMES.index('sky')
IGNORE = 255  # no label: takes part in no loss and no metric

CLASS_COLOURS = np.array([  # (11, 3) uint8 rgb
    (110, 170, 215), (150, 70, 60), (190, 190, 170), (120, 70, 130), (225, 120, 175),
    (90, 130, 40), (220, 200, 40), (100, 90, 130), (40, 60, 190), (220, 40, 60),
    (20, 170, 160),
], dtype=np.uint8)


def colourise(classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """
    Draw class ids as colours.

    classes: (H, W) ids; returns (H, W, 3) rgb. Ids without a class are black.
    """
    table = np.zeros((256, 3), np.uint8)
    table[:len(CLASS_COLOURS)] = CLASS_COLOURS
    return table[classes]  # (H, W, 3)
