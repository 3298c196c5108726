# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Which drives the words of a user mean, and which set each belongs to.

A rendered drive belongs to the split in its description, a recording to a set of its own name, or
of its folder's where that holds several.
"""
from pathlib import Path
from typing import Iterable, Iterator, Sequence

from bdl_perception.commands.drive_jobs import CAMVID
from bdl_perception.commands.drive_jobs import camvid_sequences
from bdl_perception.commands.drive_jobs import DriveJob
from bdl_perception.commands.drive_jobs import RECORDING
from bdl_perception.commands.drive_jobs import RENDERED
from bdl_perception.commands.drive_jobs import segments_of
from bdl_perception.commands.scoring_job import ModelSettings
from bdl_perception.commands.sources import DESCRIPTION
from bdl_perception.commands.sources import rendered_drives
from bdl_perception.commands.stated import description_of
from bdl_perception.commands.stated import held_out_in
from bdl_perception.commands.stated import listed

SPLIT = 'test'  # what an OUT of `bdl render` is searched for


def find_jobs(sources: Iterable[str], nominal: str | None, settings: ModelSettings,
              stride: int) -> list[DriveJob]:
    """List the drives of all sources; ValueError: there is none, or one is named twice."""
    jobs = [job for source in sources for job in _jobs(source, nominal or SPLIT, settings, stride)]
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


def _jobs(source: str, split: str, settings: ModelSettings, stride: int) -> Iterator[DriveJob]:
    from bdl_perception.drives import open_drive
    from bdl_perception.drives import split_topic
    path = Path(source)
    if rendered := rendered_drives(path) or _in_split_folders(path, split):
        for folder in rendered:
            part_of = description_of(folder).get('split', folder.parent.name)
            yield DriveJob(folder.name, str(part_of), RENDERED, str(folder), settings, stride)
        return
    folder, topic = split_topic(source)
    bags = sorted(found.parent for found in folder.glob('*/metadata.yaml'))
    for recording in [f'{bag}:{topic}' if topic else str(bag) for bag in bags] or [source]:
        drive = open_drive(recording)  # fails now, not at last
        own = folder.resolve().name if bags else drive.name
        part_of = description_of(Path(recording)).get('split', own)
        yield DriveJob(drive.name, str(part_of), RECORDING, recording, settings, stride)


def _in_split_folders(path: Path, split: str) -> list[Path]:
    """Find the drives of a split and of its held-out conditions in an OUT of `bdl render`."""
    if not any(path.glob(f'[!.]*/[!.]*/{DESCRIPTION}')):
        return []
    nominal = rendered_drives(path / split)
    if not nominal:
        raise ValueError(f'{path / split} holds no drive; make some with `bdl render {split} '
                         f'--out {path}`')
    return nominal + [drive for folder in sorted(path.glob(f'{split}_*'))
                      for drive in rendered_drives(folder)]
