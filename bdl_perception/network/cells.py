# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
How the decoder's features lie in each class: the measure of strangeness of a place in a picture.

Pooled over a picture, features do not tell a small unknown object from none. In cells of it they
do: each is compared with the cells of every class in the training set, as feature densities of
single classes tell what was never seen (Mukhoti et al. 2023, Deep Deterministic Uncertainty; Lee
et al. 2018), here by the smallest Mahalanobis distance.
"""
from typing import NamedTuple, Sequence

from bdl_perception.network.whitening import whitening_of
import torch
from torch import Tensor
from torch.nn import functional

SHRINKAGE = 0.05  # share of the identity in each covariance
LEAST_PER_FEATURE = 3  # cells of a class for each feature, fewer are no shape


class Cells(NamedTuple):
    """What cells of training pictures were: C features of N cells, and their classes."""

    features: Tensor  # (N, C)
    classes: Tensor  # (N,) uint8


class CellStatistics(NamedTuple):
    """Of K classes: |(f - mean_k) W_k| is the Mahalanobis distance of a cell from class k."""

    cell_means: Tensor  # (K, C)
    cell_whitenings: Tensor  # (K, C, C), W W' = inverse covariance


def cell_features(levels: Sequence[Tensor]) -> Tensor:
    """
    Join the decoder's levels but the coarsest in the cells of the coarsest of these.

    levels: (B, C_k, H_k, W_k), coarsest first, each twice the size of the one before. Gives
    (B, C_1 + C_2 + ..., H_1, W_1): finer levels are averaged over a cell.
    """
    finer = [functional.avg_pool2d(level, 2**index) for index, level
             in enumerate(levels[2:], start=1)]
    return torch.cat([levels[1], *finer], 1)


def cell_classes(classes: Tensor, height: int, width: int) -> Tensor:
    """Take the class in the middle of each cell; (B, H, W) -> (B, height, width)."""
    down, right = classes.shape[1] // height, classes.shape[2] // width
    return classes[:, down // 2::down, right // 2::right]


def cell_statistics(cells: Cells, classes: int) -> CellStatistics:
    """
    Fit each class that enough cells are of; all cells as one class when there is none.

    classes: ids from here on up are no class. ValueError when there are fewer than two cells.
    """
    if len(cells.features) < 2:
        raise ValueError(f'feature statistics of {len(cells.features)} cells, need at least 2')
    least = LEAST_PER_FEATURE * cells.features.shape[1]
    groups = [cells.features[cells.classes == k] for k in range(classes)]
    groups = [group for group in groups if len(group) >= least] or [cells.features]
    fitted = [whitening_of(group, SHRINKAGE) for group in groups]
    return CellStatistics(torch.stack([one.mean for one in fitted]),
                          torch.stack([one.matrix for one in fitted]))


def statistics_of(weight: Tensor, bias: Tensor) -> CellStatistics:
    """Give back the statistics from the constants of a CellDistance."""
    turned = weight.reshape(-1, weight.shape[1], weight.shape[1])  # (K, C, C), W'
    means = torch.linalg.solve(turned.double(), -bias.reshape(len(turned), -1).double())
    return CellStatistics(means.float(), turned.transpose(1, 2).contiguous())


class CellDistance(torch.nn.Module):
    """The smallest distance of each cell from any class, per feature; one convolution."""

    weight: Tensor
    bias: Tensor

    def __init__(self, statistics: CellStatistics) -> None:
        """Turn the statistics into constants of a graph."""
        super().__init__()
        means, whitenings = statistics
        self.classes, self.features = means.shape
        turned = whitenings.transpose(1, 2)  # (K, C, C), W'
        self.register_buffer('weight', turned.reshape(-1, self.features, 1, 1).contiguous())
        self.register_buffer('bias', -(turned @ means[:, :, None]).reshape(-1))

    def forward(self, features: Tensor) -> Tensor:
        """
        features: (1, C, h, w) of cell_features; returns (1, h, w).

        Root mean square of the C whitened numbers: about 1 for a cell of a known class.
        """
        whitened = functional.conv2d(features, self.weight, self.bias)  # (1, K C, h, w)
        height, width = features.shape[2:]
        squares = whitened.square().reshape(self.classes, self.features, height, width)
        return squares.mean(1).amin(0, keepdim=True).sqrt()
