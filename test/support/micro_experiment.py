# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""An experiment of seconds: tiny drives of every split, a network of few parameters."""
from pathlib import Path

from bdl_perception.experiments.config import Tier
import cv2
import numpy as np
from tiny_drives import make_tiny_drives
from tiny_network import TINY

MICRO = Tier(
    'micro', height=TINY.height, width=TINY.width, encoder_channels=TINY.encoder_channels,
    decoder_channels=TINY.decoder_channels, train_drives=4, train_frames=2, nominal_drives=2,
    nominal_frames=2, condition_drives=1, condition_frames=2, conditions=('night', 'lens_dirt'),
    class_encoder='small', class_frames=8, images=16, class_images=16, batch=4, seeds=(1,),
    recipes=('faithful', 'gaussian'), depth_weights=(.5,), samples=3)


def make_micro_drives(root: Path, tier: Tier = MICRO) -> Path:
    """Write drives of all splits of a tier; each has its own seed."""
    for number, size in enumerate(tier.splits):
        make_tiny_drives(root / size.split, split=size.split, drives=size.drives,
                         frames=size.frames, height=tier.height, width=tier.width, seed=number)
    return root


def make_micro_camvid(root: Path) -> Path:
    """Write noise in the layout of CamVid, 8 frames for each part of two sequences."""
    rng = np.random.default_rng(0)
    for part in ('train', 'val', 'test'):
        for folder, shape, highest in ((part, (36, 48, 3), 256), (f'{part}annot', (36, 48), 12)):
            (root / folder).mkdir(parents=True)
            for number in range(8):
                image = rng.integers(0, highest, shape).astype(np.uint8)
                cv2.imwrite(str(root / folder / f'{"ab"[number // 4]}_{number}.png'), image)
    return root
