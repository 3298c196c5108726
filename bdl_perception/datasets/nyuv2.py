# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
NYU Depth V2 (Silberman, Hoiem, Kohli, Fergus 2012): 1449 frames of rooms, depth only.

The layout is that of the labelled part, nyu_depth_v2_labeled.mat, a MATLAB 7.3 file, which is
HDF5. Its classes are those of rooms, so no pixel has one of ours.
"""
from pathlib import Path
import re
from zlib import crc32

from bdl_perception.datasets.base import DatasetError, FrameName, TrainingSample
from bdl_perception.datasets.image_files import make_sample
import h5py
import numpy as np

FILE = 'nyu_depth_v2_labeled.mat'
FX_PX = 518.8579  # of the Kinect's colour camera, from the toolbox's camera_params.m
WIDTH, HEIGHT = 640, 480
FILE_LAYOUT = {  # HDF5 reverses the axes of MATLAB
    'images': (np.uint8, (3, WIDTH, HEIGHT)), 'depths': (np.float32, (WIDTH, HEIGHT))}
# Seen by both cameras (the toolbox's get_projection_mask.m); the rest is a white margin whose
# depth is interpolated.
VALID_REGION = np.s_[44:471, 40:601]
SPLIT_TENTHS = {'train': range(8), 'val': (8,), 'test': (9,)}  # of the scenes


class NyuDepthV2:
    """The frames of the scenes of a split, in the file's order; a scene is a sequence."""

    def __init__(self, root: Path, split: str) -> None:
        """
        List the frames of root/nyu_depth_v2_labeled.mat.

        A scene is in one split only, see scene_split. This is not the authors' split of 795 and
        654 frames, so results are not comparable with published ones.
        """
        if split not in SPLIT_TENTHS:
            raise DatasetError(f'split is {split!r}, must be one of {", ".join(SPLIT_TENTHS)}')
        self._path = root / FILE
        scenes = read_scenes(self._path)
        self.frames = [frame for frame, scene in enumerate(scenes) if scene_split(scene) == split]
        if not self.frames:
            raise DatasetError(f'{self._path} has no frame of split {split!r}')
        self.frame_names = [FrameName(scenes[frame], f'{scenes[frame]} {frame}')
                            for frame in self.frames]

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.frames)

    def __getitem__(self, index: int) -> TrainingSample:
        """Read one frame."""
        frame = self.frames[index]
        with h5py.File(self._path) as file:
            rgb = np.ascontiguousarray(file['images'][frame].transpose(2, 1, 0))  # (H, W, 3)
            whole = file['depths'][frame].T  # (H, W) m
        depth = np.full_like(whole, np.nan)
        depth[VALID_REGION] = whole[VALID_REGION]
        return make_sample(self._path, rgb, FX_PX, depth)


def scene_split(scene: str) -> str:
    """
    Choose the split of a scene by a hash of its name: eight, one and one of ten parts.

    A letter behind the number marks parts of one scene, which are in one split.
    """
    whole = re.sub(r'(?<=\d)[a-z]+$', '', scene)
    tenth = crc32(whole.encode()) % 10
    return next(split for split, tenths in SPLIT_TENTHS.items() if tenth in tenths)


def read_scenes(path: Path) -> list[str]:
    """Read the scene of each frame; DatasetError when the file has another layout."""
    if not path.is_file():
        raise DatasetError(f'{path} is missing; get the labelled part of NYU Depth V2')
    try:
        with h5py.File(path) as file:
            scenes = [bytes(file[cell][()].astype(np.uint8)).decode()
                      for cell in np.ravel(file['scenes'][()])]
            for name, (dtype, shape) in FILE_LAYOUT.items():
                expected = (len(scenes), *shape)
                if file[name].dtype != dtype or file[name].shape != expected:
                    raise DatasetError(
                        f'{path}: {name} is {file[name].dtype} {file[name].shape}, must be '
                        f'{np.dtype(dtype).name} {expected}')
    except (OSError, KeyError) as error:
        raise DatasetError(f'{path} is not an HDF5 file with images, depths and scenes '
                           f'({error!r}); get it again') from error
    return scenes
