# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The variance of a Bayesian linear layer, in closed form: what sampling is compared with.

For a linear layer on features phi with a Gaussian prior, the variance of its output is in
proportion to v = phi' (Phi'Phi / N + lambda I)^-1 phi (Bishop 2006, eq. 3.59): small along
directions in which the N training pixels lie, large along those that they never took. One pass,
no masks. The levels' features have unit length, so that v does not follow their size.
"""
import math
from typing import NamedTuple, Sequence

from bdl_perception.network.model import Network
import torch
from torch import Tensor

RELATIVE_PRIOR = 1e-3  # lambda, as a share of the features' mean variance


class LastLayerWhitening(NamedTuple):
    """Whitening W of the coarsest and of the finest decoder map: v = |phi W|^2 / C."""

    coarsest: Tensor  # (C, C) of the coarsest map
    finest: Tensor  # (C', C') of the map that the heads see


def decoder_maps(network: Network, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Give the coarsest and the finest map of the decoder, (B, C, h, w), without masks."""
    maps = network.decoder.level_maps(features, None)
    return maps[0], maps[-1]


@torch.no_grad()
def fit_last_layer(network: Network, frames: Sequence[Tensor]) -> LastLayerWhitening:
    """Gather how the features of batches (B, 3, H, W) of training frames lie."""
    network.eval()
    sums: list[Tensor] = [torch.zeros(1), torch.zeros(1)]
    for rgb in frames:
        for index, map_ in enumerate(decoder_maps(network, network.encode(rgb).features)):
            phi = map_.movedim(1, -1).flatten(0, 2)  # (N, C)
            sums[index] = sums[index] + phi.T @ phi / len(phi)
    return LastLayerWhitening(*(whitening_from_moment(total / len(frames)) for total in sums))


def mean_variance(map_: Tensor, whitening: Tensor) -> Tensor:
    """Average v over a picture; map_: (B, C, h, w); (B,). About 1 on the training frames."""
    v = (map_.movedim(1, -1) @ whitening).square().mean(-1)  # (B, h, w)
    return v.mean((1, 2))


def whitening_from_moment(moment: Tensor) -> Tensor:
    """Take the inverse square root of the second moment (C, C) with its prior."""
    moment = moment.double()
    size = len(moment)
    prior = RELATIVE_PRIOR * moment.trace() / size * torch.eye(size, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(moment + prior)
    whitening: Tensor = (vectors * values.rsqrt()).float()
    return whitening


N_FEATURES = 512  # D, eight for each channel of the usual coarsest map
PIXEL_BATCH = 4096  # pixels whose features are in memory at a time
FEATURE_SEED = 0  # the same features for every run


class RandomFeatures(NamedTuple):
    """The drawn features, and how those of the training pixels lie."""

    frequencies: Tensor  # (C, D), W / l
    phases: Tensor  # (D,) rad
    whitening: Tensor  # (D, D)

    def variance(self, network: Network, features: Sequence[Tensor]) -> Tensor:
        """Average v over each picture, from the encoder's features of B of them; (B,)."""
        map_, _ = decoder_maps(network, features)  # (B, C, h, w)
        waves = fourier_features(map_.movedim(1, -1), self.frequencies, self.phases)
        return mean_variance(waves.movedim(-1, 1), self.whitening)


@torch.no_grad()
def fit_random_features(network: Network, frames: Sequence[Tensor]) -> RandomFeatures:
    """Gather how the coarsest maps of batches (B, 3, H, W) of training frames lie."""
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
                         'are all pictures the same?')
    generator = torch.Generator().manual_seed(FEATURE_SEED)
    frequencies = torch.randn(pixels.shape[1], N_FEATURES, generator=generator) / length
    phases = 2 * math.pi * torch.rand(N_FEATURES, generator=generator)
    moment = torch.zeros(N_FEATURES, N_FEATURES)
    for start in range(0, len(pixels), PIXEL_BATCH):
        waves = fourier_features(pixels[start:start + PIXEL_BATCH], frequencies, phases)  # (PART, D)
        moment += waves.T @ waves
    return RandomFeatures(frequencies, phases, whitening_from_moment(moment / len(pixels)))


def fourier_features(x: Tensor, frequencies: Tensor, phases: Tensor) -> Tensor:
    """Give z of vectors (..., C); (..., D), with z . z' about exp(-|x - x'|^2 / 2 l^2)."""
    return math.sqrt(2 / len(phases)) * (x @ frequencies + phases).cos()
