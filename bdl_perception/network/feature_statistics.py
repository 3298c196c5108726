# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Feature statistics of the training set, for the two feature distances of a new frame."""
from typing import Iterable, NamedTuple

from bdl_perception.network.class_distance import (
    cell_classes,
    cell_features,
    CellSamples,
    CellStatistics,
    fit_cell_statistics,
    fit_whitening,
)
from bdl_perception.network.model import Network
import torch
from torch import Tensor

SHRINKAGE = 0.05  # share of the identity in the covariance: frames of one drive are alike
CELLS_PER_FRAME = 200  # drawn at random: the cells of a frame are alike


class FeatureStatistics(NamedTuple):
    """Whitening of the pooled features and statistics of the cells (class_distance)."""

    mean: Tensor  # (C,)
    whitening: Tensor  # (C, C)
    cell_origin: Tensor  # (C',)
    cell_projection: Tensor  # (C', D)
    class_means: Tensor  # (K, D)
    class_whitenings: Tensor  # (K, D, D)

    @property
    def cells(self) -> CellStatistics:
        """Return the statistics of the cells."""
        return CellStatistics(self.cell_origin, self.cell_projection, self.class_means,
                              self.class_whitenings)


class CollectedFeatures(NamedTuple):
    """Features of N training frames."""

    pooled: Tensor  # (N, C)
    cells: CellSamples


def fit_feature_statistics(collected: CollectedFeatures, classes: int) -> FeatureStatistics:
    """Fit features of training frames; ValueError when they are too few or do not vary."""
    if len(collected.pooled) < 2:
        raise ValueError(f'feature statistics of {len(collected.pooled)} frames, need at least 2')
    return FeatureStatistics(*fit_whitening(collected.pooled, SHRINKAGE),
                             *fit_cell_statistics(collected.cells, classes))


@torch.no_grad()
def collect_features(network: Network,
                     batches: Iterable[tuple[Tensor, Tensor]]) -> CollectedFeatures:
    """Collect from batches of (B, 3, H, W) floats 0..255 and their classes, (B, H / 2, W / 2)."""
    network.eval()
    generator = torch.Generator().manual_seed(0)
    pooled, features, classes = [], [], []
    for rgb, truth in batches:
        encoded = network.encode(rgb)
        cells = cell_features(network.decoder.level_maps(encoded.features, None))
        chosen = torch.randperm(cells[0, 0].numel(), generator=generator)[:CELLS_PER_FRAME]
        pooled.append(encoded.pooled)
        features.append(cells.flatten(2)[:, :, chosen].transpose(1, 2).flatten(0, 1))
        classes.append(cell_classes(truth, *cells.shape[2:]).flatten(1)[:, chosen].flatten())
    return CollectedFeatures(torch.cat(pooled),
                             CellSamples(torch.cat(features), torch.cat(classes)))


@torch.no_grad()
def pool_features(network: Network, batches: Iterable[Tensor]) -> Tensor:
    """Pool the deepest features of N frames in batches of (B, 3, H, W) floats 0..255: (N, C)."""
    network.eval()
    return torch.cat([network.encode(batch).pooled for batch in batches])
