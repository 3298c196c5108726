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

from bdl_perception.evaluation.view import Labelled

if TYPE_CHECKING:
    from bdl_perception.drives import Drive
    from bdl_perception.perception.values import CameraFrame

CAMVID = 'camvid:'
DESCRIPTION = 'drive.json'
HELP = ('a rendered drive or a folder of such, camvid:DIR:SPLIT, or a video, bag or folder of '
        'pictures')


def fit_mode_of(source: str) -> str:
    """Tell how pictures meet the network: CamVid is judged on the whole frame."""
    return 'stretch' if source.startswith(CAMVID) else 'crop'


def read_spread(source: str, count: int) -> list[Labelled]:
    """Read at most count pictures, spread evenly over a source; ValueError without any."""
    if count < 1:
        raise ValueError(f'{count} rows of {source} were asked for; ask for 1 or more')
    found = list(_read_spread(source, count))
    if not found:
        raise ValueError(f'{source} gave no picture; is it empty?')
    return found


def spread(length: int, count: int) -> list[int]:
    """Choose count of length indices, each in the middle of its share: of 10 and 2, 2 and 7."""
    if count >= length:
        return list(range(length))
    return [(2 * i + 1) * length // (2 * count) for i in range(count)]


def rendered_drives(path: Path) -> list[Path]:
    """List the rendered drives: the folder itself, or those in it, sorted."""
    if (path / DESCRIPTION).is_file():
        return [path]
    return sorted(found.parent for found in path.glob(f'[!.]*/{DESCRIPTION}'))


def read_rendered(folders: Iterable[Path], stride: int = 1) -> Iterator[Labelled]:
    """Read every stride-th picture of rendered drives, with its truth."""
    from bdl_perception.drives import open_drive
    for folder in folders:
        yield from read_numbers(folder, range(0, len(open_drive(folder)), stride))


def camvid_length(root: Path, split: str) -> int:
    """Count the pictures of a split; DatasetError when it cannot be read."""
    from bdl_perception.training.datasets.camvid import CamVid
    return len(CamVid(root, split))


def read_camvid(root: Path, split: str, numbers: Iterable[int] | None = None,
                ) -> Iterator[Labelled]:
    """Read pictures of CamVid at the stored size, all by default; no depth is true."""
    from bdl_perception.perception.values import CameraFrame
    from bdl_perception.perception.values import PinholeCamera
    from bdl_perception.training.datasets.camvid import CamVid
    data = CamVid(root, split)
    for number in range(len(data)) if numbers is None else numbers:
        sample = data[number]
        height, width = sample.classes.shape
        camera = PinholeCamera(width, height, sample.fx, sample.fx, width / 2 - .5,
                               height / 2 - .5)
        yield Labelled(f'CamVid {split}\n{data.paths[number].stem}',
                       CameraFrame(sample.rgb, number, 'camvid', camera), classes=sample.classes)


def _read_spread(source: str, count: int) -> Iterator[Labelled]:
    from bdl_perception.drives import open_drive
    if source.startswith(CAMVID):
        root, split = _camvid_words(source)
        yield from read_camvid(root, split, spread(camvid_length(root, split), count))
    elif folders := rendered_drives(Path(source)):
        frames = [(folder, number) for folder in folders
                  for number in range(len(open_drive(folder)))]
        for folder, number in (frames[index] for index in spread(len(frames), count)):
            yield from read_numbers(folder, [number])
    else:
        _refuse_unknown_kind(source)
        drive = open_drive(source)
        for number, frame in _chosen(drive, spread(len(drive), count)):
            yield Labelled(f'{drive.name}\nframe {number}', frame)


def read_numbers(folder: Path, numbers: Iterable[int]) -> Iterator[Labelled]:
    """Read the pictures of these numbers of a rendered drive, with their truth."""
    from bdl_perception.drives import open_drive
    from bdl_perception.training.datasets.world import condition_at
    from bdl_perception.training.datasets.world import read_truth
    drive = open_drive(folder)
    for number, frame in _chosen(drive, numbers):
        condition = condition_at(folder, number / drive.rate_hz).replace('_', ' ')
        yield Labelled(f'{drive.name}\nframe {number}\n{condition}', frame,
                       *read_truth(folder, number))


def _chosen(drive: 'Drive', numbers: Iterable[int]) -> Iterator[tuple[int, 'CameraFrame']]:
    wanted = set(numbers)
    if not wanted:
        return
    for number, frame in enumerate(drive):
        if number in wanted:
            yield number, frame
        if number >= max(wanted):
            return


def _camvid_words(source: str) -> tuple[Path, str]:
    root, _, split = source[len(CAMVID):].rpartition(':')
    if not root or not split:
        raise ValueError(f'{source} must be camvid:DIR:SPLIT, such as camvid:data/camvid:test')
    return Path(root), split


def _refuse_unknown_kind(source: str) -> None:
    kind = re.match(r'(\w+)[:=]', source)
    if kind and not Path(kind[1]).exists() and not Path(source).exists():
        raise ValueError(f'{source} is of the unknown kind {kind[1]!r}; give {HELP}')
