# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Pictures, with truth where there is any, of the sources that a user can name.

SOURCE is a rendered drive or a folder of such (depth and classes are true), camvid:DIR:SPLIT
(classes are), or whatever else drives.open_drive reads (nothing is).
"""
from pathlib import Path
import re
from typing import Iterable, Iterator, TYPE_CHECKING

from bdl_perception.datasets.base import LabelledFrame
from bdl_perception.drives.description import list_rendered_drives

if TYPE_CHECKING:
    from bdl_perception.drives.base import Drive
    from bdl_perception.perception.types import CameraFrame


CAMVID_PREFIX = 'camvid:'


SOURCE_HELP = ('a rendered drive or a folder of such, camvid:DIR:SPLIT, or a video, bag or folder of '
        'pictures')


def source_fit_mode(source: str) -> str:
    """Tell how pictures meet the network: CamVid is judged on the whole frame."""
    return 'stretch' if source.startswith(CAMVID_PREFIX) else 'crop'


def read_evenly_spaced(source: str, count: int) -> list[LabelledFrame]:
    """Read at most count pictures, spread evenly over a source; ValueError without any."""
    if count < 1:
        raise ValueError(f'{count} rows of {source} were asked for; ask for 1 or more')
    found = list(_read_evenly_spaced(source, count))
    if not found:
        raise ValueError(f'{source} gave no picture; is it empty?')
    return found


def evenly_spaced(length: int, count: int) -> list[int]:
    """Choose count of length indices, each in the middle of its share: of 10 and 2, 2 and 7."""
    if count >= length:
        return list(range(length))
    return [(2 * i + 1) * length // (2 * count) for i in range(count)]


def read_rendered_frames(folders: Iterable[Path], stride: int = 1) -> Iterator[LabelledFrame]:
    """Read every stride-th picture of rendered drives, with its truth."""
    from bdl_perception.drives import open_drive
    for folder in folders:
        yield from read_frames_at(folder, range(0, len(open_drive(folder)), stride))


def camvid_frame_count(root: Path, split: str) -> int:
    """Count the pictures of a split; DatasetError when it cannot be read."""
    from bdl_perception.datasets.camvid import CamVid
    return len(CamVid(root, split))


def read_camvid_frames(root: Path, split: str, indices: Iterable[int] | None = None,
                ) -> Iterator[LabelledFrame]:
    """Read pictures of CamVid at the stored size, all by default; no depth is true."""
    from bdl_perception.datasets.camvid import CamVid
    from bdl_perception.perception.types import CameraFrame, PinholeCamera
    data = CamVid(root, split)
    for number in range(len(data)) if indices is None else indices:
        sample = data[number]
        height, width = sample.classes.shape
        camera = PinholeCamera(width, height, sample.fx, sample.fx, width / 2 - .5,
                               height / 2 - .5)
        yield LabelledFrame(f'CamVid {split}\n{data.paths[number].stem}',
                       CameraFrame(sample.rgb, number, 'camvid', camera), classes=sample.classes)


def _read_evenly_spaced(source: str, count: int) -> Iterator[LabelledFrame]:
    from bdl_perception.drives import open_drive
    if source.startswith(CAMVID_PREFIX):
        root, split = _parse_camvid_source(source)
        yield from read_camvid_frames(root, split, evenly_spaced(camvid_frame_count(root, split), count))
    elif folders := list_rendered_drives(Path(source)):
        frames = [(folder, number) for folder in folders
                  for number in range(len(open_drive(folder)))]
        for folder, number in (frames[index] for index in evenly_spaced(len(frames), count)):
            yield from read_frames_at(folder, [number])
    else:
        _check_known_kind(source)
        drive = open_drive(source)
        for number, frame in _select_frames(drive, evenly_spaced(len(drive), count)):
            yield LabelledFrame(f'{drive.name}\nframe {number}', frame)


def read_frames_at(folder: Path, indices: Iterable[int]) -> Iterator[LabelledFrame]:
    """Read the pictures of these numbers of a rendered drive, with their truth."""
    from bdl_perception.datasets.rendered import condition_at, read_ground_truth
    from bdl_perception.drives import open_drive
    drive = open_drive(folder)
    for number, frame in _select_frames(drive, indices):
        condition = condition_at(folder, number / drive.rate_hz).replace('_', ' ')
        yield LabelledFrame(f'{drive.name}\nframe {number}\n{condition}', frame,
                       *read_ground_truth(folder, number))


def _select_frames(drive: 'Drive', numbers: Iterable[int]) -> Iterator[tuple[int, 'CameraFrame']]:
    wanted = set(numbers)
    if not wanted:
        return
    for number, frame in enumerate(drive):
        if number in wanted:
            yield number, frame
        if number >= max(wanted):
            return


def _parse_camvid_source(source: str) -> tuple[Path, str]:
    root, _, split = source[len(CAMVID_PREFIX):].rpartition(':')
    if not root or not split:
        raise ValueError(f'{source} must be camvid:DIR:SPLIT, such as camvid:data/camvid:test')
    return Path(root), split


def _check_known_kind(source: str) -> None:
    kind = re.match(r'(\w+)[:=]', source)
    if kind and not Path(kind[1]).exists() and not Path(source).exists():
        raise ValueError(f'{source} is of the unknown kind {kind[1]!r}; give {SOURCE_HELP}')
