# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A folder of pictures, or a rendered drive: the same with a drive.json beside rgb/."""
from dataclasses import dataclass
import json
from pathlib import Path
import re
from typing import Any, Iterator

from bdl_perception.drives.base import DEFAULT_RATE_HZ, FRAME_ID, frame_stamp_ns
from bdl_perception.perception.types import Bytes, CameraFrame, PinholeCamera
import cv2
import numpy as np

DESCRIPTION_FILE = 'drive.json'
DESCRIPTION_FORMAT = 1  # of drive.json
IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png')


@dataclass(frozen=True)
class FolderDrive:
    """Pictures in files, each with its stamp."""

    name: str
    rate_hz: float
    image_paths: tuple[Path, ...]
    stamps_ns: tuple[int, ...]
    camera: PinholeCamera | None

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.image_paths)

    def __iter__(self) -> Iterator[CameraFrame]:
        """Read one picture after the other."""
        for path, stamp in zip(self.image_paths, self.stamps_ns, strict=True):
            rgb = read_image(path)
            if self.camera and rgb.shape[:2] != (self.camera.height, self.camera.width):
                raise ValueError(
                    f'{path} is {rgb.shape[1]}x{rgb.shape[0]} px, {DESCRIPTION_FILE} says '
                    f'{self.camera.width}x{self.camera.height}; remove '
                    f'{path.parent.parent}, then render again')
            yield CameraFrame(rgb, stamp, FRAME_ID, self.camera)


def open_folder(path: Path, rate_hz: float = DEFAULT_RATE_HZ) -> FolderDrive:
    """
    Open a rendered drive, or pictures in the order of the numbers in their names.

    rate_hz: of pictures that say no time.
    """
    description = path / DESCRIPTION_FILE
    if description.exists():
        return _open_rendered(path, description)
    pictures = _list_images(path)
    if not pictures:
        raise ValueError(f'{path} has no picture ({", ".join(IMAGE_SUFFIXES)}), no {DESCRIPTION_FILE} and no '
                         f'metadata.yaml of a bag; give a folder of one drive')
    stamps = tuple(frame_stamp_ns(index, rate_hz) for index in range(len(pictures)))
    return FolderDrive(path.resolve().name, rate_hz, pictures, stamps, camera=None)


def read_image(path: Path) -> Bytes:
    """Read a picture file as (H, W, 3) rgb; ValueError when it holds none."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise ValueError(f'{path} cannot be read: {error}') from error
    bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if bgr is None:
        raise ValueError(f'{path} ({data.size} bytes) is not a picture that can be decoded; '
                         f'remove it or copy it again')
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _open_rendered(path: Path, description: Path) -> FolderDrive:
    """Take stamps and camera from drive.json, and see that no picture is missing."""
    try:
        said: dict[str, Any] = json.loads(description.read_text(encoding='utf-8'))
        if said['format'] != DESCRIPTION_FORMAT:
            raise ValueError(f'format {said["format"]}, this version reads {DESCRIPTION_FORMAT}')
        lens = {name: float(said['camera'][name]) for name in ('fx', 'fy', 'cx', 'cy')}
        camera = PinholeCamera(int(said['width']), int(said['height']), **lens)
        stamps = tuple(int(stamp) for stamp in said['stamps_ns'])
        name, rate_hz = str(said['name']), float(said['rate_hz'])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{description} cannot be used ({type(error).__name__}: {error}); '
                         f'remove {path}, then render again') from error
    pictures = _list_images(path / 'rgb')
    if not pictures or len(pictures) != len(stamps):
        raise ValueError(f'{path / "rgb"} has {len(pictures)} pictures, {DESCRIPTION_FILE} says '
                         f'{len(stamps)}; remove {path}, then render again')
    return FolderDrive(name, rate_hz, pictures, stamps, camera)


def _list_images(folder: Path) -> tuple[Path, ...]:
    """List the pictures of a folder, 2.jpg before 10.jpg."""
    if not folder.is_dir():
        return ()
    found = (path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    return tuple(sorted(found, key=_natural_sort_key))


def _natural_sort_key(path: Path) -> list[tuple[int, str]]:
    """Sort key: the digits of a name count as numbers."""
    parts = re.split(r'(\d+)', path.name)
    return [(int(part), '') if part.isdigit() else (-1, part) for part in parts]
