# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl train`: teach the network on drives, or go on with a run that was killed."""
import argparse
from pathlib import Path
import sys
from typing import Sequence, TYPE_CHECKING

from bdl_perception.commands.train_data import by_kind
from bdl_perception.commands.train_data import decode
from bdl_perception.commands.train_data import open_sources
from bdl_perception.commands.train_data import Opened
from bdl_perception.commands.train_data import source
from bdl_perception.commands.train_data import times

if TYPE_CHECKING:
    from bdl_perception.training.checkpoint import Progress
    from bdl_perception.training.config import TrainConfig
    from bdl_perception.training.loop import Run
    from bdl_perception.training.parallel import Team
    from bdl_perception.training.precision import Precision

# Of TrainConfig, as a test makes sure: --help does not import torch.
DEFAULTS = {'epochs': 12, 'minutes': 0.0, 'batch': 12, 'patience': 0, 'seed': 1, 'threads': 2}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what a training run can be told."""
    parser.add_argument('--data', type=source, action='append', required=True,
                        metavar='[KIND=]DIR',
                        help='world=DIR, the OUT of `bdl render`, is what DIR alone means; '
                             'camvid=DIR and other KINDs are read in their own layouts. Repeat it '
                             'to mix. The split train is taught, validation measured on')
    parser.add_argument('--repeat', type=times, action='append', default=[], metavar='KIND=N',
                        help='count a set N times in an epoch, so that a small one has its say '
                             '(default: once)')
    parser.add_argument('--stride', type=times, action='append', default=[], metavar='KIND=N',
                        help='teach every n-th frame of a set, so that a large one fits into '
                             'memory (default: every frame)')
    parser.add_argument('--out', type=Path, required=True, metavar='RUN',
                        help='folder of the run; a checkpoint in it is gone on with')
    parser.add_argument('--config', type=Path, metavar='YAML',
                        help='changes of the defaults; what is said here beats it')
    parser.add_argument('--start-from', type=Path, metavar='PATH',
                        help='checkpoint of a run, or weights.pt of a model folder, to begin '
                             'with: of the same network at any input size. First small pictures, '
                             'then large ones; or your own camera (default: random weights, or '
                             "ImageNet's where the encoder has such)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument('--epochs', type=int,
                        help=f'passes over the data, whatever minutes the YAML has (default: '
                             f'{DEFAULTS["epochs"]})')
    length.add_argument('--minutes', type=float,
                        help='length of the run by the clock, instead of --epochs (default: off)')
    parser.add_argument('--batch', type=int,
                        help=f'frames in one step (default: {DEFAULTS["batch"]})')
    parser.add_argument('--patience', type=int,
                        help='end the run after so many epochs without a better validation score '
                             '(default: off)')
    parser.add_argument('--seed', type=int, help=f'same seed, data and epochs: same network '
                                                 f'(default: {DEFAULTS["seed"]})')
    parser.add_argument('--threads', type=int,
                        help=f'cores to use (default: {DEFAULTS["threads"]})')


def run(arguments: argparse.Namespace) -> int:
    """Read the data into memory and train; the run can be killed and started again."""
    from bdl_perception.training.config import read_config
    from bdl_perception.training.parallel import join_team
    from bdl_perception.training.precision import choose_precision
    config = read_config(arguments.config, **told(arguments))
    precision = choose_precision(config.device, config.mixed_precision)
    with join_team(precision.device) as team:
        progress = train(arguments, config, precision, team)
    if team.leads:
        report(arguments.out, progress)
    return 0


def train(arguments: argparse.Namespace, config: 'TrainConfig', precision: 'Precision',
          team: 'Team') -> 'Progress':
    """Take the run that was asked for to its end, and let go of its network."""
    from bdl_perception.training.loop import Run
    kinds = {kind for kind, _ in arguments.data}
    strides = by_kind('--stride', arguments.stride, kinds)
    repeats = by_kind('--repeat', arguments.repeat, kinds)
    training = Run(config, arguments.out, team=team, precision=precision)
    if not training.progress.finished:
        begin(training, arguments.start_from)
        teach(training, open_sources(arguments.data, strides, repeats, config), team.leads)
    elif team.leads:
        print(f'{arguments.out} is finished, nothing is taught; ask for more --epochs, '
              f'--minutes or --patience, or choose another --out')
    return training.progress


def teach(training: 'Run', opened: Sequence[Opened], tells: bool) -> None:
    """Take a run to its end on the data that was listed, once nothing speaks against it."""
    from bdl_perception.training.checkpoint import BEST
    training.hold_to([one.taught for one in opened])
    training.check_patience(any(one.validation is not None for one in opened))
    if tells:
        warn_of_lacking_truth(opened)
    teaching, validation = decode(opened, training.config.validation_frames, tells)
    if tells and validation is None:
        print(f'no validation frames: no {BEST} is kept; `bdl render validation` makes some')
    training.train(teaching, validation)


def told(arguments: argparse.Namespace) -> dict[str, int | float | None]:
    """Collect what changes the configuration; epochs asked for are not cut short by minutes."""
    values = {name: getattr(arguments, name) for name in DEFAULTS}
    return values if arguments.epochs is None else {**values, 'minutes': 0.0}


def begin(training: 'Run', path: Path | None) -> None:
    """Take the weights at a path, if there is one and nothing was learned yet."""
    from bdl_perception.training.start import start_from
    if path is not None and training.progress.epoch:
        print(f'{training.folder} is gone on with, --start-from has no effect')
    elif path is not None:
        start_from(path, training.learner.network)


def warn_of_lacking_truth(opened: Sequence[Opened]) -> None:
    """Say before anything is taught that a head will not be."""
    from bdl_perception.training.truth import lacking
    for task in lacking([one.train for one in opened]):
        print(f'warning: no --data has truth of {task}, so {task} will not be taught, and `bdl '
              f'export` will refuse the run; mix in a set that has it, such as drives of `bdl '
              f'render`', file=sys.stderr)


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
