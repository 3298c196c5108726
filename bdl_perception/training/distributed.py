# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Data-parallel training with several processes, started by torchrun.

All processes draw the same order, augmentation, masks and noise from the same seed, and each takes
its slice of every batch. Sums over pixels are all-reduced together with their gradients, so each
process has the loss of the whole batch. DistributedDataParallel averages the gradients; the result
is the gradient of a single process, up to the order of float32 additions.
"""
from contextlib import contextmanager
from dataclasses import dataclass
import gc
import os
from typing import Any, Callable, Iterator

from bdl_perception.perception.data_types import IGNORE
import torch
from torch import distributed, nn, Tensor
import torch.distributed.nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class ProcessGroup:
    """The rank of this process among all; with one process, arguments pass unchanged."""

    rank: int = 0
    world_size: int = 1

    @property
    def is_main(self) -> bool:
        """Return whether this process writes, prints and validates."""
        return self.rank == 0

    def batch_slice(self, count: int) -> slice:
        """Return the slice of this process of count frames; lengths differ by at most one."""
        if count < self.world_size:
            raise ValueError(f'a batch of {count} frames is too small for {self.world_size} '
                             f'processes; raise batch, add frames or start fewer')
        return slice(self.rank * count // self.world_size,
                     (self.rank + 1) * count // self.world_size)

    def wrap_ddp(self, network: nn.Module) -> nn.Module:
        """Wrap a network so that its gradients are averaged over the processes."""
        if self.world_size == 1:
            return network
        return DistributedDataParallel(network)

    def weighted_mean(self, own: Tensor, count: Tensor) -> Tensor:
        """Turn the mean over count pixels of this process into that of all processes; both ()."""
        if self.world_size == 1:
            return own
        total = all_reduce_sum(torch.stack((own * count, count.to(own.dtype))))
        return total[0] / total[1].clamp(min=1e-6)

    def broadcast(self, value: Any) -> Any:
        """Return the value of the main process in every process."""
        if self.world_size == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, src=0)
        return values[0]

    def shared_clock(self, own: Callable[[], float]) -> Callable[[], float]:
        """Return the clock of the main process; all processes must read it together."""
        def read() -> float:
            return float(self.broadcast(own()))
        return read


SINGLE_PROCESS = ProcessGroup()


@contextmanager
def join_process_group(device: torch.device) -> Iterator[ProcessGroup]:
    """
    Join the processes that torchrun has started; SINGLE_PROCESS without torchrun.

    After the context no object may refer to the group: its threads end with the last reference,
    and a thread that runs while Python shuts down may abort the process (pytorch issues 130345
    and 190489).
    """
    if 'RANK' not in os.environ or int(os.environ.get('WORLD_SIZE', '1')) == 1:
        yield SINGLE_PROCESS
        return
    distributed.init_process_group('nccl' if device.type == 'cuda' else 'gloo')
    try:
        yield ProcessGroup(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
        gc.collect()  # the first optimizer leaves a reference cycle that holds its creator


def local_noise(classes: Tensor, batch_slice: slice, samples: int, channels: int) -> Tensor:
    """
    Draw standard normal noise for the labelled pixels of a batch and return that of a slice.

    classes: (B, h, w) of the whole batch; returns (samples, N, channels) for the N labelled pixels
    of the slice. The noise does not depend on the number of processes.
    """
    labelled = (classes != IGNORE).flatten(1).sum(1)  # (B,)
    noise = torch.randn((samples, int(labelled.sum()), channels), device=classes.device)
    return noise[:, int(labelled[:batch_slice.start].sum()):int(labelled[:batch_slice.stop].sum())]


def all_reduce_sum(own: Tensor) -> Tensor:
    """Sum a tensor over the processes, with gradient; bitwise equal in all of them."""
    total: Tensor = _AllReduceSum.apply(own)  # type: ignore[no-untyped-call]
    return total


class _AllReduceSum(torch.autograd.Function):
    """
    Sum of x_r over the processes r.

    The result of every process depends on every x_r, so the gradient is the sum of theirs.
    """

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        total = own.detach().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        distributed.all_reduce(total)
        return total


class SyncBatchNorm2d(nn.BatchNorm2d):
    """
    BatchNorm2d with batch statistics over all processes; parameters and names are the same.

    torch.nn.SyncBatchNorm runs on CUDA only. This one also runs on a CPU, where it is tested.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x (B, C, H, W) of this process; B may differ between processes."""
        if not self.training:
            return super().forward(x)
        x = x.float()
        count = x.new_tensor([x.numel() / x.shape[1]])  # (1,)
        sums = all_reduce_sum(torch.cat((x.sum((0, 2, 3)), count)))  # (C + 1,)
        count = sums[-1]
        mean = sums[:-1] / count  # (C,)
        deviation = x - _per_channel(mean)
        variance = all_reduce_sum(deviation.square().sum((0, 2, 3))) / count  # (C,)
        self._update_running_stats(mean.detach(), variance.detach() * count / (count - 1))
        scale = torch.rsqrt(variance + self.eps) * self.weight
        return deviation * _per_channel(scale) + _per_channel(self.bias)

    @torch.no_grad()
    def _update_running_stats(self, mean: Tensor, variance: Tensor) -> None:
        """Update the statistics of evaluation mode as BatchNorm2d does; both (C,)."""
        assert self.momentum is not None and self.running_mean is not None
        assert self.running_var is not None and self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


def convert_batch_norms(module: nn.Module) -> None:
    """Replace every BatchNorm2d of a module; call it before an optimizer takes the parameters."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            shared = SyncBatchNorm2d(child.num_features, child.eps, child.momentum)
            shared.load_state_dict(child.state_dict())
            setattr(module, name, shared)
        else:
            convert_batch_norms(child)


def _per_channel(values: Tensor) -> Tensor:
    """Reshape (C,) to (C, 1, 1)."""
    return values[:, None, None]
