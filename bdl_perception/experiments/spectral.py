# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
An encoder that cannot stretch distances without limit, as distance-aware variances ask for.

Every kernel of the encoder and of the projection, as a matrix (outputs, inputs x size), has a
largest singular value of one (Miyato et al. 2018; Liu et al. 2020). That alone would bound
nothing: a batch norm behind a kernel undoes any scale. So the gain of each batch norm, with the
statistics of evaluation, is kept below a bound, too (van Amersfoort et al. 2021, DUE).
"""
from bdl_perception.network.model import Network
from bdl_perception.network.model import NetworkConfig
import torch
from torch import nn
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

GAIN = 3.0  # most that a batch norm may stretch a channel; DUE's value


class BoundedBatchNorm2d(nn.BatchNorm2d):
    """Scale all channels down together when the largest gain is above the bound."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W)."""
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        if self.training:
            self.num_batches_tracked.add_(1)
        gain = (self.weight.detach() * torch.rsqrt(self.running_var + self.eps)).abs().amax()
        weight = self.weight / (gain / GAIN).clamp_min(1.0)
        return functional.batch_norm(x, self.running_mean, self.running_var, weight, self.bias,
                                     self.training, self.momentum, self.eps)


class Spectral(Network):
    """The usual network with bounds on its encoder and projection."""

    def __init__(self, config: NetworkConfig) -> None:
        """Bound what has random weights; training keeps to the bounds."""
        super().__init__(config)
        _bound(self.encoder)
        _bound(self.project)


def _bound(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            bounded = BoundedBatchNorm2d(child.num_features, child.eps, child.momentum)
            setattr(module, name, bounded)
        elif isinstance(child, nn.Conv2d):
            spectral_norm(child)
        else:
            _bound(child)
