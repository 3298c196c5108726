# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A part of a data set."""
from itertools import accumulate
from typing import Sequence

from bdl_perception.datasets.base import Dataset, DatasetError, Sample
from bdl_perception.perception.image_geometry import fit_image
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm


class Subset:
    """Some samples of a data set; one may stand there more than once."""

    def __init__(self, dataset: Dataset, indices: Sequence[int]) -> None:
        """Take them in the order of the indices."""
        self._dataset, self._indices = dataset, list(indices)

    def __len__(self) -> int:
        """Count the samples."""
        return len(self._indices)

    def __getitem__(self, index: int) -> Sample:
        """Read one."""
        return self._dataset[self._indices[index]]


BYTES_PER_PIXEL = 3 + 2 + 1  # of the picture, its depth and its class


def memory_bytes(dataset: Dataset) -> int:
    """Say how many bytes InMemory takes, from the size of the first sample."""
    return BYTES_PER_PIXEL * len(dataset) * dataset[0].classes.size


class InMemoryDataset:
    """
    All samples as uint8 and float16, 6 bytes a pixel: 369 KB a frame at 192x320.

    Half precision keeps 11 bits of a depth, .05 %, and NaN and infinity as they are.
    """

    def __init__(self, dataset: Dataset, title: str) -> None:
        """Read everything, showing progress; title: what is being read."""
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

    def __getitem__(self, index: int) -> Sample:
        """Give a sample; its picture and classes are views, not to be changed."""
        return Sample(self._rgb[index], self._depth[index].astype(np.float32),
                      self._classes[index], float(self._fx[index]))

    def _store(self, index: int, sample: Sample) -> None:
        size, first = sample.classes.shape, self._classes.shape[1:]
        if size != first:
            raise DatasetError(f'sample {index} is {size} px, the first is {first}; only sets of '
                               f'one size can be kept: wrap it in Resized')
        self._rgb[index] = sample.rgb
        self._depth[index] = sample.depth
        self._classes[index] = sample.classes
        self._fx[index] = sample.fx


class ConcatDataset:
    """One set after the other, each as often as asked for, so that a small one is not drowned."""

    def __init__(self, sets: Sequence[Dataset], repeats: Sequence[int] | None = None) -> None:
        """repeats: how often each set counts in an epoch, once without it."""
        self._sets = tuple(sets)
        self._repeats = (1,) * len(self._sets) if repeats is None else tuple(repeats)
        if not self._sets or len(self._repeats) != len(self._sets):
            raise ValueError(f'{len(self._sets)} data sets and {len(self._repeats)} repeats are '
                             f'given, must be equally many and at least one')
        if min(self._repeats) < 1:
            raise ValueError(f'repeats are {self._repeats}, each must be at least 1')
        lengths = (len(one) * times for one, times in zip(self._sets, self._repeats, strict=True))
        self._ends = list(accumulate(lengths))

    def __len__(self) -> int:
        """Count the samples, those of a repeated set as often as it is repeated."""
        return self._ends[-1]

    def __getitem__(self, index: int) -> Sample:
        """Read one from the set that it belongs to."""
        if not 0 <= index < len(self):
            raise IndexError(f'sample {index} of {len(self)}')
        which = int(np.searchsorted(self._ends, index, side='right'))
        start = self._ends[which - 1] if which else 0
        return self._sets[which][(index - start) % len(self._sets[which])]


class ResizedDataset:
    """A data set all of whose samples are brought to one size, so that sets can be mixed."""

    def __init__(self, dataset: Dataset, height: int, width: int) -> None:
        """Read from dataset; height, width: px."""
        self._dataset, self._size = dataset, (height, width)

    def __len__(self) -> int:
        """Count the samples."""
        return len(self._dataset)

    def __getitem__(self, index: int) -> Sample:
        """Read one and resize it."""
        return resize_sample(self._dataset[index], *self._size)


def resize_sample(sample: Sample, height: int, width: int, mode: str = 'crop') -> Sample:
    """
    Bring a sample to height x width px; its focal length follows the width.

    mode: what is done about another shape, 'crop' or 'stretch' as in perception.image_geometry.
    Depth and classes are never interpolated: there is nothing between two of them.
    """
    across, down = sample.rgb.shape[1], sample.rgb.shape[0]
    if (down, across) == (height, width):
        return sample
    fit = fit_image(across, down, width, height, mode)
    return Sample(fit.apply(sample.rgb), fit.apply_to_truth(sample.depth),
                  fit.apply_to_truth(sample.classes), sample.fx * width / fit.crop_width)
