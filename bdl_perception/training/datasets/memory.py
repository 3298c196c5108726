# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A data set decoded once and kept in memory, small."""
from bdl_perception.training.datasets import Dataset
from bdl_perception.training.datasets import DatasetError
from bdl_perception.training.datasets import Sample
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

BYTES_A_PIXEL = 3 + 2 + 1  # of the picture, its depth and its class


def bytes_held(dataset: Dataset) -> int:
    """Say how many bytes InMemory takes, from the size of the first sample."""
    return BYTES_A_PIXEL * len(dataset) * dataset[0].classes.size


class InMemory:
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
            self._keep(index, dataset[index])

    def __len__(self) -> int:
        """Count the samples."""
        return len(self._rgb)

    def __getitem__(self, index: int) -> Sample:
        """Give a sample; its picture and classes are views, not to be changed."""
        return Sample(self._rgb[index], self._depth[index].astype(np.float32),
                      self._classes[index], float(self._fx[index]))

    def _keep(self, index: int, sample: Sample) -> None:
        size, first = sample.classes.shape, self._classes.shape[1:]
        if size != first:
            raise DatasetError(f'sample {index} is {size} px, the first is {first}; only sets of '
                               f'one size can be kept: wrap it in Resized')
        self._rgb[index] = sample.rgb
        self._depth[index] = sample.depth
        self._classes[index] = sample.classes
        self._fx[index] = sample.fx
