# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Last-layer Laplace: the variance of a Bayesian linear layer, without sampling.

For a linear layer on features phi with a Gaussian prior, the variance of its output is
proportional to v / N, v = phi' (Phi'Phi / N + lambda I)^-1 phi (Bishop 2006, eq. 3.59): small
along directions of the N training pixels, large along all others, and falling as 1 / N by
construction. It takes one pass and no masks. The features, of the decoder's finest map, have unit
length, so v does not depend on their size.
"""
from typing import NamedTuple, Sequence

from bdl_perception.network.class_distance import whitening_matrix
from bdl_perception.network.model import Network
import torch
from torch import Tensor

RELATIVE_PRIOR = 1e-3  # lambda, as a share of the features' mean variance


class LastLayer(NamedTuple):
    """The posterior of a linear layer on the decoder's finest map."""

    whitening: Tensor  # (C, C): v = |phi W|^2 / C
    pixels: int  # N

    def variance(self, network: Network, features: Sequence[Tensor]) -> Tensor:
        """Average v over each frame, from the encoder's features of B frames; (B,)."""
        return mean_variance(finest_map(network, features), self.whitening)


@torch.no_grad()
def fit_last_layer(network: Network, frames: Sequence[Tensor]) -> LastLayer:
    """Fit the second moments of the features, on batches (B, 3, H, W) of training frames."""
    network.eval()
    total, pixels = torch.zeros(1), 0
    for rgb in frames:
        phi = finest_map(network, network.encode(rgb).features).movedim(1, -1).flatten(0, 2)
        total = total + phi.T @ phi  # (C, C)
        pixels += len(phi)
    return LastLayer(whitening_from_moment(total / pixels), pixels)


def finest_map(network: Network, features: Sequence[Tensor]) -> Tensor:
    """Return the input of the heads without masks, (B, C, h, w)."""
    map_: Tensor = network.decoder.level_maps(features, None)[-1]
    return map_


def mean_variance(map_: Tensor, whitening: Tensor) -> Tensor:
    """Average v over a frame; map_: (B, C, h, w); (B,). About 1 on the training frames."""
    v = (map_.movedim(1, -1) @ whitening).square().mean(-1)  # (B, h, w)
    return v.mean((1, 2))


def whitening_from_moment(moment: Tensor) -> Tensor:
    """Return the inverse square root of the second moment (C, C) with its prior."""
    moment = moment.double()
    size = len(moment)
    prior = RELATIVE_PRIOR * moment.trace() / size * torch.eye(size, dtype=torch.float64)
    return whitening_matrix(moment + prior).float()
