# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The encoder: features of a frame at four scales.

Dimension letters: B batch, C channels, H and W at the scale named in the comment.
"""
from typing import Sequence

from torch import nn, Tensor

INPUT_MEAN, INPUT_STD = 127.5, 64.0  # bring uint8 to about zero mean and unit variance


def conv_batch_norm(inputs: int, outputs: int, size: int = 3, stride: int = 1,
                    groups: int = 1) -> nn.Sequential:
    """Convolve and normalise over the batch; the export folds both into one convolution."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs))


class ResidualBlock(nn.Module):
    """Two small convolutions around a shortcut (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        """channels: of the input and of the output."""
        super().__init__()
        self.first = conv_batch_norm(channels, channels)
        self.second = conv_batch_norm(channels, channels)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W); returns the same shape."""
        y: Tensor = self.relu(x + self.second(self.relu(self.first(x))))
        return y


class ContextBlock(nn.Module):
    """A wide depth-wise convolution and a channel mixer: a large receptive field at low cost."""

    def __init__(self, channels: int, size: int = 7) -> None:
        """At 1/16 scale a kernel of 7 spans 112 px of the input."""
        super().__init__()
        self.look = conv_batch_norm(  # a key of stored weights
            channels, channels, size, groups=channels)
        self.widen = conv_batch_norm(channels, 2 * channels, 1)
        self.mix = conv_batch_norm(2 * channels, channels, 1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W); returns the same shape."""
        y: Tensor = self.relu(x + self.mix(self.relu(self.widen(self.look(x)))))
        return y


def _stage(inputs: int, outputs: int, *blocks: nn.Module) -> nn.Sequential:
    """Halve the map, then apply the blocks."""
    return nn.Sequential(conv_batch_norm(inputs, outputs, stride=2), nn.ReLU(), *blocks)


class Encoder(nn.Module):
    """Four stages, each at half the size of the one before: 1/2, 1/4, 1/8, 1/16."""

    def __init__(self, channels: Sequence[int]) -> None:
        """channels: of the four stages, finest first."""
        super().__init__()
        half, quarter, eighth, deep = channels
        self.stages = nn.ModuleList([
            _stage(3, half),
            _stage(half, quarter, ResidualBlock(quarter)),
            _stage(quarter, eighth, ResidualBlock(eighth)),
            _stage(eighth, deep, ResidualBlock(deep), ContextBlock(deep), ContextBlock(deep)),
        ])

    def forward(self, rgb: Tensor, masks: Sequence[Tensor] | None = None) -> list[Tensor]:
        """
        rgb: (B, 3, H, W) 0..255; returns the maps, finest first.

        masks: of the len(masks) coarsest maps, finest first.
        """
        return self._run_remaining_stages([], (rgb - INPUT_MEAN) / INPUT_STD, masks or ())

    def apply_masks(self, maps: Sequence[Tensor], masks: Sequence[Tensor]) -> list[Tensor]:
        """
        Compute forward with masks from its maps without masks; runs only what differs.

        maps: (1 or B, C_k, H_k, W_k), finest first; masks: (1 or B, C_k, 1, 1), of the coarsest
        maps, finest first, at least one.
        """
        first = len(maps) - len(masks)
        x = maps[first] * masks[0]
        return self._run_remaining_stages([*maps[:first], x], x, masks[1:])

    def _run_remaining_stages(self, maps: list[Tensor], x: Tensor,
                              masks: Sequence[Tensor]) -> list[Tensor]:
        """Run the stages that have no map yet on x; the last len(masks) maps are masked."""
        unmasked = len(self.stages) - len(masks)
        for index in range(len(maps), len(self.stages)):
            x = self.stages[index](x)
            x = x if index < unmasked else x * masks[index - unmasked]
            maps.append(x)
        return maps
