# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The drives of an experiment: what must be rendered, what is read, and who sees how much."""
from dataclasses import dataclass
import hashlib
import json
import math
from pathlib import Path
from typing import Mapping, NamedTuple

from bdl_perception.experiments.faults import FAULTS
from bdl_perception.experiments.faults import Faulty
from bdl_perception.experiments.tiers import SplitSize
from bdl_perception.experiments.tiers import Tier
from bdl_perception.training.batches import spread_indices
from bdl_perception.training.datasets import Dataset
from bdl_perception.training.datasets import DatasetError
from bdl_perception.training.datasets.camvid import CamVid
from bdl_perception.training.datasets.chosen import Chosen
from bdl_perception.training.datasets.memory import InMemory
from bdl_perception.training.datasets.world import WorldDataset
from bdl_perception.whole_file import write_whole
from bdl_perception.world.conditions import NOMINAL
import numpy as np

MARKER = 'experiment.json'  # says that the folder's drives were rendered for an experiment
UNNUMBERED_WORLD = 1  # that of markers from before it was told
CAMVID = {'validation_camvid': 'val', 'test_camvid': 'test'}


class Split(NamedTuple):
    """The frames of a split, drive by drive."""

    frames: Dataset
    lengths: tuple[int, ...]  # frames of each drive


@dataclass(frozen=True)
class Data:
    """All splits in memory, loaded once for all runs."""

    splits: Mapping[str, Split]
    digest: str  # of every pixel and its truth

    def counts(self) -> dict[str, list[int]]:
        """Count drives and frames of each split."""
        return {name: [len(split.lengths), sum(split.lengths)]
                for name, split in self.splits.items()}

    def teaching(self, share: float, seed: int, length: int) -> tuple[Dataset, list[int]]:
        """
        Give an epoch of `length` frames from a share of the drives, and the frames in it once.

        Fewer frames come round more often, so that every share is an equally long epoch.
        """
        train = self.splits['train']
        drives = nested_drives(len(train.lengths), share, seed)
        ends = np.cumsum(train.lengths)
        once = [frame for drive in drives
                for frame in range(int(ends[drive]) - train.lengths[drive], int(ends[drive]))]
        repeated = [once[index % len(once)] for index in range(length)]
        return Chosen(train.frames, repeated), sorted(once)


def nested_drives(count: int, share: float, seed: int) -> list[int]:
    """
    Draw a share of the drives, at least one; a larger share holds every smaller one.

    Drives take turns in the nominal conditions, so whole rounds are drawn: every share has the
    same mix of them, as far as its size allows.
    """
    turns = len(NOMINAL)
    rounds = np.random.default_rng(seed).permutation(math.ceil(count / turns))
    order = [drive for one in rounds for drive in range(int(one) * turns, (int(one) + 1) * turns)
             if drive < count]
    return order[:max(1, round(share * count))]


def splits_to_render(root: Path, tier: Tier, world: int) -> list[SplitSize]:
    """
    Say what is to be rendered into root/SPLIT: nothing, where root holds drives of another kind.

    Leaves a marker in an empty root, so that rendering can be killed and gone on with. world: the
    number of what a seed shows. DatasetError where the marker is of other sizes or another world.
    """
    wanted = {'world': world, 'height': tier.height, 'width': tier.width,
              'rate_hz': tier.rate_hz, 'splits': [list(size) for size in tier.splits]}
    marker = root / MARKER
    if not marker.exists():
        if any(root.glob('*/drive.json')) or any(root.glob('*/*/drive.json')):
            return []
        root.mkdir(parents=True, exist_ok=True)
        write_whole(marker, json.dumps(wanted).encode())
    elif (said := _begun(marker)) != wanted:
        raise DatasetError(f'{root} was rendered for an experiment of other sizes or in another '
                           f'world ({said["world"]}, not {world}); choose another --data')
    return [size for size in tier.splits
            if len(list((root / size.split).glob('[!.]*/drive.json'))) < size.drives]


def _begun(marker: Path) -> dict[str, object]:
    """Read for what rendering was begun."""
    return {'world': UNNUMBERED_WORLD, **json.loads(marker.read_text(encoding='utf-8'))}


def load(root: Path, tier: Tier, camvid: Path | None = None) -> Data:
    """Read the splits of a tier, at most as many drives and frames as it has; and CamVid."""
    splits = {size.split: _world_split(root, size, tier) for size in tier.splits}
    if camvid is not None:
        splits.update({name: _camvid_split(camvid, part, tier) for name, part in CAMVID.items()})
    for name, fault in FAULTS.items():
        splits[name] = splits['test']._replace(frames=Faulty(splits['test'].frames, fault))
    return Data(splits, _hash(splits))


def _hash(splits: Mapping[str, Split]) -> str:
    """Name all pixels and all that is true of them."""
    digest = hashlib.sha256()
    for name, split in splits.items():
        digest.update(f'{name} {split.lengths}'.encode())
        for index in range(len(split.frames)):
            sample = split.frames[index]
            for part in (sample.rgb, sample.depth, sample.classes):
                digest.update(part.tobytes())
            digest.update(str(sample.fx).encode())
    return digest.hexdigest()[:16]


def _world_split(root: Path, size: SplitSize, tier: Tier) -> Split:
    world = WorldDataset(root, size.split, tier.height, tier.width)
    chosen: list[int] = []
    lengths, start = [], 0
    for drive in world.drives[:size.drives]:
        frames = spread_indices(drive.frames, size.frames)
        chosen += [start + frame for frame in frames]
        lengths.append(len(frames))
        start += drive.frames
    return Split(InMemory(Chosen(world, chosen), size.split), tuple(lengths))


def _camvid_split(root: Path, part: str, tier: Tier) -> Split:
    """Take frames of real streets, none of them taught, as one more strange condition."""
    frames = CamVid(root, part, square_pixels=True)
    chosen = spread_indices(len(frames), tier.condition_drives * tier.condition_frames)
    return Split(InMemory(Chosen(frames, chosen), f'CamVid {part}'), (len(chosen),))
