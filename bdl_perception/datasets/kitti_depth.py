# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
KITTI depth prediction and completion (Uhrig et al. 2017): lidar of eleven scans, no classes.

The annotated depth is unpacked into {split}/{drive}/proj_depth/groundtruth/{camera}/, where split
is train or val. Its images are those of the raw recordings: {date}/{drive}/{camera}/data/, with
{date}/calib_cam_to_cam.txt beside the drives. Images may also be next to the depth, in
{split}/{drive}/{camera}/data/.
"""
from pathlib import Path
from typing import NamedTuple, Sequence

from bdl_perception.datasets.base import DatasetError, FrameName, TrainingSample
from bdl_perception.datasets.image_files import (
    make_sample,
    read_raw_image,
    read_rgb,
    require_file,
    require_folder,
)
import numpy as np
from numpy.typing import NDArray

CAMERAS = ('image_02', 'image_03')  # the colour cameras, left and right
UNITS_PER_M = 256.0
DATE_LENGTH = len('2011_09_26')  # a drive is named 2011_09_26_drive_0001_sync


class FramePaths(NamedTuple):
    """The files of one frame."""

    image: Path
    depth: Path
    fx: float  # px


class KittiDepth:
    """The annotated frames of a split; a drive of one camera is a sequence."""

    def __init__(self, root: Path, split: str, raw_root: Path | None = None,
                 cameras: Sequence[str] = CAMERAS) -> None:
        """
        List the frames.

        raw_root: the folder of the raw recordings, with a folder for each date; default: root.
        """
        self._raw_root = root if raw_root is None else raw_root
        drives = require_folder(root / split, 'a folder for each drive')
        sequences = {f'{drive.name}_{camera}': self._list_frames(drive, camera)
                     for drive in sorted(drives.glob('*_sync')) for camera in cameras}
        self.frames = [frame for frames in sequences.values() for frame in frames]
        self.frame_names = [FrameName(sequence, f'{sequence} {frame.image.stem}')
                            for sequence, frames in sequences.items() for frame in frames]
        if not self.frames:
            raise DatasetError(f'{drives} has no depth '
                               f'(DRIVE_sync/proj_depth/groundtruth/CAMERA/*.png)')

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.frames)

    def __getitem__(self, index: int) -> TrainingSample:
        """Read one frame; it has no classes, and depth where lidar measured it."""
        image, depth, fx = self.frames[index]
        return make_sample(image, read_rgb(image), fx,
                           decode_depth(read_raw_image(depth, np.uint16)))

    def _list_frames(self, drive: Path, camera: str) -> list[FramePaths]:
        depths = require_folder(drive / 'proj_depth' / 'groundtruth' / camera,
                                f'the depth of {camera}')
        images = self._find_images(drive, camera)
        date = self._raw_root / drive.name[:DATE_LENGTH]
        fx = read_fx(date / 'calib_cam_to_cam.txt', camera)
        return [FramePaths(require_file(images / depth.name, depth, 'image'), depth, fx)
                for depth in sorted(depths.glob('*.png'))]

    def _find_images(self, drive: Path, camera: str) -> Path:
        raw_drive = self._raw_root / drive.name[:DATE_LENGTH] / drive.name
        choices = [folder / camera / 'data' for folder in (raw_drive, drive)]
        for choice in choices:
            if choice.is_dir():
                return choice
        raise DatasetError(f'{drive} has no images: neither {choices[0]} nor {choices[1]} is a '
                           f'folder')


def read_fx(path: Path, camera: str) -> float:
    """Read the focal length (px) of a rectified camera, such as image_02, from a calib file."""
    name = f'P_rect_{camera.removeprefix("image_")}'
    try:
        lines = dict(line.split(':', 1) for line in path.read_text().splitlines() if ':' in line)
        return float(lines[name].split()[0])  # the first of the 3x4 projection
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise DatasetError(f'{path} has no {name} ({error!r}); get the calibration of the raw '
                           f'recordings of that date') from error


def decode_depth(stored: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Convert a depth PNG (H, W) to m; 0 is NaN."""
    depth: NDArray[np.float32] = stored / np.float32(UNITS_PER_M)  # (H, W) m
    depth[stored == 0] = np.nan
    return depth
