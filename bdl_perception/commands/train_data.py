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
    train: 'Dataset'
    validation: 'Dataset | None'  # of a world without such drives: none
    repeat: int

    @property
    def taught(self) -> 'Taught':
        """Say what a checkpoint remembers."""
        return {'kind': self.kind, 'frames': len(self.train), 'repeat': self.repeat}


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


def open_sources(sources: Sequence[tuple[str, Path]], repeats: Mapping[str, int],
                 config: 'TrainConfig') -> list[Opened]:
    """List both splits of all sources; DatasetError: one is not there or not whole."""
    return [Opened(kind, open_split(kind, root, 'train', config),
                   open_validation(kind, root, config), repeats.get(kind, 1))
            for kind, root in sources]


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


def decode_train(opened: Sequence[Opened]) -> 'Dataset':
    """Decode what is taught into memory."""
    from bdl_perception.training.datasets.memory import InMemory
    from bdl_perception.training.datasets.mixed import Mixed
    return Mixed([InMemory(one.train, f'{one.kind} train frames') for one in opened],
                 [one.repeat for one in opened])


def decode_validation(opened: Sequence[Opened]) -> 'Dataset | None':
    """Decode what is measured on into memory; None where no set has any."""
    from bdl_perception.training.datasets.memory import InMemory
    from bdl_perception.training.datasets.mixed import Mixed
    kept = [InMemory(one.validation, f'{one.kind} validation frames')
            for one in opened if one.validation is not None]
    return Mixed(kept) if kept else None
