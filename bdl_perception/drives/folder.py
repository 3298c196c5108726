# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A folder of image files, or a rendered drive: rgb/ beside a drive.json."""
from dataclasses import dataclass
import json
import logging
import math
from pathlib import Path
import re
from typing import Any, Iterator

from bdl_perception.drives.base import (
    BAG_METADATA_FILE,
    DamagedImages,
    DEFAULT_RATE_HZ,
    DESCRIPTION_FILE,
    DriveError,
    FRAME_ID,
    frame_stamp_ns,
)
from bdl_perception.drives.description import has_description, RGB_FOLDER
from bdl_perception.perception.compressed_images import IMAGE_SUFFIXES
from bdl_perception.perception.data_types import Bytes, CameraFrame, PinholeCamera
from bdl_perception.perception.image_decoding import ImageDecoder

LOG = logging.getLogger(__name__)
DESCRIPTION_FORMAT = 1  # of drive.json
COMPANION_SUFFIXES = (  # of files that lie beside images and are none
    '.json', '.txt', '.csv', '.yaml', '.yml', '.xml', '.md', '.html', '.log', '.db', '.ini')


@dataclass(frozen=True)
class FolderDrive:
    """Image files, each with its stamp."""

    name: str
    rate_hz: float
    image_paths: tuple[Path, ...]
    stamps_ns: tuple[int, ...]
    camera: PinholeCamera | None

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.image_paths)

    def __iter__(self) -> Iterator[CameraFrame]:
        """Read one frame after the other."""
        decoder, damaged = ImageDecoder(report=LOG.warning), DamagedImages()
        for path, stamp in zip(self.image_paths, self.stamps_ns, strict=True):
            try:
                rgb = read_image(path, decoder)
            except DriveError as error:
                if self.camera or isinstance(error.__cause__, OSError):
                    raise  # the ground truth of a rendered drive belongs to all of its images
                damaged.skip(str(error))
                continue
            if self.camera and rgb.shape[:2] != (self.camera.height, self.camera.width):
                raise DriveError(f'{path} is {rgb.shape[1]}x{rgb.shape[0]} px, not '
                                 f'{self.camera.width}x{self.camera.height} as in '
                                 f'{DESCRIPTION_FILE}; render the drive again')
            damaged.frames += 1
            yield CameraFrame(rgb, stamp, FRAME_ID, self.camera)
        damaged.report(self.name)


def open_folder(path: Path, rate_hz: float = DEFAULT_RATE_HZ) -> FolderDrive:
    """
    Open a rendered drive, or images in the order of the numbers in their names.

    rate_hz: frames per second of images without a description. DriveError: there is no drive.
    """
    description = path / DESCRIPTION_FILE
    if (path / 'model.json').is_file():
        raise DriveError(f'{path} is a model, not a drive; leave it out of the drives')
    if has_description(path):
        return _open_rendered(path, description)
    images = _list_images(path)
    _report_others(path)
    if not images:
        raise DriveError(f'{path} has no image ({", ".join(IMAGE_SUFFIXES)}), no '
                         f'{DESCRIPTION_FILE} and no {BAG_METADATA_FILE}; give the folder of a '
                         f'drive')
    stamps = tuple(frame_stamp_ns(index, rate_hz) for index in range(len(images)))
    return FolderDrive(path.resolve().name, rate_hz, images, stamps, camera=None)


def read_image(path: Path, decoder: ImageDecoder) -> Bytes:
    """Read an image file as (H, W, 3) uint8 RGB; DriveError when it cannot be decoded."""
    try:
        return decoder.decode_compressed(path.read_bytes())
    except OSError as error:
        raise DriveError(f'{path} cannot be read: {error}') from error
    except ValueError as error:
        raise DriveError(f'{path} cannot be decoded as an image ({error}); remove it or copy it '
                         f'again') from error


def _open_rendered(path: Path, description: Path) -> FolderDrive:
    """Read stamps and camera from drive.json, and check that no image is missing."""
    try:
        values: dict[str, Any] = json.loads(description.read_text(encoding='utf-8'))
        if values['format'] != DESCRIPTION_FORMAT:
            raise ValueError(f'format {values["format"]}, this version reads {DESCRIPTION_FORMAT}')
        intrinsics = {name: float(values['camera'][name]) for name in ('fx', 'fy', 'cx', 'cy')}
        camera = PinholeCamera(int(values['width']), int(values['height']), **intrinsics)
        stamps = tuple(int(stamp) for stamp in values['stamps_ns'])
        name, rate_hz = str(values['name']), float(values['rate_hz'])
        if not 0 < rate_hz < math.inf:
            raise ValueError(f'rate_hz {rate_hz}, must be above 0 and finite')
    except (OSError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DriveError(f'{description} cannot be read ({type(error).__name__}: {error}); '
                         f'remove {path}, then render again') from error
    images = _list_images(path / RGB_FOLDER)
    if not images or len(images) != len(stamps):
        raise DriveError(f'{path / "rgb"} has {len(images)} images, not {len(stamps)} as in '
                         f'{DESCRIPTION_FILE}; remove {path}, then render again')
    return FolderDrive(name, rate_hz, images, stamps, camera)


def _list_images(folder: Path) -> tuple[Path, ...]:
    """List the images of a folder, 2.jpg before 10.jpg; hidden files are of other programs."""
    if not folder.is_dir():
        return ()
    found = (path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES
             and not path.name.startswith('.') and path.is_file())
    return tuple(sorted(found, key=_natural_sort_key))


def _report_others(folder: Path) -> None:
    """Log that files are left out, such as images of a format that OpenCV does not read."""
    known = (*IMAGE_SUFFIXES, *COMPANION_SUFFIXES)
    others = [path.suffix for path in folder.iterdir() if path.suffix.lower() not in known
              and not path.name.startswith('.') and path.is_file()]
    if others:
        kinds = ', '.join(sorted({suffix or 'no suffix' for suffix in others}))
        LOG.warning('%s: %d files are left out, they are no images by their suffix: %.200s',
                    folder, len(others), kinds)


def _natural_sort_key(path: Path) -> list[tuple[int, str]]:
    """Sort key: the digits of a name count as numbers."""
    parts = re.split(r'(\d+)', path.name)
    return [(int(part), '') if index % 2 else (-1, part) for index, part in enumerate(parts)]
