# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Several processes that learn as one, started by torchrun.

All of them draw the same order, augmentation, masks and noise from the same seed, and each takes
its part of every batch. Sums over pixels go around with their gradients, so each process has the
loss of the whole batch; DistributedDataParallel then takes the mean of their gradients, which is
the gradient of one process that sees it all. What differs is the order of float32 additions.
"""
from contextlib import contextmanager
from dataclasses import dataclass
import gc
import os
from typing import Any, Callable, Iterator

from bdl_perception.perception.classes import IGNORE
import torch
from torch import distributed
from torch import nn
from torch import Tensor
import torch.distributed.nn  # before there is a group: its functions keep it as their default
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Team:
    """Which of how many processes this one is; alone, it does nothing to its arguments."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Say whether this process is the one that writes, prints and validates."""
        return self.rank == 0

    def part(self, count: int) -> slice:
        """Choose this process's share of count pictures; shares differ by at most one."""
        if count < self.size:
            raise ValueError(f'a batch of {count} frames is too small for {self.size} processes; '
                             f'raise batch, add frames or start fewer')
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def share(self, network: nn.Module) -> nn.Module:
        """Wrap a network so that its gradients become the mean over the processes."""
        if self.size == 1:
            return network
        return DistributedDataParallel(network)

    def mean(self, own: Tensor, count: Tensor) -> Tensor:
        """Turn the mean over this process's pixels, count of them, into that over all; both ()."""
        if self.size == 1:
            return own
        total = summed(torch.stack((own * count, count.to(own.dtype))))
        return total[0] / total[1].clamp(min=1e-6)

    def told(self, value: Any) -> Any:
        """Give every process what the leading one has."""
        if self.size == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values, src=0)
        return values[0]

    def clock(self, own: Callable[[], float]) -> Callable[[], float]:
        """Let every process read the leading one's clock, each time all of them ask."""
        def read() -> float:
            return float(self.told(own()))
        return read


ALONE = Team()


@contextmanager
def join_team(device: torch.device) -> Iterator[Team]:
    """
    Meet the processes that torchrun has started with this one; alone without torchrun.

    Who leaves must hold nothing that the team has shared any more: the group's threads end with
    the last reference to it, and one that still works while Python shuts down may abort the
    process (pytorch issues 130345 and 190489).
    """
    if 'RANK' not in os.environ or int(os.environ.get('WORLD_SIZE', '1')) == 1:
        yield ALONE
        return
    distributed.init_process_group('nccl' if device.type == 'cuda' else 'gloo')
    try:
        yield Team(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
        gc.collect()  # a first optimizer leaves a cycle that holds whoever made it


def own_noise(classes: Tensor, part: slice, samples: int, channels: int) -> Tensor:
    """
    Draw standard normal noise for the labelled pixels of a batch and keep that of a part.

    classes: (B, h, w) of the whole batch; returns (samples, N, channels), N labelled pixels in
    the pictures of the part. What one process would draw, whoever draws it.
    """
    labelled = (classes != IGNORE).flatten(1).sum(1)  # (B,)
    noise = torch.randn((samples, int(labelled.sum()), channels), device=classes.device)
    return noise[:, int(labelled[:part.start].sum()):int(labelled[:part.stop].sum())]


def summed(own: Tensor) -> Tensor:
    """Add up a tensor over the processes; bitwise the same on each, with gradient."""
    total: Tensor = _Sum.apply(own)  # type: ignore[no-untyped-call]
    return total


class _Sum(torch.autograd.Function):
    """
    Sum of x_r over the processes r.

    Every process's result depends on every x_r, hence the gradient is the sum of theirs.
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
