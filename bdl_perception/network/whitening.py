# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Mean and whitening of feature vectors: what a Mahalanobis distance takes."""
from typing import NamedTuple

import torch
from torch import Tensor


class Whitening(NamedTuple):
    """|(f - mean) matrix| is the Mahalanobis distance of f."""

    mean: Tensor  # (C,)
    matrix: Tensor  # (C, C) W with W W' = inverse covariance


def whitening_of(features: Tensor, shrinkage: float) -> Whitening:
    """
    Fit (N, C) vectors; ValueError when they do not vary.

    The covariance is shrunk towards its mean variance (Ledoit & Wolf 2004, fixed share), and its
    inverse is kept as a square root: a float32 product of whitened numbers cannot turn negative.
    """
    features = features.double()
    mean = features.mean(0)
    covariance = (features - mean).T @ (features - mean) / len(features)
    size = covariance.shape[0]
    scale = covariance.trace() / size
    if not scale > 0:
        raise ValueError('features do not vary over the training frames; '
                         'are all pictures the same?')
    shrunk = (1 - shrinkage) * covariance + shrinkage * scale * torch.eye(size).double()
    return Whitening(mean.float(), whitening_from(shrunk).float())


def whitening_from(covariance: Tensor) -> Tensor:
    """Give W with W W' = inverse of a (C, C) covariance, columns from its least eigenvalue up."""
    values, vectors = torch.linalg.eigh(covariance)
    matrix: Tensor = vectors * values.rsqrt()
    return matrix
