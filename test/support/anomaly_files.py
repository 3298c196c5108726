# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A set of unknown objects in the layout of SegmentMeIfYouCan, of noise."""
from pathlib import Path

import cv2
import numpy as np


def make_tiny_anomalies(folder: Path, frames: int = 2, *, object_id: int = 1,
                        ending: str = '.png', factor: int = 1) -> Path:
    """Write images of 48x30 px and masks that are factor times as large: object, void, rest."""
    rng = np.random.default_rng(0)
    for name in ('images', 'labels_masks'):
        (folder / name).mkdir(parents=True)
    mask = np.zeros((30, 48), np.uint8)
    mask[10:20, 8:24], mask[:6] = object_id, 255
    for number in range(frames):
        rgb = rng.integers(0, 256, (30, 48, 3), np.uint8)
        cv2.imwrite(str(folder / 'images' / f'{number}.png'), rgb)
        cv2.imwrite(str(folder / 'labels_masks' / f'{number}{ending}'),
                    np.kron(mask, np.ones((factor, factor), np.uint8)))
    return folder
