# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
How the decoder's features lie in each class: the measure of strangeness of a place in a picture.

Pooled over a picture, features do not tell a small unknown object from none. In cells of it they
do: each is compared with the cells of every class in the training set, as feature densities of
single classes tell what was never seen (Mukhoti et al. 2023, Deep Deterministic Uncertainty; Lee
et al. 2018), by the smallest Mahalanobis distance. Only the directions count in which cells of one
class vary least: what the classes share is broken there first (a residual space, as of Wang et al.
2022, ViM), and half of the directions cost a quarter of the products. Variances alone of each
class find as much of what is rendered, but do not find a real motorway strange.
"""
import math
from typing import Mapping, NamedTuple, Sequence

import torch
from torch import Tensor
from torch.nn import functional


class Whitening(NamedTuple):
    """|(f - mean) matrix| is the Mahalanobis distance of f."""

    mean: Tensor  # (C,)
    matrix: Tensor  # (C, C) W with W W' = inverse covariance


def fit_whitening(features: Tensor, shrinkage: float) -> Whitening:
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
    return Whitening(mean.float(), whitening_matrix(shrunk).float())


def whitening_matrix(covariance: Tensor) -> Tensor:
    """Give W with W W' = inverse of a (C, C) covariance, columns from its least eigenvalue up."""
    values, vectors = torch.linalg.eigh(covariance)
    matrix: Tensor = vectors * values.rsqrt()
    return matrix


SHRINKAGE = 0.05  # of the common covariance, towards its mean variance
CLASS_SHRINKAGE = 0.15  # of that of a class, towards the shrunk common one (Friedman 1989)
DIRECTION_FRACTION = 0.5  # of the directions
MIN_CELLS_PER_FEATURE = 3  # cells of a class for each feature, fewer are no shape
# A class so rare that the network hardly learns it has features like anything's: in the lab, with
# all classes, night in the corridor fell from an AUROC of .982 to .968.
MIN_CLASS_FRACTION = 0.005  # of all cells


class CellSamples(NamedTuple):
    """What cells of training pictures were: C features of N cells, and their classes."""

    features: Tensor  # (N, C)
    classes: Tensor  # (N,) uint8


class CellStatistics(NamedTuple):
    """
    Cells f along D directions, and how K classes lie there.

    z = (f - origin) projection has at most unit covariance within a class, on the average of all;
    it is unit with what SHRINKAGE added. |(z - mean) whitening| is the Mahalanobis distance of z.
    """

    cell_origin: Tensor  # (C,)
    cell_projection: Tensor  # (C, D)
    class_means: Tensor  # (K, D)
    class_whitenings: Tensor  # (K, D, D)


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


def fit_cell_statistics(cells: CellSamples, classes: int) -> CellStatistics:
    """
    Fit each class that enough cells are of; all cells as one class when there is none.

    classes: ids from here on up are no class. ValueError when there are fewer than two cells.
    """
    count, features = cells.features.shape
    if count < 2:
        raise ValueError(f'feature statistics of {count} cells, need at least 2')
    groups = [cells.features[cells.classes == k].double()
              for k in frequent_classes(cells, classes)] or [cells.features.double()]
    within = fit_whitening(torch.cat([group - group.mean(0) for group in groups]), SHRINKAGE)
    # Its columns go from the least eigenvalue up.
    projection = within.matrix.double()[:, :direction_count(features)]
    origin = cells.features.double().mean(0)
    along = [(group - origin) @ projection for group in groups]
    return CellStatistics(origin.float(), projection.float(),
                          torch.stack([group.mean(0) for group in along]).float(),
                          torch.stack([_class_whitening(group) for group in along]).float())


def frequent_classes(cells: CellSamples, classes: int) -> list[int]:
    """Choose the ids, of those below classes, that enough cells are of; maybe none."""
    count, features = cells.features.shape
    least = max(MIN_CELLS_PER_FEATURE * features, MIN_CLASS_FRACTION * count)
    return [k for k in range(classes) if int((cells.classes == k).sum()) >= least]


def direction_count(features: int) -> int:
    """Count the directions that are compared."""
    return math.ceil(DIRECTION_FRACTION * features)


def _class_whitening(group: Tensor) -> Tensor:
    """Whiten (N, D) cells of a class, where the shrunk common covariance is the identity."""
    shrunk = ((1 - CLASS_SHRINKAGE) * torch.cov(group.T, correction=0)
              + CLASS_SHRINKAGE * torch.eye(group.shape[1]).double())
    return whitening_matrix(shrunk)


class CellDistance(torch.nn.Module):
    """The smallest distance of each cell from any class, per direction."""

    origin: Tensor
    projection: Tensor
    means: Tensor
    whitenings: Tensor

    def __init__(self, statistics: CellStatistics) -> None:
        """Turn the statistics into constants of a graph."""
        super().__init__()
        origin, projection, means, whitenings = statistics
        self.register_buffer('origin', origin[:, None])
        self.register_buffer('projection', projection.T.contiguous())
        self.register_buffer('means', means[:, :, None])
        self.register_buffer('whitenings', whitenings.transpose(1, 2).contiguous())

    def forward(self, features: Tensor) -> Tensor:
        """
        features: (1, C, h, w) of cell_features; returns (1, h, w).

        Root mean square of D standardised numbers: about 1, or less for what shrinkage added, for
        a cell of a known class.
        Differences are taken before products: TF32 on a GPU would leave little of them after.
        """
        height, width = features.shape[2:]
        along = self.projection @ (features.flatten(2)[0] - self.origin)  # (D, h w)
        deviations = self.whitenings @ (along - self.means)  # (K, D, h w)
        return deviations.square().mean(1).amin(0).sqrt().reshape(1, height, width)


def statistics_from_constants(constants: Mapping[str, Tensor]) -> CellStatistics:
    """Give back the statistics from the constants of a CellDistance, by their names there."""
    return CellStatistics(constants['origin'][:, 0], constants['projection'].T.contiguous(),
                          constants['means'][:, :, 0],
                          constants['whitenings'].transpose(1, 2).contiguous())
