# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Bring samples to the size of a network's input, as the pictures of a camera are."""
from bdl_perception.perception.image_geometry import fit_image
from bdl_perception.training.datasets import Dataset
from bdl_perception.training.datasets import Sample


class Resized:
    """A data set all of whose samples are brought to one size, so that sets can be mixed."""

    def __init__(self, dataset: Dataset, height: int, width: int) -> None:
        """Read from dataset; height, width: px."""
        self._dataset, self._size = dataset, (height, width)

    def __len__(self) -> int:
        """Count the samples."""
        return len(self._dataset)

    def __getitem__(self, index: int) -> Sample:
        """Read one and resize it."""
        return resized(self._dataset[index], *self._size)


def resized(sample: Sample, height: int, width: int, mode: str = 'crop') -> Sample:
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
                  fit.apply_to_truth(sample.classes), sample.fx * width / fit.kept_width)
