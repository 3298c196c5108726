# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Drives of `bdl render`: rgb/*.jpg, depth/*.png, classes/*.png and drive.json."""
import json
from pathlib import Path
from typing import Any, NamedTuple

from bdl_perception.datasets.base import DatasetError, FrameName, TrainingSample
from bdl_perception.datasets.wrappers import resize_sample
from bdl_perception.drives.base import BAG_METADATA_FILE, DESCRIPTION_FILE
import cv2
import numpy as np
from numpy.typing import NDArray

FORMAT = 1  # of drive.json
UNITS_PER_M = 256.0  # of a depth PNG
UNKNOWN_DEPTH_CODE, FAR_DEPTH_CODE = 0, 65535  # of a depth PNG
VISIBLE_GLOB = '[!.]*'  # the folder of a drive that is being written is hidden


class RenderedDrive(NamedTuple):
    """The contents of drive.json that a reader needs."""

    folder: Path
    split: str
    frames: int
    fx: float  # px, at the stored size


class WorldDataset:
    """Every frame of the drives of one split in a folder; a drive is a sequence."""

    def __init__(self, root: Path, split: str, height: int | None = None,
                 width: int | None = None, stride: int = 1) -> None:
        """
        List the frames; images are resized to height x width px if given.

        stride: take every n-th frame of a drive, as adjacent frames are nearly the same.
        """
        if stride < 1:
            raise ValueError(f'stride is {stride}, must be 1 or more')
        self._height, self._width = height, width
        drives = find_drives(root)
        self.drives = [drive for drive in drives if drive.split == split]
        self._frames = [(drive, number) for drive in self.drives
                        for number in range(0, drive.frames, stride)]
        if not self._frames:
            known = ', '.join(sorted({drive.split for drive in drives}))
            raise DatasetError(f'{root} has no frame of split {split!r}, only of {known}; make '
                               f'some with `bdl render`')
        self.frame_names = [FrameName(drive.folder.name, f'{drive.folder.name} {number:06d}')
                            for drive, number in self._frames]

    def __len__(self) -> int:
        """Count the frames of all drives."""
        return len(self._frames)

    def __getitem__(self, index: int) -> TrainingSample:
        """Read one frame at the requested size, or as stored."""
        drive, number = self._frames[index]
        name = f'{number:06d}'
        rgb = _read_image(drive.folder / 'rgb' / f'{name}.jpg', cv2.IMREAD_COLOR)
        depth, classes = read_ground_truth(drive.folder, number)
        sample = TrainingSample(np.ascontiguousarray(rgb[..., ::-1]), depth, classes, drive.fx)
        stored = sample.classes.shape
        return resize_sample(sample, self._height or stored[0], self._width or stored[1])


def find_drives(root: Path) -> list[RenderedDrive]:
    """Find all drives in root or in the split folders of root; DatasetError without any."""
    if not root.is_dir():
        raise DatasetError(f'{root} is not a folder; make drives with `bdl render`')
    paths = [*root.glob(f'{VISIBLE_GLOB}/{DESCRIPTION_FILE}'),
             *root.glob(f'{VISIBLE_GLOB}/{VISIBLE_GLOB}/{DESCRIPTION_FILE}')]
    drives = [read_drive(path) for path in sorted(paths)]
    if not drives and holds_recordings(root):
        raise DatasetError(f'{root} has only recordings, which cannot be read for training; use '
                           f'`bdl render` without --format mcap, and another folder')
    if not drives:
        raise DatasetError(f'{root} has no drive (a folder with a {DESCRIPTION_FILE}); make '
                           f'drives with `bdl render`')
    return drives


def holds_recordings(root: Path) -> bool:
    """Return whether a folder is a bag, or has bags in the place of drives."""
    return any(any(root.glob(f'{above}{mark}')) for above in ('', '*/', '*/*/')
               for mark in (BAG_METADATA_FILE, '*.mcap'))


def read_drive(path: Path) -> RenderedDrive:
    """Read a drive.json; DatasetError when it is invalid."""
    try:
        values = json.loads(path.read_text())
        found = values['format']
        drive = RenderedDrive(path.parent, str(values['split']), int(values['frames']),
                              float(values['camera']['fx']))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f'{path} is not a drive description ({error!r}); '
                           f'{_rerender_hint(path.parent)}') from error
    if found != FORMAT:
        raise DatasetError(f'{path} has format {found}, this version reads {FORMAT}; '
                           f'{_rerender_hint(path.parent)}')
    if not 0 < drive.fx < np.inf:
        raise DatasetError(f'{path}: fx is {drive.fx} px, must be positive; '
                           f'{_rerender_hint(path.parent)}')
    return drive


def read_ground_truth(folder: Path, number: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Read depth (H, W) m and class ids (H, W) of one frame of the drive in a folder."""
    name = f'{number:06d}.png'
    depth = decode_depth(_read_image(folder / 'depth' / name, cv2.IMREAD_UNCHANGED))
    return depth, _read_image(folder / 'classes' / name, cv2.IMREAD_UNCHANGED)


def condition_at(folder: Path, time_s: float) -> str:
    """Give the condition of the drive in a folder, time_s after its first frame."""
    path = folder / DESCRIPTION_FILE
    try:
        parts = json.loads(path.read_text(encoding='utf-8'))['conditions']
        begun = [str(part['name']) for part in parts if part['start_s'] <= time_s]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f'{path} has no conditions ({error!r}); '
                           f'{_rerender_hint(folder)}') from error
    return begun[-1] if begun else 'unknown'


def decode_depth(stored: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Convert a depth PNG (H, W) to m: 0 is NaN, 65535 is +Inf."""
    if stored.dtype != np.uint16 or stored.ndim != 2:
        raise DatasetError(
            f'depth image is {stored.dtype} {stored.shape}, must be uint16 (H, W)')
    depth: NDArray[np.float32] = stored / np.float32(UNITS_PER_M)  # (H, W) m
    depth[stored == UNKNOWN_DEPTH_CODE] = np.nan
    depth[stored == FAR_DEPTH_CODE] = np.inf
    return depth


def _read_image(path: Path, flags: int) -> NDArray[Any]:
    image: NDArray[Any] | None = cv2.imread(str(path), flags)
    if image is None:
        raise DatasetError(f'{path} is missing or not an image; '
                           f'{_rerender_hint(path.parent.parent)}')
    return image


def _rerender_hint(folder: Path) -> str:
    """Give the remedy; `bdl render` skips a folder that exists."""
    return f'remove {folder}, then render again'
