# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
IDD-Lite (Varma et al. 2019, India Driving Dataset) in the layout of CamVid, with coarse labels.

Beside train/ and trainannot/ is traincoarse/, beside val/ valcoarse/: label PNGs of the same
names with the seven level-1 ids of IDD, 255 void. They are the data set's own ground truth; how
the eleven classes of trainannot/ and valannot/ were made depends on the copy.
"""
from dataclasses import replace
from pathlib import Path
from typing import Any

from bdl_perception.datasets.base import DatasetError, TrainingSample
from bdl_perception.datasets.camvid import CamVid
from bdl_perception.datasets.image_files import read_raw_image, require_file, require_folder
from bdl_perception.perception.data_types import IGNORE
import numpy as np

COARSE_CLASSES = 7  # ids 0 to 6: metrics.coarse_classes has their names
COARSE_SUFFIX = 'coarse'


class Idd(CamVid):
    """The labelled frames of a split, with both kinds of labels."""

    pixel_aspect = 16 / 9 / (320 / 227)  # the cameras have 16:9, the stored frames 320x227 px

    def __init__(self, root: Path, split: str, **options: Any) -> None:
        """List the frames of root/split; options: as of CamVid."""
        super().__init__(root, split, **options)
        self._coarse = require_folder(root / f'{split}{COARSE_SUFFIX}',
                                      'a PNG of level-1 ids for each image')
        for path in self.paths:
            require_file(self._coarse / f'{path.stem}.png', path, 'coarse label')

    def __getitem__(self, index: int) -> TrainingSample:
        """Read one frame; its depth is unknown everywhere, square pixels have no coarse labels."""
        sample = super().__getitem__(index)
        if self.square_pixels:  # for training, which uses the eleven classes
            return sample
        path = self._coarse / f'{self.paths[index].stem}.png'
        coarse = read_raw_image(path, np.uint8)
        if wrong := set(np.unique(coarse).tolist()) - {*range(COARSE_CLASSES), IGNORE}:
            raise DatasetError(f'{path} has the labels {sorted(wrong)}, must be 0 to '
                               f'{COARSE_CLASSES - 1}, or {IGNORE} for void')
        return replace(sample, coarse=coarse)


def has_coarse_labels(root: Path) -> bool:
    """Return whether a folder in the layout of CamVid has the coarse labels of IDD."""
    return any(root.glob(f'*{COARSE_SUFFIX}/*.png'))
