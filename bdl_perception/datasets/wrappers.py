# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Data sets made of others: a subset, a copy in memory, a concatenation, a resized one."""
from itertools import accumulate
from typing import Sequence

from bdl_perception.datasets.base import Dataset, DatasetError, TrainingSample
from bdl_perception.perception.image_geometry import fit_image
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

BYTES_PER_PIXEL = 3 + 2 + 1  # of the image, its depth and its class


class Subset:
    """Some samples of a data set; an index may occur more than once."""

    def __init__(self, dataset: Dataset, indices: Sequence[int]) -> None:
        """Select samples in the order of the indices."""
        self._dataset, self._indices = dataset, list(indices)

    def __len__(self) -> int:
        """Count the samples."""
        return len(self._indices)

    def __getitem__(self, index: int) -> TrainingSample:
        """Read one."""
        return self._dataset[self._indices[index]]


def memory_bytes(dataset: Dataset) -> int:
    """Give the bytes that InMemoryDataset takes, from the size of the first sample."""
    return BYTES_PER_PIXEL * len(dataset) * dataset[0].classes.size


class InMemoryDataset:
    """
    All samples as uint8 and float16, 6 bytes per pixel: 369 KB per frame at 192x320.

    Half precision has 11 bits for a depth (.05 %), and NaN and infinity.
    """

    def __init__(self, dataset: Dataset, title: str) -> None:
        """Read everything; title: of the progress bar."""
        count, first = len(dataset), dataset[0]
        self._rgb = np.empty((count, *first.rgb.shape), np.uint8)  # (N, H, W, 3)
        self._depth = np.empty((count, *first.depth.shape), np.float16)  # (N, H, W) m
        self._classes = np.empty((count, *first.classes.shape), np.uint8)  # (N, H, W)
        self._fx: NDArray[np.float64] = np.empty(count)  # (N,) px
        for index in tqdm(range(count), title, unit='frame', disable=None):
            self._store(index, dataset[index])

    def __len__(self) -> int:
        """Count the samples."""
        return len(self._rgb)

    def __getitem__(self, index: int) -> TrainingSample:
        """Give a sample; its image and classes are views and must not be changed."""
        return TrainingSample(self._rgb[index], self._depth[index].astype(np.float32),
                              self._classes[index], float(self._fx[index]))

    def _store(self, index: int, sample: TrainingSample) -> None:
        size, first = sample.classes.shape, self._classes.shape[1:]
        if size != first:
            raise DatasetError(f'sample {index} is {size} px, the first is {first}; all must have '
                               f'one size: use ResizedDataset')
        self._rgb[index] = sample.rgb
        self._depth[index] = sample.depth
        self._classes[index] = sample.classes
        self._fx[index] = sample.fx


class ConcatDataset:
    """Data sets one after the other, each repeated, so that a small one has more weight."""

    def __init__(self, sets: Sequence[Dataset], repeats: Sequence[int] | None = None) -> None:
        """Concatenate; repeats: how often each data set counts in an epoch, default once."""
        self._sets = tuple(sets)
        self._repeats = (1,) * len(self._sets) if repeats is None else tuple(repeats)
        if not self._sets or len(self._repeats) != len(self._sets):
            raise ValueError(f'{len(self._sets)} data sets and {len(self._repeats)} repeats are '
                             f'given, must be equal in number and at least one')
        if min(self._repeats) < 1:
            raise ValueError(f'repeats are {self._repeats}, each must be at least 1')
        lengths = (len(one) * times for one, times in zip(self._sets, self._repeats, strict=True))
        self._ends = list(accumulate(lengths))

    def __len__(self) -> int:
        """Count the samples with their repeats."""
        return self._ends[-1]

    def __getitem__(self, index: int) -> TrainingSample:
        """Read one sample of the data set that the index belongs to."""
        if not 0 <= index < len(self):
            raise IndexError(f'sample {index} of {len(self)}')
        chosen = int(np.searchsorted(self._ends, index, side='right'))
        start = self._ends[chosen - 1] if chosen else 0
        return self._sets[chosen][(index - start) % len(self._sets[chosen])]


class ResizedDataset:
    """A data set with all samples resized to one size, so that data sets can be mixed."""

    def __init__(self, dataset: Dataset, height: int, width: int) -> None:
        """Resize the samples of a data set; height, width: px."""
        self._dataset, self._size = dataset, (height, width)

    def __len__(self) -> int:
        """Count the samples."""
        return len(self._dataset)

    def __getitem__(self, index: int) -> TrainingSample:
        """Read one and resize it."""
        return resize_sample(self._dataset[index], *self._size)


def resize_sample(sample: TrainingSample, height: int, width: int,
                  mode: str = 'crop') -> TrainingSample:
    """
    Resize a sample to height x width px; its focal length scales with the width.

    mode: how another aspect ratio is fitted, 'crop' or 'stretch' as in perception.image_geometry.
    Depth and classes take the nearest value: an interpolated one would be wrong at edges.
    """
    own_height, own_width = sample.rgb.shape[:2]
    if (own_height, own_width) == (height, width):
        return sample
    fit = fit_image(own_width, own_height, width, height, mode)
    return TrainingSample(fit.apply(sample.rgb), fit.apply_to_truth(sample.depth),
                          fit.apply_to_truth(sample.classes), sample.fx * width / fit.crop_width)
