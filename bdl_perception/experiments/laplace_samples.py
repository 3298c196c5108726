# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Samples of the last layer, an alternative to dropout masks (Daxberger et al. 2021).

Kernels of the heads are drawn around the trained ones from a Gaussian of covariance
s^2 (Phi'Phi / N + lambda I)^-1 / n. n counts different frames: a frame is one observation, as its
pixels are alike. s^2 is the mean predicted variance of log-depth; for logits it is the inverse of
the mean p (1 - p), the curvature of the cross-entropy. The variance kernels stay as they are.
"""
from typing import Sequence

from bdl_perception.experiments.analytic_variance import finest_map, LastLayer
from bdl_perception.experiments.mc_sampling import (
    forward_pass,
    MASK_SEED,
    McOutput,
    stack_passes,
)
from bdl_perception.network.model import Network
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


@torch.no_grad()
def draw_kernels(network: Network, fitted: LastLayer, frames: Sequence[Tensor],
                 count: int) -> Tensor:
    """Draw T = count kernels of all heads, (T, K + 3, C, 1, 1); frames: for training."""
    heads = network.decoder.heads.weight[:, :, 0, 0]  # (K + 3, C)
    noise = np.random.default_rng(MASK_SEED).standard_normal((count, *heads.shape))
    spread = torch.from_numpy(noise).float() @ fitted.whitening.T  # (T, K + 3, C)
    scale = noise_variances(network, frames) / sum(map(len, frames))  # (K + 3,)
    return (heads + scale.sqrt()[:, None] * spread)[..., None, None]


def noise_variances(network: Network, frames: Sequence[Tensor]) -> Tensor:
    """Average s^2 of each output of the heads over the training frames, (K + 3,)."""
    network.eval()
    depth, curvature = [], []
    for rgb in frames:
        maps = network.decode(network.encode(rgb).features, None)
        probabilities = maps.logits.softmax(1)
        depth.append(maps.depth_log_variance.exp().mean((1, 2)))  # (B,)
        curvature.append((probabilities * (1 - probabilities)).mean((1, 2, 3)))
    classes = network.config.classes
    return torch.cat((torch.cat(depth).mean().expand(1), torch.zeros(2),
                      (1 / torch.cat(curvature).mean()).expand(classes)))


@torch.no_grad()
def laplace_forward(network: Network, rgb: Tensor, kernels: Tensor,
                    learned_variance: bool) -> McOutput:
    """Run the deterministic pass, and the heads with each kernel; rgb: (B, 3, H, W), 0..255."""
    network.eval()
    encoded, decoder = network.encode(rgb), network.decoder
    map_ = finest_map(network, encoded.features)  # (B, C, h, w)
    passes = [forward_pass(decoder.split_heads(
        functional.conv2d(map_, kernel, decoder.heads.bias)), learned_variance)
        for kernel in kernels]
    single = forward_pass(network.decode(encoded.features, None), learned_variance)
    return McOutput(encoded, single, stack_passes(passes))
