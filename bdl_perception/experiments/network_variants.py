# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Networks whose samples are a few fixed ones, the same in training and when measured."""
from typing import Sequence

from bdl_perception.network.decoder import HeadMaps
from bdl_perception.network.model import Network, NetworkConfig
import numpy as np
from numpy.typing import NDArray
import torch
from torch import nn, Tensor
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

N_MASKS = 8  # T


class FixedMaskNetwork(Network):
    """One layer of masks; every picture that is learned from gets one of them by lot."""

    choices: Tensor

    def __init__(self, config: NetworkConfig, masks: Tensor) -> None:
        """choices: (T, C, 1, 1); part of a checkpoint, so that no plain network reads it."""
        if config.dropout != 'deep':
            raise ValueError(f"dropout is {config.dropout!r}, must be 'deep': there is one layer "
                             f'of fixed masks')
        super().__init__(config)
        self.register_buffer('choices', masks)

    def draw_masks(self, samples: int) -> list[Tensor]:
        """Choose with torch's generator; (samples, C, 1, 1)."""
        return [self.choices[torch.randint(len(self.choices), (samples,))]]


MASKSEMBLES_SCALE = 2.0  # s: half of the channels kept, and half of these shared by any two masks
MASKSEMBLES_SEED = 0
MAX_ATTEMPTS = 10_000  # to hit the number of channels


class MasksemblesNetwork(FixedMaskNetwork):
    """Fixed masks on the decoder's coarsest map."""

    def __init__(self, config: NetworkConfig) -> None:
        """Scale what is kept as dropout does: without a mask, the size is that of the mean."""
        kept = overlapping_masks(N_MASKS, config.decoder_channels[0], MASKSEMBLES_SCALE)
        masks = torch.from_numpy(kept / kept.mean(1, keepdims=True)).float()
        super().__init__(config, masks[:, :, None, None])


def overlapping_masks(count: int, channels: int, scale: float) -> NDArray[np.bool_]:
    """Draw count masks (count, channels), True where kept; each keeps equally many."""
    built = scale * (1 - (1 - 1 / scale) ** count)  # channels that some mask keeps, in m
    kept = max(1, round(channels / built))  # m
    rng = np.random.default_rng(MASKSEMBLES_SEED)
    for _ in range(MAX_ATTEMPTS):
        masks = rng.permuted(np.arange(round(scale * kept)) < np.full((count, 1), kept), axis=1)
        masks = masks[:, masks.any(0)]
        if masks.shape[1] == channels:
            return masks
    raise ValueError(f'found no {count} masks of {channels} channels with scale {scale}; '
                     f'choose a smaller scale or more channels')


HIDDEN_CHANNELS = 16  # of each head: linear ones would undo their prior where nothing was taught, too
PRIOR_SCALE = 3.0  # s: priors of log-depth then spread about as street depths do, sigma 0.7


class RandomisedPriorHeads(nn.Module):
    """The trained and the fixed heads of all members, in grouped convolutions."""

    def __init__(self, channels: int, outputs: int) -> None:
        """channels: of the finest map."""
        super().__init__()
        self.trained = _build_heads(channels, outputs)
        self.prior = _build_heads(channels, outputs).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, h, w), which is not to learn from priors; (B, T, outputs, h, w)."""
        y: Tensor = self.trained(x) + PRIOR_SCALE * self.prior(x.detach())
        return y.reshape(len(y), N_MASKS, -1, *y.shape[2:])


class RandomisedPriorNetwork(FixedMaskNetwork):
    """T members share everything but the heads; mask t is one for member t, else zero."""

    def __init__(self, config: NetworkConfig) -> None:
        """Replace the heads."""
        super().__init__(config, torch.eye(N_MASKS)[:, :, None, None])
        outputs = self.decoder.heads.out_channels
        self.decoder.add_module('heads', RandomisedPriorHeads(config.decoder_channels[-1], outputs))

    def draw_masks(self, samples: int) -> list[Tensor]:
        """Choose a member for each pixel with torch's generator; (samples, T, h, w)."""
        size = (samples, self.config.height // 2, self.config.width // 2)
        members = functional.one_hot(torch.randint(N_MASKS, size), N_MASKS)  # (samples, h, w, T)
        return [members.movedim(-1, 1).float()]

    def decode(self, features: Sequence[Tensor], masks: Sequence[Tensor] | None,
               stride: int = 1) -> HeadMaps:
        """masks: (1 or B, T, 1 or h, 1 or w); none: the mean of the members."""
        heads = self.decoder.heads(self.decoder.level_maps(features, None, stride)[-1])
        shares = masks[0] if masks else heads.new_full((1, N_MASKS, 1, 1), 1 / N_MASKS)
        maps: HeadMaps = self.decoder.split_heads((shares.unsqueeze(2) * heads).sum(1))
        return maps


def _build_heads(channels: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, N_MASKS * HIDDEN_CHANNELS, 1), nn.ReLU(),
        nn.Conv2d(N_MASKS * HIDDEN_CHANNELS, N_MASKS * outputs, 1, groups=N_MASKS))


MAX_GAIN = 3.0  # most that a batch norm may stretch a channel; DUE's value


class BoundedBatchNorm2d(nn.BatchNorm2d):
    """Scale all channels down together when the largest gain is above the bound."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W)."""
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        if self.training:
            self.num_batches_tracked.add_(1)
        gain = (self.weight.detach() * torch.rsqrt(self.running_var + self.eps)).abs().amax()
        weight = self.weight / (gain / MAX_GAIN).clamp_min(1.0)
        return functional.batch_norm(x, self.running_mean, self.running_var, weight, self.bias,
                                     self.training, self.momentum, self.eps)


class SpectralNetwork(Network):
    """The usual network with bounds on its encoder and projection."""

    def __init__(self, config: NetworkConfig) -> None:
        """Bound what has random weights; training keeps to the bounds."""
        super().__init__(config)
        _bound_layers(self.encoder)
        _bound_layers(self.project)


def _bound_layers(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            bounded = BoundedBatchNorm2d(child.num_features, child.eps, child.momentum)
            setattr(module, name, bounded)
        elif isinstance(child, nn.Conv2d):
            spectral_norm(child)
        else:
            _bound_layers(child)
