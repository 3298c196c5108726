# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Cityscapes (Cordts et al. 2016) with its fine labels, and depth from its stereo disparity.

The layout is that of its zip files unpacked into one folder: {split}/{city}/ in each of
leftImg8bit/, gtFine/, and, for depth, disparity/ and camera/. The labels of split test are not
public: its frames have no label here.
"""
import json
from pathlib import Path
from typing import NamedTuple

from bdl_perception.datasets.base import DatasetError, FrameName, TrainingSample
from bdl_perception.datasets.image_files import (
    make_sample,
    map_ids,
    read_raw_image,
    read_rgb,
    require_file,
    require_folder,
)
from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
import numpy as np
from numpy.typing import NDArray

# Its ids by our classes, grouped as CamVid's eleven group its 32: walls, bridges and tunnels are
# building, grass is tree, every motor vehicle is car, and riders are bicyclist. Without
# counterpart: the void group 0 to 6, parking 9, rail track 10.
LABEL_IDS = {
    'sky': (23,), 'building': (11, 12, 15, 16), 'pole': (17, 18), 'road': (7,), 'pavement': (8,),
    'tree': (21, 22), 'sign_symbol': (19, 20), 'fence': (13, 14),
    'car': (26, 27, 28, 29, 30, 31), 'pedestrian': (24,), 'bicyclist': (25, 32, 33),
}
LABEL_COUNT = 34
CLASS_MAP = np.full(LABEL_COUNT, IGNORE, np.uint8)  # (34,)
for _name, _theirs in LABEL_IDS.items():
    CLASS_MAP[list(_theirs)] = CLASS_NAMES.index(_name)
NO_DEPTH_IDS = (1, 2, 3)  # own car, rectification border, outside: no valid stereo match
IMAGE_SUFFIX = '_leftImg8bit.png'
DEFAULT_FX_PX = 2262.52  # of most of its camera files, at 2048 px


class StereoCamera(NamedTuple):
    """The calibration in a camera file."""

    fx: float  # px
    baseline_m: float


class Cityscapes:
    """The frames of a split, city by city; a city is a sequence."""

    def __init__(self, root: Path, split: str, fx: float = DEFAULT_FX_PX) -> None:
        """
        List the frames. Without disparity/ there is no depth.

        fx: px, focal length when there is no camera/.
        """
        self._root, self._split, self._fx = root, split, fx
        images = require_folder(root / 'leftImg8bit' / split, 'a folder for each city')
        self.paths = sorted(images.glob(f'*/*{IMAGE_SUFFIX}'))
        self.frame_names = [FrameName(path.parent.name, path.name.removesuffix(IMAGE_SUFFIX))
                            for path in self.paths]
        self._has_depth = (root / 'disparity' / split).is_dir()
        self._has_camera = (root / 'camera' / split).is_dir()
        if not self.paths:
            raise DatasetError(f'{images} has no image (CITY/*{IMAGE_SUFFIX})')
        if self._has_depth and not self._has_camera:
            raise DatasetError(f'{root / "camera" / split} is missing; the disparity needs the '
                               f'cameras')
        for path in self.paths:
            self._require_files(path)

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.paths)

    def __getitem__(self, index: int) -> TrainingSample:
        """Read one frame."""
        path = self.paths[index]
        label = self._companion_path(path, 'gtFine', '_gtFine_labelIds.png')
        ids = read_raw_image(label, np.uint8)
        camera, depth = StereoCamera(self._fx, np.nan), None
        if self._has_camera:
            camera = read_camera(self._companion_path(path, 'camera', '_camera.json'))
        if self._has_depth:
            disparity = self._companion_path(path, 'disparity', '_disparity.png')
            depth = disparity_to_depth(read_raw_image(disparity, np.uint16), camera)
            if depth.shape != ids.shape:
                raise DatasetError(f'{disparity} is {depth.shape}, but {label} is {ids.shape}')
            depth[np.isin(ids, NO_DEPTH_IDS)] = np.nan
        return make_sample(path, read_rgb(path), camera.fx, depth, map_ids(ids, CLASS_MAP, label))

    def _companion_path(self, image: Path, folder: str, ending: str) -> Path:
        frame = image.name.removesuffix(IMAGE_SUFFIX)
        return self._root / folder / self._split / image.parent.name / (frame + ending)

    def _require_files(self, path: Path) -> None:
        require_file(self._companion_path(path, 'gtFine', '_gtFine_labelIds.png'), path, 'label')
        if self._has_camera:
            require_file(self._companion_path(path, 'camera', '_camera.json'), path, 'camera')
        if self._has_depth:
            require_file(self._companion_path(path, 'disparity', '_disparity.png'), path,
                         'disparity')


def read_camera(path: Path) -> StereoCamera:
    """Read a camera file; DatasetError when it has no calibration."""
    try:
        values = json.loads(path.read_text())
        return StereoCamera(float(values['intrinsic']['fx']),
                            float(values['extrinsic']['baseline']))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f'{path} has no intrinsic.fx and extrinsic.baseline ({error!r}); get '
                           f'it again') from error


def disparity_to_depth(stored: NDArray[np.uint16], camera: StereoCamera) -> NDArray[np.float32]:
    """
    Convert a disparity PNG p (H, W) to depth in m: baseline fx / d, where d = (p - 1) / 256 px.

    p = 0 is not measured: NaN. p = 1 is a disparity of 0: +Inf.
    """
    disparity: NDArray[np.float32] = (stored - np.float32(1)) / np.float32(256)  # (H, W) px
    disparity[stored == 0] = np.nan
    with np.errstate(divide='ignore'):
        depth: NDArray[np.float32] = np.float32(camera.baseline_m * camera.fx) / disparity
    return depth  # (H, W) m
