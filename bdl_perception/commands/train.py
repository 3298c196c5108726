# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl train`: teach the network on drives, or go on with a run that was killed."""
import argparse
from pathlib import Path
import sys
from typing import Collection, Mapping, Sequence, TYPE_CHECKING

if TYPE_CHECKING:
    from bdl_perception.network.model import Network
    from bdl_perception.training.checkpoint import Progress
    from bdl_perception.training.config import TrainConfig
    from bdl_perception.training.datasets import Dataset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what a training run can be told."""
    parser.add_argument('--data', type=source, action='append', required=True,
                        metavar='[KIND=]DIR',
                        help='world=DIR, the OUT of `bdl render`, is what DIR alone means; '
                             'camvid=DIR and other KINDs are read in their own layouts. Repeat it '
                             'to mix. The split train is taught, validation measured on')
    parser.add_argument('--repeat', type=repeat, action='append', default=[], metavar='KIND=N',
                        help='count a set N times in an epoch, so that a small one has its say')
    parser.add_argument('--out', type=Path, required=True, metavar='RUN',
                        help='folder of the run; a checkpoint in it is gone on with')
    parser.add_argument('--config', type=Path, metavar='YAML', help='changes of the defaults')
    parser.add_argument('--start-from', type=Path, metavar='PATH',
                        help='checkpoint of a run, or weights.pt of a model folder, to begin '
                             'with: of the same network at any input size. First small pictures, '
                             'then large ones; or your own camera')
    parser.add_argument('--epochs', type=int, help='passes over the data')
    parser.add_argument('--minutes', type=float,
                        help='length of the run by the clock, instead of --epochs')
    parser.add_argument('--batch', type=int, help='frames in one step')
    parser.add_argument('--patience', type=int,
                        help='end the run after so many epochs without a better validation score')
    parser.add_argument('--seed', type=int, help='same seed, data and epochs: same network')
    parser.add_argument('--threads', type=int, help='cores to use')


def source(text: str) -> tuple[str, Path]:
    """Read [KIND=]DIR."""
    kind, separator, folder = text.partition('=')
    return (kind, Path(folder)) if separator else ('world', Path(text))


def repeat(text: str) -> tuple[str, int]:
    """Read KIND=N."""
    kind, _, times = text.partition('=')
    if not times.isdecimal() or int(times) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not KIND=N with N of 1 or more')
    return kind, int(times)


def repeats_of(said: Sequence[tuple[str, int]], kinds: Collection[str]) -> dict[str, int]:
    """Collect what --repeat said; ValueError: of no set that is there, or twice of one."""
    repeats = dict(said)
    if unknown := set(repeats) - set(kinds):
        raise ValueError(f'--repeat names {sorted(unknown)}, which no --data is of')
    if len(repeats) < len(said):
        raise ValueError('--repeat names a KIND twice; give each once')
    return repeats


def run(arguments: argparse.Namespace) -> int:
    """Read the data into memory and train; the run can be killed and started again."""
    from bdl_perception.training.config import read_config
    from bdl_perception.training.loop import Run
    from bdl_perception.training.parallel import join_team
    from bdl_perception.training.precision import choose_precision
    names = ('epochs', 'minutes', 'batch', 'patience', 'seed', 'threads')
    config = read_config(arguments.config,
                         **{name: getattr(arguments, name) for name in names})
    sources = arguments.data
    repeats = repeats_of(arguments.repeat, {kind for kind, _ in sources})
    precision = choose_precision(config.device, config.mixed_precision)
    with join_team(precision.device) as team:
        training = Run(config, arguments.out, team=team, precision=precision)
        if arguments.start_from and training.progress.epoch:
            print(f'{arguments.out} is gone on with, --start-from has no effect')
        elif arguments.start_from:
            start_from(arguments.start_from, training.learner.network)
        teaching = load(sources, 'train', repeats, config)
        validation = load(sources, 'validation', {}, config)
        if teaching is None:
            raise ValueError('there is nothing to teach: no set has a split train')
        progress = training.train(teaching, validation)
    if team.leads:
        report(arguments.out, progress)
    return 0


def report(out: Path, progress: 'Progress') -> None:
    """Say what came of it."""
    from bdl_perception.training.checkpoint import BEST
    from bdl_perception.training.truth import untaught
    print(f'{out}: {progress.epoch} epochs, {progress.images} images, '
          f'{progress.elapsed_s / 60:.1f} min')
    if progress.best_epoch:
        print(f'{out / BEST}: the network after epoch {progress.best_epoch}, '
              f'which validated best')
    for task in untaught(progress.history):
        print(f'warning: {out} was never taught {task}: no frame had truth of it. `bdl export` '
              f'refuses such a run; begin another with a set that has it mixed in, such as drives '
              f'of `bdl render`', file=sys.stderr)


def start_from(path: Path, network: 'Network') -> None:
    """Take the weights of a run or a model; ValueError when they are of another network."""
    from bdl_perception.training.checkpoint import read_network_weights
    try:
        network.load_state_dict(read_network_weights(path))
    except RuntimeError as error:
        raise ValueError(f'{path} is of a network of another shape: {error}') from error


def load(sources: Sequence[tuple[str, Path]], split: str, repeats: Mapping[str, int],
         config: 'TrainConfig') -> 'Dataset | None':
    """Decode one split of all sources into memory; a world without validation is left out."""
    from bdl_perception.training.datasets.memory import InMemory
    from bdl_perception.training.datasets.mixed import Mixed
    kept = [(kind, root) for kind, root in sources
            if split == 'train' or kind != 'world' or has_drives(root, split)]
    if not kept:
        return None
    return Mixed([InMemory(open_split(kind, root, split, config), f'{kind} {split} frames')
                  for kind, root in kept], [repeats.get(kind, 1) for kind, _ in kept])


def has_drives(root: Path, split: str) -> bool:
    """Say whether a rendered world has drives of a split."""
    from bdl_perception.training.datasets.world import find_drives
    return any(drive.split == split for drive in find_drives(root))


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
