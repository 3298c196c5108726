# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Which reader a path is for."""
from pathlib import Path
from typing import Iterable

from bdl_perception.drives.base import DEFAULT_RATE_HZ, Drive
from bdl_perception.drives.folder import DESCRIPTION_FILE, open_folder
from bdl_perception.drives.video import open_video

BAG_METADATA_FILE = 'metadata.yaml'
BAG_SUFFIXES = ('.mcap', '.db3')
VIDEO_SUFFIXES = ('.mp4', '.avi', '.mkv', '.mov', '.webm', '.m4v')


def open_drive(path: str | Path, rate_hz: float | None = None) -> Drive:
    """
    Open a folder of pictures, a rendered drive, a video file or a bag.

    Of a bag with several image topics PATH:TOPIC chooses one, as in run.mcap:/front/image_raw.
    rate_hz: of a folder of pictures that says none; None: DEFAULT_RATE_HZ.
    ValueError or FileNotFoundError says what is wrong with the path.
    """
    check_exists(path)
    path, topic = split_topic(str(path))
    if path.suffix.lower() in BAG_SUFFIXES or (path / BAG_METADATA_FILE).exists():
        from bdl_perception.drives.bag import open_bag  # rosbags is heavy, and only for bags
        return open_bag(path, topic)
    if topic:
        raise ValueError(f'{path} is no bag, so it has no topic {topic}; leave the topic out')
    if path.is_dir():
        return open_folder(path, rate_hz or DEFAULT_RATE_HZ)
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        raise ValueError(f'{path} is of no known kind; give a folder of pictures, a bag (folder, '
                         f'{", ".join(BAG_SUFFIXES)}) or a video ({", ".join(VIDEO_SUFFIXES)})')
    return open_video(path)


def check_exists(path: str | Path) -> None:
    """Refuse, with a FileNotFoundError, a path at which there is nothing to open."""
    if not split_topic(str(path))[0].exists():
        raise FileNotFoundError(f'{path} does not exist; give a folder of pictures, a video file '
                                f'or a bag')


def rate_is_assumed(path: str | Path) -> bool:
    """Tell whether a drive is a folder of pictures that says neither stamps nor a rate."""
    folder = split_topic(str(path))[0]
    marks = (DESCRIPTION_FILE, BAG_METADATA_FILE)
    return folder.is_dir() and not any((folder / mark).exists() for mark in marks)


def open_drives(paths: Iterable[str | Path]) -> list[Drive]:
    """Open many; a folder of rendered drives or of bags (FOLDER:TOPIC) stands for all, sorted."""
    return [open_drive(path) for path in list_drives(paths)]


def list_drives(paths: Iterable[str | Path]) -> list[Path]:
    """Give the path of each drive that open_drives opens, in its order."""
    drives: list[Path] = []
    for path in map(Path, paths):
        folder, topic = split_topic(str(path))
        several = sorted(found.parent for mark in (DESCRIPTION_FILE, BAG_METADATA_FILE)
                         for found in folder.glob(f'*/{mark}'))
        drives += [Path(f'{one}:{topic}') if topic else one for one in several] or [path]
    return drives


def split_topic(source: str) -> tuple[Path, str]:
    """Split PATH:TOPIC; a topic begins with a slash, and a path that exists stays whole."""
    path, colon, topic = source.rpartition(':/')
    if colon and not Path(source).exists():
        return Path(path), '/' + topic
    return Path(source), ''


__all__ = ['BAG_METADATA_FILE', 'check_exists', 'Drive', 'list_drives', 'open_drive', 'open_drives',
           'rate_is_assumed', 'split_topic']
