# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Sizes of an experiment: the quick tier takes minutes, the full tier a night."""
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from bdl_perception.drives.description import HELD_OUT_CONDITIONS, OOD_CONDITIONS
from bdl_perception.network.model import NetworkConfig
from bdl_perception.training.config import build_section, read_yaml


class SplitSize(NamedTuple):
    """Drives and frames of a split that are used, and rendered if missing."""

    split: str
    drives: int
    frames: int  # of each drive


@dataclass(frozen=True)
class Tier:
    """Sizes of the data and of the runs; the defaults are the full tier."""

    name: str = 'full'
    height: int = 96  # px
    width: int = 160  # px
    encoder_channels: tuple[int, ...] = NetworkConfig().encoder_channels
    decoder_channels: tuple[int, ...] = NetworkConfig().decoder_channels
    rate_hz: float = 1.0  # of the drives; at a higher rate consecutive frames are nearly equal
    train_drives: int = 80
    train_frames: int = 10  # of each drive
    nominal_drives: int = 24  # of validation and of test each
    nominal_frames: int = 10
    condition_drives: int = 8  # of each held-out condition, validation and test each
    condition_frames: int = 10
    conditions: tuple[str, ...] = OOD_CONDITIONS
    images: int = 24_000  # training frames of each run except `longer`, with repetitions
    batch: int = 8
    seeds: tuple[int, ...] = (1, 2, 3)
    shares: tuple[float, ...] = (0.25, 0.5, 1.0)  # of the training drives
    depth_weights: tuple[float, ...] = (0.05, 0.2, 0.5, 0.8, 0.95)
    variants: tuple[str, ...] = ('plain_likelihood', 'squared_error', 'decoder', 'decoder_raw',
                                 'raw_features', 'dropout_50', 'efficientnet_lite0',
                                 'masksembles', 'randomised_prior', 'spectral',
                                 'deep_encoder', 'longer')
    samples: int = 16  # T, Monte Carlo passes

    def __post_init__(self) -> None:
        """Check the values; ValueError."""
        sizes = ('train_drives', 'train_frames', 'nominal_drives', 'nominal_frames',
                 'condition_drives', 'condition_frames', 'images', 'batch')
        for name, minimum in (*((size, 1) for size in sizes), ('samples', 2)):
            if getattr(self, name) < minimum:
                raise ValueError(f'{name} is {getattr(self, name)}, must be {minimum} or more')
        for name in ('height', 'width', 'encoder_channels', 'decoder_channels', 'depth_weights'):
            values = getattr(self, name)
            if not all(isinstance(value, (int, float)) and value > 0 for value in
                       (values if isinstance(values, tuple) else (values,))):
                raise ValueError(f'{name} is {values!r}, must be numbers above 0')
        for name in ('conditions', 'seeds', 'shares'):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ValueError(f'{name} is {values}, must hold different values')
        if 1.0 not in self.shares or not all(0 < share <= 1 for share in self.shares):
            raise ValueError(f'shares is {self.shares}, must lie between 0 and 1, with 1 itself')
        unknown = sorted(set(self.conditions) - set(HELD_OUT_CONDITIONS))
        if unknown:
            raise ValueError(f'conditions {unknown} are not held out; '
                             f'known: {HELD_OUT_CONDITIONS}')

    @property
    def epoch_frames(self) -> int:
        """Count the frames of an epoch: the same for every share of the data."""
        return self.train_drives * self.train_frames

    @property
    def epochs(self) -> int:
        """Return the number of epochs that is nearest to `images` training frames."""
        return max(1, round(self.images / self.epoch_frames))

    @property
    def splits(self) -> tuple[SplitSize, ...]:
        """List the rendered splits that the tier needs."""
        held_out = [f'{part}_{condition}' for part in ('validation', 'test')
                    for condition in self.conditions]
        return (SplitSize('train', self.train_drives, self.train_frames),
                SplitSize('validation', self.nominal_drives, self.nominal_frames),
                SplitSize('test', self.nominal_drives, self.nominal_frames),
                *(SplitSize(split, self.condition_drives, self.condition_frames)
                  for split in held_out))


FULL = Tier()
QUICK = Tier(
    'quick', train_drives=24, train_frames=8, nominal_drives=8, nominal_frames=4,
    condition_drives=3, condition_frames=4, images=1200, seeds=(1,), depth_weights=(0.2, 0.5, 0.8),
    variants=('decoder_raw',))


def read_tier(base: Tier, path: Path | None) -> Tier:
    """Override fields of a tier by those of a YAML file, if any."""
    if path is None:
        return base
    return build_section(Tier, {**asdict(base), **read_yaml(path)}, str(path))
