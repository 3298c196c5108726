# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The frames of an experiment: what is rendered, what is loaded, and how training data is drawn.

Depth networks, and those of both tasks, learn from rendered drives; class networks from CamVid.
Other data are the data sets that a network was not trained on: CamVid and IDD for depth, rendered
drives and IDD for classes. The held-out conditions of the world occur in validation too, where
recipes are chosen. Corruptions, as in ImageNet-C (Hendrycks & Dietterich 2019), are made of
nominal test frames only: they are reported, and no choice was made by them.
"""
from dataclasses import dataclass, replace
import hashlib
from itertools import groupby
import json
import math
from pathlib import Path
from typing import Callable, Mapping, NamedTuple, Sequence

from bdl_perception.datasets.base import Dataset, DatasetError, TrainingSample
from bdl_perception.datasets.camvid import CamVid
from bdl_perception.datasets.rendered import WorldDataset
from bdl_perception.datasets.wrappers import InMemoryDataset, ResizedDataset, Subset
from bdl_perception.experiments.config import SplitSize, Tier
from bdl_perception.experiments.plan import BOTH_TASKS, CLASSES, DEPTH
from bdl_perception.files import write_atomic
from bdl_perception.training.batches import evenly_spaced
from bdl_perception.world.conditions import NOMINAL_CONDITIONS
import cv2
import numpy as np
from numpy.typing import NDArray

MARKER_FILE = 'experiment.json'  # marks a folder whose drives were rendered for an experiment
DEFAULT_WORLD_VERSION = 1  # of markers that do not have one
REAL_PARTS = {'camvid': {'train': 'train', 'validation': 'val', 'test': 'test'},
              'idd': {'validation': 'train', 'test': 'val'}}  # IDD-Lite has no labelled test part
OTHER_DATA = {DEPTH: ('camvid', 'idd'), CLASSES: ('rendered', 'idd')}
STORED_SCALE = 1.5  # of real frames, above the input: training crops are magnified up to 1.3 times
BLOCK_FRAMES = 10  # of a real sequence at 1 Hz, which count as one drive

Image = NDArray[np.uint8]


class Split(NamedTuple):
    """The frames of a split, drive by drive."""

    frames: Dataset
    lengths: tuple[int, ...]  # frames of each drive
    cycle: int = 1  # successive drives that a share of the data keeps together


@dataclass(frozen=True)
class ExperimentData:
    """All splits of a task in memory, loaded once for all runs."""

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
        drives = nested_drives(len(train.lengths), share, seed, train.cycle)
        ends = np.cumsum(train.lengths)
        distinct = [frame for drive in drives
                    for frame in range(int(ends[drive]) - train.lengths[drive], int(ends[drive]))]
        repeated = [distinct[index % len(distinct)] for index in range(length)]
        return Subset(train.frames, repeated), sorted(distinct)


def nested_drives(count: int, share: float, seed: int, cycle: int = 1) -> list[int]:
    """
    Draw a share of the drives, at least one; a larger share contains every smaller one.

    Whole cycles of successive drives are drawn: rendered drives cycle through the nominal
    conditions, so that every share has the same mix of them, as far as its size allows.
    """
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


def load_data(root: Path, tier: Tier, camvid: Path | None = None,
              idd: Path | None = None) -> dict[str, ExperimentData]:
    """Load the frames of each task; without CamVid there are none for classes."""
    world = {size.split: _world_split(root, size, tier) for size in tier.splits}
    real = {f'{part}_{name}': _real_split(folder, REAL_PARTS[name][part], tier.condition_count,
                                          tier)
            for name, folder in (('camvid', camvid), ('idd', idd)) if folder is not None
            for part in ('validation', 'test')}
    depth = _experiment_data({**world, **real}, tier)
    tasks = {DEPTH: depth, BOTH_TASKS: depth}
    if camvid is not None:
        nominal = {part: _real_split(camvid, REAL_PARTS['camvid'][part], count, tier)
                   for part, count in (('train', tier.class_frames),
                                       ('validation', tier.nominal_count),
                                       ('test', tier.nominal_count))}
        frames = nominal['train'].frames
        tasks[CLASSES] = _experiment_data({
            **nominal, 'train': Split(frames, (1,) * len(frames)),  # shares of single frames
            **{f'{part}_rendered': thin_split(world[part], tier.condition_count)
               for part in ('validation', 'test')},
            **{name: split for name, split in real.items() if name.endswith('idd')}}, tier)
    return tasks


def _experiment_data(splits: dict[str, Split], tier: Tier) -> ExperimentData:
    """Add corrupted frames of the nominal test split, and hash everything."""
    clean = thin_split(splits['test'], tier.condition_count)
    for name, corruption in CORRUPTIONS.items():
        splits[name] = clean._replace(frames=CorruptedDataset(clean.frames, corruption))
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
    return Split(InMemoryDataset(Subset(world, chosen), size.split), tuple(lengths),
                 len(NOMINAL_CONDITIONS))


def _real_split(root: Path, part: str, count: int, tier: Tier) -> Split:
    """Load at most `count` evenly spaced frames of a data set in CamVid's layout."""
    frames = CamVid(root, part, square_pixels=True)
    chosen = evenly_spaced(len(frames), count)
    size = round(STORED_SCALE * tier.height), round(STORED_SCALE * tier.width)
    stored = InMemoryDataset(ResizedDataset(Subset(frames, chosen), *size), f'{root.name} {part}')
    return Split(stored, block_lengths([frames.frame_names[index].sequence for index in chosen]))


def block_lengths(sequences: Sequence[str]) -> tuple[int, ...]:
    """Cut the frames of each sequence into blocks of at most BLOCK_FRAMES; a x 12, b: 10, 2, 1."""
    runs = [len(list(frames)) for _, frames in groupby(sequences)]
    return tuple(min(BLOCK_FRAMES, frames - start) for frames in runs
                 for start in range(0, frames, BLOCK_FRAMES))


def thin_split(split: Split, count: int) -> Split:
    """Choose at most `count` evenly spaced frames."""
    chosen = evenly_spaced(sum(split.lengths), count)
    drives = np.repeat(range(len(split.lengths)), split.lengths)[chosen]
    lengths = [int(number) for number in np.unique(drives, return_counts=True)[1]]
    return split._replace(frames=Subset(split.frames, chosen), lengths=tuple(lengths))


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
