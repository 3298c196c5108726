# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The variance of a Gaussian process on the coarsest decoder map, in closed form, with no sampling.

The process has a Gaussian kernel, approximated by D random Fourier features (Rahimi & Recht
2007), z = sqrt(2 / D) cos(W x / l + b), and v = z' (Z'Z / N + lambda I)^-1 z as of a Bayesian
linear layer on z (Liu et al. 2020, SNGP, eq. 9, with a squared error). Unlike the linear layer on
x itself, it knows how far a pixel is from the training pixels and not only in which direction.
On these v is (number of features that they determine) / D, below 1.
"""
import math
from typing import NamedTuple, Sequence

from bdl_perception.experiments.last_layer import decoder_maps
from bdl_perception.experiments.last_layer import mean_variance
from bdl_perception.experiments.last_layer import whitening_of
from bdl_perception.network.model import Network
import torch
from torch import Tensor

FEATURES = 512  # D, eight for each channel of the usual coarsest map
PART = 4096  # pixels whose features are in memory at a time
SEED = 0  # the same features for every run


class RandomFeatures(NamedTuple):
    """The drawn features, and how those of the training pixels lie."""

    frequencies: Tensor  # (C, D), W / l
    phases: Tensor  # (D,) rad
    whitening: Tensor  # (D, D)

    def variance(self, network: Network, features: Sequence[Tensor]) -> Tensor:
        """Average v over each picture, from the encoder's features of B of them; (B,)."""
        map_, _ = decoder_maps(network, features)  # (B, C, h, w)
        waves = fourier(map_.movedim(1, -1), self.frequencies, self.phases)
        return mean_variance(waves.movedim(-1, 1), self.whitening)


@torch.no_grad()
def fit_random_features(network: Network, pictures: Sequence[Tensor]) -> RandomFeatures:
    """Gather how the coarsest maps of batches (B, 3, H, W) of training frames lie."""
    network.eval()
    return fit_pixels(torch.cat([
        decoder_maps(network, network.encode(rgb).features)[0].movedim(1, -1).flatten(0, 2)
        for rgb in pictures]))


def fit_pixels(pixels: Tensor) -> RandomFeatures:
    """
    Fit feature vectors (N, C) of training pixels.

    l is the root mean square distance of two of them: sqrt(2 x the sum of their variances).
    """
    length = (2 * pixels.var(0, correction=0).sum()).sqrt()
    if not length > 0:
        raise ValueError('the coarsest decoder map does not vary over the training frames; '
                         'are all pictures the same?')
    generator = torch.Generator().manual_seed(SEED)
    frequencies = torch.randn(pixels.shape[1], FEATURES, generator=generator) / length
    phases = 2 * math.pi * torch.rand(FEATURES, generator=generator)
    moment = torch.zeros(FEATURES, FEATURES)
    for start in range(0, len(pixels), PART):
        waves = fourier(pixels[start:start + PART], frequencies, phases)  # (PART, D)
        moment += waves.T @ waves
    return RandomFeatures(frequencies, phases, whitening_of(moment / len(pixels)))


def fourier(x: Tensor, frequencies: Tensor, phases: Tensor) -> Tensor:
    """Give z of vectors (..., C); (..., D), with z . z' about exp(-|x - x'|^2 / 2 l^2)."""
    return math.sqrt(2 / len(phases)) * (x @ frequencies + phases).cos()
