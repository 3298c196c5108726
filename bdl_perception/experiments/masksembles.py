# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
A few fixed masks that overlap as much as they are told (Durasov et al. 2021).

Each of T masks keeps m of M = s m channels by lot, and channels that none keeps are not built: two
masks share m / s of their channels on average. A scale s of 1 is one network, a large one is T
separate networks on the coarsest map.
"""
from bdl_perception.experiments.fixed_masks import CHOICES
from bdl_perception.experiments.fixed_masks import FixedMasks
from bdl_perception.network.model import NetworkConfig
import numpy as np
from numpy.typing import NDArray
import torch

SCALE = 2.0  # s: half of the channels kept, and half of these shared by any two masks
SEED = 0
TRIES = 10_000  # to hit the number of channels


class Masksembles(FixedMasks):
    """Fixed masks on the decoder's coarsest map."""

    def __init__(self, config: NetworkConfig) -> None:
        """Scale what is kept as dropout does: without a mask, the size is that of the mean."""
        kept = overlapping_masks(CHOICES, config.decoder_channels[0], SCALE)
        masks = torch.from_numpy(kept / kept.mean(1, keepdims=True)).float()
        super().__init__(config, masks[:, :, None, None])


def overlapping_masks(count: int, channels: int, scale: float) -> NDArray[np.bool_]:
    """Draw count masks (count, channels), True where kept; each keeps equally many."""
    built = scale * (1 - (1 - 1 / scale) ** count)  # channels that some mask keeps, in m
    kept = max(1, round(channels / built))  # m
    rng = np.random.default_rng(SEED)
    for _ in range(TRIES):
        masks = rng.permuted(np.arange(round(scale * kept)) < np.full((count, 1), kept), axis=1)
        masks = masks[:, masks.any(0)]
        if masks.shape[1] == channels:
            return masks
    raise ValueError(f'found no {count} masks of {channels} channels with scale {scale}; '
                     f'choose a smaller scale or more channels')
