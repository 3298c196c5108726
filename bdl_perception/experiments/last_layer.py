# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The variance of a Bayesian linear layer, in closed form: what sampling is compared with.

For a linear layer on features phi with a Gaussian prior, the variance of its output is in
proportion to v = phi' (Phi'Phi / N + lambda I)^-1 phi (Bishop 2006, eq. 3.59): small along
directions in which the N training pixels lie, large along those that they never took. One pass,
no masks. The levels' features have unit length, so that v does not follow their size.
"""
from typing import NamedTuple, Sequence

from bdl_perception.network.model import Network
import torch
from torch import Tensor

PRIOR = 1e-3  # lambda, as a share of the features' mean variance


class LastLayer(NamedTuple):
    """Whitening W of the coarsest and of the finest decoder map: v = |phi W|^2 / C."""

    first: Tensor  # (C, C) of the coarsest map
    last: Tensor  # (C', C') of the map that the heads see


def decoder_maps(network: Network, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Give the coarsest and the finest map of the decoder, (B, C, h, w), without masks."""
    maps = network.decoder.levels_of(features, None)
    return maps[0], maps[-1]


@torch.no_grad()
def fit_last_layer(network: Network, pictures: Sequence[Tensor]) -> LastLayer:
    """Gather how the features of batches (B, 3, H, W) of training frames lie."""
    network.eval()
    sums: list[Tensor] = [torch.zeros(1), torch.zeros(1)]
    for rgb in pictures:
        for index, map_ in enumerate(decoder_maps(network, network.encode(rgb).features)):
            phi = map_.movedim(1, -1).flatten(0, 2)  # (N, C)
            sums[index] = sums[index] + phi.T @ phi / len(phi)
    return LastLayer(*(whitening_of(total / len(pictures)) for total in sums))


def mean_variance(map_: Tensor, whitening: Tensor) -> Tensor:
    """Average v over a picture; map_: (B, C, h, w); (B,). About 1 on the training frames."""
    v = (map_.movedim(1, -1) @ whitening).square().mean(-1)  # (B, h, w)
    return v.mean((1, 2))


def whitening_of(moment: Tensor) -> Tensor:
    """Take the inverse square root of the second moment (C, C) with its prior."""
    moment = moment.double()
    size = len(moment)
    prior = PRIOR * moment.trace() / size * torch.eye(size, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(moment + prior)
    whitening: Tensor = (vectors * values.rsqrt()).float()
    return whitening
