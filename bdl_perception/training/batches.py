# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From samples to the tensors that the network and its losses take."""
from dataclasses import dataclass
from typing import Iterator, Sequence

from bdl_perception.network.model import NetworkConfig
from bdl_perception.training.augment import augment
from bdl_perception.training.augment import AugmentConfig
from bdl_perception.training.augment import fitted
from bdl_perception.training.datasets import canonical_depth
from bdl_perception.training.datasets import Dataset
from bdl_perception.training.datasets import Sample
import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Pictures at the input's size, truth at the decoder's, which is half of it."""

    rgb: Tensor  # (B, 3, H, W) float 0..255
    log_depth: Tensor  # (B, h, w) log of m in the canonical camera, NaN where nothing is taught
    classes: Tensor  # (B, h, w) uint8

    def __len__(self) -> int:
        """Count the pictures."""
        return int(self.rgb.shape[0])


def training_batches(dataset: Dataset, size: int, rng: np.random.Generator,
                     network: NetworkConfig, changes: AugmentConfig) -> Iterator[Batch]:
    """Go once through the data in random order with random changes; the odd rest is left out."""
    order = rng.permutation(len(dataset))
    whole = max(len(order) // size * size, min(size, len(order)))
    for start in range(0, whole, size):
        samples = [augment(dataset[int(index)], rng, changes, network.height, network.width)
                   for index in order[start:start + size]]
        corner = rng.integers(0, 2, 2)  # which pixel of each 2x2 is the truth: none on average
        yield make_batch(samples, network, (int(corner[0]), int(corner[1])))


def plain_batches(dataset: Dataset, size: int, indices: Sequence[int],
                  network: NetworkConfig) -> Iterator[Batch]:
    """Go through some samples as they are, in the order given."""
    for start in range(0, len(indices), size):
        yield make_batch([dataset[index] for index in indices[start:start + size]], network)


def spread_indices(count: int, wanted: int) -> list[int]:
    """Choose at most `wanted` of `count` samples, evenly spread."""
    return sorted({int(index) for index in np.linspace(0, count - 1, min(count, wanted)).round()})


def make_batch(samples: Sequence[Sample], network: NetworkConfig,
               corner: tuple[int, int] = (0, 0)) -> Batch:
    """Stack samples; corner: the row and column, 0 or 1, of each 2x2 whose truth is kept."""
    samples = [fitted(sample, network.height, network.width) for sample in samples]
    half = np.s_[corner[0]::2, corner[1]::2]
    rgb = np.stack([sample.rgb for sample in samples])  # (B, H, W, 3)
    depth = np.stack([canonical_depth(sample, network.canonical_focal_px, network.max_depth_m)
                      [half] for sample in samples])  # (B, h, w) m
    classes = np.stack([sample.classes[half] for sample in samples])
    return Batch(torch.from_numpy(rgb).permute(0, 3, 1, 2).float(),  # channels last
                 torch.from_numpy(np.log(depth)), torch.from_numpy(classes))
