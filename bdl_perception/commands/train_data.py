# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The data sets of a run: all of their splits are listed before the first picture is decoded."""
import argparse
from pathlib import Path
from typing import Collection, Mapping, NamedTuple, Sequence, TYPE_CHECKING

if TYPE_CHECKING:
    from bdl_perception.training.checkpoint import Taught
    from bdl_perception.training.config import TrainConfig
    from bdl_perception.training.datasets import Dataset


class Opened(NamedTuple):
    """What --data names, listed."""

    kind: str
    train: 'Dataset'  # every stride-th frame
    validation: 'Dataset | None'  # of a world without such drives: none
    stride: int
    repeat: int

    @property
    def taught(self) -> 'Taught':
        """Say what a checkpoint remembers."""
        return {'kind': self.kind, 'frames': len(self.train), 'stride': self.stride,
                'repeat': self.repeat}


def source(text: str) -> tuple[str, Path]:
    """Read [KIND=]DIR."""
    kind, separator, folder = text.partition('=')
    return (kind, Path(folder)) if separator else ('world', Path(text))


def times(text: str) -> tuple[str, int]:
    """Read KIND=N."""
    kind, _, number = text.partition('=')
    if not number.isdecimal() or int(number) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not KIND=N with N of 1 or more')
    return kind, int(number)


def by_kind(option: str, said: Sequence[tuple[str, int]],
            kinds: Collection[str]) -> dict[str, int]:
    """Collect what an option said; ValueError: of no set that is there, or twice of one."""
    numbers = dict(said)
    if unknown := set(numbers) - set(kinds):
        raise ValueError(f'{option} names {sorted(unknown)}, which no --data is of')
    if len(numbers) < len(said):
        raise ValueError(f'{option} names a KIND twice; give each once')
    return numbers


def open_sources(sources: Sequence[tuple[str, Path]], strides: Mapping[str, int],
                 repeats: Mapping[str, int], config: 'TrainConfig') -> list[Opened]:
    """List both splits of all sources; DatasetError: one is not there or not whole."""
    return [Opened(kind, open_train(kind, root, strides.get(kind, 1), config),
                   open_validation(kind, root, config), strides.get(kind, 1),
                   repeats.get(kind, 1))
            for kind, root in sources]


def open_train(kind: str, root: Path, stride: int, config: 'TrainConfig') -> 'Dataset':
    """Open every stride-th frame of what is taught."""
    from bdl_perception.training.datasets.chosen import Chosen
    data = open_split(kind, root, 'train', config)
    return Chosen(data, range(0, len(data), stride))


def open_validation(kind: str, root: Path, config: 'TrainConfig') -> 'Dataset | None':
    """Open the split that is measured on; a rendered world may be without one."""
    from bdl_perception.training.datasets.world import find_drives
    if kind == 'world' and all(drive.split != 'validation' for drive in find_drives(root)):
        return None
    return open_split(kind, root, 'validation', config)


def open_split(kind: str, root: Path, split: str, config: 'TrainConfig') -> 'Dataset':
    """Open one set; all but CamVid, which is small, come at the network's size."""
    from bdl_perception.training.datasets.names import open_dataset
    from bdl_perception.training.datasets.resize import Resized
    if kind == 'camvid':
        return open_dataset(kind, root, split, square_pixels=True)
    size = {'height': config.network.height, 'width': config.network.width}
    if kind == 'world':
        return open_dataset(kind, root, split, **size)
    return Resized(open_dataset(kind, root, split), **size)


def chosen_for_validation(opened: Sequence[Opened], wanted: int) -> list[tuple[str, 'Dataset']]:
    """Choose the frames that are looked at after each epoch, of all sets as of one; with kinds."""
    from bdl_perception.training.batches import spread_indices
    from bdl_perception.training.datasets.chosen import Chosen
    sets = [(one.kind, one.validation) for one in opened if one.validation is not None]
    chosen = spread_indices(sum(len(data) for _, data in sets), wanted) if sets else []
    parts: list[tuple[str, Dataset]] = []
    for kind, data in sets:
        parts.append((kind, Chosen(data, [index for index in chosen if index < len(data)])))
        chosen = [index - len(data) for index in chosen if index >= len(data)]
    return [(kind, part) for kind, part in parts if len(part)]


def decode(opened: Sequence[Opened], validation_frames: int, tells: bool,
           ) -> tuple['Dataset', 'Dataset | None']:
    """Decode into memory what is taught, and what is measured on if any; says how much it is."""
    from bdl_perception.training.datasets.memory import bytes_held
    from bdl_perception.training.datasets.memory import InMemory
    from bdl_perception.training.datasets.mixed import Mixed
    validation = chosen_for_validation(opened, validation_frames)
    held = sum(bytes_held(data) for data in (*(one.train for one in opened),
                                             *(data for _, data in validation)))
    if tells:
        print(f'{held / 1e6:.1f} MB of frames will be held in memory by each process; --stride '
              f'KIND=N leaves some out', flush=True)
    kept = [InMemory(one.train, f'{one.kind} train frames') for one in opened]
    looked_at = [InMemory(data, f'{kind} validation frames') for kind, data in validation]
    return (Mixed(kept, [one.repeat for one in opened]),
            Mixed(looked_at) if looked_at else None)
