# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Batch normalisation over the pictures of all processes.

torch.nn.SyncBatchNorm runs on CUDA only; this runs everywhere, so that what is tested on a CPU
is what runs on a GPU.
"""
from bdl_perception.training.parallel import summed
import torch
from torch import nn
from torch import Tensor


class SharedBatchNorm2d(nn.BatchNorm2d):
    """The same numbers and names as BatchNorm2d; only the statistics of a batch are shared."""

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W) of this process, B may differ between them."""
        if not self.training:
            return super().forward(x)
        x = x.float()
        count = x.new_tensor([x.numel() / x.shape[1]])  # (1,)
        sums = summed(torch.cat((x.sum((0, 2, 3)), count)))  # (C + 1,)
        count = sums[-1]
        mean = sums[:-1] / count  # (C,)
        deviation = x - _channels(mean)
        variance = summed(deviation.square().sum((0, 2, 3))) / count  # (C,)
        self._follow(mean.detach(), variance.detach() * count / (count - 1))
        scale = torch.rsqrt(variance + self.eps) * self.weight
        return deviation * _channels(scale) + _channels(self.bias)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Move the statistics of evaluation mode, as BatchNorm2d does; both (C,)."""
        assert self.momentum is not None and self.running_mean is not None
        assert self.running_var is not None and self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


def share_batch_norms(module: nn.Module) -> None:
    """Replace every BatchNorm2d inside; before an optimizer knows their parameters."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            shared = SharedBatchNorm2d(child.num_features, child.eps, child.momentum)
            shared.load_state_dict(child.state_dict())
            setattr(module, name, shared)
        else:
            share_batch_norms(child)


def _channels(values: Tensor) -> Tensor:
    """(C,) to (C, 1, 1)."""
    return values[:, None, None]
