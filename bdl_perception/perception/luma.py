# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How bright a picture is: one number that tells day from night."""
from bdl_perception.perception.values import Bytes
import cv2


def mean_luma(rgb: Bytes) -> float:
    """
    Give the mean luma of rgb (H, W, 3) as a part of white, 0 to 1 (ITU-R BT.601).

    By hand: pure green all over is 0.587.
    """
    red, green, blue, _ = cv2.mean(rgb)
    return (.299 * red + .587 * green + .114 * blue) / 255
