# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The data sets by name, for training, evaluation and sheets; a reader is imported when it is opened.

A new data set is a module with a class that satisfies Reader, and a line in READERS.
"""
from functools import lru_cache
from importlib import import_module
import logging
from pathlib import Path
import re
from typing import Any, cast, Iterable, Iterator, Mapping, NamedTuple

from bdl_perception.datasets.base import Dataset, DatasetError, LabelledFrame, Reader, to_labelled

LOG = logging.getLogger(__name__)
DATASET_WORD = re.compile(r'(\w+)[=:](.*)')
DATASET_HELP = 'KIND:DIR:SPLIT of a data set, such as camvid:data/camvid:test'


class ReaderEntry(NamedTuple):
    """Where a reader is, and how its data set is evaluated."""

    module: str
    class_name: str
    terms: str  # of anything that was trained or measured with it
    validation_split: str = 'val'  # its own name of that split
    fit_mode: str | None = None  # of published results; None: the one of the model's options


READERS: Mapping[str, ReaderEntry] = {
    'world': ReaderEntry('rendered', 'WorldDataset', 'rendered by this package: Apache-2.0',
                         'validation'),
    'camvid': ReaderEntry('camvid', 'CamVid', 'CamVid (Brostow et al. 2009): research use',
                          fit_mode='stretch'),
    'kitti_depth': ReaderEntry('kitti_depth', 'KittiDepth',
                               'KITTI (Uhrig et al. 2017): CC BY-NC-SA 3.0'),
    'cityscapes': ReaderEntry('cityscapes', 'Cityscapes',
                              'Cityscapes (Cordts et al. 2016): see its licence'),
    'vkitti2': ReaderEntry('vkitti2', 'VirtualKitti2',
                           'Virtual KITTI 2 (Cabon et al. 2020): see its licence'),
    'nyuv2': ReaderEntry('nyuv2', 'NyuDepthV2',
                         'NYU Depth V2 (Silberman et al. 2012): see its licence'),
    'idd': ReaderEntry('idd', 'Idd', 'India Driving Dataset (Varma et al. 2019): research use, '
                                     'non-commercial', fit_mode='stretch'),
    'anomaly': ReaderEntry('road_anomaly', 'RoadAnomalies',
                           'research use; see the licence of each set', fit_mode='stretch'),
}


class DatasetSource(NamedTuple):
    """One split of a data set in a folder."""

    kind: str  # a key of READERS
    root: Path
    split: str

    @property
    def fit_mode(self) -> str | None:
        """Fit mode that published results of the data set use; None: no such convention."""
        return READERS[self.kind].fit_mode

    @property
    def terms(self) -> str:
        """Terms of use, which bind what is trained or measured with it."""
        return READERS[self.kind].terms

    def sequences(self) -> dict[str, list[int]]:
        """Give the frame indices of each sequence, in the order of the reader."""
        found: dict[str, list[int]] = {}
        for index, frame in enumerate(_open_reader(self).frame_names):
            found.setdefault(frame.sequence, []).append(index)
        return found

    def labelled_frames(self, indices: Iterable[int]) -> Iterator[LabelledFrame]:
        """Read frames at the stored size, with the depth and classes that the data set has."""
        reader, title = _open_reader(self), READERS[self.kind].class_name
        for index in indices:
            name = reader.frame_names[index].name
            yield to_labelled(reader[index], f'{title} {self.split}\n{name}', self.kind, index)


def parse_dataset(word: str) -> DatasetSource | None:
    """Read KIND:DIR:SPLIT; None for a word that names a path; ValueError for an unknown KIND."""
    found = DATASET_WORD.fullmatch(word)
    if not found or Path(found[1]).exists() or Path(word).exists():
        return None
    kind, (root, _, split) = found[1], found[2].rpartition(':')
    if kind not in READERS:
        raise DatasetError(f'{word} has the unknown kind {kind!r}, must be one of '
                           f'{", ".join(READERS)}; give a path, or {DATASET_HELP}')
    if not root or not split:
        raise DatasetError(f'{word} must be {kind}:DIR:SPLIT, such as {kind}:data/{kind}:test')
    return DatasetSource(kind, Path(root), split)


def terms_of_kinds(kinds: Iterable[str]) -> tuple[str, ...]:
    """Give the terms of the data sets of some kinds, each once."""
    return tuple(dict.fromkeys(
        READERS[kind].terms if kind in READERS else f'data set {kind}: its terms are not known'
        for kind in kinds))


def dataset_kind(kind: str, root: Path) -> str:
    """Return the kind of a folder: camvid with the coarse labels of IDD is idd, with its terms."""
    from bdl_perception.datasets.idd import has_coarse_labels
    return 'idd' if kind == 'camvid' and has_coarse_labels(root) else kind


def evaluation_source(kind: str, root: Path, validation: bool = False) -> DatasetSource:
    """
    Choose the split that an evaluation reads: test, or validation where there is no test.

    validation: never test. A folder of camvid may be idd, see dataset_kind.
    DatasetError when the data set has neither split; ValueError for an unknown kind.
    """
    kind = dataset_kind(kind, root)
    if not validation:
        try:
            open_dataset(kind, root, 'test')
            return DatasetSource(kind, root, 'test')
        except DatasetError:
            LOG.info('%s=%s has no test split that can be read; its validation split is used',
                     kind, root)
    open_dataset(kind, root, 'validation')
    return DatasetSource(kind, root, READERS[kind].validation_split)


def anomaly_sources(folder: Path) -> list[DatasetSource]:
    """List the sets of unknown objects in a folder, which may be one itself."""
    from bdl_perception.datasets.road_anomaly import list_anomaly_sets
    found = map(Path.absolute, list_anomaly_sets(folder))
    return [DatasetSource('anomaly', one.parent, one.name) for one in found]


def open_dataset(kind: str, root: Path, split: str, **options: Any) -> Dataset:
    """
    Open a data set in a folder, its samples at the size they are stored in.

    split: train, validation or test, or the data set's own name. options: of its reader.
    DatasetError when it is missing or incomplete; ValueError for an unknown kind.
    """
    if kind not in READERS:
        raise ValueError(f'data set is {kind!r}, must be one of {", ".join(READERS)}')
    entry = READERS[kind]
    module = import_module(f'bdl_perception.datasets.{entry.module}')
    own_split = entry.validation_split if split == 'validation' else split
    return cast(Dataset, getattr(module, entry.class_name)(root, own_split, **options))


@lru_cache(maxsize=1)
def _open_reader(source: DatasetSource) -> Reader:
    """Open a reader once for all sequences of its split."""
    return cast(Reader, open_dataset(*source))
