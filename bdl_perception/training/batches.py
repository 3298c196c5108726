# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Batches of tensors for the network and its losses, and their device and precision."""
from dataclasses import dataclass
import os
from typing import Any, Iterator, Sequence

from bdl_perception.datasets.base import canonical_depth, Dataset, TrainingSample
from bdl_perception.network.model import NetworkConfig
from bdl_perception.training.augment import augment, AugmentConfig, fit_to_size
from bdl_perception.training.pasting import paste_objects
import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

Corner = tuple[int, int]  # row and column in a square of 2x2 pixels
# A pixel of the decoder is the centre of such a square, and no pixel of the ground truth lies
# there. The corners take turns; with one corner only, depth would be off by half a pixel.
CORNERS: tuple[Corner, ...] = ((0, 0), (1, 1), (0, 1), (1, 0))
DEVICES = ('auto', 'cpu', 'cuda')


@dataclass(frozen=True)
class Batch:
    """Frames at the size of the input, ground truth at that of the decoder, which is half."""

    rgb: Tensor  # (B, 3, H, W) float 0..255
    log_depth: Tensor  # (B, h, w) log of m in the canonical camera, NaN where there is no truth
    classes: Tensor  # (B, h, w) uint8
    outliers: Tensor  # (B, h, w) bool, pasted unknown objects

    def __len__(self) -> int:
        """Return the number of frames."""
        return int(self.rgb.shape[0])


def training_batches(dataset: Dataset, size: int, rng: np.random.Generator,
                     network: NetworkConfig, augment_config: AugmentConfig) -> Iterator[Batch]:
    """Yield augmented batches of one epoch in random order, without an incomplete last one."""
    order = rng.permutation(len(dataset))
    whole = max(len(order) // size * size, min(size, len(order)))
    for start in range(0, whole, size):
        samples = [augment(dataset[int(index)], rng, augment_config, network.height, network.width)
                   for index in order[start:start + size]]
        samples = paste_objects(samples, rng, augment_config)
        yield make_batch(samples, network, [CORNERS[rng.integers(4)]] * len(samples))


def ordered_batches(dataset: Dataset, size: int, indices: Sequence[int],
                    network: NetworkConfig) -> Iterator[Batch]:
    """Yield batches of the samples at indices, in that order, without augmentation."""
    for start in range(0, len(indices), size):
        chosen = range(start, min(start + size, len(indices)))
        yield make_batch([dataset[indices[place]] for place in chosen], network,
                         [CORNERS[place % 4] for place in chosen])


def evenly_spaced(count: int, max_count: int) -> list[int]:
    """Choose at most max_count of count indices, evenly spaced."""
    places = np.linspace(0, count - 1, min(count, max_count)).round()
    return sorted({int(index) for index in places})


def make_batch(samples: Sequence[TrainingSample], network: NetworkConfig,
               corners: Sequence[Corner]) -> Batch:
    """Stack samples; corners: of each sample, the pixel of a 2x2 square that gives the truth."""
    samples = [fit_to_size(sample, network.height, network.width) for sample in samples]
    rgb = np.stack([sample.rgb for sample in samples])  # (B, H, W, 3)
    focal_px, max_depth_m = network.canonical_focal_px, network.max_depth_m
    depth = np.stack([_subsample(canonical_depth(sample, focal_px, max_depth_m), corner)
                      for sample, corner in zip(samples, corners, strict=True)])  # (B, h, w) m
    classes = np.stack([_subsample(sample.classes, corner)
                        for sample, corner in zip(samples, corners, strict=True)])
    outliers = np.stack([_subsample(_outliers(sample), corner)
                         for sample, corner in zip(samples, corners, strict=True)])
    return Batch(torch.from_numpy(rgb).permute(0, 3, 1, 2).float(),  # channels last
                 torch.from_numpy(np.log(depth)), torch.from_numpy(classes),
                 torch.from_numpy(outliers))


def _outliers(sample: TrainingSample) -> NDArray[np.bool_]:
    none = np.zeros(sample.classes.shape, bool)
    return none if sample.anomalies is None else sample.anomalies == 1


def _subsample(values: NDArray[Any], corner: Corner) -> NDArray[Any]:
    return values[corner[0]::2, corner[1]::2]


@dataclass(frozen=True)
class Precision:
    """
    The device of the tensors and the number format of the network; losses stay in float32.

    Tested on the CPU only, in float32 and in bfloat16 under autocast. The CUDA part was never run:
    pinned copies, and float16 with its scaler.
    """

    device: torch.device
    autocast_dtype: torch.dtype | None = None  # of multiplications; None: float32

    def autocast(self) -> torch.autocast:
        """Return the context in which the network computes in autocast_dtype."""
        return torch.autocast(self.device.type, self.autocast_dtype,
                              enabled=self.autocast_dtype is not None)

    def grad_scaler(self) -> torch.amp.GradScaler:
        """Return the scaler against the underflow of small gradients; only float16 needs it."""
        return torch.amp.GradScaler(self.device.type,
                                    enabled=self.autocast_dtype == torch.float16)

    def batch_to_device(self, batch: Batch) -> Batch:
        """Copy a batch to the device without waiting for the copy."""
        return Batch(self._to_device(batch.rgb), self._to_device(batch.log_depth),
                     self._to_device(batch.classes), self._to_device(batch.outliers))

    def _to_device(self, tensor: Tensor) -> Tensor:
        if self.device.type != 'cuda':
            return tensor.to(self.device)
        return tensor.pin_memory().to(self.device, non_blocking=True)


def choose_precision(device: str, mixed_precision: bool) -> Precision:
    """
    Return the device of a name, that of the local rank of torchrun; auto: CUDA if available.

    mixed_precision: bfloat16, or float16 on a GPU without bfloat16. It has no effect on a CPU,
    where it is many times slower.
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
