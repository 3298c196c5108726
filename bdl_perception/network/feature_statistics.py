# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How the training set's features lie: the measures of strangeness of a new frame."""
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

SHRINKAGE = 0.05  # share of the identity in the covariance: frames of one drive repeat themselves
CELLS_PER_FRAME = 200  # of each frame, drawn at random: its cells are alike


class FeatureStatistics(NamedTuple):
    """Of pooled features, mean and whitening (whitening.py), and of cells (cells.py)."""

    mean: Tensor  # (C,)
    whitening: Tensor  # (C, C)
    cell_origin: Tensor  # (C',)
    cell_projection: Tensor  # (C', D)
    class_means: Tensor  # (K, D)
    class_whitenings: Tensor  # (K, D, D)

    @property
    def cells(self) -> CellStatistics:
        """Give what the cells were like."""
        return CellStatistics(self.cell_origin, self.cell_projection, self.class_means,
                              self.class_whitenings)


class CollectedFeatures(NamedTuple):
    """What the features of N training frames were."""

    pooled: Tensor  # (N, C)
    cells: CellSamples


def fit_feature_statistics(collected: CollectedFeatures, classes: int) -> FeatureStatistics:
    """Fit what was seen on training frames; ValueError when they say nothing."""
    if len(collected.pooled) < 2:
        raise ValueError(f'feature statistics of {len(collected.pooled)} frames, need at least 2')
    return FeatureStatistics(*fit_whitening(collected.pooled, SHRINKAGE),
                             *fit_cell_statistics(collected.cells, classes))


@torch.no_grad()
def collect_features(network: Network, batches: Iterable[tuple[Tensor, Tensor]]) -> CollectedFeatures:
    """Look at batches of (B, 3, H, W) floats 0..255 and their classes, (B, H / 2, W / 2)."""
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
    return CollectedFeatures(torch.cat(pooled), CellSamples(torch.cat(features), torch.cat(classes)))


@torch.no_grad()
def pool_features(network: Network, batches: Iterable[Tensor]) -> Tensor:
    """Pool the deepest features of pictures, batches of (B, 3, H, W) floats 0..255: (N, C)."""
    network.eval()
    return torch.cat([network.encode(batch).pooled for batch in batches])
