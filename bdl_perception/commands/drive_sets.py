# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Which drives the words of a user mean, and which set each belongs to.

A rendered drive belongs to the split in its description, a recording to a set of its own name, or
of its folder's where that holds several.
"""
from pathlib import Path
import re
from typing import Iterable, Iterator, Sequence

from bdl_perception.commands.drive_jobs import CAMVID
from bdl_perception.commands.drive_jobs import camvid_sequences
from bdl_perception.commands.drive_jobs import DriveJob
from bdl_perception.commands.drive_jobs import RECORDING
from bdl_perception.commands.drive_jobs import RENDERED
from bdl_perception.commands.drive_jobs import segments_of
from bdl_perception.commands.opened_drives import BEST
from bdl_perception.commands.opened_drives import open_all
from bdl_perception.commands.opened_drives import splits_in
from bdl_perception.commands.scoring_job import ModelSettings
from bdl_perception.commands.sources import DESCRIPTION
from bdl_perception.commands.sources import rendered_drives
from bdl_perception.commands.stated import description_of
from bdl_perception.commands.stated import held_out_in
from bdl_perception.commands.stated import listed

SPLIT = 'test'  # what an OUT of `bdl render` is searched for
DATA_SET = re.compile(r'(\w+)[=:]')  # as `bdl train --data KIND=DIR` and `bdl sheet` have it


def find_jobs(sources: Iterable[str], nominal: str | None, settings: ModelSettings,
              stride: int) -> list[DriveJob]:
    """List the drives of all sources; ValueError: there is none, or one is named twice."""
    jobs = [job for source in sources for job in _jobs(source, nominal, settings, stride)]
    titles = [job.title for job in jobs]
    twice = sorted({title for title in titles if titles.count(title) > 1})
    if twice:
        raise ValueError(f'{", ".join(twice)} is there twice; name each drive once')
    return jobs


def camvid_jobs(root: Path, split: str, settings: ModelSettings) -> list[DriveJob]:
    """List the sequences of a CamVid split."""
    return [DriveJob(name, f'camvid_{split}', CAMVID, str(root), settings, split=split)
            for name in camvid_sequences(root, split)]


def nominal_set(jobs: Sequence[DriveJob], wished: str | None) -> str | None:
    """Choose what to compare with: as wished, `test`, or the first set without strange drives."""
    strange: dict[str, dict[str, None]] = {}  # set -> its held-out conditions
    for job in jobs:
        if found := held_out_in(segments_of(job)):
            strange.setdefault(job.part_of, {}).update(dict.fromkeys(found))
    known = dict.fromkeys(job.part_of for job in jobs)
    if wished is None:
        fit = [name for name in known if name not in strange and any(
            job.part_of == name and segments_of(job) for job in jobs)]
        return SPLIT if SPLIT in fit else next(iter(fit), None)
    if wished not in known:
        raise ValueError(f'no drive is of the nominal set {wished}, only of {", ".join(known)}')
    if wished in strange:
        raise ValueError(f'drives of {wished} have conditions that are held out '
                         f'({listed(strange[wished])}); name another nominal set')
    return wished


def _jobs(source: str, nominal: str | None, settings: ModelSettings,
          stride: int) -> Iterator[DriveJob]:
    from bdl_perception.drives import split_topic
    path = Path(source)
    if rendered := rendered_drives(path) or _in_split_folders(path, nominal):
        for folder in rendered:
            part_of = description_of(folder).get('split', folder.parent.name)
            yield DriveJob(folder.name, str(part_of), RENDERED, str(folder), settings, stride)
        return
    _refuse_data_set(source)
    folder, topic = split_topic(source)
    bags = sorted(found.parent for found in folder.glob('*/metadata.yaml'))
    for recording in [f'{bag}:{topic}' if topic else str(bag) for bag in bags] or [source]:
        drive, = open_all([Path(recording)])  # fails now, not at last
        own = folder.resolve().name if bags else drive.name
        part_of = description_of(Path(recording)).get('split', own)
        yield DriveJob(drive.name, str(part_of), RECORDING, recording, settings, stride)


def _in_split_folders(path: Path, nominal: str | None) -> list[Path]:
    """Find the drives of a split and of its held-out conditions in an OUT of `bdl render`."""
    if not any(path.glob(f'[!.]*/[!.]*/{DESCRIPTION}')):
        return []
    split = nominal or SPLIT
    found = rendered_drives(path / split)
    if not found:
        raise ValueError(_no_split(path, nominal))
    return found + [drive for folder in sorted(path.glob(f'{split}_*'))
                    for drive in rendered_drives(folder)]


def _no_split(out: Path, nominal: str | None) -> str:
    """Say which splits an OUT holds, and how to have them read."""
    there = splits_in(out)
    said = f'{out} holds no drive of the split {nominal or SPLIT}, only of {", ".join(there)}; '
    by_name = f'give the folders that you mean by name, such as {out / there[0]}'
    if nominal:
        return (f'{said}--nominal {nominal} also decides which folders of {out} are read, '
                f'{nominal} and {nominal}_CONDITION: {by_name}')
    plain = [name for name in there if '_' not in name]
    if not plain:
        return f'{said}{by_name}'
    best = BEST if BEST in plain else plain[0]
    return f'{said}--nominal {best} takes {best} and each {best}_CONDITION; or {by_name}'


def _refuse_data_set(source: str) -> None:
    """Refuse KIND=DIR and KIND:DIR of a known kind, unless such a thing is there."""
    from bdl_perception.drives import split_topic
    from bdl_perception.training.datasets.names import READERS
    found = DATA_SET.match(source)
    if found and found[1] in READERS and not split_topic(source)[0].exists():
        raise ValueError(f'{source}: of data sets only rendered drives, by their folders, and '
                         f'CamVid, with --camvid DIR, can be judged by a truth; of others give '
                         f'folders of pictures, which are judged without')
