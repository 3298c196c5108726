# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Sizes of an experiment: the quick tier takes minutes, the full tier many hours."""
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
    """
    Sizes of the data and of the runs; the defaults are the full tier.

    A rendered training drive has one frame, so that every frame shows another street.
    """

    name: str = 'full'
    height: int = 96  # px
    width: int = 160  # px
    encoder_channels: tuple[int, ...] = NetworkConfig().encoder_channels
    decoder_channels: tuple[int, ...] = NetworkConfig().decoder_channels
    class_encoder: str = 'efficientnet_lite0'  # of class networks, from ImageNet weights
    rate_hz: float = 1.0  # of the rendered drives
    train_drives: int = 400
    train_frames: int = 1  # of each drive
    class_frames: int = 367  # of CamVid, for training; the whole set
    nominal_drives: int = 60  # of validation and of test each; as many frames of CamVid
    nominal_frames: int = 2
    condition_drives: int = 12  # of each held-out condition, validation and test each
    condition_frames: int = 2
    conditions: tuple[str, ...] = OOD_CONDITIONS
    images: int = 12_000  # training frames of a run with depth, with repetitions
    class_images: int = 12_000  # training frames of a run for classes
    batch: int = 8
    seeds: tuple[int, ...] = (1, 2, 3)
    shares: tuple[float, ...] = (0.25, 0.5, 1.0)  # of the training drives
    recipes: tuple[str, ...] = ('faithful', 'gaussian', 'laplace', 'beta_100', 'concrete',
                                'dropout_50', 'all_levels', 'beta_50', 'warm_up')
    share_recipes: tuple[str, ...] = ('faithful',)  # of depth; on every share, as the winner
    depth_weights: tuple[float, ...] = (0.2, 0.5, 0.8)  # grid of the two-task network
    samples: int = 16  # T, Monte Carlo passes

    def __post_init__(self) -> None:
        """Check the values; ValueError."""
        sizes = ('train_drives', 'train_frames', 'class_frames', 'nominal_drives',
                 'nominal_frames', 'condition_drives', 'condition_frames', 'images',
                 'class_images', 'batch')
        for name, minimum in (*((size, 1) for size in sizes), ('samples', 2)):
            if getattr(self, name) < minimum:
                raise ValueError(f'{name} is {getattr(self, name)}, must be {minimum} or more')
        for name in ('height', 'width', 'encoder_channels', 'decoder_channels', 'depth_weights'):
            values = getattr(self, name)
            if not all(isinstance(value, (int, float)) and value > 0 for value in
                       (values if isinstance(values, tuple) else (values,))):
                raise ValueError(f'{name} is {values!r}, must be numbers above 0')
        for name in ('conditions', 'seeds', 'shares', 'recipes'):
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
    def nominal_count(self) -> int:
        """Count the nominal frames of validation, and of test."""
        return self.nominal_drives * self.nominal_frames

    @property
    def condition_count(self) -> int:
        """Count the frames of each held-out condition, of validation and of test."""
        return self.condition_drives * self.condition_frames

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
    'quick', class_encoder='small', train_drives=32, class_frames=64, nominal_drives=8,
    condition_drives=3, images=640, class_images=640, seeds=(1,),
    recipes=('faithful', 'gaussian'), share_recipes=(), depth_weights=(0.5,))


def read_tier(base: Tier, path: Path | None) -> Tier:
    """Override fields of a tier by those of a YAML file, if any."""
    if path is None:
        return base
    return build_section(Tier, {**asdict(base), **read_yaml(path)}, str(path))
