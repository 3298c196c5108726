# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Variants of the network: Masksembles, randomised priors, and spectral normalisation."""
from typing import Sequence

from bdl_perception.network.decoder import HeadMaps
from bdl_perception.network.model import Network, NetworkConfig
import numpy as np
from numpy.typing import NDArray
import torch
from torch import nn, Tensor
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

N_MASKS = 8  # T, fixed masks or members
MASKSEMBLES_SCALE = 2.0  # s: each mask keeps half of the channels, two masks share half of these
MASKSEMBLES_SEED = 0
MAX_ATTEMPTS = 10_000  # draws until the masks use exactly the channels
HIDDEN_CHANNELS = 16  # of each head: a linear head could cancel its prior for every input
PRIOR_SCALE = 3.0  # s: priors of log-depth then vary about as street depths do, sigma 0.7
MAX_GAIN = 3.0  # of a channel in a batch norm; DUE's value


class FixedMaskNetwork(Network):
    """T fixed masks on one layer; in training each frame gets one of them at random."""

    choices: Tensor

    def __init__(self, config: NetworkConfig, masks: Tensor) -> None:
        """masks: (T, C, 1, 1); stored in a checkpoint, so that no plain network loads it."""
        if config.dropout != 'deep':
            raise ValueError(f"dropout is {config.dropout!r}, must be 'deep': there is one layer "
                             f'of fixed masks')
        super().__init__(config)
        self.register_buffer('choices', masks)

    def draw_masks(self, samples: int) -> list[Tensor]:
        """Choose masks with torch's generator; (samples, C, 1, 1)."""
        return [self.choices[torch.randint(len(self.choices), (samples,))]]


class MasksemblesNetwork(FixedMaskNetwork):
    """
    A few fixed masks with a given overlap on the decoder's coarsest map (Durasov et al. 2021).

    Each of T masks keeps m of M = s m channels at random; channels that no mask keeps are not
    built. Two masks share m / s of their channels on average: a scale s of 1 is a single network,
    a large one an ensemble of T separate networks on the coarsest map.
    """

    def __init__(self, config: NetworkConfig) -> None:
        """Scale the kept channels as dropout does: the size without a mask is that of the mean."""
        active = overlapping_masks(N_MASKS, config.decoder_channels[0], MASKSEMBLES_SCALE)
        masks = torch.from_numpy(active / active.mean(1, keepdims=True)).float()
        super().__init__(config, masks[:, :, None, None])


def overlapping_masks(count: int, channels: int, scale: float) -> NDArray[np.bool_]:
    """Draw masks (count, channels), True for kept channels, equally many in each."""
    built = scale * (1 - (1 - 1 / scale) ** count)  # channels that any mask keeps, in units of m
    active = max(1, round(channels / built))  # m
    rng = np.random.default_rng(MASKSEMBLES_SEED)
    for _ in range(MAX_ATTEMPTS):
        ordered = np.arange(round(scale * active)) < np.full((count, 1), active)
        masks = rng.permuted(ordered, axis=1)
        masks = masks[:, masks.any(0)]
        if masks.shape[1] == channels:
            return masks
    raise ValueError(f'found no {count} masks of {channels} channels with scale {scale}; '
                     f'choose a smaller scale or more channels')


class RandomisedPriorNetwork(FixedMaskNetwork):
    """
    T heads on one decoder, each the sum of a trained and a fixed random head.

    Member t predicts trained_t(x) + s prior_t(x) (Osband et al. 2018). On inputs like the
    training set each trained head cancels its own prior; on other inputs the priors remain, which
    all differ. A mask selects the member (one for member t, else zero), so that training and
    evaluation need no special case. In training each pixel is assigned to one member at random:
    this replaces the paper's bootstrap and trains all members with every frame. Without a mask
    the output is the mean of the members.
    """

    def __init__(self, config: NetworkConfig) -> None:
        """Replace the heads."""
        super().__init__(config, torch.eye(N_MASKS)[:, :, None, None])
        heads = RandomisedPriorHeads(config.decoder_channels[-1], self.decoder.heads.out_channels)
        self.decoder.add_module('heads', heads)

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


class RandomisedPriorHeads(nn.Module):
    """The trained and the fixed heads of all members, in grouped convolutions."""

    def __init__(self, channels: int, outputs: int) -> None:
        """channels: of the finest map; outputs: of each head."""
        super().__init__()
        self.trained = _build_heads(channels, outputs)
        self.prior = _build_heads(channels, outputs).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, h, w), without gradient from the priors; returns (B, T, outputs, h, w)."""
        y: Tensor = self.trained(x) + PRIOR_SCALE * self.prior(x.detach())
        return y.reshape(len(y), N_MASKS, -1, *y.shape[2:])


def _build_heads(channels: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, N_MASKS * HIDDEN_CHANNELS, 1), nn.ReLU(),
        nn.Conv2d(N_MASKS * HIDDEN_CHANNELS, N_MASKS * outputs, 1, groups=N_MASKS))


class SpectralNetwork(Network):
    """
    The default network with a Lipschitz-bounded encoder, as distance-aware variances need it.

    Every kernel of the encoder and of the projection, as a matrix (outputs, inputs x size), has a
    largest singular value of one (Miyato et al. 2018; Liu et al. 2020). That alone bounds
    nothing, because a batch norm behind a kernel undoes any scale. So the gain of each batch
    norm, with the statistics of evaluation mode, is bounded as well (van Amersfoort et al. 2021,
    DUE).
    """

    def __init__(self, config: NetworkConfig) -> None:
        """Bound the randomly initialised layers; the bounds hold throughout training."""
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


class BoundedBatchNorm2d(nn.BatchNorm2d):
    """A batch norm that scales all channels down together when the largest gain is too large."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W); returns the same shape."""
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        if self.training:
            self.num_batches_tracked.add_(1)
        gain = (self.weight.detach() * torch.rsqrt(self.running_var + self.eps)).abs().amax()
        weight = self.weight / (gain / MAX_GAIN).clamp_min(1.0)
        return functional.batch_norm(x, self.running_mean, self.running_var, weight, self.bias,
                                     self.training, self.momentum, self.eps)
