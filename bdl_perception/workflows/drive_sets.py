# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The drives of an evaluation and the set that each belongs to.

The set of a rendered drive is the split in its description, that of a data set its kind and split.
A recording is a set of its own, and a folder of bags is one set.
"""
from pathlib import Path
from typing import Iterable, Iterator, NamedTuple, Sequence

from bdl_perception.datasets import DatasetSource, parse_dataset
from bdl_perception.datasets.rendered import find_drives
from bdl_perception.drives import open_drives
from bdl_perception.drives.base import BAG_METADATA_FILE, DESCRIPTION_FILE, DriveError, split_topic
from bdl_perception.drives.catalog import list_splits, VISIBLE_GLOB
from bdl_perception.drives.description import (
    abbreviated_list,
    held_out_conditions,
    list_rendered_drives,
    read_description,
    read_drive_segments,
    Segment,
)
from bdl_perception.workflows.labelled_frames import (
    DatasetFrames,
    FrameSource,
    RecordedFrames,
    RenderedFrames,
)

DEFAULT_SPLIT = 'test'  # that is read from an output folder of `bdl render`


class EvaluationDrive(NamedTuple):
    """One drive, with the set that it belongs to."""

    name: str
    set_name: str
    source: FrameSource
    segments: tuple[Segment, ...] = ()  # empty: its conditions are unknown
    timed: bool = True  # False: a data set, whose frames have no time, so it has no alarm

    @property
    def title(self) -> str:
        """Name it among all drives."""
        return f'{self.set_name}/{self.name}'


class _Recording(NamedTuple):
    """A drive that is not opened yet."""

    path: Path
    set_name: str | None  # None: the name of the drive


def find_evaluation_drives(sources: Iterable[str | Path | DatasetSource],
                           nominal: str | None = None,
                           rate_hz: float | None = None) -> list[EvaluationDrive]:
    """
    List the drives of all sources.

    A source is a drive, a folder of drives, an output folder of `bdl render` (whose split nominal,
    default test, and its held-out conditions are read), KIND:DIR:SPLIT of a data set, or a source
    of one. rate_hz: frames per second of folders of images. ValueError when there is no drive, or
    one occurs twice.
    """
    sources = list(sources)
    names = _name_datasets(one for one in sources if isinstance(one, DatasetSource))
    found = [one for source in sources for one in (
        dataset_drives(source, names[source]) if isinstance(source, DatasetSource)
        else _expand(str(source), nominal))]
    recordings = [one for one in found if isinstance(one, _Recording)]
    opened = iter(open_drives([one.path for one in recordings], rate_hz))
    drives = []
    for one in found:
        if isinstance(one, _Recording):
            source = RecordedFrames(one.path, next(opened))
            name = source.drive.name
            one = EvaluationDrive(name, _split_of(one.path, one.set_name or name), source,
                                  read_drive_segments(one.path))
        drives.append(one)
    titles = [one.title for one in drives]
    if twice := sorted({title for title in titles if titles.count(title) > 1}):
        raise ValueError(f'{", ".join(twice)} is given twice; name each drive once')
    return drives


def dataset_drives(source: DatasetSource, set_name: str = '') -> list[EvaluationDrive]:
    """List the sequences of a data set, by default named KIND_SPLIT; of rendered drives, these."""
    if source.kind == 'world':
        return [_rendered_drive(drive.folder) for drive in find_drives(source.root)
                if drive.split == source.split]
    return [EvaluationDrive(sequence, set_name or f'{source.kind}_{source.split}',
                            DatasetFrames(source, sequence), timed=False)
            for sequence in source.sequences()]


def select_nominal_set(drives: Sequence[EvaluationDrive], requested: str | None) -> str | None:
    """Choose the set to compare with: as requested, else test, else the first nominal set."""
    held_out: dict[str, dict[str, None]] = {}  # set -> its held-out conditions
    for drive in drives:
        if found := held_out_conditions(drive.segments):
            held_out.setdefault(drive.set_name, {}).update(dict.fromkeys(found))
    names = list(dict.fromkeys(drive.set_name for drive in drives))
    if requested is None:
        known = {drive.set_name for drive in drives if drive.segments}
        nominal = [name for name in names if name in known and name not in held_out]
        return DEFAULT_SPLIT if DEFAULT_SPLIT in nominal else next(iter(nominal), None)
    if requested not in names:
        raise ValueError(f'no drive is of the nominal set {requested}, only of {", ".join(names)}')
    if requested in held_out:
        raise ValueError(f'drives of {requested} have conditions that are held out '
                         f'({abbreviated_list(held_out[requested])}); name another nominal set')
    return requested


def _name_datasets(sources: Iterable[DatasetSource]) -> dict[DatasetSource, str]:
    """Name each set KIND_SPLIT; a second folder of the same kind and split also by its folder."""
    names: dict[DatasetSource, str] = {}
    for one in sources:
        name = f'{one.kind}_{one.split}'
        names[one] = f'{name}_{one.root.resolve().name}' if name in names.values() else name
    return names


def _expand(source: str, nominal: str | None) -> Iterator[EvaluationDrive | _Recording]:
    path = Path(source)
    if dataset := parse_dataset(source):
        yield from dataset_drives(dataset)
    elif rendered := list_rendered_drives(path) or _find_split_drives(path, nominal):
        yield from map(_rendered_drive, rendered)
    else:
        folder, topic = split_topic(source)
        bags = sorted(found.parent for found in folder.glob(f'*/{BAG_METADATA_FILE}'))
        for bag in bags:
            yield _Recording(Path(f'{bag}:{topic}') if topic else bag, folder.resolve().name)
        if not bags:
            yield _Recording(path, None)


def _rendered_drive(folder: Path) -> EvaluationDrive:
    return EvaluationDrive(folder.name, _split_of(folder, folder.parent.name),
                           RenderedFrames(folder), read_drive_segments(folder))


def _split_of(path: Path, default: str) -> str:
    return str(read_description(path).get('split', default))


def _find_split_drives(path: Path, nominal: str | None) -> list[Path]:
    """Find the drives of a split and of its held-out conditions in a folder of `bdl render`."""
    if not any(path.glob(f'{VISIBLE_GLOB}/{VISIBLE_GLOB}/{DESCRIPTION_FILE}')):
        return []
    split = nominal or DEFAULT_SPLIT
    found = list_rendered_drives(path / split)
    if not found:
        raise DriveError(f'{path} has no drive of the split {split}, only of '
                         f'{", ".join(list_splits(path))}; choose one with --nominal, or give '
                         f'the folders of the splits')
    return found + [drive for folder in sorted(path.glob(f'{split}_*'))
                    for drive in list_rendered_drives(folder)]
