# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Which drives a calibration is told of, which camera each is of, and which share a road."""
import math
import os
from pathlib import Path
import sys
from typing import Iterable, NamedTuple, Sequence, TYPE_CHECKING

from bdl_perception.drives.description import abbreviated_list, DESCRIPTION_FILE
from bdl_perception.perception.types import CAMERA_NAME_PATTERN

if TYPE_CHECKING:
    from bdl_perception.drives.base import Drive


class CameraDrive(NamedTuple):
    """A drive, and the camera that its user says it is of."""

    path: Path  # as drives.open_drive takes it
    camera: str | None

    @property
    def recording(self) -> str:
        """Give the file or folder that it is in, of a file in a bag folder that folder."""
        from bdl_perception.drives import BAG_METADATA_FILE, split_topic
        path = split_topic(str(self.path))[0].resolve()
        return str(path.parent if (path.parent / BAG_METADATA_FILE).exists() else path)


def list_camera_drives(arguments: Iterable[str], group_by: str) -> list[CameraDrive]:
    """List the drives that DRIVE or CAMERA=DRIVE mean; ValueError: names and grouping differ."""
    from bdl_perception.drives import list_drives
    pairs = [split_camera_name(word) for word in arguments]
    _check_camera_names(pairs, group_by)
    drives = [CameraDrive(path, camera) for camera, source in pairs
              for path in list_drives([source])]
    check_distinct_recordings(drives)
    return drives


def split_camera_name(argument: str) -> tuple[str | None, str]:
    """Split CAMERA=DRIVE; a path that exists stays whole, with a topic behind it too."""
    from bdl_perception.drives import split_topic
    name, equals, drive = argument.partition('=')
    if not equals or os.sep in name or split_topic(argument)[0].exists():
        return None, argument
    if not CAMERA_NAME_PATTERN.fullmatch(name):
        raise ValueError(f'{argument} does not exist, and {name!r} before = names no camera; write '
                         f'letters, digits and underscores, such as front=DRIVE')
    return name, drive


def check_distinct_recordings(drives: Iterable[CameraDrive]) -> None:
    """Refuse two topics of one bag for one camera: they are the same road at the same time."""
    from bdl_perception.drives import split_topic
    known: dict[tuple[str | None, str], Path] = {}
    for drive in drives:
        first = known.setdefault((drive.camera, drive.recording), drive.path)
        if split_topic(str(first))[1] != split_topic(str(drive.path))[1]:
            raise ValueError(f'{first} and {drive.path} are the same road at the same time, so '
                             f'they count as one drive: give one of them, or, if they are of two '
                             f'cameras, name each with --group-by camera (front=..., rear=...)')


def _check_camera_names(pairs: Sequence[tuple[str | None, str]], group_by: str) -> None:
    unnamed = [drive for camera, drive in pairs if camera is None]
    named = [f'{camera}={drive}' for camera, drive in pairs if camera is not None]
    if group_by == 'camera' and unnamed:
        raise ValueError(f'--group-by camera: {", ".join(unnamed)} is of no camera; write '
                         f'CAMERA=DRIVE, such as front={unnamed[0]}')
    if group_by != 'camera' and named:
        raise ValueError(f'{", ".join(named)} does not exist; if the word before = names a '
                         f'camera, ask for --group-by camera')


VISIBLE_GLOB = '[!.]*'  # a drive that is still being written has a hidden folder
PREFERRED_SPLIT = 'validation'  # the split of `bdl render` that alarms are calibrated on


def open_checked_drives(paths: Iterable[Path]) -> list['Drive']:
    """Open each; a ValueError says what is wrong with all that cannot be, one a line."""
    from bdl_perception.drives import open_drive
    opened, wrong = list['Drive'](), list[str]()
    for path in paths:
        try:
            _check_not_model(path)
            opened.append(open_drive(path))
        except (OSError, ValueError) as error:
            wrong.append(_path_hint(path) or str(error))
    if wrong:
        raise ValueError('\n'.join(wrong))
    return opened


def check_rate(command: str, paths: Iterable[str | Path], rate_hz: float | None) -> None:
    """Refuse a rate that nothing needs; say on stderr where one is a guess, as nobody gave it."""
    from bdl_perception.drives import rate_is_assumed
    from bdl_perception.drives.base import DEFAULT_RATE_HZ
    assumed = [str(path) for path in paths if rate_is_assumed(path)]
    if rate_hz is None:
        if assumed:
            print(f'bdl {command}: no stamps in {abbreviated_list(assumed)}: {DEFAULT_RATE_HZ:g} Hz is '
                  f'assumed; hours and delays follow from it', file=sys.stderr)
        return
    if not 0 < rate_hz < math.inf:
        raise ValueError(f'--rate-hz is {rate_hz}, must be above 0 and finite')
    if not assumed:
        raise ValueError(f'--rate-hz {rate_hz:g}: every drive says when its pictures were taken; '
                         f'leave it out')


def list_splits(out: Path) -> list[str]:
    """Name the folders that hold drives, or bags, in an OUT of `bdl render`."""
    from bdl_perception.drives import BAG_METADATA_FILE
    return sorted({found.parent.parent.name for mark in (DESCRIPTION_FILE, BAG_METADATA_FILE)
                   for found in out.glob(f'{VISIBLE_GLOB}/{VISIBLE_GLOB}/{mark}')})


def _check_not_model(path: Path) -> None:
    """Refuse a model folder: the plot of its calibration would be taken for a drive."""
    if (path / 'model.json').is_file():
        raise ValueError(f'{path} is a model, not a drive; leave it out of the drives')


def _path_hint(path: Path) -> str:
    """Say what a path is that was taken for a drive; empty: nothing better is known."""
    if path.name == DESCRIPTION_FILE and path.is_file():
        return f'{path} describes a drive; give its folder, {path.parent}'
    if there := list_splits(path):
        best = PREFERRED_SPLIT if PREFERRED_SPLIT in there else there[0]
        return (f'{path} is no drive, but holds folders of drives ({", ".join(there)}); give one '
                f'of them, such as {path / best}')
    return ''
