# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A network of a few thousand parameters, for tests that need torch but no accuracy."""
from bdl_perception.network.feature_statistics import (
    collect_features,
    FeatureStatistics,
    fit_feature_statistics,
)
from bdl_perception.network.model import Network, NetworkConfig
import torch
from torch import nn

TINY = NetworkConfig(height=32, width=64, encoder_channels=(4, 6, 8, 8),
                     decoder_channels=(8, 6, 5, 4), canonical_focal_px=50., dropout='decoder')


def make_tiny_network(seed: int = 0) -> Network:
    """Draw a network whose batch norms do not have the initial statistics."""
    torch.manual_seed(seed)
    network = Network(TINY)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, .2)
            module.running_var.uniform_(.5, 2)
    return network.eval()


def tiny_statistics(network: Network, count: int = 20) -> FeatureStatistics:
    """Fit the features of `count` frames of noise, all of one class."""
    rgb = draw_frames(count, 1).permute(0, 3, 1, 2).float()
    half = torch.zeros(count, TINY.height // 2, TINY.width // 2, dtype=torch.uint8)
    return fit_feature_statistics(collect_features(network, [(rgb, half)]), 11)


def draw_frames(count: int, seed: int = 0) -> torch.Tensor:
    """Draw (count, H, W, 3) uint8 noise."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, TINY.height, TINY.width, 3), generator=generator,
                         dtype=torch.uint8)
