# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl train`: teach the network on drives, or go on with a run that was killed."""
import argparse
from pathlib import Path
import sys
from typing import Sequence, TYPE_CHECKING

if TYPE_CHECKING:
    from bdl_perception.training.batches import Precision
    from bdl_perception.training.checkpoint import Progress
    from bdl_perception.training.config import TrainConfig
    from bdl_perception.training.data import TrainingSource
    from bdl_perception.training.distributed import ProcessGroup
    from bdl_perception.training.loop import TrainingRun


# Of TrainConfig, as a test makes sure: --help does not import torch.
DEFAULTS = {'epochs': 12, 'minutes': 0.0, 'batch': 12, 'patience': 0, 'seed': 1, 'threads': 2}


def parse_source(text: str) -> tuple[str, Path]:
    """Read [KIND=]DIR."""
    kind, separator, folder = text.partition('=')
    return (kind, Path(folder)) if separator else ('world', Path(text))


def parse_kind_count(text: str) -> tuple[str, int]:
    """Read KIND=N."""
    kind, _, number = text.partition('=')
    if not number.isdecimal() or int(number) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not KIND=N with N of 1 or more')
    return kind, int(number)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what a training run can be told."""
    parser.add_argument('--data', type=parse_source, action='append', required=True,
                        metavar='[KIND=]DIR',
                        help='world=DIR, the OUT of `bdl render`, is what DIR alone means; '
                             'camvid=DIR and other KINDs are read in their own layouts. Repeat it '
                             'to mix. The split train is taught, validation measured on')
    parser.add_argument('--repeat', type=parse_kind_count, action='append', default=[], metavar='KIND=N',
                        help='count a set N times in an epoch, so that a small one has its say '
                             '(default: once)')
    parser.add_argument('--stride', type=parse_kind_count, action='append', default=[], metavar='KIND=N',
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
    from bdl_perception.training.batches import choose_precision
    from bdl_perception.training.config import read_config
    from bdl_perception.training.distributed import join_process_group
    config = read_config(arguments.config, **config_overrides(arguments))
    precision = choose_precision(config.device, config.mixed_precision)
    with join_process_group(precision.device) as team:
        progress = train(arguments, config, precision, team)
    if team.is_main:
        print_report(arguments.out, progress)
    return 0


def train(arguments: argparse.Namespace, config: 'TrainConfig', precision: 'Precision',
          team: 'ProcessGroup') -> 'Progress':
    """Take the run that was asked for to its end, and let go of its network."""
    from bdl_perception.training.data import counts_by_kind, open_sources
    from bdl_perception.training.loop import TrainingRun
    kinds = {kind for kind, _ in arguments.data}
    strides = counts_by_kind('--stride', arguments.stride, kinds)
    repeats = counts_by_kind('--repeat', arguments.repeat, kinds)
    training = TrainingRun(config, arguments.out, process_group=team, precision=precision)
    if not training.progress.finished:
        load_initial_weights(training, arguments.start_from)
        sources = open_sources(arguments.data, strides, repeats, config)
        train_on_sources(training, sources, team.is_main)
    elif team.is_main:
        print(f'{arguments.out} is finished, nothing is taught; ask for more --epochs, '
              f'--minutes or --patience, or choose another --out')
    return training.progress


def train_on_sources(training: 'TrainingRun', sources: Sequence['TrainingSource'],
                     verbose: bool) -> None:
    """Take a run to its end on the data that was listed, once nothing speaks against it."""
    from bdl_perception.training.checkpoint import BEST_FILE
    from bdl_perception.training.data import load_into_memory
    training.record_training_sets([one.data_record for one in sources])
    training.check_patience(any(one.validation is not None for one in sources))
    if verbose:
        warn_missing_ground_truth(sources)
    teaching, validation = load_into_memory(sources, training.config.validation_frames, verbose)
    if verbose and validation is None:
        print(f'no validation frames: no {BEST_FILE} is kept; `bdl render validation` makes some')
    training.train(teaching, validation)


def config_overrides(arguments: argparse.Namespace) -> dict[str, int | float | None]:
    """Collect what changes the configuration; epochs asked for are not cut short by minutes."""
    values = {name: getattr(arguments, name) for name in DEFAULTS}
    return values if arguments.epochs is None else {**values, 'minutes': 0.0}


def load_initial_weights(training: 'TrainingRun', path: Path | None) -> None:
    """Take the weights at a path, if there is one and nothing was learned yet."""
    from bdl_perception.training.checkpoint import load_initial_weights
    if path is not None and training.progress.epoch:
        print(f'{training.folder} is gone on with, --start-from has no effect')
    elif path is not None:
        load_initial_weights(path, training.learner.network)


def warn_missing_ground_truth(sources: Sequence['TrainingSource']) -> None:
    """Say before anything is taught that a head will not be."""
    from bdl_perception.training.validation import missing_tasks
    for task in missing_tasks([one.train for one in sources]):
        print(f'warning: no --data has truth of {task}, so {task} will not be taught, and `bdl '
              f'export` will refuse the run; mix in a set that has it, such as drives of `bdl '
              f'render`', file=sys.stderr)


def print_report(out: Path, progress: 'Progress') -> None:
    """Say what came of it."""
    from bdl_perception.training.checkpoint import BEST_FILE
    from bdl_perception.training.validation import untrained_tasks
    print(f'{out}: {progress.epoch} epochs, {progress.images} images, '
          f'{progress.elapsed_s / 60:.1f} min')
    if progress.best_epoch:
        print(f'{out / BEST_FILE}: the network after epoch {progress.best_epoch}, '
              f'which validated best')
    for task in untrained_tasks(progress.history):
        print(f'warning: {out} was never taught {task}: no frame had truth of it. `bdl export` '
              f'refuses such a run; begin another with a set that has it mixed in, such as drives '
              f'of `bdl render`', file=sys.stderr)
