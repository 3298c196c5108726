# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From samples to the tensors that the network and its losses take."""
from dataclasses import dataclass
import os
from typing import Any, Iterator, Sequence

from bdl_perception.datasets.base import canonical_depth, Dataset, Sample
from bdl_perception.network.model import NetworkConfig
from bdl_perception.training.augment import augment, AugmentConfig, fit_to_size
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

Corner = tuple[int, int]  # row and column in a square of 2x2 pixels
# The decoder's pixel is the middle of such a square, which no pixel of the truth is: each corner
# has its turn, or depth would be learned and judged half a pixel too far up and to the left.
CORNERS: tuple[Corner, ...] = ((0, 0), (1, 1), (0, 1), (1, 0))


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
                     network: NetworkConfig, augment_config: AugmentConfig) -> Iterator[Batch]:
    """Go once through the data in random order with random changes; the odd rest is left out."""
    order = rng.permutation(len(dataset))
    whole = max(len(order) // size * size, min(size, len(order)))
    for start in range(0, whole, size):
        samples = [augment(dataset[int(index)], rng, augment_config, network.height, network.width)
                   for index in order[start:start + size]]
        yield make_batch(samples, network, [CORNERS[rng.integers(4)]] * len(samples))


def ordered_batches(dataset: Dataset, size: int, indices: Sequence[int],
                  network: NetworkConfig) -> Iterator[Batch]:
    """Go through some samples as they are, in the order given, and through the corners in turn."""
    for start in range(0, len(indices), size):
        chosen = range(start, min(start + size, len(indices)))
        yield make_batch([dataset[indices[place]] for place in chosen], network,
                         [CORNERS[place % 4] for place in chosen])


def evenly_spaced(count: int, max_count: int) -> list[int]:
    """Choose at most `wanted` of `count` samples, evenly spread."""
    return sorted({int(index) for index in np.linspace(0, count - 1, min(count, max_count)).round()})


def make_batch(samples: Sequence[Sample], network: NetworkConfig,
               corners: Sequence[Corner]) -> Batch:
    """Stack samples; corners: of each one, which pixel of every 2x2 has the truth that is kept."""
    samples = [fit_to_size(sample, network.height, network.width) for sample in samples]
    rgb = np.stack([sample.rgb for sample in samples])  # (B, H, W, 3)
    depth = np.stack([
        _subsample(canonical_depth(sample, network.canonical_focal_px, network.max_depth_m), corner)
        for sample, corner in zip(samples, corners, strict=True)])  # (B, h, w) m
    classes = np.stack([_subsample(sample.classes, corner)
                        for sample, corner in zip(samples, corners, strict=True)])
    return Batch(torch.from_numpy(rgb).permute(0, 3, 1, 2).float(),  # channels last
                 torch.from_numpy(np.log(depth)), torch.from_numpy(classes))


def _subsample(values: NDArray[Any], corner: Corner) -> NDArray[Any]:
    return values[corner[0]::2, corner[1]::2]


DEVICES = ('auto', 'cpu', 'cuda')


@dataclass(frozen=True)
class Precision:
    """Where tensors live and what the network computes with; losses stay in float32."""

    device: torch.device
    autocast_dtype: torch.dtype | None = None  # of the network's multiplications; None: float32

    def autocast(self) -> torch.autocast:
        """Let what is computed inside use fewer bits where that is harmless."""
        return torch.autocast(self.device.type, self.autocast_dtype, enabled=self.autocast_dtype is not None)

    def grad_scaler(self) -> torch.amp.GradScaler:
        """Make what keeps small gradients from vanishing: only float16 needs it."""
        return torch.amp.GradScaler(self.device.type, enabled=self.autocast_dtype == torch.float16)

    def batch_to_device(self, batch: Batch) -> Batch:
        """Bring a batch to the device, without waiting for it."""
        return Batch(self._to_device(batch.rgb), self._to_device(batch.log_depth),
                     self._to_device(batch.classes))

    def _to_device(self, tensor: Tensor) -> Tensor:
        if self.device.type != 'cuda':
            return tensor.to(self.device)
        return tensor.pin_memory().to(self.device, non_blocking=True)


def choose_precision(device: str, mixed_precision: bool) -> Precision:
    """
    Take the device of that name; auto: CUDA where there is one, of torchrun's local rank.

    mixed: bfloat16, or float16 where a GPU has no bfloat16; on CUDA only, since on a CPU it is
    many times slower.
    """
    if device == 'cpu' or (device == 'auto' and not torch.cuda.is_available()):
        return Precision(torch.device('cpu'))
    if not torch.cuda.is_available():
        raise ValueError('device is cuda, but torch sees no GPU; install the driver and a torch '
                         'with CUDA, or set device to cpu')
    chosen = torch.device('cuda', int(os.environ.get('LOCAL_RANK', '0')))
    torch.cuda.set_device(chosen)
    if not mixed_precision:
        return Precision(chosen)
    return Precision(chosen, torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16)
