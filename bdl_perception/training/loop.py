# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The training loop: after each epoch a checkpoint and a row of the history.

A run is reproducible for the same seed, data and number of threads, also after a kill and a
resume, since every epoch seeds its own random numbers. With `minutes` it is not, because the
learning rate follows the clock. Several processes give the same run up to rounding, see
distributed.
"""
from contextlib import nullcontext
from dataclasses import fields
import math
from pathlib import Path
import sys
import time
from typing import Callable, Iterator, Sequence

from bdl_perception.datasets.base import Dataset
from bdl_perception.network.model import Network, NetworkConfig
from bdl_perception.training.batches import (
    Batch,
    choose_precision,
    evenly_spaced,
    ordered_batches,
    Precision,
    training_batches,
)
from bdl_perception.training.checkpoint import (
    BEST_FILE,
    Checkpoint,
    CHECKPOINT_FILE,
    describe_sets,
    Progress,
    read_checkpoint,
    SCORE_COLUMN,
    TrainingSet,
    write_checkpoint,
)
from bdl_perception.training.config import TrainConfig
from bdl_perception.training.distributed import ProcessGroup, SINGLE_PROCESS
from bdl_perception.training.history import (
    plot_curves,
    TensorBoardLog,
    VALIDATION_PREFIX,
    write_curves,
)
from bdl_perception.training.learner import Learner
from bdl_perception.training.validation import compute_metrics
import numpy as np
import torch
from tqdm import tqdm

MIN_RATE_SHARE = 1e-3  # of the peak: learning rate of the first and of the last step
# All other fields must be the same on resume.
CHANGEABLE_ON_RESUME = ('epochs', 'minutes', 'patience', 'threads', 'device', 'mixed_precision',
                        'clip', 'learning_rate', 'validation_frames')
TENSORBOARD_FOLDER = 'tensorboard'
Clock = Callable[[], float]


def one_cycle(progress: float, warm_up: float) -> float:
    """
    Return the share of the peak learning rate: a linear rise, then half a cosine (Smith 2018).

    progress: 0 at the start of the run, 1 at its end; warm_up: the progress at the peak.
    """
    if progress < warm_up:
        return MIN_RATE_SHARE + (1 - MIN_RATE_SHARE) * progress / warm_up
    decay = min(1.0, (progress - warm_up) / max(1 - warm_up, 1e-9))
    return MIN_RATE_SHARE + (1 - MIN_RATE_SHARE) * 0.5 * (1 + math.cos(math.pi * decay))


class TrainingRun:
    """A training run in a folder; `train` completes it."""

    def __init__(self, config: TrainConfig, folder: Path, clock: Clock = time.monotonic,
                 process_group: ProcessGroup = SINGLE_PROCESS, precision: Precision | None = None,
                 build_network: Callable[[NetworkConfig], Network] = Network) -> None:
        """Start a new run, or resume the checkpoint in the folder."""
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.config, self.folder, self._process_group = config, folder, process_group
        self._clock = process_group.shared_clock(clock) if config.minutes else clock
        self._precision = precision or choose_precision(config.device, config.mixed_precision)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / CHECKPOINT_FILE
        found = read_checkpoint(path) if path.exists() else None
        if found is not None:
            self._check_same_config(found)
        self.learner = Learner(config, process_group, self._precision, build_network, found)
        self.progress = found.progress if found is not None else Progress(start_terms=[])
        self.progress.finished = found is not None and self._is_finished()

    def record_training_sets(self, training_sets: Sequence[TrainingSet]) -> None:
        """Record the training sets; ValueError when the run has used others so far."""
        before = self.progress.data
        if before and before != list(training_sets):
            raise ValueError(f'{self.folder} holds a run on {describe_sets(before)}, not on '
                             f'{describe_sets(training_sets)}; choose another folder or the same '
                             f'data')
        self.progress.data = list(training_sets)

    def record_initial_weights(self, terms: Sequence[str]) -> None:
        """Record the terms of the data on which the initial weights of a new run were trained."""
        self.progress.start_terms = list(terms)

    def check_patience(self, has_validation: bool) -> None:
        """Raise ValueError for patience without validation frames."""
        if self.config.patience and not has_validation:
            raise ValueError(f'patience is {self.config.patience}, but there are no validation '
                             f'frames to evaluate; add some or set patience to 0')

    def train(self, training: Dataset, validation: Dataset | None) -> Progress:
        """Run the remaining epochs; without validation frames no epoch gets a score."""
        self.check_patience(validation is not None)
        if self.progress.finished:
            return self.progress
        history, folder = self.progress.history, self.folder / TENSORBOARD_FOLDER
        is_main = self._process_group.is_main
        with TensorBoardLog(folder, history) if is_main else nullcontext() as log:
            while not self.progress.finished:
                row = self._run_epoch(training)
                self.progress.epoch += 1
                history.append({**row, **self._validate(validation)})
                self.progress.finished = self._is_finished()
                if log is not None:
                    self._save_epoch(log)
        return self.progress

    def _run_epoch(self, training: Dataset) -> dict[str, float]:
        """Train one epoch, or until the minutes are over; returns its row of the history."""
        rng = np.random.default_rng((self.config.seed, self.progress.epoch))
        torch.manual_seed(int(rng.integers(2**62)))
        started, begun_s = self._clock(), self.progress.elapsed_s
        sums, steps, before = np.zeros(3), 0, self.progress.images
        frames = self._count_frames(training)
        for batch, share in self._batches(training, rng):
            completed = self._completed_fraction(share)
            rate = self.config.learning_rate * one_cycle(completed, self.config.warm_up)
            sums += self.learner.step(batch, rate, completed, frames)
            steps += 1
            self.progress.images += len(batch)
            self.progress.elapsed_s = begun_s + self._clock() - started
        seconds = max(self.progress.elapsed_s - begun_s, 1e-9)
        loss, regression, classification = (sums / steps).tolist()
        depth_s, class_s = self.learner.task_weights.log_variances.tolist()
        return {'epoch': self.progress.epoch + 1, 'images': self.progress.images,
                'elapsed_min': self.progress.elapsed_s / 60, 'learning_rate': rate,
                'images_per_s': (self.progress.images - before) / seconds, 'loss': loss,
                'regression': regression, 'classification': classification,
                'log_variance_depth': depth_s, 'log_variance_classes': class_s,
                **self._learned_probabilities()}

    def _count_frames(self, training: Dataset) -> int:
        """Count the different training frames; a set may be repeated within an epoch."""
        recorded = sum(one['frames'] for one in self.progress.data)
        return self.config.data_frames or recorded or len(training)

    def _learned_probabilities(self) -> dict[str, float]:
        """Return the dropout probability of each mask, if they are learned."""
        if not self.config.network.concrete:
            return {}
        return {f'dropout_probability_{index}': value for index, value
                in enumerate(self.learner.network.dropout_probabilities)}

    def _batches(self, training: Dataset,
                 rng: np.random.Generator) -> Iterator[tuple[Batch, float]]:
        """Yield each batch with the share of the epoch before it."""
        config = self.config
        total = max(1, len(training) // config.batch)
        batches = training_batches(training, config.batch, rng, config.network, config.augment)
        title = f'epoch {self.progress.epoch + 1}'
        pause_s = 1 if sys.stderr.isatty() else 60  # between lines in a log file
        bar = tqdm(batches, title, total, mininterval=pause_s,
                   disable=not self._process_group.is_main)
        for index, batch in enumerate(bar):
            if index and self._completed_fraction(index / total) >= 1:
                return
            yield batch, index / total

    def _completed_fraction(self, share: float) -> float:
        """Return the completed fraction of the run, given the share of the current epoch."""
        if self.config.minutes:
            return min(1.0, self.progress.elapsed_s / 60 / self.config.minutes)
        return (self.progress.epoch + share) / self.config.epochs

    def _is_finished(self) -> bool:
        """Return whether the run has reached its length or exhausted its patience."""
        since_best = self.progress.epoch - self.progress.best_epoch
        return self._completed_fraction(0.0) >= 1 or 0 < self.config.patience <= since_best

    def _validate(self, validation: Dataset | None) -> dict[str, float]:
        """Validate in the main process and send the result to the others."""
        if validation is None:
            return {}
        row = self._validation_row(validation) if self._process_group.is_main else None
        return dict(self._process_group.broadcast(row))

    def _validation_row(self, validation: Dataset) -> dict[str, float]:
        chosen = evenly_spaced(len(validation), self.config.validation_frames)
        batches = ordered_batches(validation, self.config.batch, chosen, self.config.network)
        metrics = compute_metrics(self.learner.network,
                                  map(self._precision.batch_to_device, batches),
                                  self.config.tasks)
        return {SCORE_COLUMN: metrics.score, **{f'{VALIDATION_PREFIX}{name}': value
                                                for name, value in metrics._asdict().items()}}

    def _save_epoch(self, log: TensorBoardLog) -> None:
        """
        Write the checkpoint, then the history, and print the row of the epoch.

        The best network is written first: a kill in between repeats the epoch, which writes both.
        """
        checkpoint = self.learner.checkpoint(self.progress)
        if self.progress.best_epoch == self.progress.epoch:
            write_checkpoint(self.folder / BEST_FILE, checkpoint)
        write_checkpoint(self.folder / CHECKPOINT_FILE, checkpoint)
        write_curves(self.folder / 'curves.csv', self.progress.history)
        plot_curves(self.folder / 'curves.png', self.progress.history)
        log.write(self.progress.history[-1])
        tqdm.write('  '.join(f'{name} {value:.4g}'
                             for name, value in self.progress.history[-1].items()))

    def _check_same_config(self, checkpoint: Checkpoint) -> None:
        other = [entry.name for entry in fields(TrainConfig)
                 if entry.name not in CHANGEABLE_ON_RESUME
                 and getattr(checkpoint.config, entry.name) != getattr(self.config, entry.name)]
        if other:
            raise ValueError(f'{self.folder} holds a run with another {", ".join(other)}; '
                             f'choose another folder or the same configuration')
