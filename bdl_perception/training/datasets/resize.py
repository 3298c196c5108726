# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Bring samples to a size."""
from bdl_perception.training.datasets import Sample
import cv2
import numpy as np


def resized(sample: Sample, height: int, width: int) -> Sample:
    """Bring a sample to height x width px; its focal length follows the width."""
    if sample.rgb.shape[:2] == (height, width):
        return sample
    size = (width, height)
    rgb = cv2.resize(sample.rgb, size, interpolation=cv2.INTER_AREA)
    depth = cv2.resize(sample.depth, size, interpolation=cv2.INTER_NEAREST)
    classes = cv2.resize(sample.classes, size, interpolation=cv2.INTER_NEAREST)
    scale = width / sample.rgb.shape[1]
    return Sample(rgb.astype(np.uint8), depth.astype(np.float32), classes.astype(np.uint8),
                  sample.fx * scale)
