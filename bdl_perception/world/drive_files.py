# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The files of a drive: by default drive.json, rgb/*.jpg, depth/*.png, classes/*.png.

Depth has 16 bits: metres * 256 along the optical axis, 0 unknown, 65535 too far or sky. Class 255
means no label.
"""
from collections.abc import Callable, Iterable
from dataclasses import asdict
import json
from pathlib import Path
from typing import NamedTuple

from bdl_perception.drives.base import DESCRIPTION_FILE
from bdl_perception.version import software_version
from bdl_perception.world.camera import encode_jpeg
from bdl_perception.world.drive import Frame, WorldDrive
from bdl_perception.world.splits import DriveSpec
import cv2
import numpy as np
from numpy.typing import NDArray

FORMAT = 1
DEPTH_STEPS_PER_M = 256
FAR_DEPTH_CODE = 65535
JPEG_QUALITY = 95


def encode_depth(depth: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Encode metres (NaN unknown, +Inf far) in 16 bits."""
    steps = np.round(np.nan_to_num(depth, nan=0., posinf=np.inf) * float(DEPTH_STEPS_PER_M))
    return np.minimum(steps, FAR_DEPTH_CODE).astype(np.uint16)


def encode_rgb(rgb: NDArray[np.uint8]) -> bytes:
    """Encode a frame as the JPEG file that a folder holds."""
    return encode_jpeg(rgb, JPEG_QUALITY)


class DriveLayout(NamedTuple):
    """The storage of a drive; processes pickle it, so `write` must be a function of a module."""

    marker_file: str  # every finished drive of this layout has it, and no other
    write: Callable[[Path, WorldDrive, Iterable[Frame]], None]  # creates the folder
    read: Callable[[Path], dict[str, object]]  # returns that of describe_drive
    expected_files: Callable[[Path, int], list[Path]]  # of a drive with that many frames


def _write_folder(folder: Path, drive: WorldDrive, frames: Iterable[Frame]) -> None:
    for kind in ('rgb', 'depth', 'classes'):
        (folder / kind).mkdir(parents=True)
    for index, frame in enumerate(frames):
        _write_frame(folder, index, frame)
    text = json.dumps(describe_drive(drive), indent=1)
    (folder / DESCRIPTION_FILE).write_text(text + '\n', encoding='utf-8')


def _write_frame(folder: Path, index: int, frame: Frame) -> None:
    rgb, depth, classes = _frame_files(folder, index)
    _write_image(rgb, frame.rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    _write_image(depth, encode_depth(frame.depth), [])
    _write_image(classes, frame.classes, [])


def _frame_files(folder: Path, index: int) -> tuple[Path, Path, Path]:
    return (folder / 'rgb' / f'{index:06d}.jpg', folder / 'depth' / f'{index:06d}.png',
            folder / 'classes' / f'{index:06d}.png')


def _folder_files(folder: Path, frames: int) -> list[Path]:
    return [path for index in range(frames) for path in _frame_files(folder, index)]


def _write_image(path: Path, image: NDArray[np.uint8] | NDArray[np.uint16],
                 options: list[int]) -> None:
    if not cv2.imwrite(str(path), image, options):
        raise OSError(f'could not write {path}: is the disk full or the folder read-only?')


def describe_drive(drive: WorldDrive) -> dict[str, object]:
    """Return the contents of drive.json."""
    spec = drive.spec
    return {
        'format': FORMAT, 'world': spec.world,
        'name': spec.name, 'seed': spec.seed, 'split': spec.split,
        'conditions': condition_entries(spec),
        **({'features': sorted(drive.features)} if drive.features else {}),
        'street': drive.street.kind, 'rate_hz': spec.rate_hz,
        'width': spec.width, 'height': spec.height, 'camera': drive.pinhole.intrinsics(),
        'frames': spec.frames, 'stamps_ns': spec.stamps_ns,
        'software_version': software_version()}


def condition_entries(spec: DriveSpec) -> list[dict[str, object]]:
    """Return the segments of a drive as drive.json stores them."""
    return [asdict(segment) for segment in spec.segments]


def _read_folder(folder: Path) -> dict[str, object]:
    description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding='utf-8'))
    if not isinstance(description, dict):
        raise ValueError(f'it holds a {type(description).__name__}, not names and values')
    return description


FOLDER_LAYOUT = DriveLayout(DESCRIPTION_FILE, _write_folder, _read_folder, _folder_files)
