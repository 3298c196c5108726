# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
EfficientNet-Lite0 down to 1/32, as an encoder that can start from ImageNet weights.

Mobile inverted bottlenecks (Sandler et al. 2018) without squeeze-and-excitation and with ReLU6
(Tan & Le 2019, the "lite" variants). Padding is TensorFlow's SAME, as the weights were learned
with: a stride of two pads only right and below where the sides are even.
"""
from typing import NamedTuple, Sequence

from torch import nn
from torch import Tensor
from torch.nn import functional

CHANNELS = (16, 24, 40, 112)  # of the maps at 1/2, 1/4, 1/8, 1/16
STEM = 32
EXPANSION = 6
MEAN, SPREAD = 127.0, 128.0  # what the weights expect of uint8


class Group(NamedTuple):
    """Some blocks in a row; the first one changes channels and stride."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    outputs: int


GROUPS = (Group(1, 3, 1, 1, 16), Group(2, 3, 2, EXPANSION, 24), Group(2, 5, 2, EXPANSION, 40),
          Group(3, 3, 2, EXPANSION, 80), Group(3, 5, 1, EXPANSION, 112),
          Group(4, 5, 2, EXPANSION, 192))
ENDS = (0, 2, 4, 10)  # the last blocks of the scales that are given out


def convolution(inputs: int, outputs: int, kernel: int = 1, stride: int = 1,
                groups: int = 1) -> nn.Sequential:
    """Pad as TensorFlow does, convolve, normalise over the batch."""
    after = kernel // 2
    before = after - (stride - 1)  # of even sides
    return nn.Sequential(
        nn.ZeroPad2d((before, after, before, after)),
        nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01))


class Bottleneck(nn.Module):
    """Widen, look at each channel by itself, narrow; a shortcut where the shape stays."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int,
                 expansion: int) -> None:
        """Without expansion there is nothing to widen."""
        super().__init__()
        wide = inputs * expansion
        self.widen = convolution(inputs, wide) if expansion > 1 else None
        self.look = convolution(wide, wide, kernel, stride, wide)
        self.narrow = convolution(wide, outputs)
        self.relu = nn.ReLU6()
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W); returns (B, C', H / stride, W / stride)."""
        y = x if self.widen is None else self.relu(self.widen(x))
        y = self.narrow(self.relu(self.look(y)))
        narrow: Tensor = x + y if self.shortcut else y
        return narrow


class EfficientNetLite0(nn.Module):
    """The same four maps as Encoder gives, finest first; see CHANNELS."""

    def __init__(self) -> None:
        """Draw random weights; see pretrained.load_imagenet for learned ones."""
        super().__init__()
        self.stem = convolution(3, STEM, 3, 2)
        self.relu = nn.ReLU6()
        blocks: list[Bottleneck] = []
        inputs = STEM
        for group in GROUPS:
            for index in range(group.blocks):
                blocks.append(Bottleneck(inputs, group.outputs, group.kernel,
                                         1 if index else group.stride, group.expansion))
                inputs = group.outputs
        self.blocks = nn.ModuleList(blocks)
        self.surroundings = convolution(inputs, CHANNELS[-1])

    def forward(self, rgb: Tensor, masks: Sequence[Tensor] | None = None) -> list[Tensor]:
        """
        rgb: (B, 3, H, W) 0..255; masks: see masked; returns four maps, finest first.

        The last map is that at 1/16 with what 1/32 says of the surroundings added to it.
        """
        x = self.relu(self.stem((rgb - MEAN) / SPREAD))
        maps: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in ENDS:
                maps.append(x)
        maps[-1] = maps[-1] + functional.interpolate(
            self.surroundings(x), scale_factor=2.0, mode='bilinear', align_corners=False)
        return self.masked(maps, masks or ())

    def masked(self, maps: Sequence[Tensor], masks: Sequence[Tensor]) -> list[Tensor]:
        """
        Mask the coarsest maps on their way out: no map is made from a masked one.

        maps: (1 or B, C_k, H_k, W_k), finest first; masks: (1 or B, C_k, 1, 1), of the coarsest
        maps, finest first; with none, the maps are as they were.
        """
        first = len(maps) - len(masks)
        return [*maps[:first], *(map_ * mask for map_, mask
                                 in zip(maps[first:], masks, strict=True))]
