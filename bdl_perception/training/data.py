# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The data sets of a run: all of their splits are listed before the first picture is decoded."""
import argparse
from pathlib import Path
from typing import Collection, Mapping, NamedTuple, Sequence, TYPE_CHECKING

if TYPE_CHECKING:
    from bdl_perception.datasets.base import Dataset
    from bdl_perception.training.checkpoint import TrainingSet
    from bdl_perception.training.config import TrainConfig


class TrainingSource(NamedTuple):
    """What --data names, listed."""

    kind: str
    train: 'Dataset'  # every stride-th frame
    validation: 'Dataset | None'  # of a world without such drives: none
    stride: int
    repeat: int

    @property
    def data_record(self) -> 'TrainingSet':
        """Say what a checkpoint remembers."""
        return {'kind': self.kind, 'frames': len(self.train), 'stride': self.stride,
                'repeat': self.repeat}


def parse_source(text: str) -> tuple[str, Path]:
    """Read [KIND=]DIR."""
    kind, separator, folder = text.partition('=')
    return (kind, Path(folder)) if separator else ('world', Path(text))


def parse_kind_count(text: str) -> tuple[str, int]:
    """Read KIND=N."""
    kind, _, number = text.partition('=')
    if not number.isdecimal() or int(number) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not KIND=N with N of 1 or more')
    return kind, int(number)


def counts_by_kind(option: str, pairs: Sequence[tuple[str, int]],
            kinds: Collection[str]) -> dict[str, int]:
    """Collect what an option said; ValueError: of no set that is there, or twice of one."""
    numbers = dict(pairs)
    if unknown := set(numbers) - set(kinds):
        raise ValueError(f'{option} names {sorted(unknown)}, which no --data is of')
    if len(numbers) < len(pairs):
        raise ValueError(f'{option} names a KIND twice; give each once')
    return numbers


def open_sources(sources: Sequence[tuple[str, Path]], strides: Mapping[str, int],
                 repeats: Mapping[str, int], config: 'TrainConfig') -> list[TrainingSource]:
    """List both splits of all sources; DatasetError: one is not there or not whole."""
    return [TrainingSource(kind, open_training_split(kind, root, strides.get(kind, 1), config),
                   open_validation_split(kind, root, config), strides.get(kind, 1),
                   repeats.get(kind, 1))
            for kind, root in sources]


def open_training_split(kind: str, root: Path, stride: int, config: 'TrainConfig') -> 'Dataset':
    """Open every stride-th frame of what is taught."""
    from bdl_perception.datasets.wrappers import Subset
    data = open_split(kind, root, 'train', config)
    return Subset(data, range(0, len(data), stride))


def open_validation_split(kind: str, root: Path, config: 'TrainConfig') -> 'Dataset | None':
    """Open the split that is measured on; a rendered world may be without one."""
    from bdl_perception.datasets.rendered import find_drives
    if kind == 'world' and all(drive.split != 'validation' for drive in find_drives(root)):
        return None
    return open_split(kind, root, 'validation', config)


def open_split(kind: str, root: Path, split: str, config: 'TrainConfig') -> 'Dataset':
    """Open one set; all but CamVid, which is small, come at the network's size."""
    from bdl_perception.datasets import open_dataset
    from bdl_perception.datasets.wrappers import ResizedDataset
    if kind == 'camvid':
        return open_dataset(kind, root, split, square_pixels=True)
    size = {'height': config.network.height, 'width': config.network.width}
    if kind == 'world':
        return open_dataset(kind, root, split, **size)
    return ResizedDataset(open_dataset(kind, root, split), **size)


def select_validation_frames(sources: Sequence[TrainingSource], max_frames: int) -> list[tuple[str, 'Dataset']]:
    """Choose the frames that are looked at after each epoch, of all sets as of one; with kinds."""
    from bdl_perception.datasets.wrappers import Subset
    from bdl_perception.training.batches import evenly_spaced
    sets = [(one.kind, one.validation) for one in sources if one.validation is not None]
    chosen = evenly_spaced(sum(len(data) for _, data in sets), max_frames) if sets else []
    parts: list[tuple[str, Dataset]] = []
    for kind, data in sets:
        parts.append((kind, Subset(data, [index for index in chosen if index < len(data)])))
        chosen = [index - len(data) for index in chosen if index >= len(data)]
    return [(kind, part) for kind, part in parts if len(part)]


def load_into_memory(sources: Sequence[TrainingSource], validation_frames: int, verbose: bool,
           ) -> tuple['Dataset', 'Dataset | None']:
    """Decode into memory what is taught, and what is measured on if any; says how much it is."""
    from bdl_perception.datasets.wrappers import ConcatDataset, InMemoryDataset, memory_bytes
    validation = select_validation_frames(sources, validation_frames)
    held = sum(memory_bytes(data) for data in (*(one.train for one in sources),
                                             *(data for _, data in validation)))
    if verbose:
        print(f'{held / 1e6:.1f} MB of frames will be held in memory by each process; --stride '
              f'KIND=N leaves some out', flush=True)
    kept = [InMemoryDataset(one.train, f'{one.kind} train frames') for one in sources]
    looked_at = [InMemoryDataset(data, f'{kind} validation frames') for kind, data in validation]
    return (ConcatDataset(kept, [one.repeat for one in sources]),
            ConcatDataset(looked_at) if looked_at else None)
