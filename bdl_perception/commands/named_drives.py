# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Which drives a calibration is told of, which camera each is of, and which share a road."""
import os
from pathlib import Path
from typing import Iterable, NamedTuple, Sequence

from bdl_perception.alarm.cameras import NAME
from bdl_perception.alarm.groups import GroupBy


class NamedDrive(NamedTuple):
    """A drive, and the camera that its user says it is of."""

    path: Path  # as drives.open_drive takes it
    camera: str | None

    @property
    def recording(self) -> str:
        """Give the file or folder that it is in, of a file in a bag folder that folder."""
        from bdl_perception.drives import BAG_FOLDER_FILE
        from bdl_perception.drives import split_topic
        path = split_topic(str(self.path))[0].resolve()
        return str(path.parent if (path.parent / BAG_FOLDER_FILE).exists() else path)


def named_drives(words: Iterable[str], group_by: GroupBy) -> list[NamedDrive]:
    """List the drives that DRIVE or CAMERA=DRIVE mean; ValueError: names and grouping differ."""
    from bdl_perception.drives import list_drives
    pairs = [split_name(word) for word in words]
    _check_names(pairs, group_by)
    drives = [NamedDrive(path, camera) for camera, source in pairs
              for path in list_drives([source])]
    refuse_one_road(drives)
    return drives


def split_name(word: str) -> tuple[str | None, str]:
    """Split CAMERA=DRIVE; a path that exists stays whole, with a topic behind it too."""
    from bdl_perception.drives import split_topic
    name, equals, drive = word.partition('=')
    if not equals or os.sep in name or split_topic(word)[0].exists():
        return None, word
    if not NAME.fullmatch(name):
        raise ValueError(f'{word} does not exist, and {name!r} before = names no camera; write '
                         f'letters, digits and underscores, such as front=DRIVE')
    return name, drive


def refuse_one_road(drives: Iterable[NamedDrive]) -> None:
    """Refuse two topics of one bag for one camera: they are the same road at the same time."""
    from bdl_perception.drives import split_topic
    known: dict[tuple[str | None, str], Path] = {}
    for drive in drives:
        first = known.setdefault((drive.camera, drive.recording), drive.path)
        if split_topic(str(first))[1] != split_topic(str(drive.path))[1]:
            raise ValueError(f'{first} and {drive.path} are the same road at the same time, so '
                             f'they count as one drive: give one of them, or, if they are of two '
                             f'cameras, name each with --group-by camera (front=..., rear=...)')


def _check_names(pairs: Sequence[tuple[str | None, str]], group_by: GroupBy) -> None:
    unnamed = [drive for camera, drive in pairs if camera is None]
    named = [f'{camera}={drive}' for camera, drive in pairs if camera is not None]
    if group_by == 'camera' and unnamed:
        raise ValueError(f'--group-by camera: {", ".join(unnamed)} is of no camera; write '
                         f'CAMERA=DRIVE, such as front={unnamed[0]}')
    if group_by != 'camera' and named:
        raise ValueError(f'{", ".join(named)} does not exist; if the word before = names a '
                         f'camera, ask for --group-by camera')
