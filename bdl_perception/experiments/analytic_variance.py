# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Analytic epistemic variance without sampling: a Bayesian linear layer and a Gaussian process.

For a linear layer on features phi with a Gaussian prior, the variance of its output is
proportional to v = phi' (Phi'Phi / N + lambda I)^-1 phi (Bishop 2006, eq. 3.59): small along
directions of the N training pixels, large along all others. It takes one pass and no masks. The
features of a decoder level have unit length, so v does not depend on their size.

The Gaussian process on the coarsest decoder map has a Gaussian kernel, approximated by D random
Fourier features (Rahimi & Recht 2007), z = sqrt(2 / D) cos(W x / l + b). Its v is that of a
Bayesian linear layer on z (Liu et al. 2020, SNGP, eq. 9, with a squared error). Unlike v of x
itself, it depends on the distance of a pixel from the training pixels, not only on the direction.
On training pixels v is (number of features that they determine) / D, below 1.
"""
import math
from typing import NamedTuple, Sequence

from bdl_perception.network.class_distance import whitening_matrix
from bdl_perception.network.model import Network
import torch
from torch import Tensor

RELATIVE_PRIOR = 1e-3  # lambda, as a share of the features' mean variance
N_FEATURES = 512  # D, eight for each channel of the default coarsest map
FEATURE_SEED = 0  # the same random features for every run
PIXEL_BATCH = 4096  # pixels whose features are in memory at a time


class LastLayerWhitening(NamedTuple):
    """Whitening W of the coarsest and of the finest decoder map: v = |phi W|^2 / C."""

    coarsest: Tensor  # (C, C)
    finest: Tensor  # (C', C'), the input of the heads


@torch.no_grad()
def fit_last_layer(network: Network, frames: Sequence[Tensor]) -> LastLayerWhitening:
    """Fit the second moments of the features, on batches (B, 3, H, W) of training frames."""
    network.eval()
    sums: list[Tensor] = [torch.zeros(1), torch.zeros(1)]
    for rgb in frames:
        for index, map_ in enumerate(decoder_maps(network, network.encode(rgb).features)):
            phi = map_.movedim(1, -1).flatten(0, 2)  # (N, C)
            sums[index] = sums[index] + phi.T @ phi / len(phi)
    return LastLayerWhitening(*(whitening_from_moment(total / len(frames)) for total in sums))


def decoder_maps(network: Network, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return the coarsest and the finest map of the decoder, (B, C, h, w), without masks."""
    maps = network.decoder.level_maps(features, None)
    return maps[0], maps[-1]


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


class RandomFeatures(NamedTuple):
    """Random Fourier features and their whitening on the training pixels."""

    frequencies: Tensor  # (C, D), W / l
    phases: Tensor  # (D,) rad
    whitening: Tensor  # (D, D)

    def variance(self, network: Network, features: Sequence[Tensor]) -> Tensor:
        """Average v over each frame, from the encoder's features of B frames; (B,)."""
        map_, _ = decoder_maps(network, features)  # (B, C, h, w)
        waves = fourier_features(map_.movedim(1, -1), self.frequencies, self.phases)
        return mean_variance(waves.movedim(-1, 1), self.whitening)


@torch.no_grad()
def fit_random_features(network: Network, frames: Sequence[Tensor]) -> RandomFeatures:
    """Fit the coarsest maps of batches (B, 3, H, W) of training frames."""
    network.eval()
    return fit_pixel_features(torch.cat([
        decoder_maps(network, network.encode(rgb).features)[0].movedim(1, -1).flatten(0, 2)
        for rgb in frames]))


def fit_pixel_features(pixels: Tensor) -> RandomFeatures:
    """
    Fit feature vectors (N, C) of training pixels.

    l is the root mean square distance of two of them: sqrt(2 x the sum of their variances).
    """
    length = (2 * pixels.var(0, correction=0).sum()).sqrt()
    if not length > 0:
        raise ValueError('the coarsest decoder map does not vary over the training frames; '
                         'are all frames the same?')
    generator = torch.Generator().manual_seed(FEATURE_SEED)
    frequencies = torch.randn(pixels.shape[1], N_FEATURES, generator=generator) / length
    phases = 2 * math.pi * torch.rand(N_FEATURES, generator=generator)
    moment = torch.zeros(N_FEATURES, N_FEATURES)
    for start in range(0, len(pixels), PIXEL_BATCH):
        batch = pixels[start:start + PIXEL_BATCH]
        waves = fourier_features(batch, frequencies, phases)  # (PIXEL_BATCH, D)
        moment += waves.T @ waves
    return RandomFeatures(frequencies, phases, whitening_from_moment(moment / len(pixels)))


def fourier_features(x: Tensor, frequencies: Tensor, phases: Tensor) -> Tensor:
    """Map vectors (..., C) to z (..., D), with z . z' about exp(-|x - x'|^2 / 2 l^2)."""
    return math.sqrt(2 / len(phases)) * (x @ frequencies + phases).cos()
