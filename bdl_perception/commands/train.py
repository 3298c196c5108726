# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl train`: teach the network on drives, or go on with a run that was killed."""
import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bdl_perception.network.model import NetworkConfig
    from bdl_perception.training.checkpoint import Progress
    from bdl_perception.training.datasets import Dataset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what a training run can be told."""
    parser.add_argument('--data', type=Path, required=True, metavar='DIR',
                        help='the OUT of `bdl render`: drives of the split train are taught, '
                             'those of the split validation measured on, if there are any')
    parser.add_argument('--out', type=Path, required=True, metavar='RUN',
                        help='folder of the run; a checkpoint in it is gone on with')
    parser.add_argument('--config', type=Path, metavar='YAML', help='changes of the defaults')
    parser.add_argument('--epochs', type=int, help='passes over the data')
    parser.add_argument('--minutes', type=float,
                        help='length of the run by the clock, instead of --epochs')
    parser.add_argument('--batch', type=int, help='frames in one step')
    parser.add_argument('--patience', type=int,
                        help='end the run after so many epochs without a better validation score')
    parser.add_argument('--seed', type=int, help='same seed, data and epochs: same network')
    parser.add_argument('--threads', type=int, help='cores to use')


def run(arguments: argparse.Namespace) -> int:
    """Read the data into memory and train; the run can be killed and started again."""
    from bdl_perception.training.config import read_config
    from bdl_perception.training.loop import Run
    from bdl_perception.training.parallel import join_team
    from bdl_perception.training.precision import choose_precision
    names = ('epochs', 'minutes', 'batch', 'patience', 'seed', 'threads')
    config = read_config(arguments.config,
                         **{name: getattr(arguments, name) for name in names})
    precision = choose_precision(config.device, config.mixed_precision)
    with join_team(precision.device) as team:
        training = Run(config, arguments.out, team=team, precision=precision)
        progress = training.train(*_read(arguments.data, config.network))
    if team.leads:
        _report(arguments.out, progress)
    return 0


def _read(data: Path, network: 'NetworkConfig') -> tuple['Dataset', 'Dataset | None']:
    """Read the training frames and, if there are any, those for validation."""
    from bdl_perception.training.datasets.memory import InMemory
    from bdl_perception.training.datasets.world import find_drives
    from bdl_perception.training.datasets.world import WorldDataset
    size = (network.height, network.width)
    teaching = InMemory(WorldDataset(data, 'train', *size), 'training frames')
    if not any(drive.split == 'validation' for drive in find_drives(data)):
        return teaching, None
    return teaching, InMemory(WorldDataset(data, 'validation', *size), 'validation frames')


def _report(out: Path, progress: 'Progress') -> None:
    from bdl_perception.training.checkpoint import BEST
    print(f'{out}: {progress.epoch} epochs, {progress.images} images, '
          f'{progress.elapsed_s / 60:.1f} min')
    if progress.best_epoch:
        print(f'{out / BEST}: the network after epoch {progress.best_epoch}, '
              f'which validated best')
