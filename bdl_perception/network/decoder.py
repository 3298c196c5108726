# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The decoder: maps of both tasks, with dropout masks on the coarsest or on all levels.

Dropout is a multiplication with a mask that is an input. A mask of ones is the deterministic
pass; a drawn one is one Monte Carlo sample (Gal & Ghahramani 2016). Multiplication makes noise in
proportion to the features, so that the variance of the samples would follow brightness and
distance instead of novelty. Two measures prevent this: every masked feature vector is normalised
to the same length first, and the masks stay on the coarsest map. The layers above it have learned
to replace dropped channels for inputs like the training set; channels dropped just below the heads
change the output for every input.
"""
from itertools import pairwise
from typing import NamedTuple, Sequence

import torch
from torch import nn, Tensor
from torch.nn import functional

NORM_EPSILON = 1e-4  # added to the mean square, so that a dead pixel stays zero instead of 0/0
DEPTH_LOG_VARIANCE_BOUNDS = (-8.0, 3.0)  # log sigma^2 of log-depth: sigma 2 % to a factor of 90
DEPTH_LOG_VARIANCE_CHANNEL = 1  # of the heads, beside depth, logit noise and the logits
VARIANCE_CHANNELS = slice(1, 3)  # of the heads: of depth and of the logits
LOGIT_LOG_VARIANCE_BOUNDS = (-8.0, 4.0)  # log sigma^2 of the logits: sigma 0.02 to 7.4


class HeadMaps(NamedTuple):
    """Outputs of the heads, at the decoder's resolution."""

    log_depth: Tensor  # (B, h, w), natural logarithm of m
    depth_log_variance: Tensor  # (B, h, w), log of the variance of log-depth
    logits: Tensor  # (B, K, h, w)
    logit_log_variance: Tensor  # (B, 1, h, w), one noise level per pixel for all its logits


def rms_normalised(x: Tensor) -> Tensor:
    """Scale each pixel's feature vector to a root mean square of one; x: (B, C, H, W)."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + NORM_EPSILON)


class DecoderLevel(nn.Module):
    """Upsample the coarser map, add the encoder's map of this scale, convolve the sum."""

    def __init__(self, coarser: int, channels: int, separable: bool) -> None:
        """separable: depth-wise and point-wise, where a full kernel costs too much."""
        super().__init__()
        self.narrow = nn.Conv2d(coarser, channels, 1)
        groups = channels if separable else 1
        self.look = nn.Conv2d(  # a key of stored weights
            channels, channels, 3, padding=1, groups=groups)
        self.mix = nn.Conv2d(channels, channels, 1) if separable else nn.Identity()
        self.relu = nn.ReLU()

    def forward(self, x: Tensor, skip: Tensor, stride: int = 1) -> Tensor:
        """x: (S, C', H/2, W/2), skip: (1 or S, C, H, W); returns (S, C, H/stride, W/stride)."""
        x = functional.interpolate(
            self.narrow(x), scale_factor=2.0, mode='bilinear', align_corners=False)
        filtered = functional.conv2d(self.relu(x + skip), self.look.weight, self.look.bias, stride,
                                     self.look.padding, groups=self.look.groups)
        y: Tensor = self.relu(self.mix(filtered))
        return y


class Decoder(nn.Module):
    """Three levels up to half resolution, then one linear layer for all heads."""

    def __init__(self, channels: Sequence[int], classes: int, log_depth_centre: float,
                 normalise: bool = True) -> None:
        """channels: of the four masked maps, coarsest first; centre: log of m."""
        super().__init__()
        pairs = list(pairwise(channels))
        self.levels = nn.ModuleList([
            DecoderLevel(coarser, finer, separable=index == len(pairs) - 1)
            for index, (coarser, finer) in enumerate(pairs)])
        self.heads = nn.Conv2d(channels[-1], classes + 3, 1)
        self.classes, self.normalise = classes, normalise
        self.detach_variances = False  # in training: no gradient of a variance in the features
        self.log_depth_centre = log_depth_centre  # the head predicts the difference

    def forward(self, features: Sequence[Tensor], masks: Sequence[Tensor] | None,
                stride: int = 1) -> HeadMaps:
        """
        Predict; features: (1 or S, C_k, H_k, W_k), coarsest first; masks: (S, C_k, 1, 1).

        stride: predict at every stride-th row and column; the values there are the same.
        """
        return self.split_heads(self._run_heads(self.level_maps(features, masks, stride)[-1]))

    def _run_heads(self, x: Tensor) -> Tensor:
        """Compute all heads from x (S, C, h, w); (S, K + 3, h, w), detached or not the same."""
        maps: Tensor = self.heads(x)
        if not (self.detach_variances and self.training):
            return maps
        variances = self.heads(x.detach())[:, VARIANCE_CHANNELS]
        before, after = VARIANCE_CHANNELS.start, VARIANCE_CHANNELS.stop
        return torch.cat((maps[:, :before], variances, maps[:, after:]), 1)

    def level_maps(self, features: Sequence[Tensor], masks: Sequence[Tensor] | None,
                   stride: int = 1) -> list[Tensor]:
        """Compute all levels, (S, C_k, H_k, W_k); k masks are applied to the k coarsest maps."""
        maps = [self._apply_mask(features[0], masks, 0)]
        for index, level in enumerate(self.levels, start=1):
            step = stride if index == len(self.levels) else 1
            maps.append(self._apply_mask(level(maps[-1], features[index], step), masks, index))
        return maps

    def kernels_behind_maps(self) -> list[Tensor]:
        """Return the weights (outputs, C_k, 1, 1) of the layer that reads each map."""
        return [*(level.get_submodule('narrow').get_parameter('weight') for level in self.levels),
                self.heads.get_parameter('weight')]

    def _apply_mask(self, x: Tensor, masks: Sequence[Tensor] | None, index: int) -> Tensor:
        x = rms_normalised(x) if self.normalise else x
        return x * masks[index] if masks and index < len(masks) else x

    def split_heads(self, maps: Tensor) -> HeadMaps:
        """Split the channels of maps (S, K + 3, h, w) by head."""
        depth, logit_noise = maps[:, 0], maps[:, 2:3]
        depth_noise = maps[:, DEPTH_LOG_VARIANCE_CHANNEL]
        return HeadMaps(
            depth + self.log_depth_centre,
            depth_noise.clamp(*DEPTH_LOG_VARIANCE_BOUNDS),
            maps[:, 3:],
            logit_noise.clamp(*LOGIT_LOG_VARIANCE_BOUNDS))
