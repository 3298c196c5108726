# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Several heads on one decoder, each beside a head of random weights that never learns.

A member says trained(x) + s prior(x) (Osband et al. 2018): on what it was taught, the trained
head undoes its own prior; elsewhere the priors, all different, are what is left. Which member
speaks is a mask, so that training and measuring need to know nothing of members: each pixel
teaches one of them by lot, which stands for the paper's bootstrap and lets all of them learn from
every picture. Without a mask they speak as one.
"""
from typing import Sequence

from bdl_perception.experiments.fixed_masks import CHOICES
from bdl_perception.experiments.fixed_masks import FixedMasks
from bdl_perception.network.decoder import HeadMaps
from bdl_perception.network.model import NetworkConfig
import torch
from torch import nn
from torch import Tensor
from torch.nn import functional

HIDDEN = 16  # of each head: linear ones would undo their prior where nothing was taught, too
PRIOR_SCALE = 3.0  # s: priors of log-depth then spread about as street depths do, sigma 0.7


class Heads(nn.Module):
    """The trained and the fixed heads of all members, in grouped convolutions."""

    def __init__(self, channels: int, outputs: int) -> None:
        """channels: of the finest map."""
        super().__init__()
        self.trained = _heads(channels, outputs)
        self.prior = _heads(channels, outputs).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, h, w), which is not to learn from priors; (B, T, outputs, h, w)."""
        y: Tensor = self.trained(x) + PRIOR_SCALE * self.prior(x.detach())
        return y.reshape(len(y), CHOICES, -1, *y.shape[2:])


class RandomisedPrior(FixedMasks):
    """T members share everything but the heads; mask t is one for member t, else zero."""

    def __init__(self, config: NetworkConfig) -> None:
        """Replace the heads."""
        super().__init__(config, torch.eye(CHOICES)[:, :, None, None])
        outputs = self.decoder.heads.out_channels
        self.decoder.add_module('heads', Heads(config.decoder_channels[-1], outputs))

    def draw_masks(self, samples: int) -> list[Tensor]:
        """Choose a member for each pixel with torch's generator; (samples, T, h, w)."""
        size = (samples, self.config.height // 2, self.config.width // 2)
        members = functional.one_hot(torch.randint(CHOICES, size), CHOICES)  # (samples, h, w, T)
        return [members.movedim(-1, 1).float()]

    def decode(self, features: Sequence[Tensor], masks: Sequence[Tensor] | None,
               every: int = 1) -> HeadMaps:
        """masks: (1 or B, T, 1 or h, 1 or w); none: the mean of the members."""
        heads = self.decoder.heads(self.decoder.levels_of(features, None, every)[-1])
        shares = masks[0] if masks else heads.new_full((1, CHOICES, 1, 1), 1 / CHOICES)
        maps: HeadMaps = self.decoder.split((shares.unsqueeze(2) * heads).sum(1))
        return maps


def _heads(channels: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, CHOICES * HIDDEN, 1), nn.ReLU(),
        nn.Conv2d(CHOICES * HIDDEN, CHOICES * outputs, 1, groups=CHOICES))
