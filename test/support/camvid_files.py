# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A CamVid and an IDD-Lite of noise in the layout of SegNet, for tests."""
from pathlib import Path

import cv2
import numpy as np


def make_tiny_camvid(root: Path, split: str, frames: int, *, height: int = 36, width: int = 48,
                     labels: np.ndarray | None = None) -> Path:
    """Write frame_0, frame_1, ... of a split; labels (H, W) of all, random ones by default."""
    rng = np.random.default_rng(0)
    for folder in (root / split, root / f'{split}annot'):
        folder.mkdir(parents=True)
    for number in range(frames):
        rgb = rng.integers(0, 256, (height, width, 3), np.uint8)
        truth = rng.integers(0, 12, (height, width), np.uint8) if labels is None else labels
        cv2.imwrite(str(root / split / f'frame_{number}.png'), rgb)
        cv2.imwrite(str(root / f'{split}annot' / f'frame_{number}.png'), truth)
    return root


def make_tiny_idd(root: Path, frames: int = 2) -> Path:
    """Write the splits train and val with coarse labels, all of them 0."""
    for split in ('train', 'val'):
        make_tiny_camvid(root, split, frames)
        (root / f'{split}coarse').mkdir()
        for number in range(frames):
            cv2.imwrite(str(root / f'{split}coarse' / f'frame_{number}.png'),
                        np.zeros((36, 48), np.uint8))
    return root
