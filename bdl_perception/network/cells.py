# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
How the decoder's features lie in each class: the measure of strangeness of a place in a picture.

Pooled over a picture, features do not tell a small unknown object from none. In cells of it they
do: each is compared with the cells of every class in the training set, as feature densities of
single classes tell what was never seen (Mukhoti et al. 2023, Deep Deterministic Uncertainty; Lee
et al. 2018), here by the smallest Mahalanobis distance. The covariance is that of all
classes together and only variances are of each, as in a discriminant analysis regularised that far
(Friedman 1989): whole covariances found no more of what is rendered, at seven times the products.
They did find a real motorway strange, which this does not.
"""
from typing import Mapping, NamedTuple, Sequence

from bdl_perception.network.whitening import whitening_of
import torch
from torch import Tensor
from torch.nn import functional

SHRINKAGE = 0.05  # of the common covariance to the identity, of variances to the common ones
LEAST_PER_FEATURE = 3  # cells of a class for each feature, fewer are no shape
# A class so rare that the network hardly learns it has features like anything's: what is unknown
# would be near to it.
LEAST_SHARE = 0.005  # of all cells


class Cells(NamedTuple):
    """What cells of training pictures were: C features of N cells, and their classes."""

    features: Tensor  # (N, C)
    classes: Tensor  # (N,) uint8


class CellStatistics(NamedTuple):
    """
    Cells f, whitened by what K classes have in common, and how each class lies there.

    z = (f - origin) whitening has unit covariance within a class, on the average of all.
    """

    cell_origin: Tensor  # (C,)
    cell_whitening: Tensor  # (C, C)
    class_means: Tensor  # (K, C) of z
    class_variances: Tensor  # (K, C) of z


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
    count, features = cells.features.shape
    if count < 2:
        raise ValueError(f'feature statistics of {count} cells, need at least 2')
    least = max(LEAST_PER_FEATURE * features, LEAST_SHARE * count)
    groups = [cells.features[cells.classes == k].double() for k in range(classes)]
    groups = [group for group in groups if len(group) >= least] or [cells.features.double()]
    within = whitening_of(torch.cat([group - group.mean(0) for group in groups]), SHRINKAGE)
    origin = cells.features.double().mean(0)
    whitened = [(group - origin) @ within.matrix.double() for group in groups]
    variances = torch.stack([group.var(0, correction=0) for group in whitened])
    return CellStatistics(origin.float(), within.matrix,
                          torch.stack([group.mean(0) for group in whitened]).float(),
                          ((1 - SHRINKAGE) * variances + SHRINKAGE).float())


class CellDistance(torch.nn.Module):
    """The smallest distance of each cell from any class, per feature."""

    weight: Tensor
    bias: Tensor
    scales: Tensor
    scaled_means: Tensor

    def __init__(self, statistics: CellStatistics) -> None:
        """Turn the statistics into constants of a graph."""
        super().__init__()
        origin, whitening, means, variances = statistics
        scales = variances.rsqrt()
        self.register_buffer('weight', whitening.T[:, :, None, None].contiguous())
        self.register_buffer('bias', -(origin @ whitening))
        self.register_buffer('scales', scales[:, :, None])
        self.register_buffer('scaled_means', (scales * means)[:, :, None])

    def forward(self, features: Tensor) -> Tensor:
        """
        features: (1, C, h, w) of cell_features; returns (1, h, w).

        Root mean square of C standardised numbers: about 1 for a cell of a known class. Squares
        of differences, not differences of squares: TF32 on a GPU would leave little of those.
        """
        height, width = features.shape[2:]
        whitened = functional.conv2d(features, self.weight, self.bias).flatten(2)  # (1, C, h w)
        deviations = whitened * self.scales - self.scaled_means  # (K, C, h w)
        nearest = deviations.square().mean(1).amin(0)
        return nearest.sqrt().reshape(1, height, width)


def statistics_of(constants: Mapping[str, Tensor]) -> CellStatistics:
    """Give back the statistics from the constants of a CellDistance, by their names there."""
    whitening = constants['weight'][:, :, 0, 0].T
    origin = torch.linalg.solve(whitening.T.double(), -constants['bias'].double())
    scales = constants['scales'][:, :, 0]
    return CellStatistics(origin.float(), whitening.contiguous(),
                          constants['scaled_means'][:, :, 0] / scales, scales ** -2)
