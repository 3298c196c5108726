# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The data sets of a run; all splits are listed before the first frame is decoded."""
from pathlib import Path
from typing import Collection, Mapping, NamedTuple, Sequence, TYPE_CHECKING

if TYPE_CHECKING:
    from bdl_perception.datasets.base import Dataset
    from bdl_perception.training.checkpoint import TrainingSet
    from bdl_perception.training.config import TrainConfig


class TrainingSource(NamedTuple):
    """A data set of --data with its listed splits."""

    kind: str
    train: 'Dataset'  # every stride-th frame
    validation: 'Dataset | None'  # None: a rendered world without such drives
    stride: int
    repeat: int

    @property
    def data_record(self) -> 'TrainingSet':
        """Return the entry of the checkpoint."""
        return {'kind': self.kind, 'frames': len(self.train), 'stride': self.stride,
                'repeat': self.repeat}


def counts_by_kind(option: str, pairs: Sequence[tuple[str, int]],
                   kinds: Collection[str]) -> dict[str, int]:
    """Collect KIND=N pairs of an option; ValueError for an unknown or a repeated kind."""
    numbers = dict(pairs)
    if unknown := set(numbers) - set(kinds):
        raise ValueError(f'{option} names {sorted(unknown)}, which is no KIND of --data '
                         f'({", ".join(sorted(kinds))})')
    if len(numbers) < len(pairs):
        raise ValueError(f'{option} names a KIND twice; give each once')
    return numbers


def open_sources(sources: Sequence[tuple[str, Path]], strides: Mapping[str, int],
                 repeats: Mapping[str, int], config: 'TrainConfig') -> list[TrainingSource]:
    """List both splits of all sources; DatasetError for a missing or incomplete one."""
    return [TrainingSource(kind, open_training_split(kind, root, strides.get(kind, 1), config),
                           open_validation_split(kind, root, config), strides.get(kind, 1),
                           repeats.get(kind, 1))
            for kind, root in sources]


def open_training_split(kind: str, root: Path, stride: int, config: 'TrainConfig') -> 'Dataset':
    """Open every stride-th frame of the training split."""
    from bdl_perception.datasets.wrappers import Subset
    data = open_split(kind, root, 'train', config)
    return Subset(data, range(0, len(data), stride))


def open_validation_split(kind: str, root: Path, config: 'TrainConfig') -> 'Dataset | None':
    """Open the validation split; None for a rendered world without one."""
    from bdl_perception.datasets.rendered import find_drives
    if kind == 'world' and all(drive.split != 'validation' for drive in find_drives(root)):
        return None
    return open_split(kind, root, 'validation', config)


def open_split(kind: str, root: Path, split: str, config: 'TrainConfig') -> 'Dataset':
    """Open a split at the size of the network; CamVid and IDD are small and keep their own."""
    from bdl_perception.datasets import open_dataset
    from bdl_perception.datasets.wrappers import ResizedDataset
    if kind in ('camvid', 'idd'):
        return open_dataset(kind, root, split, square_pixels=True)
    size = {'height': config.network.height, 'width': config.network.width}
    if kind == 'world':
        return open_dataset(kind, root, split, **size)
    return ResizedDataset(open_dataset(kind, root, split), **size)


def select_validation_frames(sources: Sequence[TrainingSource],
                             max_frames: int) -> list[tuple[str, 'Dataset']]:
    """Choose evenly spaced validation frames over all sets; returns (kind, frames) of each."""
    from bdl_perception.datasets.wrappers import Subset
    from bdl_perception.training.batches import evenly_spaced
    sets = [(one.kind, one.validation) for one in sources if one.validation is not None]
    chosen = evenly_spaced(sum(len(data) for _, data in sets), max_frames) if sets else []
    parts: list[tuple[str, Dataset]] = []
    for kind, data in sets:
        parts.append((kind, Subset(data, [index for index in chosen if index < len(data)])))
        chosen = [index - len(data) for index in chosen if index >= len(data)]
    return [(kind, part) for kind, part in parts if len(part)]


def load_into_memory(sources: Sequence[TrainingSource], validation_frames: int,
                     verbose: bool) -> tuple['Dataset', 'Dataset | None']:
    """Decode the training and the validation frames; verbose prints the memory they take."""
    from bdl_perception.datasets.wrappers import ConcatDataset, InMemoryDataset, memory_bytes
    validation = select_validation_frames(sources, validation_frames)
    size = sum(memory_bytes(data) for data in (*(one.train for one in sources),
                                               *(data for _, data in validation)))
    if verbose:
        print(f'{size / 1e6:.1f} MB of frames will be held in memory by each process; --stride '
              f'KIND=N leaves some out', flush=True)
    train_sets = [InMemoryDataset(one.train, f'{one.kind} train frames') for one in sources]
    validation_sets = [InMemoryDataset(data, f'{kind} validation frames')
                       for kind, data in validation]
    return (ConcatDataset(train_sets, [one.repeat for one in sources]),
            ConcatDataset(validation_sets) if validation_sets else None)
