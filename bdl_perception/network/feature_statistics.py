# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How the training set's pooled features lie: the measure of strangeness of a new frame."""
from typing import Iterable, NamedTuple

from bdl_perception.network.model import Network
import torch
from torch import Tensor

SHRINKAGE = 0.05  # share of the identity in the covariance: frames of one drive repeat themselves


class FeatureStatistics(NamedTuple):
    """Mean and whitening of pooled features: |(f - mean) W| is the Mahalanobis distance."""

    mean: Tensor  # (C,)
    whitening: Tensor  # (C, C) W with W W' = inverse covariance


def feature_statistics(pooled: Tensor) -> FeatureStatistics:
    """
    Fit pooled (N, C) features of N training frames.

    The covariance is shrunk towards its mean variance (Ledoit & Wolf 2004, fixed share), and its
    inverse is kept as a square root: a float32 product of whitened numbers cannot turn negative.
    """
    if len(pooled) < 2:
        raise ValueError(f'feature statistics of {len(pooled)} frames, need at least 2')
    features = pooled.double()
    mean = features.mean(0)
    covariance = (features - mean).T @ (features - mean) / len(features)
    size = covariance.shape[0]
    scale = covariance.trace() / size
    if not scale > 0:
        raise ValueError('pooled features do not vary over the training frames; '
                         'are all pictures the same?')
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * scale * torch.eye(size).double()
    values, vectors = torch.linalg.eigh(shrunk)
    return FeatureStatistics(mean.float(), (vectors * values.rsqrt()).float())


@torch.no_grad()
def pool_features(network: Network, pictures: Iterable[Tensor]) -> Tensor:
    """Pool the deepest features of pictures, batches of (B, 3, H, W) floats 0..255: (N, C)."""
    network.eval()
    return torch.cat([network.encode(batch).pooled for batch in pictures])
