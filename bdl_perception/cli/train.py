# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl train`: train the network, or continue an interrupted run."""
import argparse
from pathlib import Path
import sys
from typing import Mapping, NamedTuple, Sequence, TYPE_CHECKING

from bdl_perception.cli.arguments import parse_count, parse_natural, parse_positive, parsed_by
from bdl_perception.files import check_output_folder, mark_output_folder

if TYPE_CHECKING:
    from bdl_perception.training.batches import Precision
    from bdl_perception.training.checkpoint import Progress
    from bdl_perception.training.config import TrainConfig
    from bdl_perception.training.data import TrainingSource
    from bdl_perception.training.distributed import ProcessGroup
    from bdl_perception.training.loop import TrainingRun


# Equal to those of TrainConfig, which imports torch
DEFAULTS = {'epochs': 12, 'minutes': 0.0, 'batch': 12, 'patience': 0, 'seed': 1, 'threads': 2}


class TrainingData(NamedTuple):
    """The data sets of a run."""

    sources: Sequence[tuple[str, Path]]  # kind and folder
    strides: Mapping[str, int]  # by kind
    repeats: Mapping[str, int]  # by kind


def parse_source(text: str) -> tuple[str, Path]:
    """Read [KIND=]DIR; a folder of camvid with the coarse labels of IDD is idd."""
    from bdl_perception.datasets import dataset_kind
    given, separator, folder = text.partition('=')
    if not separator:
        return 'world', Path(text)
    kind = dataset_kind(given, Path(folder))
    if kind != given:
        print(f'{folder} has coarse labels, so it is {kind}: --repeat and --stride {given}=N do '
              f'not count for it, {kind}=N does', file=sys.stderr)
    return kind, Path(folder)


def parse_kind_count(text: str) -> tuple[str, int]:
    """Read KIND=N."""
    kind, _, number = text.partition('=')
    if not number.isdecimal() or int(number) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is not KIND=N with N of 1 or more')
    return kind, int(number)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the data, the run and the configuration."""
    parser.add_argument('--data', type=parse_source, action='append', required=True,
                        metavar='[KIND=]DIR',
                        help='data set; DIR alone is world=DIR, an output folder of `bdl render`; '
                             'camvid=DIR and other KINDs have their own layouts; a folder of '
                             'camvid with coarse labels of IDD is idd. Repeat the option to mix '
                             'data sets. The network is trained on the split train '
                             'and measured on validation')
    parser.add_argument('--repeat', type=parse_kind_count, action='append', default=[],
                        metavar='KIND=N',
                        help='count a data set N times in an epoch, to give a small one more '
                             'weight (default: once)')
    parser.add_argument('--stride', type=parse_kind_count, action='append', default=[],
                        metavar='KIND=N',
                        help='train on every n-th frame of a data set, so that a large one fits '
                             'into memory (default: every frame)')
    parser.add_argument('--out', type=Path, required=True, metavar='RUN',
                        help='folder of the run; a checkpoint in it is continued')
    parser.add_argument('--config', type=Path, metavar='YAML',
                        help='changes of the defaults, or of the run that is continued; options '
                             'have priority (default: none)')
    parser.add_argument('--start-from', type=Path, metavar='PATH',
                        help='initial weights: checkpoint of a run, or weights.pt of a model '
                             'folder, of the same network at any input size. Train with small '
                             'images first, then with large ones or those of your own camera '
                             '(default: random weights, or those of ImageNet if the encoder has '
                             'them)')
    length = parser.add_mutually_exclusive_group()
    length.add_argument('--epochs', type=parsed_by(parse_count),
                        help=f'passes over the data; replaces the minutes of the YAML (default: '
                             f'{DEFAULTS["epochs"]})')
    length.add_argument('--minutes', type=parsed_by(parse_positive),
                        help='duration of the run, in place of --epochs (default: off)')
    parser.add_argument('--batch', type=parsed_by(parse_count),
                        help=f'frames in one step (default: {DEFAULTS["batch"]})')
    parser.add_argument('--patience', type=parsed_by(parse_natural),
                        help='end the run after this number of epochs without a better '
                             'validation score (default: off)')
    parser.add_argument('--seed', type=parsed_by(parse_natural),
                        help=f'equal seed, data and epochs give an equal network (default: '
                             f'{DEFAULTS["seed"]})')
    parser.add_argument('--threads', type=parsed_by(parse_count),
                        help=f'cores to use (default: {DEFAULTS["threads"]})')


def run(arguments: argparse.Namespace) -> int:
    """Read the data into memory and train; an interrupted run can be started again."""
    from bdl_perception.training.batches import choose_precision
    from bdl_perception.training.config import read_config
    from bdl_perception.training.data import counts_by_kind
    from bdl_perception.training.distributed import join_process_group
    # Epochs that are given are not cut short by the minutes of the YAML.
    values = {name: getattr(arguments, name) for name in DEFAULTS}
    length = {} if arguments.epochs is None else {'minutes': 0.0}
    config = read_config(arguments.config, _stored_config(arguments.out), **{**values, **length})
    kinds = {kind for kind, _ in arguments.data}
    data = TrainingData(arguments.data, counts_by_kind('--stride', arguments.stride, kinds),
                        counts_by_kind('--repeat', arguments.repeat, kinds))
    precision = choose_precision(config.device, config.mixed_precision)
    _claim_folder(arguments.out)
    with join_process_group(precision.device) as group:
        progress = train(config, data, arguments.out, arguments.start_from, precision, group)
    if group.is_main:
        print_report(arguments.out, progress)
    return 0


def _stored_config(folder: Path) -> 'TrainConfig | None':
    """Read the configuration of a run that is continued; None for a new one."""
    from bdl_perception.training.checkpoint import CHECKPOINT_FILE, read_checkpoint
    path = folder / CHECKPOINT_FILE
    return read_checkpoint(path).config if path.exists() else None


def _claim_folder(folder: Path) -> None:
    """Mark a new run folder; ValueError if it has files but no run."""
    from bdl_perception.training.checkpoint import CHECKPOINT_FILE
    is_run = (folder / CHECKPOINT_FILE).exists()
    check_output_folder(folder, ['*'], others=['*'] if is_run else [])
    mark_output_folder(folder)


def train(config: 'TrainConfig', data: TrainingData, folder: Path, start_from: Path | None,
          precision: 'Precision', group: 'ProcessGroup') -> 'Progress':
    """Finish a run; its network is released."""
    from bdl_perception.training.data import open_sources
    from bdl_perception.training.loop import TrainingRun
    training = TrainingRun(config, folder, process_group=group, precision=precision)
    if not training.progress.finished:
        load_initial_weights(training, start_from)
        train_on_sources(training, open_sources(*data, config), group.is_main)
    elif group.is_main:
        print(f'{folder} is finished; give more --epochs, --minutes or --patience, or another '
              f'--out')
    return training.progress


def train_on_sources(training: 'TrainingRun', sources: Sequence['TrainingSource'],
                     verbose: bool) -> None:
    """Check the data of a run, then read it into memory and train."""
    from bdl_perception.training.checkpoint import BEST_FILE
    from bdl_perception.training.data import load_into_memory
    training.record_training_sets([one.data_record for one in sources])
    training.check_patience(any(one.validation is not None for one in sources))
    if verbose:
        warn_untrained_heads(sources, training.config.tasks)
    frames, validation = load_into_memory(sources, training.config.validation_frames, verbose)
    if verbose and validation is None:
        print(f'no validation frames: no {BEST_FILE} is written; `bdl render validation` makes '
              f'some')
    training.train(frames, validation)


def load_initial_weights(training: 'TrainingRun', path: Path | None) -> None:
    """Load the weights at a path into a new run."""
    from bdl_perception.training.checkpoint import load_initial_weights
    if path is not None and training.progress.epoch:
        print(f'{training.folder} is continued, --start-from has no effect')
    elif path is not None:
        load_initial_weights(path, training.learner.network)
        training.record_initial_weights(terms_of_training(path))


def terms_of_training(path: Path) -> tuple[str, ...]:
    """Give the terms of all data that the weights of a checkpoint or of a model learned from."""
    from bdl_perception.model_store import terms_of_weights
    from bdl_perception.network.weights import is_weights
    from bdl_perception.training.checkpoint import (
        read_checkpoint,
        read_weights_file,
        UNKNOWN_START,
    )
    data = read_weights_file(path)
    if is_weights(data):
        return terms_of_weights(path, data) or (UNKNOWN_START,)
    return read_checkpoint(path).progress.terms


def warn_untrained_heads(sources: Sequence['TrainingSource'], tasks: str) -> None:
    """Warn of a head without ground truth, or of one that is left out, before the training."""
    from bdl_perception.training.validation import missing_tasks
    if tasks != 'both':
        print(f'warning: tasks is {tasks!r}, so only {tasks} will be trained and `bdl export` '
              f'will refuse the run', file=sys.stderr)
    for task in missing_tasks([one.train for one in sources]):
        if tasks not in ('both', task):
            continue
        print(f'warning: no --data has ground truth of {task}, so {task} will not be trained and '
              f'`bdl export` will refuse the run; add a data set that has it, such as drives of '
              f'`bdl render`', file=sys.stderr)


def print_report(out: Path, progress: 'Progress') -> None:
    """Print the result of a run."""
    from bdl_perception.training.checkpoint import BEST_FILE
    from bdl_perception.training.validation import untrained_tasks
    print(f'{out}: {progress.epoch} epochs, {progress.images} images, '
          f'{progress.elapsed_s / 60:.1f} min')
    if progress.best_epoch:
        print(f'{out / BEST_FILE}: the network after epoch {progress.best_epoch}, '
              f'with the best validation score')
    for task in untrained_tasks(progress.history):
        print(f'warning: {out} was not trained on {task}: no frame had ground truth, or tasks '
              f'leaves it out. `bdl export` refuses the run; start another one with tasks: both '
              f'and a data set that has it, such as drives of `bdl render`', file=sys.stderr)
