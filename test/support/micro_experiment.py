# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""An experiment of seconds: tiny drives of every split, a network of few parameters."""
from pathlib import Path

from bdl_perception.experiments.config import Tier
from tiny_drives import make_tiny_drives
from tiny_network import TINY

MICRO = Tier(
    'micro', height=TINY.height, width=TINY.width, encoder_channels=TINY.encoder_channels,
    decoder_channels=TINY.decoder_channels, train_drives=4, train_frames=2, nominal_drives=2,
    nominal_frames=2, condition_drives=1, condition_frames=2, conditions=('night', 'lens_dirt'),
    images=16, batch=4, seeds=(1,), depth_weights=(.5,), variants=('raw_features',), samples=3)


def make_micro_drives(root: Path, tier: Tier = MICRO) -> Path:
    """Write drives of all splits of a tier; each has its own seed."""
    for number, size in enumerate(tier.splits):
        make_tiny_drives(root / size.split, split=size.split, drives=size.drives,
                         frames=size.frames, height=tier.height, width=tier.width, seed=number)
    return root
