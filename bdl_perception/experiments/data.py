# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The drives of an experiment: what must be rendered, what is read, and who sees how much."""
from dataclasses import dataclass, replace
import hashlib
import json
import math
from pathlib import Path
from typing import Callable, Mapping, NamedTuple

from bdl_perception.datasets.base import Dataset, DatasetError, Sample
from bdl_perception.datasets.camvid import CamVid
from bdl_perception.datasets.rendered import WorldDataset
from bdl_perception.datasets.wrappers import InMemoryDataset, Subset
from bdl_perception.experiments.config import SplitSize, Tier
from bdl_perception.files import write_atomic
from bdl_perception.training.batches import evenly_spaced
from bdl_perception.world.conditions import NOMINAL_CONDITIONS
import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def defocus(rgb: Image) -> Image:
    """Blur by a sigma of an eightieth of the width, as a lens out of focus would."""
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), rgb.shape[1] / 80), np.uint8)


def underexpose(rgb: Image) -> Image:
    """Leave 15 % of the light."""
    dark: Image = np.round(rgb * 0.15).astype(np.uint8)
    return dark


def black_out_half(rgb: Image) -> Image:
    """Lose the right half of the picture."""
    left: Image = rgb.copy()
    left[:, rgb.shape[1] // 2:] = 0
    return left


CORRUPTIONS: Mapping[str, Callable[[Image], Image]] = {
    'test_defocused': defocus, 'test_underexposed': underexpose, 'test_half_lost': black_out_half}


class CorruptedDataset:
    """A data set seen through a fault; what is true does not change."""

    def __init__(self, dataset: Dataset, corruption: Callable[[Image], Image]) -> None:
        """Apply the fault to each picture as it is read."""
        self._dataset, self._fault = dataset, corruption

    def __len__(self) -> int:
        """Count the samples."""
        return len(self._dataset)

    def __getitem__(self, index: int) -> Sample:
        """Read one and break it."""
        sample = self._dataset[index]
        return replace(sample, rgb=self._fault(sample.rgb))


MARKER_FILE = 'experiment.json'  # says that the folder's drives were rendered for an experiment
DEFAULT_WORLD_VERSION = 1  # that of markers from before it was told
CAMVID_PARTS = {'validation_camvid': 'val', 'test_camvid': 'test'}


class Split(NamedTuple):
    """The frames of a split, drive by drive."""

    frames: Dataset
    lengths: tuple[int, ...]  # frames of each drive


@dataclass(frozen=True)
class ExperimentData:
    """All splits in memory, loaded once for all runs."""

    splits: Mapping[str, Split]
    digest: str  # of every pixel and its truth

    def counts(self) -> dict[str, list[int]]:
        """Count drives and frames of each split."""
        return {name: [len(split.lengths), sum(split.lengths)]
                for name, split in self.splits.items()}

    def training_subset(self, share: float, seed: int, length: int) -> tuple[Dataset, list[int]]:
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
        return Subset(train.frames, repeated), sorted(once)


def nested_drives(count: int, share: float, seed: int) -> list[int]:
    """
    Draw a share of the drives, at least one; a larger share holds every smaller one.

    Drives take turns in the nominal conditions, so whole rounds are drawn: every share has the
    same mix of them, as far as its size allows.
    """
    turns = len(NOMINAL_CONDITIONS)
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
    marker = root / MARKER_FILE
    if not marker.exists():
        if any(root.glob('*/drive.json')) or any(root.glob('*/*/drive.json')):
            return []
        root.mkdir(parents=True, exist_ok=True)
        write_atomic(marker, json.dumps(wanted).encode())
    elif (said := _read_marker(marker)) != wanted:
        raise DatasetError(f'{root} was rendered for an experiment of other sizes or in another '
                           f'world ({said["world"]}, not {world}); choose another --data')
    return [size for size in tier.splits
            if len(list((root / size.split).glob('[!.]*/drive.json'))) < size.drives]


def _read_marker(marker: Path) -> dict[str, object]:
    """Read for what rendering was begun."""
    return {'world': DEFAULT_WORLD_VERSION, **json.loads(marker.read_text(encoding='utf-8'))}


def load_data(root: Path, tier: Tier, camvid: Path | None = None) -> ExperimentData:
    """Read the splits of a tier, at most as many drives and frames as it has; and CamVid."""
    splits = {size.split: _world_split(root, size, tier) for size in tier.splits}
    if camvid is not None:
        splits.update({name: _camvid_split(camvid, part, tier) for name, part in CAMVID_PARTS.items()})
    for name, fault in CORRUPTIONS.items():
        splits[name] = splits['test']._replace(frames=CorruptedDataset(splits['test'].frames, fault))
    return ExperimentData(splits, _hash_splits(splits))


def _hash_splits(splits: Mapping[str, Split]) -> str:
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
        frames = evenly_spaced(drive.frames, size.frames)
        chosen += [start + frame for frame in frames]
        lengths.append(len(frames))
        start += drive.frames
    return Split(InMemoryDataset(Subset(world, chosen), size.split), tuple(lengths))


def _camvid_split(root: Path, part: str, tier: Tier) -> Split:
    """Take frames of real streets, none of them taught, as one more strange condition."""
    frames = CamVid(root, part, square_pixels=True)
    chosen = evenly_spaced(len(frames), tier.condition_drives * tier.condition_frames)
    return Split(InMemoryDataset(Subset(frames, chosen), f'CamVid {part}'), (len(chosen),))
