# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Frames with unknown objects on the road, in the layout of SegmentMeIfYouCan (Chan et al. 2021).

SET/images/NAME.jpg with SET/labels_masks/NAME.png, or with NAME_labels_semantic.png as
SegmentMeIfYouCan names its masks. Mask: 0 no anomaly, 1 or 2 anomaly (2 in RoadAnomaly), 255
void. RoadAnomaly (Lis et al. 2019), RoadObstacle21 and Fishyscapes Lost and Found (Blum et al.
2021) come in this layout. A mask may be larger than its image; the image is then enlarged to it.
"""
from pathlib import Path

from bdl_perception.datasets.base import DatasetError, FrameName, TrainingSample
from bdl_perception.datasets.image_files import (
    make_sample,
    map_ids,
    read_raw_image,
    read_rgb,
    require_folder,
)
from bdl_perception.perception.data_types import IGNORE
import cv2
import numpy as np

IMAGES, MASKS = 'images', 'labels_masks'
SUFFIXES = ('.jpg', '.png', '.webp')
MASK_ENDINGS = ('.png', '_labels_semantic.png')
MASK_IDS = np.full(256, IGNORE, np.uint8)  # (256,) -> 0 no anomaly, 1 anomaly, IGNORE void
MASK_IDS[:3] = 0, 1, 1
KNOWN_IDS = {0, 1, 2, IGNORE}
ASPECT_TOLERANCE = .02  # of image and mask: another aspect ratio is another image
FX_BY_WIDTH = .9  # no focal length is given and none is needed: there is no depth


class RoadAnomalies:
    """The frames of the set root/split, sorted by name; one sequence."""

    def __init__(self, root: Path, split: str) -> None:
        """List the frames with their masks."""
        images = require_folder(root / split / IMAGES, 'the images')
        masks = require_folder(root / split / MASKS, 'a mask for each image')
        self.paths = sorted(path for path in images.iterdir() if path.suffix in SUFFIXES)
        if not self.paths:
            raise DatasetError(f'{images} has no image ({", ".join(SUFFIXES)})')
        self._masks = [_find_mask(path, masks) for path in self.paths]
        self.frame_names = [FrameName(split, path.stem) for path in self.paths]

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.paths)

    def __getitem__(self, index: int) -> TrainingSample:
        """Read one frame at the size of its mask; it has neither depth nor classes."""
        path, mask_path = self.paths[index], self._masks[index]
        stored = read_raw_image(mask_path, np.uint8)  # (H, W)
        if wrong := set(np.unique(stored).tolist()) - KNOWN_IDS:
            raise DatasetError(f'{mask_path} has the values {sorted(wrong)}, must be '
                               f'{sorted(KNOWN_IDS)}')
        rgb = read_rgb(path)
        height, width = stored.shape
        if abs(rgb.shape[1] / rgb.shape[0] * height / width - 1) > ASPECT_TOLERANCE:
            raise DatasetError(f'{path} is {rgb.shape[1]}x{rgb.shape[0]} px and its mask '
                               f'{width}x{height} px, must have one aspect ratio')
        if rgb.shape[:2] != stored.shape:
            rgb = np.asarray(cv2.resize(rgb, (width, height)), np.uint8)
        return make_sample(path, rgb, FX_BY_WIDTH * width,
                           anomalies=map_ids(stored, MASK_IDS, mask_path))


def list_anomaly_sets(folder: Path) -> list[Path]:
    """List the sets in a folder, which may be one itself; DatasetError when there is none."""
    found = [one for one in (folder, *sorted(folder.glob('*'))) if (one / MASKS).is_dir()]
    if not found:
        raise DatasetError(f'{folder} has no set of unknown objects: neither it nor a folder in '
                           f'it has {IMAGES}/ and {MASKS}/')
    return found


def _find_mask(image: Path, masks: Path) -> Path:
    for ending in MASK_ENDINGS:
        if (path := masks / f'{image.stem}{ending}').is_file():
            return path
    raise DatasetError(f'{image} has no mask: {masks / image.stem}{MASK_ENDINGS[0]} is missing')
