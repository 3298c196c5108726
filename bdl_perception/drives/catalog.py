# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The drives that a user names: which paths they are, and of which camera."""
import os
from pathlib import Path
from typing import Iterable, NamedTuple, Sequence

from bdl_perception.drives.base import (
    BAG_METADATA_FILE,
    DESCRIPTION_FILE,
    DriveError,
    split_topic,
)
from bdl_perception.perception.data_types import CAMERA_NAME_PATTERN

VISIBLE_GLOB = '[!.]*'  # the folder of a drive that is being written is hidden


class CameraDrive(NamedTuple):
    """A drive and the name of its camera."""

    path: Path  # as open_drive takes it
    camera: str | None = None

    @property
    def recording(self) -> str:
        """Real path of its file or folder; for a file in a bag folder, of that folder."""
        path = split_topic(self.path)[0].resolve()
        return str(path.parent if (path.parent / BAG_METADATA_FILE).exists() else path)


def parse_camera_drive(word: str) -> CameraDrive:
    """Read DRIVE or CAMERA=DRIVE; a path that exists is not split, nor with a topic behind it."""
    name, equals, drive = word.partition('=')
    if not equals or os.sep in name or split_topic(word)[0].exists():
        return CameraDrive(Path(word))
    if not CAMERA_NAME_PATTERN.fullmatch(name):
        raise DriveError(f'{word} does not exist, and {name!r} before = is not a camera name; use '
                         f'letters, digits and underscores, such as front=DRIVE')
    return CameraDrive(Path(drive), name)


def list_camera_drives(drives: Iterable[str | Path | CameraDrive],
                       group_by: str) -> list[CameraDrive]:
    """Expand folders of drives; DriveError when camera names and grouping do not match."""
    named = [one if isinstance(one, CameraDrive) else CameraDrive(Path(one)) for one in drives]
    _check_camera_names(named, group_by)
    found = [CameraDrive(path, one.camera) for one in named for path in list_drives([one.path])]
    check_distinct_recordings(found)
    return found


def list_drives(paths: Iterable[str | Path]) -> list[Path]:
    """List the drives; a folder of rendered drives or of bags (FOLDER:TOPIC) gives all, sorted."""
    drives: list[Path] = []
    for path in map(Path, paths):
        folder, topic = split_topic(path)
        several = sorted(found.parent for marker in (DESCRIPTION_FILE, BAG_METADATA_FILE)
                         for found in folder.glob(f'*/{marker}'))
        drives += [Path(f'{one}:{topic}') if topic else one for one in several] or [path]
    return drives


def list_splits(out: Path) -> list[str]:
    """List the folders of an output folder of `bdl render` that hold drives or bags."""
    return sorted({found.parent.parent.name for marker in (DESCRIPTION_FILE, BAG_METADATA_FILE)
                   for found in out.glob(f'{VISIBLE_GLOB}/{VISIBLE_GLOB}/{marker}')})


def check_distinct_recordings(drives: Sequence[CameraDrive]) -> None:
    """Raise DriveError for two topics of one bag that are given for one camera."""
    known: dict[tuple[str | None, str], Path] = {}
    for drive in drives:
        first = known.setdefault((drive.camera, drive.recording), drive.path)
        if split_topic(first)[1] != split_topic(drive.path)[1]:
            raise DriveError(f'{first} and {drive.path} were recorded simultaneously and count as '
                             f'one drive; give one of them, or name two cameras with --group-by '
                             f'camera (front=..., rear=...)')


def _check_camera_names(drives: Sequence[CameraDrive], group_by: str) -> None:
    unnamed = [str(one.path) for one in drives if one.camera is None]
    named = [f'{one.camera}={one.path}' for one in drives if one.camera is not None]
    if group_by == 'camera' and unnamed:
        raise DriveError(f'--group-by camera: {", ".join(unnamed)} has no camera name; write '
                         f'CAMERA=DRIVE, such as front={unnamed[0]}')
    if group_by != 'camera' and named:
        raise DriveError(f'{", ".join(named)} does not exist; use --group-by camera if the word '
                         f'before = is the name of a camera')
