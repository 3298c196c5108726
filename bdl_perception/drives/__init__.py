# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Recorded drives, with one reader for each kind: folder of images, video, bag."""
import logging
import math
from pathlib import Path
from typing import Iterable

from bdl_perception.drives.base import (
    BAG_METADATA_FILE,
    DEFAULT_RATE_HZ,
    Drive,
    DriveError,
    split_topic,
)
from bdl_perception.drives.catalog import list_splits
from bdl_perception.drives.description import abbreviated_list
from bdl_perception.drives.folder import FolderDrive, open_folder
from bdl_perception.drives.video import open_video
from bdl_perception.perception.compressed_images import IMAGE_SUFFIXES

LOG = logging.getLogger(__name__)
BUNDLED_VIDEO = Path(__file__).parent.parent / 'demo' / 'street_fog_dirt.mp4'
BAG_METADATA_KEY = b'rosbag2_bagfile_information'
BAG_SUFFIXES = ('.mcap', '.db3', '.bag')
VIDEO_SUFFIXES = ('.mp4', '.avi', '.mkv', '.mov', '.webm', '.m4v')


def open_drive(path: str | Path, rate_hz: float | None = None) -> Drive:
    """
    Open a folder of images, a rendered drive, a video file or a bag.

    PATH:TOPIC selects one image topic of a bag, as in run.mcap:/front/image_raw. rate_hz: frames
    per second of a folder of images, None for DEFAULT_RATE_HZ; other drives have their own rate.
    FileNotFoundError when the path does not exist; DriveError when it is not a drive.
    """
    path, topic = split_topic(path)
    if not path.exists():
        raise FileNotFoundError(f'{path} does not exist; give a folder of images, a video file or '
                                f'a bag')
    if not path.is_file() and not path.is_dir():
        raise DriveError(f'{path} is a device or a pipe, which may never end; give a folder of '
                         f'images, a video file or a bag')
    if bag := find_bag(path):
        from bdl_perception.drives.bag import open_bag  # rosbags is slow to import
        return open_bag(bag, topic)
    if topic:
        raise DriveError(f'{path} is not a bag, so it has no topic {topic}; leave the topic out')
    if path.is_dir():
        return open_folder(path, rate_hz or DEFAULT_RATE_HZ)
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        raise DriveError(f'{path} has an unknown suffix; give a folder of images, a bag (folder, '
                         f'{", ".join(BAG_SUFFIXES)}) or a video ({", ".join(VIDEO_SUFFIXES)})')
    return open_video(path)


def open_drives(paths: Iterable[str | Path], rate_hz: float | None = None) -> list[Drive]:
    """
    Open each drive; DriveError has one line for each path that is not a drive.

    rate_hz: frames per second of folders of images. A warning names those whose rate is assumed.
    """
    known = list(paths)
    opened, problems = list[Drive](), list[str]()
    for path in known:
        try:
            opened.append(open_drive(path, rate_hz))
        except (OSError, ValueError) as error:
            splits = list_splits(Path(path))
            hint = f'; give one of its folders: {", ".join(splits)}' if splits else ''
            problems.append(f'{error}{hint}')
    if problems:
        raise DriveError('\n'.join(problems))
    _check_rate([str(path) for path, drive in zip(known, opened, strict=True)
                 if isinstance(drive, FolderDrive) and drive.camera is None], rate_hz)
    return opened


def find_bag(path: Path) -> Path | None:
    """
    Return what the bag reader opens: a file, or the folder of a recording.

    A recording that lost power has no metadata: its only file is read, if it can be.
    """
    if path.is_file():
        return path if path.suffix.lower() in BAG_SUFFIXES else None
    files = sorted(one for one in path.iterdir() if one.suffix.lower() in BAG_SUFFIXES
                   and not one.name.startswith('.'))
    if _has_bag_metadata(path, bool(files)):
        return path
    if len(files) > 1:
        raise DriveError(f'{path} has {len(files)} bag files but no {BAG_METADATA_FILE}: give one '
                         f'of them, or run `ros2 bag reindex {path}` if it is one recording')
    return files[0] if files else None


def _has_bag_metadata(path: Path, has_files: bool) -> bool:
    """Return whether metadata.yaml is of a bag; one beside images may be of another program."""
    metadata = path / BAG_METADATA_FILE
    if not metadata.is_file():
        return False
    is_image = any(one.suffix.lower() in IMAGE_SUFFIXES for one in path.iterdir())
    return has_files or not is_image or BAG_METADATA_KEY in metadata.read_bytes()


def _check_rate(assumed: list[str], rate_hz: float | None) -> None:
    """Log which drives get the default rate; DriveError when rate_hz applies to no drive."""
    if rate_hz is None:
        if assumed:
            LOG.warning('no stamps in %s: %g Hz is assumed; hours and delays follow from it',
                        abbreviated_list(assumed), DEFAULT_RATE_HZ)
    elif not 0 < rate_hz < math.inf:
        raise DriveError(f'--rate-hz is {rate_hz}, must be above 0 and finite')
    elif not assumed:
        raise DriveError(f'--rate-hz {rate_hz:g}: every drive has its own stamps; leave it out')


__all__ = ['BUNDLED_VIDEO', 'Drive', 'DriveError', 'open_drive', 'open_drives']
