# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The drives of an experiment: what is rendered, what is loaded, and how training data is drawn.

The held-out conditions of the world occur in validation drives too, where variants are chosen.
CamVid adds real streets. Corruptions, as in ImageNet-C (Hendrycks & Dietterich 2019), are made of
nominal test frames only: they are reported, and no choice was made by them.
"""
from dataclasses import dataclass, replace
import hashlib
import json
import math
from pathlib import Path
from typing import Callable, Mapping, NamedTuple

from bdl_perception.datasets.base import Dataset, DatasetError, TrainingSample
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

MARKER_FILE = 'experiment.json'  # marks a folder whose drives were rendered for an experiment
DEFAULT_WORLD_VERSION = 1  # of markers that do not have one
CAMVID_PARTS = {'validation_camvid': 'val', 'test_camvid': 'test'}

Image = NDArray[np.uint8]


class Split(NamedTuple):
    """The frames of a split, drive by drive."""

    frames: Dataset
    lengths: tuple[int, ...]  # frames of each drive


@dataclass(frozen=True)
class ExperimentData:
    """All splits in memory, loaded once for all runs."""

    splits: Mapping[str, Split]
    digest: str  # of every pixel and its ground truth

    def counts(self) -> dict[str, list[int]]:
        """Count drives and frames of each split."""
        return {name: [len(split.lengths), sum(split.lengths)]
                for name, split in self.splits.items()}

    def training_subset(self, share: float, seed: int, length: int) -> tuple[Dataset, list[int]]:
        """
        Return an epoch of `length` frames from a share of the drives, and its distinct frames.

        Fewer distinct frames are repeated more often, so that every share has equal epochs.
        """
        train = self.splits['train']
        drives = nested_drives(len(train.lengths), share, seed)
        ends = np.cumsum(train.lengths)
        distinct = [frame for drive in drives
                    for frame in range(int(ends[drive]) - train.lengths[drive], int(ends[drive]))]
        repeated = [distinct[index % len(distinct)] for index in range(length)]
        return Subset(train.frames, repeated), sorted(distinct)


def nested_drives(count: int, share: float, seed: int) -> list[int]:
    """
    Draw a share of the drives, at least one; a larger share contains every smaller one.

    Consecutive drives cycle through the nominal conditions. Whole cycles are drawn, so that every
    share has the same mix of conditions, as far as its size allows.
    """
    cycle = len(NOMINAL_CONDITIONS)
    cycles = np.random.default_rng(seed).permutation(math.ceil(count / cycle))
    order = [drive for one in cycles for drive in range(int(one) * cycle, (int(one) + 1) * cycle)
             if drive < count]
    return order[:max(1, round(share * count))]


def splits_to_render(root: Path, tier: Tier, world: int) -> list[SplitSize]:
    """
    List the splits to render into root/SPLIT; none where root holds drives without a marker.

    Writes a marker into an empty root, so that killed rendering can be resumed. world: version of
    the rendered world. DatasetError where the marker has other sizes or another world.
    """
    wanted = {'world': world, 'height': tier.height, 'width': tier.width,
              'rate_hz': tier.rate_hz, 'splits': [list(size) for size in tier.splits]}
    marker = root / MARKER_FILE
    if not marker.exists():
        if any(root.glob('*/drive.json')) or any(root.glob('*/*/drive.json')):
            return []
        root.mkdir(parents=True, exist_ok=True)
        write_atomic(marker, json.dumps(wanted).encode())
    elif (found := _read_marker(marker)) != wanted:
        raise DatasetError(f'{root} was rendered for an experiment of other sizes or in another '
                           f'world ({found["world"]}, not {world}); choose another --data')
    return [size for size in tier.splits
            if len(list((root / size.split).glob('[!.]*/drive.json'))) < size.drives]


def _read_marker(marker: Path) -> dict[str, object]:
    return {'world': DEFAULT_WORLD_VERSION, **json.loads(marker.read_text(encoding='utf-8'))}


def load_data(root: Path, tier: Tier, camvid: Path | None = None) -> ExperimentData:
    """Load the splits with at most the tier's drives and frames, CamVid, and corruptions."""
    splits = {size.split: _world_split(root, size, tier) for size in tier.splits}
    if camvid is not None:
        splits.update({name: _camvid_split(camvid, part, tier)
                       for name, part in CAMVID_PARTS.items()})
    for name, corruption in CORRUPTIONS.items():
        frames = CorruptedDataset(splits['test'].frames, corruption)
        splits[name] = splits['test']._replace(frames=frames)
    return ExperimentData(splits, _hash_splits(splits))


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
    """Take real streets, which are not in the training set, as one more held-out condition."""
    frames = CamVid(root, part, square_pixels=True)
    chosen = evenly_spaced(len(frames), tier.condition_drives * tier.condition_frames)
    return Split(InMemoryDataset(Subset(frames, chosen), f'CamVid {part}'), (len(chosen),))


def _hash_splits(splits: Mapping[str, Split]) -> str:
    """Hash all pixels and their ground truth."""
    digest = hashlib.sha256()
    for name, split in splits.items():
        digest.update(f'{name} {split.lengths}'.encode())
        for index in range(len(split.frames)):
            sample = split.frames[index]
            for part in (sample.rgb, sample.depth, sample.classes):
                digest.update(part.tobytes())
            digest.update(str(sample.fx).encode())
    return digest.hexdigest()[:16]


class CorruptedDataset:
    """A data set with corrupted frames and unchanged ground truth."""

    def __init__(self, dataset: Dataset, corruption: Callable[[Image], Image]) -> None:
        """Apply the corruption to each frame when it is read."""
        self._dataset, self._corruption = dataset, corruption

    def __len__(self) -> int:
        """Count the samples."""
        return len(self._dataset)

    def __getitem__(self, index: int) -> TrainingSample:
        """Read one sample and corrupt its frame."""
        sample = self._dataset[index]
        return replace(sample, rgb=self._corruption(sample.rgb))


def defocus(rgb: Image) -> Image:
    """Blur with a sigma of 1/80 of the width, like a lens out of focus."""
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), rgb.shape[1] / 80), np.uint8)


def underexpose(rgb: Image) -> Image:
    """Reduce the brightness to 15 %."""
    dark: Image = np.round(rgb * 0.15).astype(np.uint8)
    return dark


def black_out_half(rgb: Image) -> Image:
    """Set the right half to black."""
    left: Image = rgb.copy()
    left[:, rgb.shape[1] // 2:] = 0
    return left


CORRUPTIONS: Mapping[str, Callable[[Image], Image]] = {
    'test_defocused': defocus, 'test_underexposed': underexpose, 'test_half_lost': black_out_half}
