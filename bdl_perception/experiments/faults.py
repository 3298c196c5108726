# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Faults of a camera on nominal test frames: strange in ways that nothing was chosen by.

The held-out conditions of the world occur in validation drives too, where variants are chosen.
These do not: they are made from test frames only, and only reported.
"""
from dataclasses import replace
from typing import Callable, Mapping

from bdl_perception.training.datasets import Dataset
from bdl_perception.training.datasets import Sample
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def defocused(rgb: Picture) -> Picture:
    """Blur by a sigma of an eightieth of the width, as a lens out of focus would."""
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), rgb.shape[1] / 80), np.uint8)


def underexposed(rgb: Picture) -> Picture:
    """Leave 15 % of the light."""
    dark: Picture = np.round(rgb * 0.15).astype(np.uint8)
    return dark


def half_lost(rgb: Picture) -> Picture:
    """Lose the right half of the picture."""
    left: Picture = rgb.copy()
    left[:, rgb.shape[1] // 2:] = 0
    return left


FAULTS: Mapping[str, Callable[[Picture], Picture]] = {
    'test_defocused': defocused, 'test_underexposed': underexposed, 'test_half_lost': half_lost}


class Faulty:
    """A data set seen through a fault; what is true does not change."""

    def __init__(self, dataset: Dataset, fault: Callable[[Picture], Picture]) -> None:
        """Apply the fault to each picture as it is read."""
        self._dataset, self._fault = dataset, fault

    def __len__(self) -> int:
        """Count the samples."""
        return len(self._dataset)

    def __getitem__(self, index: int) -> Sample:
        """Read one and break it."""
        sample = self._dataset[index]
        return replace(sample, rgb=self._fault(sample.rgb))
