# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What a picture costs in multiply-adds: of the network's definition, whatever machine runs it."""
from functools import cache
from typing import Callable, NamedTuple

from bdl_perception.experiments.plan import RunSpec
from bdl_perception.experiments.seen import masks_of
from bdl_perception.network.model import Network
from bdl_perception.network.model import NetworkConfig
import torch
from torch.utils.flop_counter import FlopCounterMode


class Cost(NamedTuple):
    """Multiply-adds of the convolutions for one picture."""

    frame: int  # of the deterministic pass
    samples: int  # of all T Monte Carlo samples beside it; 0 without dropout


def cost_of(spec: RunSpec) -> Cost:
    """
    Count what the network of a run costs for one (3, H, W) picture; it need not be trained.

    Of convolutions alone: biases, norms, activations, interpolation and masks are left out.
    ValueError where the network of the run cannot be built.
    """
    return _count(spec.build, spec.config.network, spec.samples)


@cache  # many runs are of one network
@torch.no_grad()
def _count(build: Callable[[NetworkConfig], Network], config: NetworkConfig,
           samples: int) -> Cost:
    network = build(config).eval()
    with FlopCounterMode(display=False) as frame:
        encoded = network.encode(torch.zeros(1, 3, config.height, config.width))
        network.decode(encoded.features, None)
    masks = masks_of(network, samples)
    if not masks:
        return Cost(_multiply_adds(frame), 0)
    with FlopCounterMode(display=False) as sample:
        network.sample(encoded, [mask[:1] for mask in masks])
    return Cost(_multiply_adds(frame), len(masks[0]) * _multiply_adds(sample))


def _multiply_adds(counter: FlopCounterMode) -> int:
    """Give half of the operations: the counter takes a multiplication and an addition for two."""
    return int(counter.get_total_flops()) // 2
