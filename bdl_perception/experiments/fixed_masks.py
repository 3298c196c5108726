# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Networks whose samples are a few fixed ones, the same in training and when measured."""
from bdl_perception.network.model import Network
from bdl_perception.network.model import NetworkConfig
import torch
from torch import Tensor

CHOICES = 8  # T


class FixedMasks(Network):
    """One layer of masks; every picture that is learned from gets one of them by lot."""

    choices: Tensor

    def __init__(self, config: NetworkConfig, choices: Tensor) -> None:
        """choices: (T, C, 1, 1); part of a checkpoint, so that no plain network reads it."""
        if config.dropout != 'deep':
            raise ValueError(f"dropout is {config.dropout!r}, must be 'deep': there is one layer "
                             f'of fixed masks')
        super().__init__(config)
        self.register_buffer('choices', choices)

    def draw_masks(self, samples: int) -> list[Tensor]:
        """Choose with torch's generator; (samples, C, 1, 1)."""
        return [self.choices[torch.randint(len(self.choices), (samples,))]]
