# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Which channels each Monte Carlo sample drops.

The network takes its dropout masks as inputs, so that a sample is the same number on every
machine, in training's export, in a replay and on the road. The bits come from Philox, a
counter-based generator (Salmon et al. 2011), key (seed, layer), counter (sample): sample t is the
same however many samples are drawn, and numpy promises never to change the raw stream.
"""
from typing import Sequence

from bdl_perception.perception.values import Floats
import numpy as np

SEED_LIMIT = 2**64  # a Philox key holds two words of 64 bits; the second is the layer


def draw_masks(seed: int, count: int, channels: Sequence[int], probability: float) -> list[Floats]:
    """
    Draw count masks for each dropout layer: one (T, C_k) array of 0 and 1 / (1 - probability).

    A mask that would drop every channel of a layer is drawn again: it would say nothing.
    """
    if not 0 <= seed < SEED_LIMIT:
        raise ValueError(f'seed is {seed}, must be from 0 to 2**64 - 1')
    if not 0 < probability < 1:
        raise ValueError(f'dropout probability is {probability}, must lie between 0 and 1')
    if count < 1 or not channels or min(channels) < 1:
        raise ValueError(f'{count} masks for layers of {tuple(channels)} channels; '
                         f'there must be at least one of each')
    scale = np.float32(1 / (1 - probability))
    return [np.stack([_kept(seed, layer, sample, width, probability) for sample in range(count)])
            * scale for layer, width in enumerate(channels)]  # (T, C_k) each


def _kept(seed: int, layer: int, sample: int, width: int, probability: float) -> Floats:
    key = np.array([seed, layer], np.uint64)
    counter = np.array([0, sample, 0, 0], np.uint64)  # word 0 counts within the sample
    bits = np.random.Philox(key=key, counter=counter)
    while True:
        uniform = (bits.random_raw(width) >> np.uint64(11)) * 2.**-53  # (C_k,) in [0, 1)
        kept = uniform >= probability
        if kept.any():
            return np.asarray(kept, np.float32)
