# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Virtual KITTI 2 (Cabon, Murray, Humenberger 2020): five rendered scenes in ten variations.

The layout is that of its archives rgb, depth, classSegmentation and textgt unpacked into one
folder: {scene}/{variation}/frames/{rgb,depth,classSegmentation}/Camera_{0,1}/, and beside frames/
intrinsic.txt and colors.txt. It has no official split: here each scene is in one split.
"""
from pathlib import Path
from typing import Mapping, NamedTuple, Sequence

from bdl_perception.datasets.base import DatasetError, FrameName, TrainingSample
from bdl_perception.datasets.image_files import (
    make_sample,
    read_raw_image,
    read_rgb,
    require_file,
    require_folder,
)
from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
import numpy as np
from numpy.typing import NDArray

SCENES: Mapping[str, tuple[str, ...]] = {
    'train': ('Scene01', 'Scene02', 'Scene20'), 'val': ('Scene06',), 'test': ('Scene18',)}
UNITS_PER_M = 100.0
SKY_CODE = 65535  # of a depth PNG
COLOUR_WEIGHTS = np.array([1 << 16, 1 << 8, 1])  # colour to one number
CLASS_MAP = {  # its categories, with grass as tree and rails as fence, like CamVid
    'Terrain': 'tree', 'Sky': 'sky', 'Tree': 'tree', 'Vegetation': 'tree',
    'Building': 'building', 'Road': 'road', 'GuardRail': 'fence', 'TrafficSign': 'sign_symbol',
    'TrafficLight': 'sign_symbol', 'Pole': 'pole', 'Truck': 'car', 'Car': 'car', 'Van': 'car',
    'Misc': None, 'Undefined': None,
}


class SceneVariation(NamedTuple):
    """One variation of a scene, of one camera."""

    frames: Path
    camera: str
    colour_classes: Mapping[int, int]  # our class of each colour, by its number
    fx: Mapping[int, float]  # px, by frame number

    @property
    def name(self) -> str:
        """Name of scene, variation and camera."""
        variation = self.frames.parent
        return f'{variation.parent.name}_{variation.name}_{self.camera}'


class VirtualKitti2:
    """The frames of the scenes of a split; a variation of a scene and camera is a sequence."""

    def __init__(self, root: Path, split: str, variations: Sequence[str] | None = None,
                 cameras: Sequence[int] = (0,)) -> None:
        """
        List the frames.

        variations: such as clone, fog, 30-deg-left; default: all of a scene. cameras: 0 left, 1
        right.
        """
        if split not in SCENES:
            raise DatasetError(f'split is {split!r}, must be one of {", ".join(SCENES)}')
        self._frames = [(drive, number) for scene in SCENES[split]
                        for folder in _variations(root / scene, variations)
                        for drive in (read_variation(folder, camera) for camera in cameras)
                        for number in _frame_numbers(drive)]
        if not self._frames:
            raise DatasetError(f'{root} has no frame of {", ".join(SCENES[split])} '
                               f'(VARIATION/frames/rgb/Camera_N/rgb_*.jpg)')
        self.frame_names = [FrameName(drive.name, f'{drive.name} {number:05d}')
                            for drive, number in self._frames]

    def __len__(self) -> int:
        """Count the frames."""
        return len(self._frames)

    def __getitem__(self, index: int) -> TrainingSample:
        """Read one frame; the depth of the sky is +Inf."""
        drive, number = self._frames[index]
        rgb, depth, label = _frame_paths(drive, number)
        classes = decode_classes(read_rgb(label), drive.colour_classes, label)
        return make_sample(rgb, read_rgb(rgb), drive.fx[number],
                           decode_depth(read_raw_image(depth, np.uint16)), classes)


def read_variation(folder: Path, camera: int) -> SceneVariation:
    """Read the tables of a variation; DatasetError when a file is missing."""
    drive = SceneVariation(folder / 'frames', f'Camera_{camera}',
                           read_colour_classes(folder / 'colors.txt'),
                           read_fx(folder / 'intrinsic.txt', camera))
    for number in _frame_numbers(drive):
        rgb, depth, label = _frame_paths(drive, number)
        require_file(depth, rgb, 'depth')
        require_file(label, rgb, 'label')
        if number not in drive.fx:
            raise DatasetError(f'{folder / "intrinsic.txt"} has no line for frame {number} of '
                               f'camera {camera}, but there is {rgb}')
    return drive


def read_colour_classes(path: Path) -> dict[int, int]:
    """Read the class of each colour, by the number of the colour."""
    try:
        rows = [line.split() for line in path.read_text().splitlines()[1:] if line.strip()]
        ours = {int(COLOUR_WEIGHTS @ [int(part) for part in rgb]): CLASS_MAP[name]
                for name, *rgb in rows}
    except (OSError, ValueError, KeyError) as error:
        raise DatasetError(f'{path} is not a table of "Category r g b" with the categories '
                           f'{", ".join(CLASS_MAP)} ({error!r})') from error
    return {code: IGNORE if name is None else CLASS_NAMES.index(name)
            for code, name in ours.items()}


def read_fx(path: Path, camera: int) -> dict[int, float]:
    """Read the focal lengths (px) of one camera by frame number."""
    try:
        rows = [line.split() for line in path.read_text().splitlines()[1:] if line.strip()]
        return {int(row[0]): float(row[2]) for row in rows if int(row[1]) == camera}
    except (OSError, ValueError, IndexError) as error:
        raise DatasetError(f'{path} is not a table of "frame cameraID K[0,0] ..." '
                           f'({error!r})') from error


def decode_depth(stored: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Convert a depth PNG (H, W) in cm to m; sky, and anything as far, is +Inf."""
    depth: NDArray[np.float32] = stored / np.float32(UNITS_PER_M)  # (H, W) m
    depth[stored == SKY_CODE] = np.inf
    return depth


def decode_classes(rgb: NDArray[np.uint8], colours: Mapping[int, int],
                   path: Path) -> NDArray[np.uint8]:
    """Convert a label image (H, W, 3) to our ids (H, W)."""
    codes, inverse = np.unique(rgb @ COLOUR_WEIGHTS, return_inverse=True)
    unknown = [code for code in codes.tolist() if code not in colours]
    if unknown:
        red, green, blue = unknown[0].to_bytes(3, 'big')
        raise DatasetError(f'{path} has the colour {red} {green} {blue}, which is not in its '
                           f'colors.txt')
    ours = np.array([colours[code] for code in codes.tolist()], np.uint8)
    return ours[inverse.reshape(rgb.shape[:2])]  # (H, W)


def _variations(scene: Path, names: Sequence[str] | None) -> list[Path]:
    require_folder(scene, 'a folder for each variation')
    if names is None:
        return sorted(path.parent for path in scene.glob('*/frames'))
    return [require_folder(scene / name, 'a variation of the scene') for name in names]


def _frame_numbers(drive: SceneVariation) -> list[int]:
    images = (drive.frames / 'rgb' / drive.camera).glob('rgb_*.jpg')
    return sorted(int(path.stem.removeprefix('rgb_')) for path in images)


def _frame_paths(drive: SceneVariation, number: int) -> tuple[Path, Path, Path]:
    """Give the paths of the image, the depth and the labels of a frame."""
    frames, camera, name = drive.frames, drive.camera, f'{number:05d}'
    return (frames / 'rgb' / camera / f'rgb_{name}.jpg',
            frames / 'depth' / camera / f'depth_{name}.png',
            frames / 'classSegmentation' / camera / f'classgt_{name}.png')
