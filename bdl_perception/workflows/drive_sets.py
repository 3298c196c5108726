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

from bdl_perception.drives.catalog import list_splits, open_checked_drives, PREFERRED_SPLIT
from bdl_perception.drives.description import (
    abbreviated_list,
    DESCRIPTION_FILE,
    held_out_conditions,
    list_rendered_drives,
    read_description,
)
from bdl_perception.workflows.evaluate_drives import (
    CAMVID,
    camvid_sequences,
    DriveJob,
    job_segments,
    RECORDING,
    RENDERED,
)
from bdl_perception.workflows.score_drives import ModelSettings

DEFAULT_SPLIT = 'test'  # what an OUT of `bdl render` is searched for
DATASET_PREFIX = re.compile(r'(\w+)[=:]')  # as `bdl train --data KIND=DIR` and `bdl sheet` have it


def find_jobs(sources: Iterable[str], nominal: str | None, settings: ModelSettings,
              stride: int) -> list[DriveJob]:
    """List the drives of all sources; ValueError: there is none, or one is named twice."""
    jobs = [job for source in sources for job in _jobs_of_source(source, nominal, settings, stride)]
    titles = [job.title for job in jobs]
    twice = sorted({title for title in titles if titles.count(title) > 1})
    if twice:
        raise ValueError(f'{", ".join(twice)} is there twice; name each drive once')
    return jobs


def camvid_jobs(root: Path, split: str, settings: ModelSettings) -> list[DriveJob]:
    """List the sequences of a CamVid split."""
    return [DriveJob(name, f'camvid_{split}', CAMVID, str(root), settings, split=split)
            for name in camvid_sequences(root, split)]


def select_nominal_set(jobs: Sequence[DriveJob], requested: str | None) -> str | None:
    """Choose what to compare with: as wished, `test`, or the first set without strange drives."""
    strange: dict[str, dict[str, None]] = {}  # set -> its held-out conditions
    for job in jobs:
        if found := held_out_conditions(job_segments(job)):
            strange.setdefault(job.set_name, {}).update(dict.fromkeys(found))
    known = dict.fromkeys(job.set_name for job in jobs)
    if requested is None:
        fit = [name for name in known if name not in strange and any(
            job.set_name == name and job_segments(job) for job in jobs)]
        return DEFAULT_SPLIT if DEFAULT_SPLIT in fit else next(iter(fit), None)
    if requested not in known:
        raise ValueError(f'no drive is of the nominal set {requested}, only of {", ".join(known)}')
    if requested in strange:
        raise ValueError(f'drives of {requested} have conditions that are held out '
                         f'({abbreviated_list(strange[requested])}); name another nominal set')
    return requested


def _jobs_of_source(source: str, nominal: str | None, settings: ModelSettings,
          stride: int) -> Iterator[DriveJob]:
    from bdl_perception.drives import split_topic
    path = Path(source)
    if rendered := list_rendered_drives(path) or _find_split_drives(path, nominal):
        for folder in rendered:
            part_of = read_description(folder).get('split', folder.parent.name)
            yield DriveJob(folder.name, str(part_of), RENDERED, str(folder), settings, stride)
        return
    _check_not_dataset(source)
    folder, topic = split_topic(source)
    bags = sorted(found.parent for found in folder.glob('*/metadata.yaml'))
    for recording in [f'{bag}:{topic}' if topic else str(bag) for bag in bags] or [source]:
        drive, = open_checked_drives([Path(recording)])  # fails now, not at last
        own = folder.resolve().name if bags else drive.name
        part_of = read_description(Path(recording)).get('split', own)
        yield DriveJob(drive.name, str(part_of), RECORDING, recording, settings, stride)


def _find_split_drives(path: Path, nominal: str | None) -> list[Path]:
    """Find the drives of a split and of its held-out conditions in an OUT of `bdl render`."""
    if not any(path.glob(f'[!.]*/[!.]*/{DESCRIPTION_FILE}')):
        return []
    split = nominal or DEFAULT_SPLIT
    found = list_rendered_drives(path / split)
    if not found:
        raise ValueError(_missing_split_message(path, nominal))
    return found + [drive for folder in sorted(path.glob(f'{split}_*'))
                    for drive in list_rendered_drives(folder)]


def _missing_split_message(out: Path, nominal: str | None) -> str:
    """Say which splits an OUT holds, and how to have them read."""
    there = list_splits(out)
    said = f'{out} holds no drive of the split {nominal or DEFAULT_SPLIT}, only of {", ".join(there)}; '
    by_name = f'give the folders that you mean by name, such as {out / there[0]}'
    if nominal:
        return (f'{said}--nominal {nominal} also decides which folders of {out} are read, '
                f'{nominal} and {nominal}_CONDITION: {by_name}')
    plain = [name for name in there if '_' not in name]
    if not plain:
        return f'{said}{by_name}'
    best = PREFERRED_SPLIT if PREFERRED_SPLIT in plain else plain[0]
    return f'{said}--nominal {best} takes {best} and each {best}_CONDITION; or {by_name}'


def _check_not_dataset(source: str) -> None:
    """Refuse KIND=DIR and KIND:DIR of a known kind, unless such a thing is there."""
    from bdl_perception.datasets import READERS
    from bdl_perception.drives import split_topic
    found = DATASET_PREFIX.match(source)
    if found and found[1] in READERS and not split_topic(source)[0].exists():
        raise ValueError(f'{source}: of data sets only rendered drives, by their folders, and '
                         f'CamVid, with --camvid DIR, can be judged by a truth; of others give '
                         f'folders of pictures, which are judged without')
